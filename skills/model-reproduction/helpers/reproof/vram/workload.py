"""What a counted network computes and moves in one step, for a range of its wall-clock without running anything.

FLOPs are counted layer by layer like the memory. Bytes are not: every saved tensor is written once, read by what comes
next, and met by its gradient; how many passes over the saved bytes a step makes differs with the code. Of 28 traced
steps of six families (benchmarks/vram_families.py) the middle makes 8.7 beside weights and optimizer, an MLP 5.7, a
LLaMA in plain operators 13.4. PASSES spans them, so that one range holds for thrifty and for plain code.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, log, sqrt
from typing import Any

from reproof.vram import clock
from reproof.vram.gpus import Gpu
from reproof.vram.models import GpuFit, StepTime
from reproof.vram.nets import Layer, Net
from reproof.vram.states import WIDTHS, Optimizer, Precision, State, Update
from reproof.vram.step import again_bytes, kept_bytes

PASSES = (5.5, 13.5)
"""Times that a step reads or writes the bytes that autograd saves: fewest and most."""
BACKWARD = 2.0
"""Products of a backward pass over those of the forward: one for the input's gradient, one for the weight's."""
AGAIN = 0.5
"""Of attention's products: a fused backward computes the scores once more."""
OPS_BACKWARD = 2.0
# tensors of parameters' size that the update reads or writes: torch/optim, multi-tensor and fused kernels
UPDATE_PASSES: dict[Update, dict[Optimizer, int]] = {
    "foreach": {"sgd": 3, "momentum": 8, "adam": 19, "adamw": 21, "adam8bit": 4, "adamw8bit": 4},
    "fused": {"sgd": 3, "momentum": 5, "adam": 7, "adamw": 7, "adam8bit": 4, "adamw8bit": 4},
}
SOURCE = (
    f"FLOPs counted layer by layer; bytes as {PASSES[0]:g} to {PASSES[1]:g} passes over what autograd saves; "
    "data-sheet speeds; no GPU has calibrated this range; without loading of data, evaluation and checkpoints"
)
Row = list[Any]


