"""Where to look when a number does not match, cheapest first, and what the numbers themselves hint at."""

from __future__ import annotations

import math
from collections.abc import Callable

from reproof.compare.models import Cause
from reproof.compare.printed import Printed
from reproof.compare.rules import CLOSE_FRAC

LOOK_AT = [
    Cause(
        look_at="evaluation split and sample counts",
        question="Is it the split the paper scored, with its number of test and generated samples?",
        cost="one evaluation",
        learning="floor-overlap",
        debug="data-test-size, data-overlap",
    ),
    Cause(
        look_at="preprocessing",
        question="Are scale, range, normalisation, resizing and class balance the paper's, also in what is scored?",
        cost="one evaluation",
        learning="toy-data-scale",
        debug="data-train-range, data-train-normal, data-same-preparation, data-train-classes",
    ),
    Cause(
        look_at="metric definition",
        question="Squared or not, percent or fraction, mean or sum, which package and which of its options?",
        cost="one evaluation",
        learning="geomloss-half-w2",
    ),
    Cause(
        look_at="schedule",
        question="Warm-up, decay, number of steps, when EMA starts: does the logged learning rate follow the paper's?",
        cost="reading metrics.jsonl, then one training run",
        debug="overfit",
    ),
    Cause(
        look_at="effective batch",
        question="micro-batch x accumulation x devices: is it the paper's batch, and is the loss averaged over it?",
        cost="one training run",
        debug="init-loss, samples-apart",
    ),
    Cause(
        look_at="precision",
        question="fp32 against bf16 or fp16, TF32, loss scaling, sums that are taken in half precision?",
        cost="one training run",
        debug="finite, gradients-vanish, gradients-explode",
    ),
    Cause(
        look_at="seed variance",
        question="How far do seeds scatter, and did the paper report its best run or the mean?",
        cost="several training runs",
        learning="metric-floor",
        debug="repeatable",
    ),
]

ALIKE: dict[str, Callable[[float], float]] = {
    "ours squared": lambda ours: ours * ours,
    "the square root of ours": lambda ours: math.sqrt(ours) if ours >= 0 else math.nan,
    "100 times ours": lambda ours: 100 * ours,
    "ours divided by 100": lambda ours: ours / 100,
}


def hints(paper: Printed, ours: float) -> list[str]:
    """Readings of our number that would agree with the paper's: a question to ask, never a verdict."""
    near = max(paper.half_unit, CLOSE_FRAC * paper.scale)
    return [
        f"{name} is {value:.4g}, near the paper's {paper.value:.4g}: is the metric defined differently?"
        for name, change in ALIKE.items()
        if abs((value := change(ours)) - paper.value) <= near
    ]
