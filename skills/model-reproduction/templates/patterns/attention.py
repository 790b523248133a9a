"""Scaled dot-product and multi-head attention. Vaswani et al., arXiv:1706.03762, section 3.2.

B batch, T queries, S keys, H heads, G key-value heads, D width per head, E = H * D model width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def attend(q_BHTD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, allowed: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(D)) v, equation 1. `allowed` is True where a query may look, broadcast to (B, H, T, S).

    A query that may look nowhere gets zeros; a softmax over nothing would be NaN.
    """
    scores_BHTS = q_BHTD @ k_BHSD.transpose(-1, -2) / math.sqrt(q_BHTD.shape[-1])
    if allowed is not None:
        scores_BHTS = scores_BHTS.masked_fill(~allowed, -torch.inf)
    weights_BHTS = scores_BHTS.softmax(-1)
    if allowed is not None:
        weights_BHTS = weights_BHTS.masked_fill(~allowed.any(-1, keepdim=True), 0.0)
    return weights_BHTS @ v_BHSD


def causal(tokens: int, device: torch.device | None = None) -> Tensor:
    """(T, T), True on and below the diagonal: token t sees 0..t."""
    return torch.ones(tokens, tokens, dtype=torch.bool, device=device).tril()


class MultiHeadAttention(nn.Module):
    """Self-attention with separate projections; fewer key-value heads are shared by groups of queries.

    Grouped queries: Ainslie et al., arXiv:2305.13245. Query head h uses key-value head h // (H / G), like
    `repeat_interleave`; tiling instead is a silent error.
    """

    def __init__(self, width: int, heads: int, kv_heads: int | None = None, bias: bool = True) -> None:
        super().__init__()
        kv_heads = kv_heads or heads
        if width % heads or heads % kv_heads:
            raise ValueError(f"heads {heads} must divide width {width}, and kv_heads {kv_heads} must divide heads")
        self.heads, self.kv_heads, self.head_width = heads, kv_heads, width // heads
        self.q = nn.Linear(width, width, bias=bias)
        self.k = nn.Linear(width, kv_heads * self.head_width, bias=bias)
        self.v = nn.Linear(width, kv_heads * self.head_width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)

    def forward(self, x_BTE: Tensor, allowed: Tensor | None = None) -> Tensor:
        """(B, T, E) to (B, T, E)."""
        q = self._split(self.q(x_BTE), self.heads)
        k = self._split(self.k(x_BTE), self.kv_heads).repeat_interleave(self.heads // self.kv_heads, dim=1)
        v = self._split(self.v(x_BTE), self.kv_heads).repeat_interleave(self.heads // self.kv_heads, dim=1)
        return self.out(attend(q, k, v, allowed).transpose(1, 2).flatten(2))

    def _split(self, x_BTE: Tensor, heads: int) -> Tensor:
        return x_BTE.unflatten(-1, (heads, self.head_width)).transpose(1, 2)
