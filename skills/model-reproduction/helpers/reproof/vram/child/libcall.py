"""A library call of the plan as a step: inputs on the fake GPU, the call, and a backward if an input wants one."""

# mypy: allow-untyped-calls

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, Iterator, List  # noqa: UP035 - Python 3.8

import torch
from torch import nn

from .loading import BadStep
from .shadows import MOST, tensors

Spec = Dict[str, Any]  # noqa: UP006


def build(call: Spec, batch: int | None = None) -> Callable[[], None]:
    """A step that makes the call once and, where an input requires a gradient, goes back from the sum of what it gives.

    `batch` replaces the batch of the plan, the length of the first axis of the first drawn input, wherever it is one.
    Numbers of kind numpy stay on the host, as they are.
    """
    inputs: Spec = {}
    for name, spec in call["inputs"].items():
        inputs[name] = _input(spec, _shape(call, spec, batch), inputs)
    made = _target(call, inputs)
    args, kwargs = _arguments(call, inputs)
    leaves = [each for each in inputs.values() if isinstance(each, torch.Tensor) and each.requires_grad]

    def step() -> None:
        for each in leaves:
            each.grad = None
        out = [each for each in tensors(made(*args, **kwargs)) if each.requires_grad]
        if leaves and out:
            torch.stack([(each.abs() if each.is_complex() else each).sum() for each in out]).sum().backward()

    return step


def _resolved(dotted: str) -> Any:
    """The object with this dotted name: the longest part of it that can be imported, then attributes."""
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if error.name is None or not (dotted + ".").startswith(error.name + "."):
                raise  # it is there, and what it imports is not
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise BadStep(f"{dotted}: {parts[0]} cannot be imported in this interpreter")


def _target(call: Spec, inputs: Spec) -> Any:
    found = _resolved(call["target"])
    if call["init"] is None:
        return found
    made = found(**_tupled(call, {**call["init"], **{name: inputs[name] for name in call["init_inputs"]}}))
    if isinstance(made, nn.Module):
        made = made.to("cuda")
    return getattr(made, call["method"]) if call["method"] else made


def _tupled(call: Spec, given: Spec) -> Spec:
    """YAML has lists only; `tuples` names the keywords that are none."""
    return {k: tuple(v) if k in call["tuples"] and isinstance(v, list) else v for k, v in given.items()}


def _arguments(call: Spec, inputs: Spec) -> tuple[list[Any], Spec]:
    """Positional and keyword arguments, by the rule of the plan's `Call`."""
    built = call["init_inputs"]
    order = call["args"] or [name for name in inputs if name not in built]
    used = {name for spec in call["inputs"].values() for name in spec["args"]}
    used |= {*order, *built, *call["expect"]["equals_args"]}
    by_name = {name: value for name, value in inputs.items() if name not in used} if call["args"] else {}
    return [inputs[name] for name in order], {**by_name, **_tupled(call, call["kwargs"])}


def _shapes(call: Spec) -> Iterator[List[int]]:  # noqa: UP006
    for name in sorted(call["inputs"], key=lambda name: name in call["init_inputs"]):  # the call's before the maker's
        spec = call["inputs"][name]
        if spec["shape"] and spec["dist"] != "grid":
            yield spec["shape"]


def _shape(call: Spec, spec: Spec, batch: int | None) -> list[int] | None:
    if not batch or not spec["shape"]:
        return spec["shape"]  # type: ignore[no-any-return]
    shape, own = spec["shape"], next(_shapes(call), [0])[0]
    axes = spec["batch_axes"]
    if axes is None:
        lists = sum(call["inputs"][name]["shape"] == [own] for name in call["args"] or call["inputs"])
        square = shape == [own, own] and lists > 1  # a cost matrix between two lists of weights
        axes = [] if shape[0] != own or spec["dist"] == "grid" else [0, 1] if square else [0]
    return [batch if axis in axes else size for axis, size in enumerate(shape)]


def _input(spec: Spec, shape: list[int] | None, earlier: Spec) -> Any:
    if spec["object"] is not None:
        return _resolved(spec["object"])
    if spec["made_by"] is not None:
        return _resolved(spec["made_by"])(*[earlier[name] for name in spec["args"]], **spec["kwargs"])
    if spec["kind"] == "numpy":
        import numpy as np

        return np.array(spec["values"], dtype=spec["dtype"]) if shape is None else np.ones(shape, dtype=spec["dtype"])
    dtype = getattr(torch, spec["dtype"])
    found = torch.tensor(spec["values"], dtype=dtype).to("cuda") if shape is None else _drawn(spec, shape, dtype)
    if shape is not None and found.numel() <= MOST and (spec["scale"], spec["shift"]) != (1.0, 0.0):
        found = (found * spec["scale"] + spec["shift"]).to(dtype)
    return found.requires_grad_() if spec["requires_grad"] else found


def _drawn(spec: Spec, shape: list[int], dtype: torch.dtype) -> Any:
    """A tensor of that shape; its numbers matter only where it is small enough for them to be known."""
    low, high = spec["low"], spec["high"]
    if spec["dist"] == "grid":
        rise = torch.linspace(low, high, shape[0], device="cuda").view(-1, *[1] * (len(shape) - 1))
        return rise.expand(shape).to(dtype, copy=True)
    if spec["dist"] == "integers":
        return torch.randint(int(low), max(int(high), int(low) + 1), shape, device="cuda").to(dtype)
    if spec["dist"] == "uniform" and dtype.is_floating_point:
        return torch.empty(shape, device="cuda", dtype=dtype).uniform_(low, high)
    if spec["dist"] == "normal" and (dtype.is_floating_point or dtype.is_complex):
        return torch.randn(shape, device="cuda", dtype=dtype)
    weight = 1 / (shape or [1])[-1]
    value = {"zeros": 0, "weights": weight, "equal_weights": weight}.get(spec["dist"], 1)
    return torch.full(shape, value, device="cuda").to(dtype)
