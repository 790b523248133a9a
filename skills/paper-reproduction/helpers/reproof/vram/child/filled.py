"""How many elements of a tensor were ever set: zeros, of which a scatter writes k, have at most k that are not zero.

A mask of the chosen few is made like this (top-k selection, pruning, sparse adapters), and what is selected by it would
otherwise be taken as all elements. The bound is that of the memory behind a tensor, so that it holds for all its views;
one that is expanded shows the same elements several times.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import Any

import torch

ZEROS = {"aten::zeros", "aten::zeros_like", "aten::new_zeros", "aten::zero_"}
SCATTERS = {"aten::scatter", "aten::scatter_", "aten::scatter_add", "aten::scatter_add_", "aten::index_fill_"}
COPIES = {"aten::clone", "aten::_to_copy", "aten::_unsafe_view", "aten::abs", "aten::neg", "aten::sign", "aten::relu"}
TESTS = {
    "aten::eq.Scalar": lambda limit: limit != 0, "aten::ne.Scalar": lambda limit: limit == 0,
    "aten::gt.Scalar": lambda limit: limit >= 0, "aten::ge.Scalar": lambda limit: limit > 0,
    "aten::lt.Scalar": lambda limit: limit <= 0, "aten::le.Scalar": lambda limit: limit < 0,
}  # fmt: skip
"""Comparisons, and the numbers with which a zero fails them."""


class Filled:
    """Bounds by the memory behind the tensors."""

    def __init__(self) -> None:
        self._most: dict[int, int] = {}

    def bound(self, tensor: torch.Tensor) -> int | None:
        """At most so many elements are not zero, or None where nothing is known."""
        most = self._most.get(_key(tensor))
        if most is None:
            return None
        shown = math.prod(size for size, stride in zip(tensor.shape, tensor.stride()) if not stride)  # noqa: B905
        return min(most * shown, tensor.numel())

    def even(self, tensor: torch.Tensor) -> int | None:
        """How many of a part are not zero if what was set lies evenly; None where nothing is known, or of a whole."""
        most = self._most.get(_key(tensor))
        size = 0 if most is None else tensor.untyped_storage().nbytes() // tensor.element_size()
        return None if most is None or tensor.numel() >= size else -(-most * tensor.numel() // size)

    def follow(self, func: Any, args: Any, out: Any, results: list[torch.Tensor]) -> None:
        """Learn from one operator, whose tensors in `out` are `results`."""
        name = func._schema.name
        if name in ZEROS:
            if _is_whole(out):
                self._set(out, 0)
        elif not self._most:
            return
        elif name in SCATTERS:
            before = self.bound(args[0])
            self._set(out, None if before is None else before + _written(name, args))
        elif func._schema.is_mutable:
            for each in (*results, *changed(func, args)):
                self._set(each, None)
        elif name in COPIES or self._tests(func, args):
            self._set(out, self.bound(args[0]))

    @staticmethod
    def _tests(func: Any, args: Any) -> bool:
        test = TESTS.get(f"{func._schema.name}.{func._overloadname}")
        return test is not None and not isinstance(args[1], torch.Tensor) and bool(test(args[1]))

    def _set(self, tensor: Any, most: int | None) -> None:
        key = _key(tensor)
        if most is None:
            self._most.pop(key, None)
        elif key:
            if key not in self._most:
                weakref.finalize(tensor.untyped_storage(), self._most.pop, key, None)
            self._most[key] = most


def changed(func: Any, args: Any) -> Iterator[torch.Tensor]:
    """The positional arguments that an operator writes to."""
    for each, spec in zip(args, func._schema.arguments):  # noqa: B905 - what is given by name is among the results
        if spec.alias_info is not None and spec.alias_info.is_write:
            yield from (one for one in (each if isinstance(each, (list, tuple)) else (each,)) if one is not None)


def _written(name: str, args: Any) -> int:
    """Elements that the operator may have set; index_fill_ sets a whole slice for each index."""
    tensor, axis, index = args[:3]
    return int(index.numel() * (tensor.numel() // max(tensor.shape[axis], 1) if name == "aten::index_fill_" else 1))


def _is_whole(tensor: Any) -> bool:
    """Whether it is all of the memory behind it; what a part leaves alone is not zero."""
    return bool(_key(tensor)) and tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()


def _key(tensor: Any) -> int:
    """What stands for the memory behind a tensor; 0 where there is none, as behind a sparse one."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, AttributeError):
        return 0
