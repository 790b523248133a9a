"""Training against evaluation, and branches that are zero when a module is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .arrays import arrays, distance, numeric, torch
from .report import number

if TYPE_CHECKING:
    from .study import Study

SAME = 1e-5
SHAKE = 0.1
ADDED = re.compile(r"(bias|beta|shift|running_mean|loc|mean)$")  # zero is where these usually begin
ACTS = re.compile(r"drop|norm|quant|codebook|noise|stochastic|path", re.IGNORECASE)


def owner_of(callable_: Any) -> Any:
    """The torch module that is called, or None."""
    owner = getattr(callable_, "__self__", callable_)
    return owner if hasattr(owner, "register_forward_hook") and callable(getattr(owner, "parameters", None)) else None


def zeroed(callable_: Any) -> list[str]:
    """Parameters that are exactly zero and are factors, not terms: what lies behind them is hidden."""
    owner = owner_of(callable_)
    if owner is None:
        return []
    return [
        name
        for name, item in owner.named_parameters()
        if item.numel() > 1 and not ADDED.search(name) and not bool(item.detach().any())
    ]


def shake(callable_: Any) -> None:
    """Small random numbers in place of those zeros, the same every time."""
    pytorch, names = torch(), set(zeroed(callable_))
    noise = pytorch.Generator().manual_seed(7)
    for name, item in owner_of(callable_).named_parameters() if names else ():
        if name in names:
            made = pytorch.randn(item.shape, generator=noise)
            item.data.copy_((SHAKE * made).to(item.dtype))


def _may_differ(module: Any) -> bool:
    """Whether a module has something to move, a name that says so, or a forward that reads `training`."""
    code = getattr(getattr(type(module), "forward", None), "__code__", None)
    reads = code is not None and "training" in code.co_names
    return bool(reads or ACTS.search(type(module).__name__) or next(module.buffers(), None) is not None)


def check_training(study: Study) -> None:
    """The mode in which a module is made, against the one in which it is evaluated."""
    owner = owner_of(study.callable_)
    if owner is None or not getattr(owner, "training", False) or not study.base:
        return
    if not any(_may_differ(item) for item in owner.modules()):
        return
    made = study.case.construct()
    fresh = owner_of(made)
    before = {name: numeric(item) for name, item in fresh.named_buffers()}
    study.case.call(made, study.case.complete(study.numbers))
    moved = [name for name, item in fresh.named_buffers() if distance([before[name]], [numeric(item)]) > 0]
    fresh = owner_of(made := study.case.construct())
    fresh.eval()
    gap = distance(study.base, arrays(study.case.call(made, study.case.complete(study.numbers))))
    if gap <= SAME and not moved:
        return
    kinds = sorted({type(item).__name__ for item in owner.modules() if ACTS.search(type(item).__name__)})
    said = [f"in evaluation mode the result is another (by {number(gap)} of its size)"] if gap > SAME else []
    said += [f"each call moves {', '.join(moved[:4])}"] if moved else []
    by = f": {', '.join(kinds[:4])}" if kinds else ""
    study.report.finding("training_mode", f"it is made in training mode; {', and '.join(said)}{by}")
