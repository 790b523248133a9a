"""Attention weights of one forward pass: of nn.MultiheadAttention, of scaled_dot_product_attention, of a softmax."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from .subject import Subject

MOST_MAPS, MOST_HEADS, SIDE = 6, 4, 24


def maps(subject: Subject) -> dict[str, Any]:
    """Heat maps of the first sample, and per head how spread out it looks and how much lies in the future."""
    kept: list[dict[str, Any]] = []
    where: list[str] = []
    handles = [m.register_forward_pre_hook(lambda _m, _i, n=n: where.append(n)) for n, m in subject.named()]
    handles += [m.register_forward_pre_hook(_with_weights, with_kwargs=True) for _, m in subject.named()
                if isinstance(m, torch.nn.MultiheadAttention)]  # fmt: skip
    handles += [m.register_forward_hook(lambda _m, _i, o, n=n: _keep(kept, n, o[1])) for n, m in subject.named()
                if isinstance(m, torch.nn.MultiheadAttention)]  # fmt: skip
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused kernel calls no hook
    try:
        with torch.no_grad(), _patched(kept, where):
            subject.loss()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()
    return {"maps": kept[:MOST_MAPS], "total": len(kept)}


def _with_weights(_: torch.nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
    return args, {**kwargs, "need_weights": True, "average_attn_weights": False}


@contextlib.contextmanager
def _patched(kept: list[dict[str, Any]], where: list[str]) -> Iterator[None]:
    """Look on while attention is computed by torch's functions."""
    product, softmax, method, plain = F.scaled_dot_product_attention, F.softmax, torch.Tensor.softmax, torch.softmax

    def seen_product(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                     is_causal: bool = False, **other: Any) -> Any:  # fmt: skip
        with contextlib.suppress(RuntimeError):
            scale = other.get("scale") or 1.0 / math.sqrt(query.shape[-1])
            scores = query.float() @ key.float().transpose(-2, -1) * scale
            if is_causal:
                scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -math.inf)
            if attn_mask is not None:
                hidden = attn_mask.dtype == torch.bool
                scores = scores.masked_fill(~attn_mask, -math.inf) if hidden else scores + attn_mask
            _keep(kept, where[-1] if where else "", plain(scores, -1))
        return product(query, key, value, attn_mask, dropout_p, is_causal, **other)

    def looking(function: Any) -> Any:
        def seen(values: Any, *args: Any, **other: Any) -> Any:
            out = function(values, *args, **other)
            if isinstance(out, torch.Tensor) and out.dim() >= 3 and out.shape[-2] > 1 and out.shape[-1] > 1:
                rows = out.detach().float().sum(-1)
                if bool(((rows - 1).abs() < 1e-3).all()):
                    _keep(kept, where[-1] if where else "", out)
            return out

        return seen

    F.scaled_dot_product_attention = seen_product  # type: ignore[assignment]
    F.softmax, torch.softmax, torch.Tensor.softmax = looking(softmax), looking(plain), looking(method)  # type: ignore
    try:
        yield
    finally:
        F.scaled_dot_product_attention, F.softmax = product, softmax
        torch.softmax, torch.Tensor.softmax = plain, method  # type: ignore[method-assign]


def _keep(kept: list[dict[str, Any]], name: str, weights: torch.Tensor | None) -> None:
    """One module's weights (…, heads, T, S) of the first sample; T and S cut to what a page shows."""
    if weights is None or len(kept) >= 4 * MOST_MAPS:
        return
    first = weights.detach().float()
    while first.dim() > 3:
        first = first[0]
    spread = -(first.clamp_min(1e-12).log() * first).sum(-1).mean(-1) / math.log(max(first.shape[-1], 2))
    square = first.shape[-1] == first.shape[-2]
    future = first.triu(1).sum((-2, -1)) / first.sum((-2, -1)) if square else torch.zeros(first.shape[0])
    kept.append({"module": name, "heads": first.shape[0], "shape": list(first.shape[-2:]),
                 "entropy_frac": spread.tolist()[:16], "future_frac": future.tolist()[:16] if square else None,
                 "map": first[:MOST_HEADS, :SIDE, :SIDE].tolist()})  # fmt: skip
