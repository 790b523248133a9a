"""Which GPU holds it: three grades, the largest micro-batch, and the split that keeps the samples seen constant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reproof.vram.gpus import Gpu
from reproof.vram.models import GpuFit, Grade

FITS_FRAC, FULL_FRAC = 0.92, 1.0
"""Up to 0.92 of the usable memory "fits", up to all of it is "tight".

The caching allocator reserves more than the tensors need: 8.2 % more at the median of 56 fine-tuning methods on an L40S
(the MetaMathQA benchmark of github.com/huggingface/peft). That is the room which "fits" leaves.
"""
MOST = 2**24
NO_BF16 = "no native bf16: torch emulates it, slower than fp32; use amp-fp16 or fp32 there"
NOT_EQUIVALENT = (
    "a smaller Sinkhorn batch is a different method, and accumulation does not make up for it: "
    "the potentials depend on all points of the batch together"
)


@dataclass(frozen=True)
class Split:
    """How one optimizer update is cut into forward passes."""

    micro_batch: int
    accumulate: int
    steps: int | None


def grade(needed_bytes: int, usable_bytes: int) -> Grade:
    """Fits up to 0.92 of the usable memory, tight up to all of it, no above.

    >>> grade(92, 100), grade(93, 100), grade(100, 100), grade(101, 100)
    ('fits', 'tight', 'tight', 'no')
    """
    if needed_bytes <= FITS_FRAC * usable_bytes:
        return "fits"
    return "tight" if needed_bytes <= FULL_FRAC * usable_bytes else "no"


def largest(fits: Callable[[int], bool], most: int = MOST) -> int:
    """The largest whole number up to `most` that fits, 0 if none; `fits` must not come back once it is false.

    >>> largest(lambda batch: batch <= 37)
    37
    """
    if not fits(1):
        return 0
    low, high = 1, 2
    while high <= most and fits(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def split(batch: int, most: int, steps: int | None = None) -> Split:
    """`batch` samples per update in even micro-batches of at most `most`, and the updates that see as many samples.

    A divisor of the batch of at least half of `most` is taken where there is one: then nothing but speed changes.
    Otherwise micro-batch times accumulate exceeds the batch a little, and there are fewer updates.

    >>> split(128, most=50, steps=1000)
    Split(micro_batch=32, accumulate=4, steps=1000)
    >>> split(127, most=50, steps=1000)  # 129 samples per update
    Split(micro_batch=43, accumulate=3, steps=985)
    """
    if most >= batch:
        return Split(batch, 1, steps)
    even = next((size for size in range(most, 0, -1) if batch % size == 0), 1)
    if 2 * even >= most:
        return Split(even, batch // even, steps)
    accumulate = -(-batch // most)
    micro = -(-batch // accumulate)
    return Split(micro, accumulate, -(-steps * batch // (micro * accumulate)) if steps else None)


def fit(
    gpu: Gpu,
    needed: Callable[[int, bool], int],
    batch: int,
    steps: int | None = None,
    *,
    planned: int = 1,
    splits: bool = True,
    notes: Iterable[str] = (),
) -> GpuFit:
    """The verdict for a batch as planned, and how to cut it when it does not fit.

    Args:
        gpu: the card.
        needed: bytes for a micro-batch; the flag says whether gradients accumulate over several.
        batch: samples per optimizer update.
        steps: planned updates.
        planned: micro-batches per update that the plan already has.
        splits: the batch may be cut; a Sinkhorn batch may not.
        notes: what else is to be said about this card.
    """
    usable = gpu.usable_bytes
    bytes_ = needed(-(-batch // planned), planned > 1)
    verdict = grade(bytes_, usable)
    # gradients that persist between micro-batches take room too, so cutting starts below one whole batch's need
    cuts = planned > 1 or (splits and verdict != "fits")
    most = largest(lambda size: needed(size, cuts) <= FITS_FRAC * usable)
    parts = split(batch, min(most, -(-batch // planned)), steps) if splits and most else None
    return GpuFit(
        gpu=gpu.name,
        usable_bytes=usable,
        needed_bytes=bytes_,
        used_frac=round(bytes_ / usable, 4),
        verdict=verdict,
        largest_micro_batch=most or None,
        micro_batch=parts.micro_batch if parts else None,
        accumulate=parts.accumulate if parts else None,
        steps=parts.steps if parts else None,
        notes=list(notes),
    )
