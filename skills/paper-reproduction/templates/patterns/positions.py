"""Positional encodings, and the time embedding of diffusion models.

T tokens, D width per head (even), E model width (even), H heads, B batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoidal(tokens: int, width: int) -> Tensor:
    """(T, E): sin on even, cos on odd columns, wavelengths 2 pi to 20,000 pi. Vaswani et al., arXiv:1706.03762, 3.5."""
    positions = torch.arange(tokens).unsqueeze(1)
    frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    table = torch.empty(tokens, width)
    table[:, 0::2] = torch.sin(positions * frequency)
    table[:, 1::2] = torch.cos(positions * frequency)
    return table


def time_embedding(t_B: Tensor, width: int, longest: float = 10_000.0) -> Tensor:
    """(B,) to (B, E): first half sin, second half cos, divisor E/2 - 1. Ho et al., arXiv:2006.11239, their code.

    Other code divides by E/2, or puts cos first: two models with the same paper and different weights. Times in
    [0, 1] are usually multiplied by 1,000 before; without it nearly all columns are constant.
    """
    half = width // 2
    frequency = torch.exp(torch.arange(half, device=t_B.device) * (-math.log(longest) / (half - 1)))
    angles = t_B.float().unsqueeze(1) * frequency
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def rotary(x_BHTD: Tensor, positions_T: Tensor, base: float = 10_000.0, interleaved: bool = False) -> Tensor:
    """Rotate pairs of columns by position * base^(-2i/D). Su et al., arXiv:2104.09864, equation 34.

    `interleaved` pairs columns (2i, 2i+1), as the paper and Meta's LLaMA; otherwise (i, i + D/2), as Hugging Face. The
    two are the same model only after the rows of the query and key projections are permuted.
    """
    half = x_BHTD.shape[-1] // 2
    frequency = base ** (-torch.arange(half, dtype=torch.float64, device=x_BHTD.device) * 2 / x_BHTD.shape[-1])
    angles = positions_T.to(torch.float64).unsqueeze(1) * frequency  # (T, D/2); float32 loses digits at long positions
    cos, sin = angles.cos().to(x_BHTD.dtype), angles.sin().to(x_BHTD.dtype)
    if interleaved:
        a, b = x_BHTD[..., 0::2], x_BHTD[..., 1::2]
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    a, b = x_BHTD[..., :half], x_BHTD[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def alibi(heads: int, tokens: int) -> Tensor:
    """(H, T, T) added to causal scores: -slope * (query - key), slopes 2^(-8h/H). Press et al., arXiv:2108.12409, 3.

    For a number of heads that is a power of two; the authors' rule for others is in their code.
    """
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    distance = torch.arange(tokens).unsqueeze(1) - torch.arange(tokens).unsqueeze(0)
    return -slopes.view(-1, 1, 1) * distance.clamp(min=0)
