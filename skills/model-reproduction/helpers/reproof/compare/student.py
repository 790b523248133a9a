"""Quantiles of Student's t in plain Python, so that a verdict needs neither numpy nor scipy."""

from __future__ import annotations

import math
from functools import cache

TINY = 1e-300
ACCURACY = 1e-15


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes, section 6.4)."""
    c, d = 1.0, 1.0 / max(1.0 - (a + b) * x / (a + 1), TINY)
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / (1.0 + term * d or TINY)
            c = 1.0 + term / c or TINY
            step = c * d
            value *= step
        if abs(step - 1.0) < ACCURACY:
            break
    return value


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b).

    >>> incomplete_beta(1, 1, 0.25)
    0.25
    """
    if x in (0.0, 1.0):
        return x
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _beta_fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _beta_fraction(b, a, 1.0 - x) / b


def t_cdf(t: float, df: int) -> float:
    """P(T <= t) for t >= 0 with `df` degrees of freedom."""
    return 1.0 - 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t))


@cache
def t_quantile(p: float, df: int) -> float:
    """The t with P(T <= t) = p, for 0.5 <= p < 1 and df >= 1; about 12 correct digits.

    >>> round(t_quantile(0.975, 4), 6)
    2.776445
    """
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2
