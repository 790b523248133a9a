"""A weight map in a file, as element numbers or as pieces, and what a tensor of the port is by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .automap import Tensors
from .grids import Lifted, Piece, Side, matrix_shape
from .nodes import Array
from .streaming import put_into, taken_from

Read = Callable[[int], Array]
"""Number of a tensor of the reference in, its values out."""
INDEX = ("rows", "cols", "at_rows", "at_cols")


def write(path: Path, about: dict[str, Any], found: Any) -> None:
    """Names and shapes of both sides with element numbers, or with pieces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held: dict[str, Array] = {}
    if isinstance(found, Lifted):
        about = {**about, "pieces": [[each.port, each.reference, each.swapped] for each in found.pieces]}
        held = {f"{name}{k}": getattr(each, name) for k, each in enumerate(found.pieces) for name in INDEX}
    else:
        held = {"elements": found}
    np.savez_compressed(path, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8), **held)  # type: ignore[arg-type]


def read(path: Path) -> ElementMap | PieceMap:
    """What `write` wrote."""
    with np.load(path, allow_pickle=False) as held:
        about = json.loads(held["about"].tobytes().decode())
        left, right = Tensors(about["reference"]), Tensors(about["port"])
        if "pieces" not in about:
            return ElementMap(left, right, bool(about["complete"]), held["elements"])
        found = Lifted(Side(left.tensors, left.starts), Side(right.tensors, right.starts))
        for k, (port, reference, swapped) in enumerate(about["pieces"]):
            rows, cols, at_rows, at_cols = (held[f"{name}{k}"] for name in INDEX)
            found.pieces.append(Piece(port, reference, rows, cols, at_rows, at_cols, swapped))
    return PieceMap(left, right, bool(about["complete"]), found)


class ElementMap:
    """Which element of the reference every element of the port is; -1 for none."""

    def __init__(self, left: Tensors, right: Tensors, complete: bool, elements: Array) -> None:
        self.left, self.right, self.complete, self.elements = left, right, complete, elements

    def used(self) -> list[int]:
        """Numbers of the reference's tensors that are read."""
        known = self.elements[self.elements >= 0]
        return [int(each) for each in np.unique(np.searchsorted(self.left.starts, known, side="right") - 1)]

    def whole(self, number: int) -> bool:
        """Whether every element of a tensor of the port has its counterpart."""
        return not bool((self.elements[self.right.span(number)] < 0).any())

    def values(self, number: int, values_of: Read) -> Array:
        """A tensor of the port, flat."""
        elements = self.elements[self.right.span(number)]
        owners = np.searchsorted(self.left.starts, elements, side="right") - 1
        found: Any = None
        for owner in np.unique(owners):
            flat = values_of(int(owner)).reshape(-1)
            found = np.empty(elements.size, flat.dtype) if found is None else found
            here = owners == owner
            found[here] = flat[elements[here] - self.left.starts[owner]]
        assert found is not None, "a tensor has elements"
        return np.asarray(found)


class PieceMap:
    """Which part of the reference every part of the port is: for models whose elements are too many to be numbered."""

    def __init__(self, left: Tensors, right: Tensors, complete: bool, lifted: Lifted) -> None:
        self.left, self.right, self.complete, self.lifted = left, right, complete, lifted

    def used(self) -> list[int]:
        """Numbers of the reference's tensors that are read."""
        return sorted({each.reference for each in self.lifted.pieces})

    def whole(self, number: int) -> bool:
        """Whether every element of a tensor of the port has its counterpart."""
        return self.lifted.missing(number) == 0

    def values(self, number: int, values_of: Read) -> Array:
        """A tensor of the port, flat."""
        shape = matrix_shape(self.right.tensors[number]["shape"])
        found: Any = None
        for piece in self.lifted.of(number):
            source = values_of(piece.reference)
            found = np.empty(shape, source.dtype) if found is None else found
            matrix = source.reshape(matrix_shape(self.left.tensors[piece.reference]["shape"]))
            part = taken_from(matrix, piece.at_rows, piece.at_cols)
            put_into(found, piece.rows, piece.cols, part.T if piece.swapped else part)
        assert found is not None, "a tensor that is written has pieces"
        return np.asarray(found).reshape(-1)
