"""What the kernels of scaled_dot_product_attention allocate inside: accumulators in fp32, sums, copies, parts.

Each function gets the operator's arguments, layout (batch, heads, length, width), and yields sizes in bytes.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from . import reductions

HALF = (torch.float16, torch.bfloat16)
MOST_SPLITS = 128
FIRST_SPLIT_KEYS = 200
LOCK_BYTES = 16
"""GradQTempStorage in kernel_backward.h: a lock, a counter and padding before each tile of the query's gradient."""


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _bytes(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def _argument(args: Any, position: int, default: Any) -> Any:
    return args[position] if len(args) > position and args[position] is not None else default


def _rounded(width: int, version: tuple[int, ...]) -> int:
    """The width of a head as flash attention pads it in its fp32 buffers.

    Source: head_size_rounded in transformers/cuda/flash_attn/flash_api.cpp.
    """
    return _up(width, 32 if width <= 128 or (width <= 192 and version < (2, 8)) else 64)


def splits(rows: int, multiprocessors: int, blocks: int) -> int:
    """Into how many parts flash attention cuts the keys where batch, heads and queries leave the GPU half empty.

    Args:
        rows: batch times heads times blocks of 64 queries.
        multiprocessors: twice the GPU's, as set_params_splitkv gives them.
        blocks: blocks of keys.

    Source: num_splits_heuristic in transformers/cuda/flash_attn/flash_api.cpp.
    """
    if rows >= 0.8 * multiprocessors:
        return 1
    counts = range(1, min(MOST_SPLITS, multiprocessors, blocks) + 1)
    worth = [n for n in counts if n == 1 or -(-blocks // n) != -(-blocks // (n - 1))]
    waves = {n: rows * n / multiprocessors for n in worth}
    filled = {n: waves[n] / math.ceil(waves[n]) for n in worth}
    return next(n for n in worth if filled[n] >= 0.85 * max(filled.values()))


def flash_forward(tracer: Any, args: Any) -> Iterator[int]:
    """Partial outputs where the keys are split; set_params_splitkv in flash_api.cpp."""
    query, key = args[0], args[1]
    batch, heads, length, width = query.shape
    if _argument(args, 3, 0.0):  # not implemented with dropout
        return
    block = 256 if width <= 64 else (128 if width <= 128 else 64)
    on = reductions.gpu(tracer.target)
    parts = splits(batch * heads * -(-length // 64), 2 * on.multiprocessors, -(-key.shape[2] // block))
    if parts > 1:
        yield parts * batch * heads * length * 4
        yield parts * batch * heads * length * _rounded(width, tracer.torch_version) * 4


def flash_backward(tracer: Any, args: Any) -> Iterator[int]:
    """Row sums, the query's gradient in fp32, and dk and dv of every query head; mha_bwd in flash_api.cpp."""
    gradient, query, key, out = args[0], args[1], args[2], args[4]
    batch, heads, length, width = query.shape
    for each in (gradient, out):  # both are wanted with the heads side by side
        if not each.transpose(1, 2).is_contiguous():
            yield _bytes(each)
    rows = batch * heads * _up(length, 128)
    yield rows * 4
    parts = 1
    if torch.are_deterministic_algorithms_enabled() and not torch.is_deterministic_algorithms_warn_only_enabled():
        parts = -(-reductions.gpu(tracer.target).multiprocessors // (batch * heads))
    yield parts * rows * _rounded(width, tracer.torch_version) * 4
    if heads != key.shape[1]:
        for _ in range(2):
            yield batch * key.shape[2] * heads * width * query.element_size()


def efficient_forward(_tracer: Any, args: Any) -> Iterator[int]:
    """An output in fp32 where a 16-bit one does not stay in registers; kNeedsOutputAccumulatorBuffer, attention.cu."""
    query, value = args[0], args[2]
    if query.dtype in HALF and value.shape[-1] > 128:
        yield query.shape[0] * query.shape[1] * query.shape[2] * value.shape[-1] * 4


def tiles(width: int, half: bool, dropout: bool, capability: tuple[int, int]) -> tuple[int, int, bool]:
    """Queries and keys of a block of the memory-efficient backward, and whether dk and dv stay in registers.

    The first kernel that fits, in the order of mem_eff_attention/kernels/cutlassB.h. That the tiles of 128 need more
    shared memory than a multiprocessor below 8.0, of 8.6, 8.9 and 12.0 has is what generate_kernels.py says of them.
    """
    ampere = capability[0] >= 8
    roomy = capability in ((8, 0), (8, 7), (7, 0)) or capability[0] in (9, 10)
    if width <= 64:
        return 64, 64, half
    if half and ampere and not dropout and width <= 96:
        return 128, 64, True
    if roomy and (half or ampere):
        within = half and width <= 128
        return 128, 128 if within and ampere else 64, within
    return 64, 64, False


def efficient_backward(tracer: Any, args: Any) -> Iterator[int]:
    """Row sums and the accumulators; _efficient_attention_backward in attention_backward.cu.

    `Params::workspace_size` of mem_eff_attention/kernel_backward.h: the query's gradient in fp32 in tiles with a lock
    each, and those of key and value where they do not stay in registers. In fp32 the row sums are made of the whole
    product of gradient and output first, which is about as large; the larger of the two is taken.
    """
    gradient, query, key, value = args[0], args[1], args[2], args[3]
    batch, heads, length, width = query.shape
    keys, half, largest = key.shape[2], query.dtype in HALF, max(width, value.shape[-1])
    if not gradient.transpose(1, 2).is_contiguous():
        yield _bytes(gradient)
    sums = batch * heads * length * 4
    yield sums
    i, j, inside = tiles(largest, half, bool(_argument(args, 9, 0.0)), tracer.target.capability)
    numbers = 0
    if tracer.target.capability >= (7, 0):
        numbers += -(-length // i) * -(-width // j) * (LOCK_BYTES + i * j * 4) // 4
    if half and not inside:
        parts = max(1, min(-(-keys // j), FIRST_SPLIT_KEYS // (batch * heads)))
        numbers += parts * j * (_up(width, i) + _up(value.shape[-1], i))
    workspace = batch * heads * _up(numbers, 4) * 4
    yield workspace if half else max(workspace, sums * value.shape[-1] + sums)


def cudnn_backward(_tracer: Any, args: Any) -> Iterator[int]:
    """One workspace: row sums and the query's gradient in fp32; dk and dv of every query head where they are grouped.

    The first two are `softmax_sum_size` and `dQ_accum_size` of cudnn-frontend's SDPA backward node (cuDNN from 9.0 on);
    that the grouped ones are in the workspace too, and that the plan itself asks for no more, is a guess.
    """
    query, key, value = args[1], args[2], args[3]
    batch, heads, length, width = query.shape
    size = batch * heads * length * 4 * (1 + width)
    for each in (key, value):
        if each.shape[1] != heads:
            size += batch * heads * each.shape[2] * each.shape[3] * each.element_size()
    yield size
