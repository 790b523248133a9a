"""scaled_dot_product_attention as the target GPU would run it: its C++ choice asks a device that is not there.

The rules are read from aten/src/ATen/native/transformers/cuda/sdp_utils.cpp (torch 2.4 to 2.13) and from
transformers/attention.cpp for the padding of masks and widths. What the kernels allocate inside is in inner.py.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
import os
from typing import Any

import torch
from torch.backends import cuda as switches
from torch.nn.functional import pad

HALF = (torch.float16, torch.bfloat16)
aten = torch.ops.aten


class _Call:
    """One call, and the questions that the choice of a kernel asks about it."""

    def __init__(self, tracer: Any, query: Any, key: Any, value: Any, mask: Any, dropout: float, causal: bool) -> None:
        self.q, self.k, self.v, self.mask, self.dropout, self.causal = query, key, value, mask, dropout, causal
        self.sm, self.version = tracer.target.capability, tracer.torch_version
        self.grad = torch.is_grad_enabled() and any(each.requires_grad for each in (query, key, value))
        self.half = query.dtype in HALF
        self.width, self.width_v = query.shape[-1], value.shape[-1]
        self.same_batch = query.shape[0] == key.shape[0] == value.shape[0]
        self.dense = all(each.stride(-1) == 1 for each in (query, key, value)) and self.same_batch

    def same_heads(self, grouped: bool) -> bool:
        return grouped or bool(self.q.shape[1] == self.k.shape[1] == self.v.shape[1])

    def cudnn(self, grouped: bool) -> bool:
        widths = all(width <= 128 and width % 8 == 0 for width in (self.width, self.width_v))
        mask_grad = self.mask is not None and self.mask.requires_grad
        sixteenths = self.version < (2, 12) or float(self.dropout * 16).is_integer()
        able = self.half and self.sm[0] >= 8 and self.dense and self.same_heads(grouped)
        one = self.k.shape[-2] == 1 or (self.dropout != 0 and self.q.shape[-2] == 1)
        few = max(self.q.shape[:2]) <= 65535  # of check_cudnn_tensor_shapes, as the two lengths of one
        return able and widths and few and not (one or mask_grad or _deterministic()) and sixteenths

    def flash(self, grouped: bool) -> bool:
        able = self.half and self.sm[0] >= 8 and self.dense and self.same_heads(grouped)
        if not able or self.mask is not None or self.width != self.width_v or self.width > 256:
            return False
        if self.causal and self.q.shape[-2] != self.k.shape[-2]:
            return False
        small = self.sm in ((8, 6), (8, 9)) or self.sm[0] == 12  # less shared memory: no wide backward
        wide = self.width > 192 and not (self.dropout == 0 and self.width > 224)
        return not (self.grad and small and wide)

    def efficient(self, grouped: bool) -> bool:
        tensor_cores = self.sm[0] >= 8 or (self.sm[0] == 7 and self.half)
        step = 4 if self.sm[0] >= 8 else 1
        if tensor_cores:
            step = max(step, 128 // (16 if self.half else 32))
        types = (torch.float16, torch.float32) + ((torch.bfloat16,) if self.sm[0] >= 8 else ())
        heads = self.same_heads(grouped and self.version >= (2, 14))
        able = self.q.dtype in types and heads and self.dense
        return able and self.width % step == 0 and self.width_v % step == 0


def _deterministic() -> bool:
    return torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled()


def prefers_cudnn(capability: tuple[int, int], version: tuple[int, ...]) -> bool:
    """Whether cuDNN's attention comes before flash: on Hopper and B200 with a cuDNN above 9.15.0.

    The wheels for CUDA 12 have an older cuDNN; those for CUDA 13 have a newer one from torch 2.10 on, and a build
    without CUDA is taken as one of them. Source: check_prefer_cudnn_attention in transformers/cuda/sdp_utils.cpp.
    """
    if capability[0] not in (9, 10) or version < (2, 10) or os.environ.get("TORCH_CUDNN_SDPA_DEPRIORITIZED") == "1":
        return False
    cudnn = getattr(torch._C, "_cudnn", None)
    return cudnn is None or tuple(cudnn.getCompileVersion()) > (9, 15, 0)


def choose(tracer: Any, call: _Call, grouped: bool) -> str:
    """flash, efficient, cudnn or math, as the target GPU would."""
    if call.q.dim() != 4 or min(call.q.shape[-2], call.k.shape[-2]) == 0:
        return "math"
    allowed = {
        "flash": switches.flash_sdp_enabled(),
        "efficient": switches.mem_efficient_sdp_enabled(),
        "cudnn": switches.cudnn_sdp_enabled(),
    }
    first = prefers_cudnn(tracer.target.capability, tracer.torch_version)
    order = ("cudnn", "flash", "efficient") if first else ("flash", "efficient")
    return next((name for name in order if allowed[name] and getattr(call, name)(grouped)), "math")


def attend(
    tracer: Any,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: Any = None,
    enable_gqa: bool = False,
) -> Any:
    """What aten::scaled_dot_product_attention does, with the kernel chosen for the target."""
    call = _Call(tracer, query, key, value, attn_mask, dropout_p, is_causal)
    kernel = choose(tracer, call, enable_gqa)
    tracer.chosen[f"attention kernel: {kernel}"] += 1
    with torch.autocast("cuda", enabled=False):
        if kernel == "math":
            more: dict[str, Any] = {"scale": scale}
            if tracer.torch_version >= (2, 5):
                more["enable_gqa"] = enable_gqa
            return aten._scaled_dot_product_attention_math(query, key, value, attn_mask, dropout_p, is_causal, **more)[
                0
            ]
        factor = scale if scale is not None else 1 / math.sqrt(call.width)
        if kernel == "flash":
            return _flash(call, factor)
        mask = _float_mask(attn_mask, query)
        if kernel == "cudnn":
            return aten._scaled_dot_product_cudnn_attention(
                query, key, value, mask, call.grad, dropout_p, is_causal, False, scale=factor
            )[0]
        return aten._scaled_dot_product_efficient_attention(
            query, key, value, _aligned(mask, query, key), call.grad, dropout_p, is_causal, scale=factor
        )[0]


def _flash(call: _Call, factor: float) -> Any:
    q, k, v, width = call.q, call.k, call.v, call.width
    if width % 8:  # the kernel takes widths in steps of 8
        q, k, v = (pad(each, (0, 8 - width % 8)) for each in (q, k, v))
    out = aten._scaled_dot_product_flash_attention(q, k, v, call.dropout, call.causal, False, scale=factor)[0]
    return out[..., :width] if width % 8 else out


def _float_mask(mask: Any, query: Any) -> Any:
    """A mask of truth values becomes one of zeros and minus infinity."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask.logical_not(), float("-inf"))


def _aligned(mask: Any, query: Any, key: Any) -> Any:
    """The memory-efficient kernel wants the last dimension of a mask in steps of 16."""
    if mask is None:
        return None
    length = mask.shape[-1]
    if length % 16:
        mask = pad(mask, (0, 16 - length % 16))[..., :length]
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
