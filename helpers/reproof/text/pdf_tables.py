"""Rows of a PDF's table to cells, by where their pieces stand: columns, spanning heads, cells that span rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from reproof.text.cells import Grid, Raw, number_in
from reproof.text.pdf_lines import Line

SAME_LINE = 0.3  # of the size: pieces whose baselines differ by less stand in one row
CENTRED = 0.45  # of the distance of rows: how far from the middle of its rows a spanning cell may stand
ABOVE = 0.25  # of a head's width must stand above a column that it spans
MAX_ROWS = 80
CENTRE_ONLY, TOP_ONLY, EITHER = (0.0, 1.0), (1.0, 0.0), (0.0, 0.1)


@dataclass(frozen=True)
class Piece:
    """Words between two wide gaps."""

    text: str
    left: float
    right: float
    bold: bool

    def raw(self, span: int = 1) -> Raw:
        """As a cell."""
        return Raw(self.text, self.bold, span)


@dataclass(frozen=True)
class Band:
    """One printed row."""

    y: float
    size: float
    pieces: tuple[Piece, ...]


Columns = list[tuple[float, float]]


def grid_of(rows: list[Line]) -> Grid:
    """The cells of a table; where its pieces stand in no columns, the pieces row by row."""
    bands = _bands(rows)
    columns = _columns(bands)
    if not columns:
        return [line.raw_cells() for line in rows]
    grid, labels, ys = [], [], []
    first = next((at for at, band in enumerate(bands) if _is_data(band)), len(bands))
    for at, band in enumerate(bands):
        alone = len(band.pieces) == 1 and at > first and band.pieces[0].right < columns[1][0] and _is_between(bands, at)
        if alone:
            labels.append((band.y, band.pieces[0].text))
        else:
            grid.append(_placed(band, columns))
            ys.append(band.y)
    return _hung(grid, ys, labels, sum(y > bands[first].y for y in ys) if first < len(bands) else len(grid))


def _bands(rows: list[Line]) -> list[Band]:
    """Rows from the top, pieces from the left; a piece that was read apart joins its row."""
    bands: list[Band] = []
    for line in sorted(rows, key=lambda line: -line.y):
        pieces = tuple(Piece(*piece) for piece in line.pieces())
        last = bands[-1] if bands else None
        if last and last.y - line.y < SAME_LINE * line.size:
            together = tuple(sorted([*last.pieces, *pieces], key=lambda piece: piece.left))
            bands[-1] = replace(last, pieces=together)
        else:
            bands.append(Band(line.y, line.size, pieces))
    return bands


def _is_data(band: Band) -> bool:
    return sum(number_in(piece.text)[0] is not None for piece in band.pieces[1:]) > 0


def _is_between(bands: list[Band], at: int) -> bool:
    """Whether a row of one piece stands closer to its neighbours than they to each other: it is no row."""
    if at + 1 >= len(bands):
        return False
    apart = bands[at - 1].y - bands[at + 1].y
    return apart < 1.5 * min((a.y - b.y for a, b in pairwise(bands) if _is_data(a) and _is_data(b)),
                             default=0.0)  # fmt: skip


def _columns(bands: list[Band]) -> Columns:
    """Left and right of each column, from the rows that have all of them; none where those do not agree."""
    data = [band for band in bands if _is_data(band)]
    count = max((len(band.pieces) for band in data), default=0)
    full = [band for band in bands if len(band.pieces) == count]
    if count < 2 or len(bands) > MAX_ROWS:
        return []
    columns = [(min(b.pieces[c].left for b in full), max(b.pieces[c].right for b in full)) for c in range(count)]
    apart = all(columns[c][1] <= columns[c + 1][0] for c in range(count - 1))
    return columns if apart else []


def _placed(band: Band, columns: Columns) -> list[Raw]:
    """The row's pieces in the columns that they stand above or below; a head may span several."""
    row: list[Raw] = []
    for piece in band.pieces:
        over = [c for c in range(len(columns)) if _shared(piece, columns, c) > ABOVE * (piece.right - piece.left)]
        middle = (piece.left + piece.right) / 2
        nearest = min(range(len(columns)), key=lambda c: abs(sum(columns[c]) / 2 - middle))
        at = over[0] if over else nearest
        filled = sum(raw.span for raw in row)
        if at < filled:  # two pieces in one column: words of one cell with a wide gap
            last = row.pop()
            row.append(replace(last, text=f"{last.text} {piece.text}".strip(), bold=last.bold or piece.bold))
            continue
        row += [Raw("")] * (at - filled)
        row.append(piece.raw(max(1, len(over))))
    return row + [Raw("")] * (len(columns) - sum(raw.span for raw in row))


def _shared(piece: Piece, columns: Columns, at: int) -> float:
    """How much of a piece stands above a column and its half of the gaps beside it."""
    left = (columns[at - 1][1] + columns[at][0]) / 2 if at else float("-inf")
    right = (columns[at][1] + columns[at + 1][0]) / 2 if at + 1 < len(columns) else float("inf")
    return min(piece.right, right) - max(piece.left, left)


def _hung(grid: Grid, ys: list[float], between: list[tuple[float, str]], top: int) -> Grid:
    """Cells of the first column that span rows, hung into each of their rows."""
    own = [(ys[at], row[0].text) for at, row in enumerate(grid) if at >= top and row[0].text.strip()]
    empty = [at for at, row in enumerate(grid) if at >= top and not row[0].text.strip()]
    labels = sorted([*own, *between], key=lambda label: -label[0])
    if not empty or not labels:
        return grid
    heights = tuple(y for y, _ in labels)
    found = (_groups(tuple(ys[top:]), heights, weights) for weights in (CENTRE_ONLY, TOP_ONLY, EITHER))
    groups = next((groups for groups in found if groups), None)  # a table hangs all its cells in one way, as a rule
    if groups is None:
        return grid
    hung = [list(row) for row in grid]
    for (first, last), (_, text) in zip(groups, labels, strict=True):
        for at in range(top + first, top + last + 1):
            if hung[at][0].text.strip():
                hung[at][0] = replace(hung[at][0], down=last - first + 1)
            else:
                printed = at == top + first and text in (words for _, words in between)  # it had no row of its own
                hung[at][0] = Raw(text, down=last - first + 1) if printed else Raw("", above=text)
    return hung


def _groups(
    ys: tuple[float, ...], labels: tuple[float, ...], penalties: tuple[float, float]
) -> list[tuple[int, int]] | None:
    """(first, last) row of each label so that each stands in the middle or at the top of its rows, or None.

    The penalties, in distances of rows, are for a label in the middle and for one at the top.
    """
    pitch = min((a - b for a, b in pairwise(ys)), default=0.0)

    @cache
    def best(row: int, label: int) -> tuple[float, tuple[tuple[int, int], ...]]:
        if label == len(labels):
            return (0.0, ()) if row == len(ys) else (float("inf"), ())
        found: tuple[float, tuple[tuple[int, int], ...]] = (float("inf"), ())
        for last in range(row, len(ys)):
            centred, on_top = abs((ys[row] + ys[last]) / 2 - labels[label]), abs(ys[row] - labels[label])
            off = min(centred + penalties[0] * pitch, on_top + penalties[1] * pitch)
            if off > CENTRED * pitch:
                continue
            rest, groups = best(last + 1, label + 1)
            if off + rest < found[0]:
                found = (off + rest, ((row, last), *groups))
        return found

    cost, groups = best(0, 0)
    return list(groups) if cost < float("inf") else None
