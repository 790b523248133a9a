"""Training by the user's recipe, watched: updates, learning rates as used, clipping, averages."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .contract import BadContract, called
from .nodes import Array
from .ran import Ran
from .torch_mode import Look, storage, to_numpy, where
from .torch_model import Weights, default_dtype, plain_kernels, tensors

SETTINGS = ("weight_decay", "betas", "eps", "momentum", "nesterov", "amsgrad", "dampening", "alpha", "centered",
            "decoupled_weight_decay", "maximize", "lr_decay", "rho", "momentum_decay")  # fmt: skip


def parts(made: Any) -> tuple[list[Any], Any]:
    """(optimizers, schedule) of what `optimizer` returned: one, several, or a pair with its schedule."""
    made = list(made) if isinstance(made, (list, tuple)) else [made]
    optimizers = [each for each in made if isinstance(each, torch.optim.Optimizer)]
    schedules = [each for each in made if not isinstance(each, torch.optim.Optimizer) and each is not None]
    if not optimizers:
        raise BadContract("no-optimizer", f"optimizer(model) returned {[type(each).__name__ for each in made]}")
    return optimizers, schedules[0] if schedules else None


def recipe(side: Any, model: Any, averaged: bool = True) -> tuple[Any, Any, dict[str, Any]]:
    """(optimizer or list of them, schedule, state) for a model."""
    contract = side.contract
    optimizers, schedule = parts(called(contract.optimizer, model=model))
    one = optimizers[0] if len(optimizers) == 1 else optimizers
    if contract.schedule is not None:
        schedule = called(contract.schedule, optimizer=one)
    state = called(contract.state, model=model) if contract.state is not None and averaged else {}
    return one, schedule, state


def step(
    side: Any, model: Any, optimizer: Any, schedule: Any, batches: list[Any], state: dict[str, Any]
) -> dict[str, Any]:
    """One update, by the user's `train_step` or, when there is none, the plain one."""
    if side.contract.train_step is not None:
        given = {"model": model, "optimizer": optimizer, "schedule": schedule, "batches": batches, "state": state}
        found = called(side.contract.train_step, **given)
        return dict(found) if isinstance(found, dict) else {"loss": found}
    several = optimizer if isinstance(optimizer, list) else [optimizer]
    for each in several:
        each.zero_grad(set_to_none=True)
    total = 0.0
    for batch in batches:
        loss = side._loss(model, batch) / len(batches)
        loss.backward()
        total += float(loss.detach())
    for each in several:
        each.step()
    if schedule is not None:
        schedule.step()
    return {"loss": total}


def one_step(side: Any, model: Any, batches: list[Any]) -> None:
    """A single update, for the recorder; without a recipe, the loss and its gradients."""
    given = [tensors(each, torch.float64) for each in batches]
    if side.contract.optimizer is None:
        side._loss(model, given[0]).backward()
        return
    optimizer, schedule, state = recipe(side, model)
    step(side, model, optimizer, schedule, given, state)


def _number(value: Any) -> float:
    return float(value.detach()) if isinstance(value, torch.Tensor) else float(value)


def train(side: Any, weights: Array, batches: list[Any], scale: float, force: Any, snaps: list[int]) -> dict[str, Any]:
    """Updates on given batches with the loss scaled: losses, weights after some steps, learning rates as used, EMA."""
    model, held = side.builder.loaded(weights, "train")
    with default_dtype("float64"), plain_kernels(), _scaled(scale):
        optimizer, schedule, state = recipe(side, model)
        used, lines = _watch(optimizer, held, side.ran_here)
        losses, reported, shots = [], [], []
        with _Written(promote=True, force=force) as look:
            for number, group in enumerate(batches):
                look.watched = number == len(batches) - 1
                given = [tensors(each, torch.float64) for each in group]
                found = step(side, model, optimizer, schedule, given, state)
                losses.append(_number(found["loss"]))
                reported.append(
                    {key: _number(value) for key, value in found.items() if key != "loss" and _is_number(value)}
                )
                if number in snaps:
                    shots.append(held.gather())
    average, places = _average(state, held, look.lines)
    return {"losses": losses, "reported": reported, "snaps": shots, "lrs": used, "lr_lines": lines, "ema": average,
            "ema_lines": places}  # fmt: skip


class _Written(Look):
    """Remembers, while `watched`, which line wrote into which memory last."""

    watched = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines: dict[int, str] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        name = func.overloadpacket.__name__
        if self.watched and name not in ("detach", "alias"):
            changed = args[0] if name.startswith("_foreach") and name.endswith("_") else out
            line = where()[0]
            self.lines.update({storage(each): line for each in _each(changed)})
        return out


def _each(value: Any) -> list[torch.Tensor]:
    found = value if isinstance(value, (list, tuple)) else [value]
    return [each for each in found if isinstance(each, torch.Tensor)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.numel() == 1)


