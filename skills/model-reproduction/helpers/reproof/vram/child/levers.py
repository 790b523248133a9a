"""Changes that save memory, applied to the user's step as it is, so that what they save is traced and not guessed."""

# mypy: allow-untyped-calls

from __future__ import annotations

import functools
import gc
from typing import Any, Callable  # noqa: UP035 - Python 3.8

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from .naming import roots

Step = Callable[[], Any]


class NoLever(Exception):
    """The lever does not apply to this step."""


def pulled(name: str, step: Step) -> Step:
    """The step with that lever pulled; no name: the step."""
    return LEVERS[name](step) if name else step


def _fused(step: Step) -> Step:
    groups = [
        group
        for each in gc.get_objects()
        if issubclass(type(each), torch.optim.Optimizer)
        for group in each.param_groups
        if "fused" in group and not group["fused"]
    ]
    if not groups:
        raise NoLever("no optimizer that could be fused and is not")
    for group in groups:
        group.update(fused=True, foreach=False)
    return step


def _autocast(dtype: torch.dtype, step: Step) -> Step:
    def cast() -> Any:
        with torch.autocast("cuda", dtype=dtype):
            return step()

    return cast


def _checkpoint(step: Step) -> Step:
    """Every block of a list of blocks is run again in backward."""
    blocks = [block for module in roots() for block in _blocks(module)]
    if not blocks:
        raise NoLever("no nn.ModuleList or nn.Sequential of blocks")
    for block in blocks:
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
    return step


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The members of the outermost lists of composite modules."""
    children = list(module.children())
    if isinstance(module, (nn.ModuleList, nn.Sequential)):
        composite = [child for child in children if any(True for _ in child.children())]
        if len(composite) > 1 and not any(isinstance(child, nn.ModuleList) for child in composite):
            return composite
    return [block for child in children for block in _blocks(child)]


def _offload(step: Step) -> Step:
    def offloaded() -> Any:
        with torch.autograd.graph.save_on_cpu():
            return step()

    return offloaded


LEVERS: dict[str, Callable[[Step], Step]] = {
    "fused": _fused,
    "bf16": functools.partial(_autocast, torch.bfloat16),
    "fp16": functools.partial(_autocast, torch.float16),
    "checkpoint": _checkpoint,
    "offload": _offload,
}
