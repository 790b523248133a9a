"""Which element every element of a weight is, without a number per element: a matrix is a number per row plus one per column.

A model of seven billion weights would need 56 GB of element numbers. A weight that is used through views, transposes, splits
and joins stays a grid: element (i, j) is number rows[i] + cols[j]. What is reordered along an axis stays one too.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .nodes import Array

SMALL = 4_000_000  # numbers written out, where a grid meets an operand that is none


@dataclass
class Grid:
    """Element numbers rows[i] + cols[j] of an operand of `shape`, whose first axis is i and whose other axes are j."""

    rows: Array
    cols: Array
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.rows.size * self.cols.size)

    @property
    def T(self) -> Grid:
        """The transpose of a matrix."""
        assert self.ndim == 2, "only matrices are transposed"
        return Grid(self.cols, self.rows, (self.shape[1], self.shape[0]))

    @property
    def flat(self) -> list[int]:
        """The first element, where NumPy has all."""
        return [int(self.rows[0] + self.cols[0])]

    def __getitem__(self, index: Any) -> Grid:
        if not isinstance(index, tuple):
            rows = np.atleast_1d(self.rows[index])
            return Grid(rows, self.cols, (rows.size, *self.shape[1:]))
        columns = np.arange(self.cols.size).reshape(self.shape[1:])[index[1]]
        return Grid(self.rows, self.cols[columns.reshape(-1)], (self.shape[0], *columns.shape))

    def reshape(self, *shape: Any) -> Any:
        """[rows, all else] as a grid; anything else is written out."""
        wanted = shape[0] if isinstance(shape[0], tuple) else shape
        if tuple(wanted) == (self.shape[0], -1):
            return Grid(self.rows, self.cols, (self.rows.size, self.cols.size))
        return self.numbers().reshape(wanted)

    def edges(self) -> Array:
        """The numbers of the first row and the first column, in order."""
        found: Array = np.unique(np.concatenate([self.rows + self.cols[0], self.rows[0] + self.cols]))
        return found

    def numbers(self) -> Array:
        """Every number.

        Raises:
            ValueError: there are more than `SMALL`.
        """
        if self.size > SMALL:
            raise ValueError(f"{self.size} element numbers are not written out")
        found: Array = (self.rows[:, None] + self.cols[None, :]).reshape(self.shape)
        return found

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.concatenate and kwargs.get("axis") == 1:
            return joined(list(args[0]))
        if func is np.unique:
            return np.unique(self.numbers())
        if func is np.array_equal:
            return False
        return NotImplemented


def joined(parts: list[Any]) -> Any:
    """Matrices side by side.

    Raises:
        ValueError: their rows do not go together.
    """
    grids = [each if isinstance(each, Grid) else as_grid(each) for each in parts]
    first = grids[0]
    cols = []
    for each in grids:
        shift = each.rows - first.rows if each.rows.size == first.rows.size else np.array([0, 1])
        if not (shift == shift[0]).all():
            raise ValueError("weights that lie differently are read together")
        cols.append(each.cols + shift[0])
    found = np.concatenate(cols)
    return Grid(first.rows, found, (first.shape[0], found.size))


def _matrix(numbers: Any) -> Grid:
    """Element numbers of anything as [first axis, all other axes]; a vector may hold -1, where there is no weight."""
    if isinstance(numbers, Grid):
        return Grid(numbers.rows, numbers.cols, (numbers.rows.size, numbers.cols.size))
    height, width = matrix_shape(numbers.shape)
    flat = numbers.reshape(-1)
    if width == 1:
        return Grid(flat, np.zeros(1, np.int64), (height, 1))
    return Grid(np.zeros(1, np.int64), flat, (1, width)) if height == 1 else as_grid(numbers.reshape(height, width))


def beside(parts: list[Any]) -> Grid:
    """Element numbers of matrices that are joined side by side.

    Raises:
        ValueError: their rows do not go together.
    """
    found: Grid = joined([_matrix(each) for each in parts])
    return found


def below(parts: list[Any]) -> Grid:
    """Element numbers of matrices that are joined one below the other.

    >>> below([Grid(np.array([0, 2]), np.array([0, 1]), (2, 2)), Grid(np.array([9]), np.array([0, 1]), (1, 2))]).rows
    array([0, 2, 9])

    Raises:
        ValueError: their columns do not go together.
    """
    return beside([_matrix(each).T for each in parts]).T


def seen_through(axes: list[Array], places: Any) -> Any:
    """Element numbers at flat `places` (numbers or a Grid of them) of memory whose element (i, j, ...) is the sum of axes.

    >>> seen_through([np.array([0, 100]), np.array([0, 1, 2])], np.array([5, 0])).tolist()
    [102, 0]

    Raises:
        ValueError: rows and columns move along the same axis, and are too many to be written out.
    """  # noqa: E501
    shape = [each.size for each in axes]

    def at(flat: Array) -> Array:
        found: Array = np.zeros(flat.shape, np.int64)
        for axis, index in zip(axes, np.unravel_index(flat, shape), strict=True):
            found = found + axis[index]
        return found

    if isinstance(places, Grid):
        down, along = places.rows + places.cols[0], places.rows[0] + places.cols
        moved = [
            {k for k, i in enumerate(np.unravel_index(each, shape)) if (i != i[0]).any()} for each in (down, along)
        ]
        if not moved[0] & moved[1]:
            return Grid(at(down), at(along) - at(along[:1]), places.shape)
        places = places.numbers()
    return at(places)


def as_grid(numbers: Array) -> Grid:
    """A written-out matrix of element numbers as a grid.

    Raises:
        ValueError: it is none.
    """
    grid = Grid(numbers[:, 0] - numbers[0, 0], numbers[0].reshape(-1), numbers.shape)
    if not np.array_equal(grid.numbers(), numbers):
        raise ValueError("the elements are in no order that rows and columns describe")
    return grid


@dataclass
class Piece:
    """A part of a tensor of the port, and the part of a tensor of the reference that it is.

    port[rows[:, None], cols] = reference[at_rows[:, None], at_cols], transposed where `swapped`: then rows go with at_cols.
    Tensors are seen as [first axis, all other axes].
    """  # noqa: E501

    port: int
    reference: int
    rows: Array
    cols: Array
    at_rows: Array
    at_cols: Array
    swapped: bool

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.rows.size * self.cols.size)


def matrix_shape(shape: list[int] | tuple[int, ...]) -> tuple[int, int]:
    """[first axis, all other axes].

    >>> matrix_shape([4, 3, 2]), matrix_shape([5]), matrix_shape([])
    ((4, 6), (5, 1), (1, 1))
    """
    return (int(shape[0]), int(np.prod(shape[1:]))) if len(shape) else (1, 1)


@dataclass
class Side:
    """The weights of one side: shapes and where each begins."""

    tensors: list[dict[str, Any]]
    starts: Array

    def owners(self, numbers: Array) -> Array:
        """Which tensor each element belongs to."""
        found: Array = np.searchsorted(self.starts, numbers, side="right") - 1
        return found

    def placed(self, owner: int, rows: Array, cols: Array) -> tuple[Array, Array, bool]:
        """(row numbers, column numbers, whether they are swapped) of a grid that lies in one tensor.

        Raises:
            ValueError: it runs along neither axis.
        """
        width = matrix_shape(self.tensors[owner]["shape"])[1]
        first = int(self.starts[owner])
        down, along = rows + cols[0] - first, rows[0] + cols - first
        if (down % width == down[0] % width).all() and (along // width == along[0] // width).all():
            return down // width, along % width, False
        if (along % width == along[0] % width).all() and (down // width == down[0] // width).all():
            return along // width, down % width, True
        raise ValueError(f"{self.tensors[owner]['name']} is read along neither of its axes")


@dataclass
class Lifted:
    """The map as pieces. Of every element of the port at most one piece tells where it comes from."""

    left: Side
    right: Side
    pieces: list[Piece] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _seen: dict[tuple[int, ...], None] = field(default_factory=dict)

    def add(self, theirs: Any, ours: Any) -> None:
        """Elements `ours` of the port are elements `theirs` of the reference."""
        try:
            if isinstance(theirs, Grid) and isinstance(ours, Grid) and theirs.rows.size == ours.rows.size:
                a, b = theirs, ours
            else:
                a, b = (self._vector(each) for each in (theirs, ours))
            self._split(a, b)
        except ValueError as problem:
            self.failed.append(str(problem))

    @staticmethod
    def _vector(ids: Any) -> Grid:
        flat = (ids.numbers() if isinstance(ids, Grid) else ids).reshape(-1)
        return Grid(np.zeros(1, np.int64), flat, (1, flat.size))

    def _split(self, theirs: Grid, ours: Grid) -> None:
        """One piece per pair of tensors; rows and columns of a grid may each run over several."""
        if len(np.unique(self.right.owners(ours.rows + ours.cols[0]))) > 1 or len(
            np.unique(self.left.owners(theirs.rows + theirs.cols[0]))
        ) > 1:  # fmt: skip
            theirs, ours = theirs.T, ours.T
        right = self.right.owners(ours.cols + ours.rows[0])
        left = self.left.owners(theirs.cols + theirs.rows[0])
        for p, t in sorted(set(zip(right.tolist(), left.tolist(), strict=True))):
            chosen = (right == p) & (left == t)
            for a, b in self._straight(t, p, theirs, ours, chosen):
                self._piece(p, t, a, b)

    def _straight(self, t: int, p: int, theirs: Grid, ours: Grid, chosen: Array) -> list[tuple[Grid, Grid]]:
        """A written-out vector over the rows of a matrix is cut into whole rows."""
        a = Grid(theirs.rows, theirs.cols[chosen], (theirs.rows.size, int(chosen.sum())))
        b = Grid(ours.rows, ours.cols[chosen], (ours.rows.size, int(chosen.sum())))
        widths = {matrix_shape(side.tensors[k]["shape"])[1] for side, k in ((self.left, t), (self.right, p))}
        width = max(widths)
        if a.rows.size > 1 or width == 1 or a.cols.size % width:
            return [(a, b)]
        shape = (a.cols.size // width, width)
        found = [as_grid((each.rows[0] + each.cols).reshape(shape)) for each in (a, b)]
        return [(found[0], found[1])]

    def _piece(self, p: int, t: int, theirs: Grid, ours: Grid) -> None:
        rows, cols, turned = self.right.placed(p, ours.rows, ours.cols)
        at_rows, at_cols, other = self.left.placed(t, theirs.rows, theirs.cols)
        key = (p, int(rows[0]), int(cols[0]), rows.size, cols.size)
        if key not in self._seen:  # a tensor that is used twice, like a tied table, is told once
            self._seen[key] = None
            self.pieces.append(Piece(p, t, rows, cols, at_rows, at_cols, turned != other))

    def of(self, number: int) -> list[Piece]:
        """The pieces of a tensor of the port."""
        return [each for each in self.pieces if each.port == number]

    def extend(self) -> None:
        """A table of which only some rows were read goes on as it began."""
        for number, tensor in enumerate(self.right.tensors):
            found = self.of(number)
            height, width = matrix_shape(tensor["shape"])
            if len(found) != 1 or found[0].size == height * width or found[0].swapped:
                continue
            one = found[0]
            shape = matrix_shape(self.left.tensors[one.reference]["shape"])
            if shape == (height, width) and np.array_equal(one.rows, one.at_rows) and one.cols.size == width:
                whole = (np.arange(height), one.cols, np.arange(height), one.at_cols)
                self.pieces[self.pieces.index(one)] = Piece(number, one.reference, *whole, False)

    def missing(self, number: int) -> int:
        """How many elements of a tensor of the port have no counterpart."""
        height, width = matrix_shape(self.right.tensors[number]["shape"])
        return height * width - sum(each.size for each in self.of(number))

    def used_frac(self) -> float:
        """The share of the reference's elements that the port holds."""
        total = sum(int(np.prod(each["shape"])) for each in self.left.tensors)
        found = {(e.reference, int(e.at_rows[0]), int(e.at_cols[0]), e.size): e.size for e in self.pieces}
        return sum(found.values()) / max(total, 1)

    def words(self, number: int) -> str:
        """How a tensor of the port is made."""
        found = self.of(number)
        if self.missing(number):
            return "incomplete"
        if len(found) > 1:
            return "joined"
        one = found[0]
        plain = all(np.array_equal(each, np.arange(each.size)) for each in (one.at_rows, one.at_cols))
        whole = one.size == int(np.prod(self.left.tensors[one.reference]["shape"]))
        if one.swapped:
            return "transposed" if whole and plain else "a part, transposed" if not whole else "transposed, reordered"
        return "copied" if whole and plain else "a part" if not whole else "reordered"
