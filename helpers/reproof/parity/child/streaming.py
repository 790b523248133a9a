"""Values of weights of any size, one tensor at a time, drawn anew whenever they are read; and what is left of a gradient.

Up to `PERIOD` elements a tensor has the values of `shaking.shaken`. A larger one repeats them with that period, a prime: no
row begins like another, and making it costs a copy instead of a draw.
"""  # noqa: E501

from __future__ import annotations

from typing import Any

import numpy as np

from .grids import Lifted, Piece, matrix_shape
from .nodes import Array
from .shaking import shaken_one
from .sizes import one_ulp

PERIOD = 131_101


class Reference:
    """The reference's weights: by tensor, from a seed.

    Args:
        tensors: name, shape and kind of every tensor.
        seed: which draw.
        moved: every value is moved by one unit in the last place.
    """

    def __init__(self, tensors: list[dict[str, Any]], seed: int, moved: bool = False) -> None:
        self.tensors, self.seed, self.moved = tensors, seed, moved

    def period(self, number: int) -> Array:
        """The values that tensor `number` repeats."""
        found = shaken_one(self.tensors[number], self.seed, number, PERIOD)
        return one_ulp(found) if self.moved else found

    def fill(self, number: int, out: Array) -> None:
        """Write a tensor, flat."""
        repeated(self.period(number), 0, out)


def repeated(period: Array, start: int, out: Array) -> None:
    """Write `out.size` elements of a tensor, beginning with element `start`.

    >>> out = np.zeros(5); repeated(np.array([0.0, 1, 2]), 2, out); out.tolist()
    [2.0, 0.0, 1.0, 2.0, 0.0]
    """
    at, place = 0, start % period.size
    while at < out.size:
        step = min(period.size - place, out.size - at)
        out[at : at + step] = period[place : place + step]
        at, place = at + step, 0


class Carried:
    """The port's weights, made of the reference's by the map; what is not mapped is the port's own draw."""

    def __init__(self, reference: Reference, own: Reference, lifted: Lifted) -> None:
        self.reference, self.own, self.lifted = reference, own, lifted

    def fill(self, number: int, out: Array) -> None:
        """Write a tensor, flat."""
        if self.lifted.missing(number):
            self.own.fill(number, out)
        matrix = out.reshape(matrix_shape(self.own.tensors[number]["shape"]))
        for piece in self.lifted.of(number):
            self._place(piece, matrix)

    def _place(self, piece: Piece, matrix: Array) -> None:
        shape = matrix_shape(self.reference.tensors[piece.reference]["shape"])
        rows, at = span(piece.rows), span(piece.at_rows)
        straight = not piece.swapped and isinstance(rows, slice) and isinstance(at, slice)
        whole = piece.cols.size == matrix.shape[1] == shape[1] and _plain(piece.cols) and _plain(piece.at_cols)
        if straight and whole and matrix.flags.c_contiguous:
            part = matrix[rows].reshape(-1)
            repeated(self.reference.period(piece.reference), int(piece.at_rows[0]) * shape[1], part)
            return
        source = np.empty(shape[0] * shape[1], matrix.dtype)
        self.reference.fill(piece.reference, source)
        taken = taken_from(source.reshape(shape), piece.at_rows, piece.at_cols)
        put_into(matrix, piece.rows, piece.cols, taken.T if piece.swapped else taken)


def _plain(index: Array) -> bool:
    return bool(index[0] == 0 and index[-1] == index.size - 1 and (index.size < 3 or (np.diff(index) == 1).all()))


def span(index: Array) -> Any:
    """An index as a slice where it counts up by one."""
    if index.size == 1 or (index[-1] - index[0] == index.size - 1 and (np.diff(index) == 1).all()):
        return slice(int(index[0]), int(index[0]) + index.size)
    return index


def taken_from(matrix: Array, rows: Array, cols: Array) -> Array:
    """matrix[rows[:, None], cols], without a copy where both count up."""
    found: Array = matrix[span(rows)][:, span(cols)]
    return found


def put_into(matrix: Array, rows: Array, cols: Array, values: Array) -> None:
    """matrix[rows[:, None], cols] = values."""
    r, c = span(rows), span(cols)
    if isinstance(r, slice) or isinstance(c, slice):
        matrix[r, c] = values
    else:
        matrix[r[:, None], c] = values


class Sketch:
    """What is kept of a gradient: its product with a random vector from either side, per tensor of the reference.

    Both products of a matrix change when any element does (with probability one) and are additive over the pieces that a
    port holds it in, so a gradient of 90 million elements is compared by 20,000 numbers, and its row and column are known.
    """  # noqa: E501

    def __init__(self, tensors: list[dict[str, Any]], seed: int = 29) -> None:
        self.shapes = [matrix_shape(each["shape"]) for each in tensors]
        self.seed = seed
        self.rows: dict[int, Array] = {}
        self.cols: dict[int, Array] = {}
        self.largest: dict[int, float] = {}

    def vectors(self, number: int) -> tuple[Array, Array]:
        """The random vectors of a tensor, of length about one."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        height, width = self.shapes[number]
        return rng.standard_normal(height) / np.sqrt(height), rng.standard_normal(width) / np.sqrt(width)

    def add(self, number: int, gradient: Array, piece: Piece | None = None) -> None:
        """Take in the gradient of a tensor of the reference, or of the part of it that a piece of the port holds."""
        height, width = self.shapes[number]
        u, v = self.vectors(number)
        part = gradient.reshape(height, width) if piece is None else gradient
        r, c = (np.arange(height), np.arange(width)) if piece is None else (piece.at_rows, piece.at_cols)
        rows = self.rows.setdefault(number, np.zeros(height))
        cols = self.cols.setdefault(number, np.zeros(width))
        rows[r] += part @ v[c]
        cols[c] += u[r] @ part
        top = max(float(part.max(initial=0.0)), -float(part.min(initial=0.0)))
        self.largest[number] = max(self.largest.get(number, 0.0), top)

    def add_port(self, number: int, gradient: Array, lifted: Lifted) -> None:
        """Take in the gradient of a tensor of the port."""
        matrix = gradient.reshape(matrix_shape(lifted.right.tensors[number]["shape"]))
        for piece in lifted.of(number):
            part = taken_from(matrix, piece.rows, piece.cols)
            self.add(piece.reference, part.T if piece.swapped else part, piece)

    def plain(self) -> dict[str, Any]:
        """As data: tensor -> rows, cols, largest."""
        return {str(k): {"rows": self.rows[k], "cols": self.cols[k], "largest": self.largest[k]} for k in self.rows}
