"""Table cells: which rows are header, what number a cell holds, its unit, its ± and whether it is bold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reproof.text.keys import key_of
from reproof.text.located import Cell

PLUS_MINUS = re.compile(r"^(?P<value>.+?)\s*(?:±|\+/-|\\pm)\s*(?P<spread>[\d.,]+\s*%?)(?P<rest>.*)$", re.DOTALL)
PARENTHESES = re.compile(r"^(?P<value>[-−–+]?[\d.,]+\s*%?)\s*\(\s*±?\s*(?P<spread>[\d.,]+)\s*\)(?P<rest>.*)$")
BEFORE = re.compile(r"^[\s*>≥≤<~≈∼$†‡^{}_a-z]*$")
UNIT = re.compile(r"^\s*(?:[%°]|[A-Za-zμ/]{1,12})?[\s*†‡§^{}a-z0-9]{0,8}$")
NUMBERISH = re.compile(r"[-−–+]?\d")


@dataclass(frozen=True)
class Raw:
    """A cell before it is understood."""

    text: str
    bold: bool = False
    span: int = 1
    header: bool | None = None
    """True or False where the format says so, else None."""
    down: int = 1
    """How many rows it spans."""
    above: str = ""
    """Of a place that a cell further up spans: what that cell says."""


Grid = list[list[Raw]]
Placed = list[list[tuple[Raw, tuple[int, int]]]]


def number_in(text: str) -> tuple[float | None, str, str]:
    """(value, unit, spread) of a cell that holds one number, else (None, "", "").

    >>> number_in("0.285 ± 0.01"), number_in("60 min"), number_in("NSGF"), number_in("-1.5%")
    ((0.285, '', '0.01'), (60.0, 'min', ''), (None, '', ''), (-1.5, '%', ''))
    """
    cleaned = text.replace("**", "").strip()
    match = PLUS_MINUS.match(cleaned) or PARENTHESES.match(cleaned)
    spread = match["spread"].strip() if match else ""
    main = (match["value"] + match["rest"]) if match else cleaned
    found = NUMBERISH.search(main)
    if not found or not BEFORE.match(main[: found.start()]) or len(main) > 40:
        return None, "", ""
    key = key_of(main)
    digits = re.match(r"[-−–+]?[\d.,]+(?:\s*(?:×|x)\s*10\^\{?-?\d+\}?|[eE][-+]?\d+)?[kKMB%]?", main[found.start() :])
    rest = main[found.start() + digits.end() :] if digits else ""
    if len(key.numbers) != 1 or not UNIT.match(rest):
        return None, "", ""
    unit = "%" if digits and digits[0].endswith("%") else (re.match(r"\s*([%°]|[A-Za-zμ/]*)", rest) or [""])[0].strip()
    value = float(key.numbers[0])
    return value, unit, spread


def spread(grid: Grid, *, covered: bool) -> Grid:
    """Rows with a place for each cell that spans into them from above.

    Args:
        grid: rows as the format has them.
        covered: the format writes an empty cell where another one spans (LaTeX); HTML leaves it out.

    >>> [[raw.text or "^" + raw.above for raw in row] for row in spread([[Raw("A", down=2), Raw("1")], [Raw("2")]],
    ... covered=False)]
    [['A', '1'], ['^A', '2']]
    """
    hanging: dict[int, tuple[int, str]] = {}  # by column: rows left to cover, and the text
    rows = []
    for row in grid:
        cells, made, column = list(row), [], 0
        while cells or column in hanging:
            left, text = hanging.pop(column, (0, ""))
            taken = left and not (covered and cells and cells[0].text.strip())
            if taken and covered and cells:
                cells.pop(0)
            raw = Raw("", above=text) if taken else cells.pop(0)
            if taken and left > 1:
                hanging[column] = (left - 1, text)
            for at in range(column, column + raw.span) if raw.down > 1 else ():
                hanging[at] = (raw.down - 1, raw.text)
            made.append(raw)
            column += raw.span
        rows.append(made)
    return rows


def row_label(row: list[Raw]) -> str:
    """What a row is called: the cells that span into it, then the first text of its own."""
    said: list[str] = []
    for raw in row:
        text = (raw.above or raw.text).strip()
        spanning = bool(raw.above) or raw.down > 1
        if text and (spanning or not said or number_in(text)[0] is None):
            said.append(text)
        if text and not spanning:
            break
    return " ".join(dict.fromkeys(said))


def header_rows(rows: Placed) -> int:
    """How many rows from the top are header: marked as such, or without a number behind their first cell."""
    count = 0
    for row in rows:
        marked = [raw.header for raw, _ in row if raw.text.strip()]
        if marked and all(mark is True for mark in marked):
            count += 1
            continue
        behind = [raw.text for raw, _ in row[1:] if raw.text.strip()]
        plain = [text for text in behind if number_in(text)[0] is None]
        spans = any(raw.span > 1 for raw, _ in row)
        if not behind and not spans and count:
            break
        if behind and len(plain) < max(1, len(behind) * 0.6):
            break
        count += 1
    return min(count, max(0, len(rows) - 1))


def untangled(grid: Grid) -> Grid:
    """Rows whose first cell swallowed the numbers behind it, as extraction tools make them, taken apart.

    >>> [raw.text for raw in untangled([[Raw("JKO-Flow 7.48", span=2), Raw("23.7")]])[0]]
    ['JKO-Flow', '7.48', '23.7']
    """
    return [_untangled(row) for row in grid]


def _untangled(row: list[Raw]) -> list[Raw]:
    if not row or row[0].span < 2:
        return row
    words = row[0].text.split()
    numbers = words[len(words) - row[0].span + 1 :]
    if len(words) < row[0].span or any(number_in(word)[0] is None for word in numbers):
        return row
    name = " ".join(words[: len(words) - len(numbers)])
    return [Raw(name, row[0].bold), *(Raw(word, row[0].bold) for word in numbers), *row[1:]]


def split_head(text: str, span: int) -> list[list[str]] | None:
    """Heads of `span` columns from one cell that swallowed them all, or None.

    >>> split_head("W2 (10 steps) a b a b W2 (100 steps)", 4)
    [['W2 (10 steps)', 'a'], ['W2 (10 steps)', 'b'], ['W2 (100 steps)', 'a'], ['W2 (100 steps)', 'b']]
    >>> split_head("CIFAR 10 IS(↑) FID(↓)", 2)
    [['CIFAR 10', 'IS(↑)'], ['CIFAR 10', 'FID(↓)']]
    """
    words = text.split()
    for period in range(2, span // 2 + 1):
        for at in range(len(words) - span + 1) if span % period == 0 else ():
            window = words[at : at + span]
            if all(window[i] == window[i % period] for i in range(span)):
                heads = [" ".join(words[:at]), " ".join(words[at + span :])]
                apart = heads if all(heads) and span // period == 2 else [" ".join(h for h in heads if h)] * span
                return [[head for head in (apart[i // period], window[i]) if head] for i in range(span)]
    last = words[-span:]
    if len(words) >= span > 1 and (len(words) == span or all("↑" in word or "↓" in word for word in last)):
        before = " ".join(words[:-span])
        return [[head for head in (before, word) if head] for word in last]
    return None


def cells_of(rows: Placed) -> tuple[int, list[Cell]]:
    """The number of header rows, and all cells with their headers and numbers."""
    top = header_rows(rows)
    headers: dict[int, list[str]] = {}
    cells = []
    for number, row in enumerate(rows):
        column = 0
        first = row_label([raw for raw, _ in row])
        for raw, (start, end) in row:
            value, unit, spread = number_in(raw.text) if number >= top else (None, "", "")
            columns = range(column, column + raw.span)
            above = [text for c in list(columns)[:1] for text in headers.get(c, [])]
            if number < top and raw.text.strip():
                apart = split_head(raw.text, raw.span) if raw.span > 1 and number == top - 1 else None
                for index, c in enumerate(columns):
                    headers.setdefault(c, []).extend(apart[index] if apart else [raw.text.strip()])
            cells.append(
                Cell(row=number, column=column, text=raw.text, header=above, row_header=first if column else "",
                     value=value, unit=unit, spread=spread, bold=raw.bold, start=start, end=end)
            )  # fmt: skip
            column += raw.span
    return top, cells
