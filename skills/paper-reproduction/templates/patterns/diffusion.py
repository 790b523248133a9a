"""Noise schedules and the two closed forms that every diffusion paper uses; and the straight path of flow matching.

N steps, B batch; `alpha_bar` is the running product of 1 - beta.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def linear_alpha_bar(steps: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """(N,) for betas from `first` to `last`. Ho et al., arXiv:2006.11239, section 4 (N = 1,000)."""
    return torch.cumprod(1 - torch.linspace(first, last, steps, dtype=torch.float64), dim=0)


def cosine_alpha_bar(steps: int, offset: float = 0.008, largest_beta: float = 0.999) -> Tensor:
    """(N,) of the cosine schedule with clipped betas. Nichol and Dhariwal, arXiv:2102.09672, equation 17."""
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(max=largest_beta), dim=0)


def noised(x: Tensor, noise: Tensor, alpha_bar_B: Tensor) -> Tensor:
    """sqrt(a) x + sqrt(1 - a) noise, one level per sample. Ho et al., arXiv:2006.11239, equation 4."""
    a = alpha_bar_B.to(x.dtype).view(-1, *[1] * (x.dim() - 1))  # without the view, levels spread over the last axis
    return a.sqrt() * x + (1 - a).sqrt() * noise


def ddim_step(x: Tensor, noise: Tensor, now: float, then: float) -> Tensor:
    """From level `now` to `then` (alpha_bar), no new noise. Song et al., arXiv:2010.02502, equation 12, sigma 0."""
    clean = (x - math.sqrt(1 - now) * noise) / math.sqrt(now)
    return math.sqrt(then) * clean + math.sqrt(1 - then) * noise


def straight_path(source: Tensor, target: Tensor, t_B: Tensor) -> tuple[Tensor, Tensor]:
    """(point, velocity) on the straight line at t. Liu et al., arXiv:2209.03003, equation 1; Lipman et al., 2210.02747.

    The velocity is the derivative of the path: target - source. Check any printed target against the path like this.
    """
    t = t_B.view(-1, *[1] * (source.dim() - 1))
    return (1 - t) * source + t * target, target - source
