"""A number as the paper prints it: its value, and how much the printing hides."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Direction = Literal["lower", "higher"]
NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
RUNS = re.compile(r"(\d+)\s*(?:runs|seeds|trials|repeats)\b|\bn\s*=\s*(\d+)")


@dataclass(frozen=True)
class Printed:
    """The paper's number.

    Attributes:
        value: as printed.
        half_unit: half a unit of the last printed digit; the true value lies within value ± half_unit.
        direction: which way is better.
        sd: the spread that the paper prints, None when it prints none.
        runs: how many runs the paper's number is the mean of; 1 when it does not say.
    """

    value: float
    half_unit: float
    direction: Direction
    sd: float | None = None
    runs: int = 1

    @property
    def scale(self) -> float:
        """What percentages are taken of: |value|, or one printed unit where the paper prints zero."""
        return abs(self.value) or 2 * self.half_unit

    @property
    def easiest(self) -> float:
        """The number that is easiest to reach among those that round to the printed one."""
        return self.value + (self.half_unit if self.direction == "lower" else -self.half_unit)


def printed(text: str, direction: Direction, spread: str = "") -> Printed | None:
    """Read a printed number; None when it is not a finite float.

    >>> printed("0.285", "lower").half_unit, printed("1.20e-3", "lower").half_unit, printed("12", "higher").half_unit
    (0.0005, 5e-06, 0.5)
    """
    number = Decimal(text.strip())
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        return None
    value, half_unit = float(number), float(Decimal(5).scaleb(exponent - 1))
    if not math.isfinite(value) or half_unit == 0:
        return None  # 1e400 and 1e-400 are not numbers of a paper
    return Printed(value, half_unit, direction, *_spread(spread))


def _spread(text: str) -> tuple[float | None, int]:
    """What stands behind the ±, like "0.06" or "0.06 (5 runs)"; read as a standard deviation between runs."""
    runs = RUNS.search(text)
    number = NUMBER.search(RUNS.sub("", text))
    count = int(runs[1] or runs[2]) if runs else 1
    return (float(number[0]) if number else None), max(count, 1)


def decimals(text: str) -> int:
    """Digits behind the point of a printed number.

    >>> decimals("0.285"), decimals("12"), decimals("1e-3")
    (3, 0, 3)
    """
    exponent = Decimal(text.strip()).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 3
