"""The target distribution: Gaussians on a circle. And how far two sets of points are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..engine.config import Config
    from ..engine.run import Run


def load_data(cfg: Config, device: torch.device) -> Tensor:
    """Centres of the modes, (modes, 2). A real data set is read here; FileNotFoundError says where to get it."""
    if cfg.data.name != "modes":
        raise ValueError(f"data.name is '{cfg.data.name}'; there is only 'modes'")
    angle = torch.arange(cfg.data.modes, device=device) * (2 * math.pi / cfg.data.modes)
    radius: float = cfg.data.radius
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def draw_truth(run: Run, n: int, variant: str = "iid") -> Tensor:
    """`n` independent draws of the target, (n, 2); "stratified": as many from each mode."""
    centres: Tensor = run.data
    if variant == "iid":
        mode = torch.randint(len(centres), (n,), device=run.device)
    elif variant == "stratified":
        mode = torch.arange(n, device=run.device) % len(centres)
    else:
        raise ValueError(f"the truth has no variant '{variant}'")
    std: float = run.cfg.data.std
    return centres[mode] + std * torch.randn(n, 2, device=run.device)


def sliced_w2(test: Tensor, generated: Tensor, directions: int = 64) -> float:
    """Sliced 2-Wasserstein distance (not squared) between point sets (n, 2) and (m, 2).

    The mean over fixed directions of the squared one-dimensional distance, then the root. In one dimension the best
    coupling is by rank; sets of different size are compared at max(n, m) equally spaced quantiles.

    >>> sliced_w2(torch.zeros(3, 2), torch.tensor([[2.0, 0.0]])) ** 2  # the mean of (2 cos a)^2 over directions
    2.0...
    """
    angle = torch.arange(directions, device=test.device) * (math.pi / directions)
    axes = torch.stack([angle.cos(), angle.sin()])  # (2, directions)
    count = max(len(test), len(generated))
    level = (torch.arange(count, device=test.device) + 0.5) / count
    ranked = [(points @ axes).sort(dim=0).values for points in (test, generated)]
    a, b = (values[(level * len(values)).long()] for values in ranked)
    return (a - b).square().mean().sqrt().item()
