"""Memory that an operator takes while it runs and that no tensor shows: library workspaces and kernel temporaries.

Each function gets the operator's arguments and yields sizes in bytes; all are freed when the operator returns. What is
read from PyTorch's CUDA sources is exact up to rounding. CONV and the cuDNN attention are priors that no GPU has
calibrated: tensor-core convolutions of NCHW data transpose to NHWC inside the workspace.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .shadows import tensors

MIB = 2**20
UNCALIBRATED = (
    "aten::convolution",
    "aten::convolution_backward",
    "aten::_scaled_dot_product_cudnn_attention_backward",
)
"""Operators whose workspace is a guess."""
HALF = (torch.float16, torch.bfloat16)


def blas_bytes(capability: tuple[int, int], torch_version: tuple[int, ...]) -> int:
    """The cuBLAS workspace: 32 MiB on Hopper, and on Blackwell with a recent torch; 8.125 MiB before.

    Source: getChosenWorkspaceSize in aten/src/ATen/cuda/CublasHandlePool.cpp.
    """
    hopper = capability == (9, 0) or (capability[0] >= 10 and torch_version >= (2, 8))
    return 32 * MIB if hopper else 8_519_680


def size_of(tensor: Any) -> int:
    """Bytes of a tensor's elements."""
    return int(tensor.numel() * tensor.element_size())


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _gemm(tracer: Any, args: Any) -> Iterator[int]:
    first = next(tensors(args), None)
    if first is not None and first.device.type == "cuda":
        tracer.blas("cuBLAS")
    return iter(())


def _transposes(tracer: Any, x: Any, groups: int) -> bool:
    """Whether a convolution of NCHW data goes to tensor cores, which want NHWC."""
    if x.device.type != "cuda" or (groups == x.shape[1] and groups > 1):
        return False
    tf32 = x.dtype == torch.float32 and tracer.target.capability[0] >= 8 and torch.backends.cudnn.allow_tf32
    if not (x.dtype in HALF or tf32):
        return False
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return not last


def _conv(tracer: Any, args: Any) -> Iterator[int]:
    x, weight, _, stride, padding, dilation, transposed, _, groups = args[:9]
    known = _measured(tracer, x, "forward")
    if known is None and not _transposes(tracer, x, groups):
        return
    sizes = [
        x.shape[2 + i] * stride[i]
        if transposed
        else (x.shape[2 + i] + 2 * padding[i] - dilation[i] * (weight.shape[2 + i] - 1) - 1) // stride[i] + 1
        for i in range(weight.dim() - 2)
    ]
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    out = x.shape[0] * channels * math.prod(sizes) * x.element_size()
    whole = size_of(x) + out + size_of(weight)
    yield whole if known is None else int(known * whole)


def _measured(tracer: Any, x: Any, direction: str) -> float | None:
    """Workspace over the bytes of input, output and weight, where `calibrate` measured it on this card."""
    rules = tracer.constants.get("convolutions")
    if not rules or x.device.type != "cuda":
        return None
    last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    wanted = ("half" if x.dtype in HALF else "float32", "channels_last" if last else "contiguous", direction)
    found = [rule for rule in rules if (rule["dtype"], rule["layout"], rule["direction"]) == wanted]
    return float(found[0]["median_frac"]) if found else None


def _conv_backward(tracer: Any, args: Any) -> Iterator[int]:
    gradient, x, weight = args[:3]
    known = _measured(tracer, x, "backward")
    if known is not None:
        yield int(known * (size_of(gradient) + size_of(x) + size_of(weight)))
    elif _transposes(tracer, x, args[9]):
        yield size_of(gradient) + size_of(x) + 2 * size_of(weight)


def _sort(_tracer: Any, args: Any) -> Iterator[int]:
    x = args[0]
    if x.device.type == "cuda" and x.numel() > 4096:
        yield 2 * size_of(x) + 2 * x.numel() * 8


def _embedding_backward(_tracer: Any, args: Any) -> Iterator[int]:
    index = args[1]
    if index.numel() > 3072:  # sorted and original indices, the sort's own, counts
        for _ in range(4):
            yield size_of(index)


def _layer_norm_backward(_tracer: Any, args: Any) -> Iterator[int]:
    x, shape = args[1], args[2]
    width = math.prod(shape)
    if x.numel() // max(width, 1) > 512:
        yield 2 * 64 * width * 4  # partial sums of the weight's and the bias's gradient


def _group_norm_backward(_tracer: Any, args: Any) -> Iterator[int]:
    x, n, channels, groups = args[1], args[5], args[6], args[8]
    width = 4 if x.element_size() <= 4 else 8
    for count in (channels, channels, channels, groups, groups):
        yield n * count * width


def _cdist_backward(_tracer: Any, args: Any) -> Iterator[int]:
    x, y = args[1], args[2]  # a buffer of every pair and dimension: 8 GiB for 2048 x 2048 points in 512 dimensions
    batches = x.numel() // max(1, x.shape[-2] * x.shape[-1])
    yield batches * x.shape[-2] * y.shape[-2] * x.shape[-1] * x.element_size()


def _pdist_backward(_tracer: Any, args: Any) -> Iterator[int]:
    x = args[1]
    yield (x.shape[0] - 1) * size_of(x)


def _flash_backward(_tracer: Any, args: Any) -> Iterator[int]:
    query, key = args[1], args[2]
    batch, heads, length, width = query.shape
    yield batch * heads * _up(length, 128) * 4  # softmax_d
    yield batch * heads * _up(length, 128) * _up(width, 32) * 4  # dq in fp32
    if heads != key.shape[1]:
        yield 2 * batch * key.shape[2] * heads * width * query.element_size()  # dk and dv before they are summed


def _efficient_backward(_tracer: Any, args: Any) -> Iterator[int]:
    batch, heads, length, _ = args[1].shape
    yield batch * heads * length * 4  # delta


def _cudnn_backward(_tracer: Any, args: Any) -> Iterator[int]:
    batch, heads, length, width = args[1].shape
    yield batch * heads * length * 4
    yield batch * heads * length * width * 4


GEMMS = ("mm", "addmm", "bmm", "baddbmm", "_scaled_mm", "addmv", "mv", "dot", "_addmm_activation")
BEFORE: dict[str, Callable[..., Iterator[int]]] = {
    **{f"aten::{name}": _gemm for name in GEMMS},
    "aten::convolution": _conv,
    "aten::convolution_backward": _conv_backward,
    "aten::sort": _sort,
    "aten::sort.stable": _sort,
    "aten::embedding_dense_backward": _embedding_backward,
    "aten::native_layer_norm_backward": _layer_norm_backward,
    "aten::native_group_norm_backward": _group_norm_backward,
    "aten::_cdist_backward": _cdist_backward,
    "aten::_pdist_backward": _pdist_backward,
}
"""Taken before the results are."""
AFTER: dict[str, Callable[..., Iterator[int]]] = {
    "aten::_scaled_dot_product_flash_attention_backward": _flash_backward,
    "aten::_scaled_dot_product_efficient_attention_backward": _efficient_backward,
    "aten::_scaled_dot_product_cudnn_attention_backward": _cudnn_backward,
}
"""Taken after the results are."""
