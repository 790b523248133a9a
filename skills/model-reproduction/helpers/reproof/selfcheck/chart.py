"""Where each claim stands on an axis: the paper's number, ours with its interval, and the floor."""

from __future__ import annotations

import math

from reproof.selfcheck.report_models import Chart, ChartRow, ClaimRow, Tick

TICKS = 5


def charts(claims: list[ClaimRow]) -> list[Chart]:
    """One chart per metric, of the claims that have something to show besides the paper's number."""
    shown = [claim for claim in claims if claim.ours_mean is not None or claim.floor_mean is not None]
    metrics = dict.fromkeys(claim.metric for claim in shown)
    return [chart(metric, [claim for claim in shown if claim.metric == metric]) for metric in metrics]


def chart(metric: str, claims: list[ClaimRow]) -> Chart:
    """All claims of one metric on one axis that begins at 0 where no number is negative."""
    numbers = [number for claim in claims for number in _extent(claim)]
    step = nice_step(max(numbers) - min(0.0, *numbers))
    low = math.floor(min(0.0, *numbers) / step) * step
    high = math.ceil(max(numbers) / step) * step
    count = round((high - low) / step)
    ticks = [Tick(at=round(100 * i / count, 3), label=f"{low + i * step:g}") for i in range(count + 1)]
    return Chart(metric=metric, ticks=ticks, rows=[_row(claim, low, high) for claim in claims])


def nice_step(span: float) -> float:
    """1, 2 or 5 times a power of ten that divides `span` into about five.

    >>> nice_step(0.7), nice_step(10), nice_step(0)
    (0.2, 2.0, 1.0)
    """
    if span <= 0:
        return 1.0
    raw = span / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return float(next((round(f * power, 12) for f in (1, 2, 5) if f * power >= raw * (1 - 1e-9)), 10 * power))


def _extent(claim: ClaimRow) -> list[float]:
    floor, spread = claim.floor_mean, claim.floor_sd or 0.0
    ends = [floor - spread, floor + spread] if floor is not None else []
    return [claim.paper, *ends, *(n for n in (claim.ours_mean, claim.ours_low, claim.ours_high) if n is not None)]


def _row(claim: ClaimRow, low: float, high: float) -> ChartRow:
    def at(value: float | None) -> float | None:
        return None if value is None else round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 3)

    def width(begin: float | None, end: float | None) -> float | None:
        return None if begin is None or end is None else round(end - begin, 3)

    spread = claim.floor_sd or 0.0
    floor_low = at(None if claim.floor_mean is None else claim.floor_mean - spread)
    floor_high = at(None if claim.floor_mean is None else claim.floor_mean + spread)
    place = at(claim.paper)
    assert place is not None, "every claim prints a number"
    return ChartRow(
        label=f"{claim.experiment}, {claim.condition}" if claim.condition else claim.experiment,
        verdict=claim.verdict,
        words=_words(claim),
        paper=place,
        ours=at(claim.ours_mean),
        low=at(claim.ours_low),
        width=width(at(claim.ours_low), at(claim.ours_high)),
        floor=at(claim.floor_mean),
        floor_low=floor_low,
        floor_width=width(floor_low, floor_high),
    )


def _words(claim: ClaimRow) -> str:
    ours = "not run" if claim.ours_mean is None else f"{claim.ours_mean:.{claim.digits}f}"
    floor = "unknown" if claim.floor_mean is None else f"{claim.floor_mean:.{claim.digits}f}"
    return f"paper {claim.printed}, ours {ours}, floor {floor}"
