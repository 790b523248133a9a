"""Memory that an operator takes while it runs and that no tensor shows: library workspaces and kernel temporaries.

Each function gets the operator's arguments and yields sizes in bytes; all are freed when the operator returns. What is
read from PyTorch's CUDA sources is exact up to rounding; the sources are named below aten/src/ATen/native/cuda unless
said. What UNCALIBRATED lists are priors that no GPU has calibrated: tensor-core convolutions of NCHW data transpose to
NHWC inside the workspace; RNNs, transforms and factorisations as rnnkernels.py and libraries.py say. Not known at all,
and taken as nothing: cuDNN's batch norm's.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from . import inner, libraries, reductions, rnnkernels, unknown
from .shadows import tensors
from .work import tf32 as tf32_of

MIB = 2**20
UNCALIBRATED = (
    "aten::convolution",
    "aten::convolution_backward",
    "aten::_scaled_dot_product_cudnn_attention_backward",
    *rnnkernels.GUESSES,
    *libraries.GUESSES,
)
"""Operators whose workspace is a guess."""
HALF = (torch.float16, torch.bfloat16)


SMALL_SORT = 4096
LARGE_SEGMENT, FEW_SEGMENTS = 1_000_000, 128
EMBEDDING_SORTS, EMBEDDING_ROWS = 3072, 10
FOREACH_CHUNK = 65536
LARGE = 2**31
LAYOUT, SUM = "aten::contiguous", "aten::sum"
DEPTHWISE = (
    "a depthwise convolution of 2^31 numbers or more: torch's own kernel raises a RuntimeError on it, however much "
    "memory there is; where cuDNN takes it over (some shapes in 16 bits) it runs"
)
"""PackedTensorAccessor32 in DepthwiseConv2d.cu; every EfficientNet of timm's records of inference stops just below."""


def blas_bytes(capability: tuple[int, int], torch_version: tuple[int, ...]) -> int:
    """The cuBLAS workspace: 32 MiB on Hopper, and on Blackwell with a recent torch; 8.125 MiB before.

    Or the sum of what CUBLAS_WORKSPACE_CONFIG asks for, pairs of KiB and count. cuBLASLt, which runs a product with a
    bias, shares it (TORCH_CUBLASLT_UNIFIED_WORKSPACE is on unless it is set). Source: parseChosenWorkspaceSize in
    aten/src/ATen/cuda/CublasHandlePool.cpp; at commit 26a3905, before torch 2.11, it names Hopper alone.
    """
    asked = re.findall(r":([0-9]+):([0-9]+)", os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""))
    if asked:
        return sum(int(size) * int(count) for size, count in asked) * 1024
    hopper = capability == (9, 0) or (capability[0] >= 10 and torch_version >= (2, 11))
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


def _last(*given: Any) -> bool:
    """Whether a convolution runs in NHWC, as one of its tensors does; cudnn_conv_use_channels_last in ConvUtils.h."""
    return any(
        x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous() for x in given
    )


@contextmanager
def _relaid(tracer: Any, last: bool, *given: Any) -> Iterator[None]:
    """Copies of what is laid out otherwise; `contiguous(backend_memory_format)` in native/Convolution.cpp.

    No algorithm can do without them, so that they are not told as the convolution's own, as its workspace is.
    """
    wanted = torch.channels_last if last else torch.contiguous_format
    others = [x for x in given if x.device.type == "cuda" and not x.is_contiguous(memory_format=wanted)]
    held = [tracer.scratch(size_of(x), LAYOUT) for x in others]
    yield
    for key in held:
        tracer.ledger.free(key)


def _transposes(tracer: Any, x: Any, weight: Any, groups: int) -> bool:
    """Whether a convolution of NCHW data goes to tensor cores, which want NHWC."""
    if x.device.type != "cuda" or (groups == x.shape[1] and groups > 1):
        return False
    tf32 = x.dtype == torch.float32 and tracer.target.capability[0] >= 8 and tf32_of(True)
    return ((x.dtype in HALF and tracer.target.capability[0] >= 7) or tf32) and not _last(x, weight)


