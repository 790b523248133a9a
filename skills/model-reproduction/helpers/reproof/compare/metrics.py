"""Names of metrics: what the last words of a name say about unit and power, and conversion between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

UNITS = {"percent": "percent", "pct": "percent", "%": "percent", "frac": "frac", "fraction": "frac"}
SQUARED = {"squared", "sq"}
PER_FRAC = {"percent": 100.0, "frac": 1.0}


@dataclass(frozen=True)
class Metric:
    """A metric without its unit and power, and these two."""

    base: str
    power: int = 1
    unit: str = ""


@lru_cache(maxsize=1024)
def metric_of(name: str, unit: str = "") -> Metric:
    """What a name says; a unit said beside the name wins over one in it.

    >>> metric_of("w2_squared"), metric_of("accuracy_percent").unit, metric_of("mean_squared_error").power
    (Metric(base='w2', power=2, unit=''), 'percent', 1)
    """
    words, power, named = name.lower().split("_"), 1, ""
    while len(words) > 1 and (words[-1] in UNITS or words[-1] in SQUARED):
        word = words.pop()
        power, named = (2, named) if word in SQUARED else (power, UNITS[word])
    return Metric("_".join(words), power, UNITS.get(unit.lower(), unit.lower()) or named)


def convert(value: float, have: Metric, want: Metric) -> float | None:
    """`value` of metric `have` as metric `want`; None where there is no way.

    A unit that only one of the two states is taken to be the same: nothing is guessed from the size of a number.

    >>> convert(0.25, metric_of("w2_squared"), metric_of("w2")), convert(0.5, metric_of("a_frac"), metric_of("a_pct"))
    (0.5, 50.0)
    """
    if have.base != want.base:
        return None
    if have.unit and want.unit and have.unit != want.unit:
        if have.unit not in PER_FRAC or want.unit not in PER_FRAC:
            return None
        value *= PER_FRAC[want.unit] / PER_FRAC[have.unit]
    if have.power == want.power:
        return value
    return None if value < 0 else value ** (want.power / have.power)
