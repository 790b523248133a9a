r"""LaTeX environments: floats, tabulars, equations, lists; whatever is not known is read through."""

from __future__ import annotations

import re

from reproof.text import latex_words as words
from reproof.text.latex_commands import appendix
from reproof.text.latex_reader import Reader
from reproof.text.latex_scan import argument, optional
from reproof.text.latex_tables import grid_of
from reproof.text.located import NodeKind

ENDING = re.compile(r"\\(begin|end)\s*\{([^{}]{1,40})\}")


def open_environment(reader: Reader, text: str, end: int) -> int:
    """An environment: a float, a tabular, an equation, raw text, or something to read through."""
    environment, _, behind = argument(text, end)
    inner_end, after = _end_of(text, environment, behind)
    base = environment.rstrip("*")
    if environment in words.PICTURES:
        reader.out.lose("pictures drawn in the source")
        return after
    if environment in words.RAW:
        reader.out.line(text[behind:inner_end].strip("\n"))
        return after
    if environment in words.FLOATS and environment not in words.TABULARS:
        float_(reader, environment, text[behind:inner_end])
        return after
    if environment in words.TABULARS and not reader.math:
        tabular(reader, text[behind:inner_end], environment)
        return after
    if base in words.EQUATIONS:
        reader.display(text[behind:inner_end], 0 if environment.endswith("*") else words.EQUATIONS[base])
        return after
    if environment == "math":
        reader.mathematics(text[behind:inner_end])
        return after
    if environment == "abstract":
        reader.out.section("Abstract", 1)
    elif environment in ("appendices", "appendix"):
        appendix(reader, text, behind)
    elif environment == "thebibliography":
        reader.flush()
        reader.out.section("References", 1, kind="references")
        behind = argument(text, behind)[2]
    else:
        behind = optional(text, behind)[1]
        if environment in ("minipage", "adjustbox", "multicols", "wrapfigure"):
            behind = argument(text, behind)[2]
    return behind


def close_environment(reader: Reader, text: str, end: int) -> int:
    """The end of an environment that was read through."""
    environment, _, behind = argument(text, end)
    if environment == "abstract":
        reader.out.close(1)
    reader.out.fresh()
    return behind


def float_(reader: Reader, environment: str, body: str) -> None:
    """A float, written at the end of the paragraph so that the sentence around it stays whole."""
    kind: NodeKind = words.FLOATS[environment]  # type: ignore[assignment]
    place = reader.flat.place(reader.place)
    body = body[optional(body, 0)[1] :]
    if environment.startswith("wrap"):
        body = body[argument(body, argument(body, optional(body, 0)[1])[2])[2] :]
    captions = len(re.findall(r"\\caption\b(?!\s*\*)", body))
    number = str(reader.count(kind)) if captions else ""
    before, reader.current = reader.current, (kind, number)
    for label in re.findall(r"\\label\s*\{([^{}]{1,200})\}", body):
        reader.labels[label.strip()] = reader.current
    reader.current = before

    def write() -> None:
        outer, reader.current, reader.caption = reader.current, (kind, number), ""
        reader.out.fresh()
        start, tables = reader.out.length, len(reader.out.tables)
        reader.out.add(f"{kind.capitalize()} {number}: " if number else "")
        reader.walk(body)
        reader.out.fresh()
        reader.out.node(kind, start, number=number, title=reader.caption[:300], source=place)
        for index in range(tables, len(reader.out.tables)):
            update = {"number": number, "caption": reader.caption}
            reader.out.tables[index] = reader.out.tables[index].model_copy(update=update)
        reader.current = outer

    reader.later.append(write)


def tabular(reader: Reader, body: str, environment: str) -> None:
    """A table."""
    reader.out.table(grid_of(body, environment, reader.inline, reader.macros))


def _end_of(text: str, environment: str, at: int) -> tuple[int, int]:
    r"""(where the environment's body ends, position behind its \end)."""
    depth = 1
    for match in ENDING.finditer(text, at):
        if match[2] == environment:
            depth += 1 if match[1] == "begin" else -1
            if depth == 0:
                return match.start(), match.end()
    return len(text), len(text)
