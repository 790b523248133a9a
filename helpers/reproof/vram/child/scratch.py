"""What the replaced operators share: memory that they hold while they run, results, and lengths that they read."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import torch

COPY, ZEROS = "aten::contiguous", "aten::zeros"
"""What takes memory whose size is certain, inside of operators whose own is a guess."""


def nbytes(tensor: Any) -> int:
    """Bytes of a tensor's elements."""
    return int(tensor.numel() * tensor.element_size())


def numbers(tracer: Any, values: Any) -> list[int] | None:
    """Whole numbers in a list or in a tensor whose values are known; None where they are not."""
    if not isinstance(values, torch.Tensor):
        return [int(each) for each in values]
    known = tracer.shadows.value(values)
    if known is None:
        return None
    with torch._C._DisableTorchDispatch():
        return [int(each) for each in known]


class Scratch:
    """What an operator holds while it runs."""

    def __init__(self, tracer: Any, op: str) -> None:
        self.tracer, self.op = tracer, op
        self.held: list[int] = []

    def take(self, size: int, op: str = "") -> int:
        """Bytes, until they are given or the operator ends; returns the id. `op`: what takes them, if known exactly."""
        key = self.tracer.scratch(size, op or self.op)
        self.held.append(key)
        return int(key)

    def copy(self, tensor: Any) -> int | None:
        """As `contiguous()` does, where it is not."""
        return None if tensor.is_contiguous() else self.take(nbytes(tensor), COPY)

    def give(self, *keys: int | None) -> None:
        """Free these."""
        for key in keys:
            if key is not None:
                self.held.remove(key)
                self.tracer.ledger.free(key)

    def end(self) -> None:
        """Free the rest."""
        self.give(*list(self.held))

    def make(self, like: Any, shape: Any, dtype: Any = None) -> Any:
        """A tensor that stays."""
        made = torch.empty(tuple(shape), dtype=dtype or like.dtype, device=like.device)
        self.tracer.see(made, self.op)
        return made
