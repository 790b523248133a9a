"""Wall-clock of a step from its FLOPs and bytes, as a range: a roofline per operator, near the peak and far from it.

The lower end lets every operator run at the card's full arithmetic or 95 % of its bandwidth, whichever takes longer,
with what fits the cache read for free, and in no less than a microsecond. A lower end may assume no loss: with 90 % of
the arithmetic, two of 53 training steps that timm has on record for an RTX 3090 were 3 to 4 % faster than it.
The upper end takes 30 % and 50 %, and a gap for every launch. Training loops on record lie between: large language
models use 30 to 60 % of the peak (PaLM, arXiv:2204.02311, section 4.1, table 3). Slower than it were three of those 53,
all with convolutions in groups in NHWC, under torch 1.12 of 2022; in NCHW the same models take 0.33 to 0.42 of that.
Data loading, evaluation and checkpoints are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reproof.units import show_seconds
from reproof.vram.gpus import Gpu
from reproof.vram.models import StepTime

NEAR, FAR = (1.00, 0.95), (0.30, 0.50)
"""Shares of arithmetic and of bandwidth."""
GAP_S = 12e-6
"""From one launch to the next when Python is what it waits for; 5 to 20 microseconds are common, none measured here."""
LEAST_S = 1e-6
"""A kernel that has nothing to do still takes that long, on any card and however it is launched."""
CACHE_BYTES = 4 * 2**20
FP64 = {(6, 0): 2, (7, 0): 2, (7, 5): 32, (8, 0): 1, (9, 0): 1, (10, 0): 2}
"""Products in fp32 for one in fp64, tensor cores of A100 and H100 included; 64 on all other cards.

Source: NVIDIA's data sheets of P100, V100, A100, H100 and B200; of the others the throughput of instructions per clock
in the CUDA programming guide. From memory, not re-read.
"""
TABLE = "FLOPs by torch's formulas, bytes of every operator, data-sheet speeds; no GPU has calibrated this range"
MEASURED = (
    "FLOPs by torch's formulas, bytes of every operator, speeds measured by vram.py calibrate on this kind of card"
)


def said(time: StepTime) -> str:
    """The range in words, for a report.

    >>> said(StepTime(low_s=0.01, high_s=0.03, run_low_s=10, run_high_s=30, bound_by="memory", source="x"))
    'one update takes 10.0 to 30.0 ms, all of them 10 s to 30 s, waiting most for memory (a range that no GPU checked)'
    """
    run = time.run_low_s, time.run_high_s
    whole = f", all of them {show_seconds(run[0])} to {show_seconds(run[1])}" if run[0] and run[1] else ""
    checked = "" if time.source == MEASURED else " (a range that no GPU checked)"
    return (
        f"one update takes {1000 * time.low_s:.1f} to {1000 * time.high_s:.1f} ms{whole}, waiting most for "
        f"{time.bound_by}{checked}"
    )


def peaks(card: Gpu) -> dict[str, float] | None:
    """FLOP/s by number format; None where the card's speed is not known."""
    if not card.tflops or not card.bandwidth_gb_per_s:
        return None
    fp32, tf32, half = (each * 1e12 for each in card.tflops)
    found = {"fp32": fp32, "tf32": tf32 or fp32, "half": half or fp32, "fp64": fp32 / FP64.get(card.capability, 64)}
    if card.constants is not None:
        speed = card.constants.matmul_flop_per_s
        found |= {"fp32": max(speed.get("float32", 0), fp32), "half": speed.get("half", found["half"])}
    return found


def step_time(card: Gpu, work: Iterable[list[Any]], steps: int | None = None, per_step: float = 1) -> StepTime | None:
    """The range for one step, and for `steps` of them.

    Args:
        card: decides the speeds.
        work: rows of number format, FLOPs, bytes and how often, as the tracer counts them.
        steps: optimizer updates of the run.
        per_step: how often `work` is done for one update.
    """
    speed = peaks(card)
    if speed is None:
        return None
    bandwidth = card.constants.copy_bytes_per_s if card.constants else card.bandwidth_gb_per_s * 1e9
    low = high = arithmetic = memory = launches = 0.0
    for form, flops, moved, count in work:
        compute, traffic = flops / speed[form], moved / bandwidth
        low += count * max(compute / NEAR[0], traffic / NEAR[1] if moved > CACHE_BYTES else 0.0, LEAST_S)
        slow = max(compute / FAR[0], traffic / FAR[1])
        high += count * (slow + GAP_S)
        launches += count * GAP_S
        arithmetic += count * (compute if compute >= traffic else 0)
        memory += count * (traffic if traffic > compute else 0)
    kinds = {"arithmetic": arithmetic / FAR[0], "memory": memory / FAR[1], "launches": launches}
    low, high = low * per_step, high * per_step
    return StepTime(
        low_s=low,
        high_s=high,
        run_low_s=low * steps if steps else None,
        run_high_s=high * steps if steps else None,
        bound_by=max(kinds, key=lambda kind: kinds[kind]),
        source=MEASURED if card.constants else TABLE,
    )