def _part(samples: int, largest: int) -> float:
    """The share of a batch that is convolved at once: 2^28 numbers where a tensor has 2^31 or more.

    Source: split_batch_dim_to_32bit_out in aten/src/ATen/native/cudnn/ConvShared.cpp, before in Conv_v7.cpp; that the
    v8 interface cuts likewise fits one record (an inference of timm's that ran) and is a part of the guess.
    """
    return 1.0 if largest < LARGE else max(2**28 // (largest // samples), 1) / samples


def _conv(tracer: Any, args: Any) -> Iterator[int]:
    x, weight, groups = args[0], args[1], args[8]
    out = _results(args)
    largest = max(x.numel(), out)
    if x.device.type == "cuda" and torch.backends.cudnn.benchmark:
        tracer.assume("cudnn.benchmark takes the fastest convolution, whose workspace can be larger: not known")
    if x.device.type == "cuda" and groups == x.shape[1] > 1 and weight.dim() == 4 and largest >= LARGE:
        tracer.assume(DEPTHWISE)
    known = _measured(tracer, x, weight, "forward")
    whole = int((x.numel() + out) * x.element_size() * _part(x.shape[0], largest)) + size_of(weight)
    with _relaid(tracer, _last(x, weight), x, weight):
        if known is not None or _transposes(tracer, x, weight, groups):
            yield whole if known is None else int(known * whole)


def _results(args: Any) -> int:
    """How many numbers a convolution makes."""
    x, weight, _, stride, padding, dilation, transposed, _, groups = args[:9]
    sizes = [
        x.shape[2 + i] * stride[i]
        if transposed
        else (x.shape[2 + i] + 2 * padding[i] - dilation[i] * (weight.shape[2 + i] - 1) - 1) // stride[i] + 1
        for i in range(weight.dim() - 2)
    ]
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    return int(x.shape[0] * channels * math.prod(sizes))


def _measured(tracer: Any, x: Any, weight: Any, direction: str) -> float | None:
    """Workspace over the bytes of input, output and weight, where `calibrate` measured it on this card."""
    rules = tracer.constants.get("convolutions")
    if not rules or x.device.type != "cuda":
        return None
    layout = "channels_last" if _last(x, weight) else "contiguous"
    wanted = ("half" if x.dtype in HALF else "float32", layout, direction)
    found = [rule for rule in rules if (rule["dtype"], rule["layout"], rule["direction"]) == wanted]
    return float(found[0]["median_frac"]) if found else None


def _conv_backward(tracer: Any, args: Any) -> Iterator[int]:
    """The larger of two workspaces: the gradients are made one after the other, the weight's with both there."""
    gradient, x, weight = args[:3]
    known = _measured(tracer, x, weight, "backward")
    part = _part(x.shape[0], max(x.numel(), gradient.numel()))
    whole = int((size_of(gradient) + size_of(x)) * part) + size_of(weight)
    if known is not None:
        yield int(known * whole)
    elif _transposes(tracer, x, weight, args[9]):
        yield whole


def _conv_gradients(tracer: Any, args: Any) -> Iterator[int]:
    """What the gradients of input and weight take, and after them the bias's, which is a sum over batch and places.

    All is given back here, one after the other, and the sum has its own name: it is neither a guess nor to be left out.
    Source: convolution_backward in aten/src/ATen/native/Convolution.cpp.
    """
    gradient, x, weight = args[:3]
    with _relaid(tracer, _last(x, weight), gradient, x, weight):
        for size in _conv_backward(tracer, args):
            tracer.ledger.free(tracer.scratch(size, "aten::convolution_backward"))
    if gradient.device.type == "cuda" and len(args) > 10 and args[10][2] and gradient.numel():
        axes = [0, *range(2, gradient.dim())]
        found = reductions.buffers(gradient, axes, _partial(gradient), reductions.gpu(tracer.target))
        if found:
            tracer.ledger.free(tracer.scratch(sum(found), SUM))
    yield from ()


def _partial(x: Any) -> int:
    """Bytes of one partial sum: floats are summed in fp32, whole numbers in 64 bits."""
    return 4 if x.dtype.is_floating_point and x.element_size() <= 4 else 8


def _reduction(fixed: int = 0) -> Callable[..., Iterator[int]]:
    def run(tracer: Any, args: Any) -> Iterator[int]:
        x = args[0]
        if x.device.type != "cuda" or x.layout is not torch.strided or x.numel() == 0 or x.dim() == 0:
            return
        given = args[1] if len(args) > 1 else None
        axes = list(given) if isinstance(given, (list, tuple)) else ([given] if type(given) is int else None)
        yield from reductions.buffers(x, axes, fixed or _partial(x), reductions.gpu(tracer.target))

    return run


def _norm(tracer: Any, args: Any) -> Iterator[int]:
    axes = args[2] if len(args) > 2 else None
    yield from _reduction()(tracer, (args[0], axes))


def _sort(_tracer: Any, args: Any) -> Iterator[int]:
    """Indices, and the second set of keys and values of a radix sort (CUB's, where it is not given one).

    Source: sort_cuda_kernel in Sort.cpp, should_use_small_sort in Sort.h, launch_stable_sort_kernel in SortStable.cu.
    """
    x = args[0]
    if x.device.type != "cuda" or x.dim() == 0 or x.numel() == 0:
        return
    axis = args[1] if len(args) > 1 and isinstance(args[1], int) and not isinstance(args[1], bool) else -1
    length = x.shape[axis]
    if length <= SMALL_SORT:
        yield length * 8
        return
    if x.stride(axis) != 1:  # sorted in a copy, whose values and indices are copied back
        yield from (size_of(x), size_of(x), x.numel() * 8)
    segments = x.numel() // length
    if segments == 1 or length >= LARGE_SEGMENT:
        yield length * 8
        yield length * (x.element_size() + 8)
    elif segments < FEW_SEGMENTS:  # pairs of segment and index twice, and keys that are not wanted
        yield from (x.numel() * 8, x.numel() * 8, size_of(x))
        yield x.numel() * (x.element_size() + 8)
    else:
        yield x.numel() * 8
        yield x.numel() * (x.element_size() + 8)


def _embedding_backward(_tracer: Any, args: Any) -> Iterator[int]:
    """Indices sorted and as they were, where segments start, and a sum of each part of a segment in fp32.

    Source: embedding_dense_backward_cuda in Embedding.cu, embedding_backward_cuda_kernel in EmbeddingBackwardKernel.cu.
    """
    gradient, index, rows = args[0], args[1], args[2]
    count, scaled = index.numel(), len(args) > 4 and bool(args[4])
    if not gradient.is_contiguous():
        yield size_of(gradient)
    if count <= EMBEDDING_SORTS and not scaled:
        return
    segments = min(count, rows)
    parts = count // EMBEDDING_ROWS + segments
    for many in (count, count, count, *((count,) if scaled else ()), segments, segments, parts):
        yield many * index.element_size()
    yield parts * gradient.shape[-1] * max(4, gradient.element_size())


def index_put(_tracer: Any, args: Any) -> Iterator[int]:
    """The gradient of indexing adds up: indices as one number, sorted, as they were, and what sorting takes.

    Source: index_put_with_sort_kernel in Indexing.cu.
    """
    given = [each for each in args[1] if each is not None and each.dtype not in (torch.bool, torch.uint8)]
    if not given or args[0].device.type != "cuda" or not (len(args) > 3 and args[3]):
        return
    count = math.prod(torch.broadcast_shapes(*(each.shape for each in given)))
    for _ in range(4):
        yield count * 8
    yield 2 * count * 8


def _straight(position: int, *others: int) -> Callable[..., Iterator[int]]:
    """A kernel that copies what is not contiguous: layer norm and softmax do."""

    def run(_tracer: Any, args: Any) -> Iterator[int]:
        for each in (args[place] for place in (position, *others) if len(args) > place):
            if each is not None and each.device.type == "cuda" and not each.is_contiguous():
                yield size_of(each)

    return run


def _layer_norm_backward(tracer: Any, args: Any) -> Iterator[int]:
    """Copies of what is not contiguous, and partial sums of the weight's and the bias's gradient where rows abound.

    Source: LaunchGammaBetaBackwardCUDAKernel in layer_norm_kernel.cu, from torch 2.8 on; before there were none.
    """
    x, width, weight = args[1], math.prod(args[2]), args[5] if len(args) > 5 else None
    yield from _straight(0, 1)(tracer, args)
    rows, on = x.numel() // max(width, 1), reductions.gpu(tracer.target)
    many = rows > 64 * 1024 and width // 32 < on.multiprocessors // 2
    if weight is None or not many or tracer.torch_version < (2, 8):
        return
    blocks = min(32 * 1024 // -(-width // 32), -(-rows // 32))
    for wanted in args[7][1:]:
        if wanted:
            yield blocks * width * weight.element_size()


def _foreach_norm(_tracer: Any, args: Any) -> Iterator[int]:
    """A partial norm for every 65,536 numbers of the largest tensor, for every tensor; ForeachReduceOp.cu."""
    given = [each for each in args[0] if each.device.type == "cuda"]
    if given:
        chunks = max(-(-each.numel() // FOREACH_CHUNK) for each in given)
        yield len(given) * chunks * max(4, given[0].element_size())


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


GEMMS = ("mm", "addmm", "bmm", "baddbmm", "_scaled_mm", "addmv", "mv", "dot", "_addmm_activation")
BEFORE: dict[str, Callable[..., Iterator[int]]] = {
    **{f"aten::{name}": _gemm for name in GEMMS},
    "aten::sort": _sort,
    "aten::sort.stable": _sort,
    "aten::native_layer_norm": _straight(0),
    "aten::_softmax": _straight(0),
    "aten::_log_softmax": _straight(0),
    "aten::_softmax_backward_data": _straight(0, 1),
    "aten::_log_softmax_backward_data": _straight(0, 1),
    "aten::native_layer_norm_backward": _layer_norm_backward,
    "aten::native_group_norm_backward": _group_norm_backward,
    "aten::_cdist_backward": _cdist_backward,
    "aten::_pdist_backward": _pdist_backward,
    "aten::_foreach_norm.Scalar": _foreach_norm,
}
"""Taken before the results are."""
PAIR, WELFORD = 16, 16
"""Bytes of a largest value with its index, and of a mean with its squares and counts."""
AFTER: dict[str, Callable[..., Iterator[int]]] = {
    **libraries.AFTER,
    **{f"aten::{name}": _reduction() for name in ("sum", "sum.dim_IntList", "mean", "mean.dim", "nansum")},
    **{f"aten::{name}": _reduction() for name in ("amax", "amin", "max", "min", "prod", "prod.dim_int")},
    **{f"aten::{name}": _reduction(fixed=PAIR) for name in ("max.dim", "min.dim", "argmax", "argmin")},
    **{f"aten::{name}": _reduction(fixed=WELFORD) for name in ("var.correction", "std.correction")},
    **{f"aten::{name}": _reduction(fixed=WELFORD) for name in ("var_mean.correction", "std_mean.correction")},
    "aten::linalg_vector_norm": _norm,
    "aten::convolution": _conv,
    "aten::convolution_backward": _conv_gradients,
    "aten::embedding_dense_backward": _embedding_backward,
    "aten::_index_put_impl_": index_put,
    "aten::_scaled_dot_product_flash_attention": inner.flash_forward,
    "aten::_scaled_dot_product_flash_attention_backward": inner.flash_backward,
    "aten::_scaled_dot_product_efficient_attention": inner.efficient_forward,
    "aten::_scaled_dot_product_efficient_attention_backward": inner.efficient_backward,
    "aten::_scaled_dot_product_cudnn_attention_backward": inner.cudnn_backward,
}
"""Taken after the results are."""
unknown.HANDLERS.update(libraries.HANDLERS)
