"""Bootstrap in plain Python: deterministic, and cheap enough for thousands of claims."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from reproof.compare.floors import quantile

T = TypeVar("T")
SEED = 20_260_101
MOST, LEAST, BUDGET = 2000, 100, 200_000


def rounds(size: int) -> int:
    """Resamples for samples of `size`: fewer where each is dear."""
    return max(LEAST, min(MOST, BUDGET // max(size, 1)))


def interval(draw: Callable[[random.Random], float], size: int) -> tuple[float, float]:
    """The 95 % percentile interval of a statistic, from `draw`, which resamples and computes it once."""
    generator = random.Random(SEED)
    values = [draw(generator) for _ in range(rounds(size))]
    return quantile(values, 0.025), quantile(values, 0.975)


def again(generator: random.Random, values: Sequence[T]) -> list[T]:
    """As many values, drawn with replacement."""
    return generator.choices(values, k=len(values))


def iqm(values: Sequence[float]) -> float:
    """Interquartile mean: the mean of the middle half, with fractions of the values at its ends.

    >>> iqm([1.0, 2.0, 3.0, 100.0]), iqm([5.0])
    (2.5, 5.0)
    """
    ordered, quarter = sorted(values), len(values) / 4
    first = math.floor(quarter)
    share = first + 1 - quarter  # of the outermost values that still belong to the middle half
    if len(ordered) < 2 * first + 2:
        return ordered[len(ordered) // 2]
    inner = math.fsum(ordered[first + 1 : len(ordered) - first - 1])
    return (inner + share * (ordered[first] + ordered[-first - 1])) / (len(ordered) / 2)


def share_interval(count: int, total: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a share, without resampling: resampled counts are binomial.

    >>> share_interval(3, 4), share_interval(4, 4)
    ((0.25, 1.0), (1.0, 1.0))
    """
    p = count / total
    if p in (0.0, 1.0):
        return p, p
    log_p, log_q = math.log(p), math.log1p(-p)
    found: list[float] = []
    below = 0.0
    levels = [0.025, 0.975]
    for k in range(total + 1):
        ways = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        below += math.exp(ways + k * log_p + (total - k) * log_q)
        while len(found) < 2 and below >= levels[len(found)]:
            found.append(k / total)
    low, high = [*found, 1.0, 1.0][:2]
    return low, high


def kendall(left: Sequence[float], right: Sequence[float]) -> float:
    """Kendall's tau-b: 1 for the same order, -1 for the opposite; 0 where one side is all ties.

    >>> kendall([1, 2, 3], [10, 20, 30]), kendall([1, 2, 3], [3, 2, 1]), kendall([1, 1], [1, 2])
    (1.0, -1.0, 0.0)
    """
    agree = ties_left = ties_right = pairs = 0
    for i in range(len(left)):
        for j in range(i):
            a, b = _sign(left[i] - left[j]), _sign(right[i] - right[j])
            agree += a * b
            ties_left += a == 0
            ties_right += b == 0
            pairs += 1
    scale = ((pairs - ties_left) * (pairs - ties_right)) ** 0.5
    return float(agree / scale) if scale else 0.0


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
