"""What a floor means: the metric between independent draws of the truth, against the paper's number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reproof.compare.printed import Printed
from reproof.compare.rules import sample_of

MIN_DRAWS = 19
"""With fewer draws than 19, one more draw falls below all of them more often than once in twenty."""

LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class FloorValues:
    """Draws of the metric between two samples of the truth, summed up."""

    n: int
    mean: float
    sd: float
    q05: float
    q95: float


def quantile(values: Sequence[float], p: float) -> float:
    """Linear interpolation between order statistics (Hyndman and Fan's type 7, numpy's default).

    >>> quantile([3.0, 1.0, 2.0], 0.25)
    1.5
    """
    ordered = sorted(values)
    place = p * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def floor_of(values: Sequence[float]) -> FloorValues:
    """Mean, spread and the outer quantiles of at least one finite draw."""
    found = sample_of(values)
    return FloorValues(found.n, found.mean, found.sd, quantile(values, LOW), quantile(values, HIGH))


def attainable(paper: Printed, floor: FloorValues) -> bool | None:
    """Whether a perfect model reaches the paper's number more than once in twenty; None with too few draws.

    For a metric where lower is better the floor's 5 % quantile decides, where higher is better its 95 % quantile. The
    paper gets the benefit of rounding.
    """
    if floor.n < MIN_DRAWS:
        return None
    if paper.direction == "lower":
        return paper.easiest >= floor.q05
    return paper.easiest <= floor.q95


def reached(paper: Printed, values: Sequence[float]) -> int:
    """How many draws are as good as the paper's number or better."""
    if paper.direction == "lower":
        return sum(value <= paper.easiest for value in values)
    return sum(value >= paper.easiest for value in values)


def beyond(paper: Printed, floor: FloorValues, value: float, n: int = 1) -> bool:
    """Whether `value`, a mean of `n`, is better than what 19 of 20 means of `n` draws of the truth reach.

    A mean of n draws scatters by 1/sqrt(n): the quantile of single draws moves towards the floor's mean by as much.
    """
    quantile = floor.q05 if paper.direction == "lower" else floor.q95
    limit = floor.mean + (quantile - floor.mean) / math.sqrt(n)
    return value < limit if paper.direction == "lower" else value > limit
