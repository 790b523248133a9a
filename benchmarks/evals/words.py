"""Numbers and verdicts as an agent writes them."""

from __future__ import annotations

import math


def number(value: object) -> float:
    """A number, however it was written; NaN where it is none."""
    try:
        return float(str(value).replace(",", "").replace("K", "e3").replace("k", "e3"))
    except ValueError:
        return math.nan


def said_yes(verdict: str) -> bool:
    """Whether a verdict calls the number reproduced."""
    return verdict.startswith(("reproduced", "match", "yes", "confirmed", "consistent"))


def said_no(verdict: str) -> bool:
    """Whether a verdict is there and does not call the number reproduced."""
    return bool(verdict) and not said_yes(verdict)
