"""The two kinds of phase that an algorithm consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .config import Config
    from .run import Run


@dataclass(frozen=True)
class BuildPool:
    """A phase that simulates and stores.

    `make_batch(run, phase_cfg, batch_index)` gives named rows (first axis = rows), kept on the CPU. Its random
    numbers come from torch's global generator, seeded by the engine for every batch.
    """

    make_batch: Callable[[Run, Config, int], dict[str, Tensor]]


@dataclass(frozen=True)
class Train:
    """A phase that trains one model with one optimizer.

    `loss(model, run, phase_cfg, micro_batch_size)` gives a scalar. Its random numbers come from torch's global
    generator, seeded by the engine for every micro-batch.
    """

    build_model: Callable[[Run, Config], nn.Module]
    loss: Callable[[nn.Module, Run, Config, int], Tensor]
