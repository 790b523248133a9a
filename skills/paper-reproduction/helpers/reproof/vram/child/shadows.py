"""Real CPU values of small fake tensors, so that .item(), masks, schedules and lengths take the true branch.

Every operator whose results are small runs a second time on the real values, if all its inputs have them. A small
tensor changed in place by something unknown loses its value: its storage is marked as poisoned at that time. What was
drawn at random, and what was computed from it, is known for one draw only and remembered as such.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils.weak import WeakTensorKeyDictionary

from .filled import Filled, changed

EMPTY = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided"}
MOST = 8192
"""Elements of the largest tensor that is kept."""

DRAWS = torch.Tag.nondeterministic_seeded
"""PyTorch's mark on operators that draw at random."""


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested lists, tuples and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from tensors(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors(each)


class _Unknown(Exception):
    """An input has no real value."""


class Shadows:
    """The known values."""

    def __init__(self) -> None:
        self._values: Any = WeakTensorKeyDictionary()
        self._poisoned: dict[int, int] = {}
        self._drawn: Any = WeakTensorKeyDictionary()
        self._clock = 0
        self.filled = Filled()

    def value(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The real value of a tensor, if it is known."""
        if not isinstance(tensor, FakeTensor):
            return tensor if tensor.device.type == "cpu" else None
        found = self._values.get(tensor)
        if found is None:
            return tensor.constant
        known, since = found
        poisoned = self._poisoned.get(tensor.untyped_storage()._cdata, -1)
        return known if poisoned <= since else None

    def drawn(self, tensor: torch.Tensor) -> bool:
        """Whether the known value of a tensor is that of one draw; another run may have another."""
        return tensor in self._drawn

    def learn(self, tensor: torch.Tensor, value: torch.Tensor, drawn: bool = False) -> None:
        """`tensor` has this value from now on."""
        self._clock += 1
        self._values[tensor] = (value, self._clock)
        if drawn:
            self._drawn[tensor] = True
        else:
            self._drawn.pop(tensor, None)

    def replace(self, tensor: torch.Tensor, source: torch.Tensor) -> None:
        """`tensor` is about to have what `source` has."""
        known, drawn = self.value(source), self.drawn(source)
        self._values.pop(tensor, None)
        if known is not None:
            self.learn(tensor, known, drawn)

    def follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Run `func` on the real values as well, if its results are small and all its inputs are known."""
        results, changes = list(tensors(out)), func._schema.is_mutable
        self.filled.follow(func, args, out, results)
        if results or changes:
            small = all(each.numel() <= MOST and isinstance(each, FakeTensor) for each in results)
            if small and self._compute(func, args, kwargs, results):
                return
        if changes and "_amp_" not in func._schema.name:  # GradScaler: no overflow is assumed
            self.poison((results, list(changed(func, args))))

    def poison(self, args: Any) -> None:
        """The values of these tensors are no longer known."""
        self._clock += 1
        for each in tensors(args):
            if isinstance(each, FakeTensor) and each in self._values:
                self._poisoned[each.untyped_storage()._cdata] = self._clock

    def _compute(self, func: Any, args: Any, kwargs: Any, results: Any) -> bool:
        try:
            real_args, real_kwargs = self._real(args), self._real(kwargs)
        except _Unknown:
            return False
        try:
            with torch._C._DisableTorchDispatch(), torch.no_grad():
                values = list(tensors(func(*real_args, **real_kwargs)))
                if func._schema.name in EMPTY:
                    torch._foreach_zero_(values)  # whatever lay there: the same trace every time
        except Exception:  # whatever the operator cannot do on a CPU stays unknown
            return False
        if len(values) != len(results):
            return False
        drawn = DRAWS in func.tags or any(each in self._drawn for each in tensors((args, kwargs)))
        for tensor, value in zip(results, values):  # noqa: B905 - Python 3.8 has no strict=; lengths are equal
            if value.shape == tensor.shape and value.device.type == "cpu":
                self.learn(tensor, value, drawn)
        return True

    def _real(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if value.numel() > MOST:
                raise _Unknown
            known = self.value(value)
            if known is None:
                raise _Unknown
            return known
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(self._real(each) for each in value)
        if isinstance(value, dict):
            return {name: self._real(each) for name, each in value.items()}
        return torch.device("cpu") if isinstance(value, torch.device) else value
