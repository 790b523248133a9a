"""The buffer of a sum, a mean or the like that many blocks of a GPU work on together; and what the GPU has to run them.

A column sum, as the gradient of every bias is one, takes 132 MiB on an H200 and 108 MiB on an A100, however many the
columns: `global_memory_size` counts every thread of a block as if each had outputs of its own.

Source: ReduceConfig and setReduceConfig in aten/src/ATen/native/cuda/Reduce.cuh, the header in the wheel of torch 2.13.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from typing import Any, NamedTuple

MULTIPROCESSORS = {
    "2080 TI": 68, "3060": 28, "3090": 82, "4090": 128, "5090": 170, "A100": 108, "L40S": 142, "H100": 132, "H200": 132,
    "B200": 148, "P100": 56, "V100": 80, "A10": 80, "T4": 40, "L4": 58,
}  # fmt: skip
"""Of each card of our table, from NVIDIA's data sheets; the longest name that is part of a card's name counts."""
OF_CAPABILITY = {(6, 0): 56, (7, 0): 80, (7, 5): 40, (8, 0): 108, (8, 6): 82, (8, 9): 128, (9, 0): 132, (10, 0): 148}
THREADS = {(7, 5): 1024, (8, 6): 1536, (8, 7): 1536, (8, 9): 1536, (12, 0): 1536, (12, 1): 1536}
"""Largest number of threads on a multiprocessor, where it is not 2048: CUDA's guide, table of compute capabilities."""
WARP, BLOCK_THREADS = 32, 512
FEW, MANY = 16, 256
"""Values per thread that a further split leaves at least, and those from which on it is made."""


class Gpu(NamedTuple):
    """What a launch asks of the GPU."""

    multiprocessors: int
    threads: int


class Dim(NamedTuple):
    """One dimension of a tensor, with the stride in elements."""

    stride: int
    size: int


def gpu(target: Any) -> Gpu:
    """Multiprocessors, and threads that fit on each."""
    name = str(getattr(target, "name", "")).upper()
    named = [key for key in MULTIPROCESSORS if key in name]
    capability = tuple(target.capability)
    known = MULTIPROCESSORS[max(named, key=len)] if named else OF_CAPABILITY.get(capability, 108)
    return Gpu(known, THREADS.get(capability, 2048))


def _merged(x: Any, axes: set[int], wanted: bool) -> list[Dim]:
    """The dimensions that are reduced, or those that stay, fastest first; neighbours in memory are one."""
    found = [Dim(x.stride(i), x.shape[i]) for i in range(x.dim()) if (i in axes) == wanted and x.shape[i] != 1]
    merged: list[Dim] = []
    for each in sorted(found):
        if merged and merged[-1].stride * merged[-1].size == each.stride:
            merged[-1] = Dim(merged[-1].stride, merged[-1].size * each.size)
        else:
            merged.append(each)
    return merged


def _power(size: int, limit: int) -> int:
    return limit if size >= limit else 1 << (max(1, size).bit_length() - 1)


def _vector(x: Any, reduced: list[Dim], kept: list[Dim]) -> int:
    """How many outputs a thread makes at once."""
    vector = 4
    for count in (x.storage_offset(), kept[0].size, *(each.stride for each in reduced + kept[1:])):
        while count % vector:
            vector //= 2
    return vector


def buffers(x: Any, axes: list[int] | tuple[int, ...] | None, width: int, on: Gpu) -> list[int]:
    """Bytes that reducing `x` over `axes` (all of them: None) allocates inside: the partial results, and a counter.

    Args:
        x: the tensor that is reduced.
        axes: as in torch.sum.
        width: bytes of one partial result: 4 for a sum of floats, 16 for a variance or a largest value and its index.
        on: the GPU.
    """
    rank = x.dim()
    over = {axis % rank for axis in axes} if axes else set(range(rank))
    reduced, kept = _merged(x, over, True), _merged(x, over, False)
    inputs, outputs = math.prod(each.size for each in reduced), math.prod(each.size for each in kept)
    if not reduced or not inputs or not outputs:
        return []
    along = not kept or reduced[0].stride < kept[0].stride
    fast, slow = (inputs, outputs) if along else (outputs, inputs)
    vector = 1
    if (reduced if along else kept)[0].stride == 1:
        if along and fast >= 128 and len(reduced) == 1:
            fast //= 4
        elif not along:
            vector = _vector(x, reduced, kept)
            fast //= vector
    limit = BLOCK_THREADS // vector
    across, down = _power(fast, limit), _power(slow, limit)
    wide = min(across, WARP)
    high = min(down, limit // wide)
    wide = min(across, limit // high)
    return _split(inputs, outputs, along, vector, wide, high, width, on)


def _split(inputs: int, outputs: int, along: bool, vector: int, wide: int, high: int, width: int, on: Gpu) -> list[int]:
    """The buffers of blocks of `wide` by `high` threads, none where one block reduces each output alone."""
    step = wide if along else 1
    if -(-inputs // step) < min(high * FEW, MANY):
        return []
    values = -(-inputs // (step * high))
    grid = -(-(outputs // vector) // (1 if along else wide))
    target = on.multiprocessors * (on.threads // (wide * high))
    if values < MANY or grid > target:
        return []
    blocks = max(min(-(-target // grid), -(-values // FEW)), -(-values // MANY))
    if blocks < 2:
        return []
    return [width * outputs * blocks * (1 if along else wide * vector), 4 * grid]
