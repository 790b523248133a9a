"""Schedules, averages and parameter groups as papers mean them. Steps are counted from 0."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn


def warmup_cosine(step: int, steps: int, warmup: int, floor: float = 0.0) -> float:
    """Factor on the peak rate: linear to 1 at step `warmup`, then half a cosine to `floor` at `steps`.

    Step 0 trains with 1/warmup, not with 0: a first step of rate 0 is a wasted step that many codes have.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))


def inverse_square_root(step: int, width: int, warmup: int) -> float:
    """The rate itself, not a factor. Vaswani et al., arXiv:1706.03762, equation 3, which counts steps from 1."""
    return width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)


class Average:
    """Exponential moving average of the parameters; buffers (batch norm's statistics) are copied, not averaged."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.averaged = {name for name, _ in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """After every optimizer update, not after every micro-batch."""
        for name, value in model.state_dict().items():
            if name in self.averaged:
                self.state[name].lerp_(value, 1 - self.decay)
            else:
                self.state[name].copy_(value)


def decay_groups(model: nn.Module, weight_decay: float) -> Iterable[dict[str, object]]:
    """Weight decay for matrices, none for biases, norms and other vectors: what most papers mean and few print."""
    trained = [p for p in model.parameters() if p.requires_grad]
    yield {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay}
    yield {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0}


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * gain; eps inside the root. Zhang and Sennrich, arXiv:1910.07467, equation 4."""

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.gain, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Over the last axis."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.gain
