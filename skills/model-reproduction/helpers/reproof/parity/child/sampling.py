"""Some elements of weights too large to be held: which they are on both sides, and whether a view holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .grids import Lifted, Piece, matrix_shape
from .nodes import Array


def sampled(size: int, most: int, number: int) -> Array:
    """At most `most` places of a weight of `size` elements, in order; no list of all of them is made."""
    if size <= most:
        return np.arange(size)
    rng = np.random.Generator(np.random.Philox(key=[23, number]))
    found: Array = np.sort(rng.choice(size, most, replace=False))
    return found


def picked(lifted: Lifted, most: int) -> tuple[Array, Array, Array, list[tuple[str, int, int]]]:
    """(elements of the reference, elements of the port, where in the first each of the second is, spans by tensor)."""
    places = [sampled(int(np.prod(each["shape"])), most, k) for k, each in enumerate(lifted.left.tensors)]
    starts = np.cumsum([0, *[each.size for each in places]])
    sample = [each + int(start) for each, start in zip(places, lifted.left.starts, strict=False)]
    mine, at, spans, end = [], [], [], 0
    for number, tensor in enumerate(lifted.right.tensors):
        found = [_carried(piece, places[piece.reference], lifted) for piece in lifted.of(number)]
        ours = [each[0] + int(lifted.right.starts[number]) for each in found]
        theirs = [each[1] + starts[piece.reference] for each, piece in zip(found, lifted.of(number), strict=True)]
        size = sum(each.size for each in ours)
        if size:
            mine += ours
            at += theirs
            spans.append((str(tensor["name"]), end, end + size))
            end += size
    return _joined(sample), _joined(mine), _joined(at), spans


def _carried(piece: Piece, places: Array, lifted: Lifted) -> tuple[Array, Array]:
    """(places in the port's tensor, which of `places` they are) of what lies in a piece."""
    width = matrix_shape(lifted.left.tensors[piece.reference]["shape"])[1]
    row, a = _found(piece.at_rows, places // width)
    col, b = _found(piece.at_cols, places % width)
    inside = np.flatnonzero(a & b)
    row, col = row[inside], col[inside]
    i, j = (piece.rows[col], piece.cols[row]) if piece.swapped else (piece.rows[row], piece.cols[col])
    return i * matrix_shape(lifted.right.tensors[piece.port]["shape"])[1] + j, inside


def _found(index: Array, wanted: Array) -> tuple[Array, Array]:
    """(where in `index` each of `wanted` is, whether it is there)."""
    order = np.argsort(index)
    at = order[np.minimum(np.searchsorted(index, wanted, sorter=order), index.size - 1)]
    return at, index[at] == wanted


def _joined(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def inside(places: Array, shape: Any, stride: Any, offset: int) -> Array:
    """Which flat places of a weight lie in a view of it that does not overlap itself.

    >>> inside(np.array([0, 3, 4, 5]), (2,), (4,), 0)
    array([ True, False,  True, False])
    """
    rest = np.asarray(places) - offset
    found = rest >= 0
    for step, size in sorted(zip(stride, shape, strict=True), reverse=True):
        if size > 1:
            index = np.minimum(rest // max(step, 1), size - 1)
            rest = rest - index * step
    result: Array = found & (rest == 0)
    return result
