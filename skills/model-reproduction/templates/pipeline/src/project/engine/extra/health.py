"""Whether a training is still one: losses and parameters are numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .. import checkpoint
from ..errors import NOT_FINITE, ProjectError

if TYPE_CHECKING:
    from ..loop import State
    from ..run import Run


def check_finite(run: Run, name: str, state: State, losses: list[Tensor], parameters_too: bool = False) -> float:
    """Name the step at which the loss stopped being a number; gives the last loss. Empties `losses`."""
    values = run.world.mean(torch.stack(losses)).tolist() if losses else []
    finite = [math.isfinite(value) for value in values]
    step = state.step - len(finite) + finite.index(False) + 1 if False in finite else state.step
    losses.clear()
    broken = parameters_too and not all(bool(p.isfinite().all()) for p in state.parameters)
    if False in finite or run.world.asked("broken" * broken, 0):  # of sharded parameters, perhaps in one process only
        what = "loss" if False in finite else "a parameter"
        good = checkpoint.step_paths(run.folder / "checkpoints", name)
        raise ProjectError(
            "not-finite",
            f"phase '{name}', step {step}: {what} is not a finite number",
            f"training diverged; the last good checkpoint is {good[0]}" if good else "training diverged; none is saved",
            "lower lr, grad_clip, fp32; log_every_steps=1 shows the steps before",
            NOT_FINITE,
        )
    return values[-1] if values else math.nan
