"""What a framework's trace is turned into: operations with values' fingerprints, parameter elements and source lines."""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass
class Operand:
    """One tensor that an operation reads.

    `key` names the memory it lies in, `ids` the elements of the weights it consists of (None: not made of weights only).
    """  # noqa: E501

    key: int
    shape: tuple[int, ...]
    ids: Array | None = None
    value: Array | None = None
    floating: bool = True

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape)) if self.shape else 1


@dataclass
class Node:
    """One operation of a run, in execution order."""

    i: int
    op: str
    ins: list[Operand]
    outs: list[int]
    out_shape: tuple[int, ...]
    attrs: list[Any]
    source: str
    module: str
    print: list[float] | None
    preds: set[int] = field(default_factory=set)
    from_weights: bool = False
    backward: bool = False
    calls: list[list[str]] = field(default_factory=list)
    """The user's lines that were running, innermost first, each with the module whose code it is."""

    @property
    def weights(self) -> list[tuple[int, Operand]]:
        """Operands made of weights, each with its place."""
        return [(at, each) for at, each in enumerate(self.ins) if each.ids is not None]

    @property
    def activations(self) -> list[Operand]:
        """Operands not made of weights alone."""
        return [each for each in self.ins if each.ids is None]


@dataclass
class Traced:
    """A run: its operations, which memory is a copy of which, and the outputs."""

    nodes: list[Node]
    alias: dict[int, int]
    outputs: list[Array]
    draws: list[list[Any]]
    units: list[list[Any]]
    casts: list[str]


def fingerprint(value: Array) -> list[float]:
    """Count, sum, sum of magnitudes, sum of squares, largest, smallest of the finite elements: blind to layout."""
    flat = np.asarray(value, dtype=np.float64).reshape(-1)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return [float(flat.size), 0.0, 0.0, 0.0, 0.0, 0.0]
    magnitude = np.abs(finite)
    return [
        float(flat.size),
        float(finite.sum()),
        float(magnitude.sum()),
        float((finite * finite).sum()),
        float(finite.max()),
        float(finite.min()),
    ]


def root(alias: dict[int, int], key: int, known: Any, hops: int = 20) -> int:
    """The memory that `key` was copied from, as far back as needed to find one in `known`."""
    while key not in known and key in alias and hops:
        key, hops = alias[key], hops - 1
    return key
