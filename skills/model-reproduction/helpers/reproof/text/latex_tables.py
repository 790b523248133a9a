r"""LaTeX tabulars to cells."""

from __future__ import annotations

import re
from collections.abc import Callable

from reproof.text.cells import Grid, Raw, spread
from reproof.text.latex_scan import Macro, argument, closing, optional
from reproof.text.latex_words import BOLD

RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|specialrule\s*\{[^{}]*\}\{[^{}]*\}\{[^{}]*\}"
    r"|(?:cmidrule|cline|hhline|morecmidrules)(?:\s*\[[^\]]*\])?(?:\s*\([a-z]+\))?\s*(?:\{[^{}]*\})?"
    r"|addlinespace(?:\s*\[[^\]]*\])?|(?:row|cell)color(?:\s*\[[^\]]*\])?\s*\{[^{}]*\}|centering|small|rule\{[^{}]*\}\{[^{}]*\})"
)
MIDRULE = re.compile(r"\\(?:midrule|hline|cmidrule)\b")
EMPHASIS = re.compile(rf"\\(?:{'|'.join(BOLD)})\b")
DOWN = re.compile(r"\\multirow\s*(?:\[[^\]]*\])?\s*\{\s*(\d{1,2})\s*\}")
MULTI = re.compile(r"\\multicolumn\s*\{(\d{1,2})\}\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\s*(?=\{)")


def grid_of(body: str, environment: str, inline: Callable[[str], str], macros: dict[str, Macro]) -> Grid:
    """The rows of a tabular's body; header rows are those above the first rule that has rows above it."""
    body = body[_preamble(body, environment) :]
    grid: Grid = []
    header: bool | None = True if MIDRULE.search(body) else None
    for source in split_top(body, "\\\\"):
        if header and any(grid) and MIDRULE.search(source):
            header = None
        source = re.sub(r"^\s*\[[^\]]{0,20}\]", "", source)
        bare = RULES.sub(" ", source)
        if not bare.strip():
            continue
        grid.append([_cell(cell, inline, macros, header) for cell in split_top(bare, "&")])
    return spread(grid, covered=True)


def _preamble(body: str, environment: str) -> int:
    """Position behind the column specification."""
    at = optional(body, 0)[1]
    for _ in range(2 if environment in ("tabularx", "tabular*", "tabulary", "xltabular") else 1):
        at = argument(body, at)[2]
    return at


def split_top(text: str, separator: str) -> list[str]:
    r"""Split at a separator that stands outside of groups and nested environments."""
    parts, start, at, nested = [], 0, 0, 0
    while at < len(text):
        if text[at] == "{":
            at = closing(text, at) + 1
            continue
        if text.startswith("\\begin", at):
            nested += 1
        elif text.startswith("\\end", at) and not text[at + 4 : at + 5].isalpha():
            nested -= 1
        if not nested and text.startswith(separator, at):
            parts.append(text[start:at])
            at += len(separator)
            start = at
            continue
        at += 2 if text[at] == "\\" else 1
    return [*parts, text[start:]]


def _cell(source: str, inline: Callable[[str], str], macros: dict[str, Macro], header: bool | None) -> Raw:
    span = MULTI.search(source)
    width = min(int(span[1]), 100) if span else 1
    used = [macros[name].body for name in re.findall(r"\\([A-Za-z]+)", source) if name in macros]
    bold = any(EMPHASIS.search(text) for text in (source, *used))
    down = DOWN.search(source)
    text = " ".join(inline(source).split())
    return Raw(text, bold=bold, span=width, header=header, down=max(1, int(down[1])) if down else 1)