def _watch(optimizer: Any, held: Weights, ran: Ran) -> tuple[list[dict[str, float]], list[str]]:
    """(learning rates that `step` really sees, per weight; the user's line that returned them, or a factor)."""
    used: list[dict[str, float]] = []
    lines: list[str] = []
    names = {id(each): name for name, each in zip(held.names, held.tensors, strict=False)}

    def before(watched: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        used.append({names.get(id(p), ""): float(g["lr"]) for g in watched.param_groups for p in g["params"]})
        group = watched.param_groups[0]
        rate, base = float(group["lr"]), float(group.get("initial_lr", 0.0))
        lines.append(ran.returned(rate, rate / base) if base else ran.returned(rate))

    for each in optimizer if isinstance(optimizer, list) else [optimizer]:
        each.register_step_pre_hook(before)
    return used, lines


@contextlib.contextmanager
def _scaled(scale: float) -> Iterator[None]:
    """Every backward pass starts with `scale` instead of one: clipping and epsilons come to light."""
    backward = torch.Tensor.backward
    if scale != 1.0:

        def scaled(self: Any, *args: Any, **kwargs: Any) -> Any:
            return backward(self * scale, *args, **kwargs)

        torch.Tensor.backward = scaled  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.backward = backward  # type: ignore[method-assign]


def _average(state: dict[str, Any], held: Weights, lines: dict[int, str]) -> tuple[Array | None, list[str]]:
    """(the averaged weights in this side's order or None, which line wrote each of them last)."""
    ema = state.get("ema") if isinstance(state, dict) else None
    if ema is None:
        return None, []
    found = ema.state_dict() if hasattr(ema, "state_dict") else ema
    found = found.get("shadow", found) if isinstance(found, dict) else found
    if isinstance(found, (list, tuple)):
        return _joined(list(found), lines)
    named = {key.removeprefix("module."): each for key, each in found.items() if isinstance(each, torch.Tensor)}
    parts = [named.get(name, tensor) for name, tensor in zip(held.names, held.tensors, strict=False)]
    return _joined(parts, lines)


def _joined(parts: list[torch.Tensor], lines: dict[int, str]) -> tuple[Array, list[str]]:
    values = np.concatenate([to_numpy(each).reshape(-1) for each in parts])
    return values, [lines.get(storage(each), "") for each in parts]


def described(side: Any, averaged: bool = True) -> dict[str, Any]:
    """Settings of the optimizer for every weight, where it was made, and what the recipe calls."""
    lines: dict[str, str] = {}
    with _noted(lines):
        model = side.builder.model(dtype="float32")
        optimizer, schedule, _ = recipe(side, model, averaged)
    names = {id(each): name for name, each in model.named_parameters()}
    settings: dict[str, dict[str, Any]] = {}
    for each in optimizer if isinstance(optimizer, list) else [optimizer]:
        for group in each.param_groups:
            found = {key: group[key] for key in SETTINGS if group.get(key) is not None}
            found = {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
            found = {key: _number(value) if isinstance(value, torch.Tensor) else value for key, value in found.items()}
            for parameter in group["params"]:
                settings[names.get(id(parameter), "?")] = {"kind": type(each).__name__, **found}
    kind = type(schedule).__name__ if schedule is not None else None
    return {"settings": settings, "schedule": kind, "lines": lines}


@contextlib.contextmanager
def _noted(lines: dict[str, str]) -> Iterator[None]:
    """Notes the user's lines that make optimizers and schedules."""
    from torch.optim.lr_scheduler import LRScheduler

    before = torch.optim.Optimizer.__init__, LRScheduler.__init__

    def noting(name: str, init: Any) -> Any:
        def noted(self: Any, *args: Any, **kwargs: Any) -> None:
            lines[name] = where()[0]
            init(self, *args, **kwargs)

        return noted

    torch.optim.Optimizer.__init__ = noting("optimizer", before[0])  # type: ignore[method-assign]
    LRScheduler.__init__ = noting("schedule", before[1])  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.optim.Optimizer.__init__, LRScheduler.__init__ = before  # type: ignore[method-assign]


def dry_run(side: Any, steps: int) -> dict[str, Any]:
    """Learning rates of the whole horizon without training: steps on empty gradients, then the schedule."""
    model = side.builder.model(dtype="float32")
    held = Weights(model, side.builder.learned)
    optimizer, schedule, _ = recipe(side, model)
    used, lines = _watch(optimizer, held, side.ran_here)
    for _ in range(steps):
        for each in optimizer if isinstance(optimizer, list) else [optimizer]:
            each.step()
        if schedule is not None:
            schedule.step()
    return {"lrs": used, "lr_lines": lines}
