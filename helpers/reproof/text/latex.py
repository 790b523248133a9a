r"""LaTeX source to located text: exact exponents, cells and labels, with file and line."""

from __future__ import annotations

from reproof.text.archives import Sources
from reproof.text.latex_commands import HANDLERS
from reproof.text.latex_floats import close_environment, open_environment
from reproof.text.latex_reader import Reader
from reproof.text.latex_source import Flat, flatten
from reproof.text.located import Located

ALL = {**HANDLERS, "begin": open_environment, "end": close_environment}
MAX_FORMULA = 20_000


def read_latex(sources: Sources) -> Located:
    """The paper whose main file is among `sources`."""
    flat = flatten(sources)
    first = Reader(flat, {}, ALL)  # numbers the labels; the second pass prints them
    first.read()
    return Reader(flat, first.labels, ALL).read()


def printed_math(tex: str) -> str:
    r"""What a formula prints, with exponents as ^{..}.

    >>> printed_math(r"\beta_{1}=0.9,\ 5\times 10^{-4}")
    'β_{1}=0.9, 5× 10^{-4}'
    """
    tex = tex[:MAX_FORMULA]
    return " ".join(Reader(Flat(tex, []), {}, ALL).inline(tex, math=True).split())