def training_work(
    net: Net, kept: State, precision: Precision, micro_batch: int, accumulate: int, passes: float,
    optimizer: Optimizer, update: Update, frozen: Iterable[Net] = (),
) -> list[Row]:  # fmt: skip
    """Rows of number format, FLOPs, bytes and count for one optimizer update of `accumulate` micro-batches."""
    width = WIDTHS[precision]
    rows: list[Row] = []
    for layer in net.layers:
        again = layer.again is not None
        saved = micro_batch * (again_bytes(layer, width) if again else kept_bytes(layer, width))
        runs = 2 + BACKWARD if again else 1 + BACKWARD
        flops = micro_batch * (runs * layer.flops + AGAIN * layer.scores)
        weights = layer.params * (2 * width.matmul + width.gradient)
        moved = passes * saved * (runs / (1 + BACKWARD))
        rows += _rows(layer, precision, flops, moved, weights, round(layer.ops * (runs - 1 + OPS_BACKWARD - 1)))
    for other in frozen:
        for layer in other.layers:
            moved = passes / 3 * micro_batch * kept_bytes(layer, width)
            rows += _rows(layer, precision, micro_batch * layer.flops, moved, layer.params * width.matmul, layer.ops)
    rows = [[form, flops, moved, count * accumulate] for form, flops, moved, count in rows]
    tensors = UPDATE_PASSES[update][optimizer] + (3 if kept.ema_bytes else 0)
    count = tensors if update == "foreach" else 1
    params = net.params * max(width.weight, width.master)
    return [*rows, ["fp32", 0, params * tensors // count, count]]


def _rows(layer: Layer, precision: Precision, flops: float, moved: float, weights: int, ops: int) -> list[Row]:
    """The products of a layer, with a third of what it moves, and its other kernels."""
    half = WIDTHS[precision].matmul == 2
    form = "half" if half else "tf32" if layer.convolution else "fp32"  # torch's defaults for fp32
    if not flops:
        return [["fp32", 0, (moved + weights) / max(ops, 1), max(ops, 1)]]
    return [[form, flops, moved / 3 + weights, 1], ["fp32", 0, 2 * moved / 3 / max(ops - 1, 1), max(ops - 1, 1)]]


def between(gpu: Gpu, least: list[Row], most: list[Row], steps: int | None, source: str) -> StepTime | None:
    """The range from the least work, near the card's peak, to the most, far from it."""
    low, high = clock.step_time(gpu, least, steps), clock.step_time(gpu, most, steps)
    if low is None or high is None:
        return None
    return high.model_copy(update={"low_s": low.low_s, "run_low_s": low.run_low_s, "source": source})


def told(one: GpuFit, time: StepTime | None) -> GpuFit:
    """The verdict on a GPU with its wall-clock, as data and in words."""
    return one.model_copy(update={"time": time, "notes": [*one.notes, clock.said(time)]}) if time else one


def training_time(
    gpu: Gpu, net: Net, kept: State, precision: Precision, micro_batch: int, accumulate: int, optimizer: Optimizer,
    update: Update, steps: int | None, frozen: Iterable[Net] = (),
) -> StepTime | None:  # fmt: skip
    """The wall-clock of one update, and of `steps` of them; None where the card's speed is not known."""
    others = list(frozen)
    works = [
        training_work(net, kept, precision, micro_batch, accumulate, passes, optimizer, update, others)
        for passes in PASSES
    ]
    return between(gpu, works[0], works[1], steps, SOURCE)


SOFTMIN_PASSES = (5, 8)
"""Times that one softmin reads or writes its N x M matrix: C/eps, the sum with the potential, and logsumexp.

Traced calls of geomloss 0.3.1 make 6.1, in 10 kernels.
"""
SOFTMIN_OPS = 10
SINKHORN = (
    "{0} to {1} epsilon steps (blur {2:g}, scaling {3:g}, a diameter of the clouds from 1 to {4:.3g}, which the plan "
    "does not know), {5} to {6} passes over each cost matrix; data-sheet speeds; no GPU has calibrated this range"
)


def epsilon_steps(diameter: float, blur: float, scaling: float) -> int:
    """Steps of geomloss's epsilon schedule: one at the diameter, a geometric fall to the blur, one at the blur.

    geomloss 0.3.1, epsilon_schedule: [diameter^p] + exp(arange(p log diameter, p log blur, p log scaling)) + [blur^p].

    >>> epsilon_steps(2.0, 0.05, 0.5)  # log2(40) = 5.3, so six in between
    8
    """
    return 2 + max(0, ceil(log(diameter / blur) / -log(scaling))) if diameter > blur else 2


def flow_work(n: int, d: int, steps: int, iterations: int, passes: float) -> list[Row]:
    """Rows for one batch of a pool: `steps` velocities, each of two Sinkhorn problems with both softmins.

    Every epsilon step makes four softmins; so does the start, the last step that has gradients, and its backward.
    """
    pairs = n * n
    products = ["fp32", 2 * pairs * d, 4 * (pairs + 2 * n * d), 6 * steps]  # four distances, and two gradients
    softmins = 4 * (iterations + 3)
    return [products, ["fp32", 0, passes * 4 * pairs / SOFTMIN_OPS, softmins * SOFTMIN_OPS * steps]]


def flow_time(
    gpu: Gpu, n: int, d: int, steps: int, batches: int | None, blur: float = 0.05, scaling: float = 0.5
) -> StepTime | None:
    """The wall-clock of one batch of a trajectory pool, and of all of them."""
    widest = 2 * sqrt(d)  # opposite corners of [-1, 1]^d
    counts = epsilon_steps(1.0, blur, scaling), epsilon_steps(max(widest, 1.0), blur, scaling)
    works = [flow_work(n, d, steps, count, passes) for count, passes in zip(counts, SOFTMIN_PASSES, strict=True)]
    return between(gpu, works[0], works[1], batches, SINKHORN.format(*counts, blur, scaling, widest, *SOFTMIN_PASSES))
