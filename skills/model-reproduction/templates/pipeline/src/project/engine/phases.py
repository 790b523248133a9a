"""The two kinds of phase that an algorithm consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .config import Config
    from .run import Run

    Loss = Callable[[Any, Run, Config, int], Tensor]


@dataclass(frozen=True)
class BuildPool:
    """A phase that simulates and stores.

    `make_batch(run, phase_cfg, batch_index)` gives named rows (first axis = rows), kept on the CPU. Its random
    numbers come from torch's global generator, seeded by the engine for every batch.
    """

    make_batch: Callable[[Run, Config, int], dict[str, Tensor]]


@dataclass(frozen=True)
class Train:
    """A phase that trains one module; all of it with one optimizer, or several of its children with one each.

    `loss(model, run, phase_cfg, micro_batch_size)` gives a scalar. Its random numbers come from torch's global
    generator, seeded by the engine for every micro-batch.

    Several optimizers: `loss` is {child: loss function}, in the order of the updates within a step. Every function
    gets the whole module; only the child of that name is changed. `optimizers.<child>` in the phase's settings
    replaces settings of the phase for it (lr, optimizer, betas ...); `updates` is how often it is updated per step.

    `collect(model, run, phase_cfg, step)`, if given, is called before every `collect_every`-th step, without
    gradients and in eval mode. The rows it returns are added to `run.buffers[phase]`, which keeps the last `capacity`;
    None adds nothing (to move a target network, say). What else it must remember belongs into `run.carry`.
    """

    build_model: Callable[[Run, Config], nn.Module]
    loss: Loss | dict[str, Loss]
    collect: Callable[[Any, Run, Config, int], dict[str, Tensor] | None] | None = None
