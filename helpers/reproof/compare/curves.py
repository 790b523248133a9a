"""Claims about the shape of a curve: ours at the points that were read off the paper's figure.

A point matches within max(how far it may be misread, 2 % of the figure's range, our 95 % prediction interval up to
8 % of the range); decades instead of units where the axis is logarithmic. With `shape` both curves are first brought
to the range 0 to 1: only their course counts.

    fewer than 3 seeds, or points beyond the end of our runs     INCONCLUSIVE
    9 of 10 points match                                         MATCH
    9 of 10 within 5 % of the range more                         CLOSE
    rank agreement >= 0.8 and 9 of 10 within 20 %                DEVIATES
    else                                                         FAIL
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reproof.compare.metrics import convert, metric_of
from reproof.compare.models import CurveResult
from reproof.compare.resample import again, interval, kendall
from reproof.compare.results import AS_STATED, condition_of
from reproof.compare.rules import (
    CLOSE_FRAC,
    DEVIATES_FRAC,
    MATCH_CAP_FRAC,
    MATCH_FRAC,
    MIN_SEEDS,
    TWO_SIDED,
    sample_of,
)
from reproof.compare.selection import select, shortfall
from reproof.compare.student import t_quantile
from reproof.compare.views import Context
from reproof.otherclaims import CurveClaim
from reproof.records import Verdict

ENOUGH_FRAC = 0.9
COVERED_FRAC = 0.9
AGREES = 0.8

Points = Sequence[tuple[float, float]]


def judge_curve(claim: CurveClaim, context: Context) -> CurveResult:
    """The verdict on one curve."""
    x, paper = [p[0] for p in claim.points], [p[1] for p in claim.points]
    base = CurveResult(
        id=claim.id,
        says=f"{claim.figure}: {claim.method or claim.experiment}, {claim.metric} over {claim.series}",
        verdict="NOT_RUN",
        reason=f"no curve of {claim.metric} over {claim.series} on record",
        x=x,
        paper=paper,
        x_label=claim.x_label or claim.series,
        y_label=claim.y_label or claim.metric,
        y_log=claim.y_log,
    )
    curves, short = curves_of(claim, context)
    if not curves:
        return base.model_copy(update={"verdict": "SHORTENED", "reason": short}) if short else base
    at = {seed: [at_x(points, place, claim) for place in x] for seed, points in curves.items()}
    covered = [i for i in range(len(x)) if all(values[i] is not None for values in at.values())]
    base = base.model_copy(update={"seeds": sorted(at), **_summed(at, len(x))})
    if len(covered) < COVERED_FRAC * len(x):
        missing = len(x) - len(covered)
        verdict: Verdict = "SHORTENED" if short else "INCONCLUSIVE"
        why = f"{missing} of {len(x)} points lie outside our curve" + (f"; {short}" if short else "")
        return base.model_copy(update={"verdict": verdict, "reason": why})
    if len(at) < MIN_SEEDS:
        return base.model_copy(
            update={"verdict": "INCONCLUSIVE", "reason": f"{len(at)} seeds; run {MIN_SEEDS - len(at)} more"}
        )
    rows = [[float(values[i] or 0.0) for i in covered] for values in at.values()]
    return _judged(base, claim, [paper[i] for i in covered], rows)


def _judged(base: CurveResult, claim: CurveClaim, paper: list[float], rows: list[list[float]]) -> CurveResult:
    theirs, ours, error = _comparable(claim, paper, rows)
    span = (max(theirs) - min(theirs)) or abs(theirs[0]) or 1.0
    gaps, tolerances = [], []
    for i, wanted in enumerate(theirs):
        sample = sample_of([row[i] for row in ours])
        noise = t_quantile(TWO_SIDED, sample.n - 1) * sample.sd * math.sqrt(1 / sample.n + 1)
        gaps.append(abs(sample.mean - wanted))
        tolerances.append(max(error, MATCH_FRAC * span, min(noise, MATCH_CAP_FRAC * span)))
    slack = 1e-9 * span
    within = _share(g <= t + slack for g, t in zip(gaps, tolerances))  # noqa: B905 - made together
    close = _share(g <= t + CLOSE_FRAC * span + slack for g, t in zip(gaps, tolerances))  # noqa: B905
    near = _share(g <= max(t, DEVIATES_FRAC * span) + slack for g, t in zip(gaps, tolerances))  # noqa: B905

    def tau(some: Sequence[Sequence[float]]) -> float:
        return kendall(theirs, [sum(row[i] for row in some) / len(some) for i in range(len(theirs))])

    def draw(generator: random.Random) -> float:
        return tau(again(generator, ours))

    agreement = tau(ours)
    low, high = interval(draw, len(theirs) ** 2)
    verdict: Verdict = "FAIL"
    if within >= ENOUGH_FRAC:
        verdict = "MATCH"
    elif close >= ENOUGH_FRAC:
        verdict = "CLOSE"
    elif near >= ENOUGH_FRAC and agreement >= AGREES:
        verdict = "DEVIATES"
    worst = max(range(len(gaps)), key=lambda i: gaps[i])
    why = (
        f"{100 * within:.0f} % of {len(gaps)} points within the tolerance, rank agreement {agreement:.2f} "
        f"({low:.2f} to {high:.2f}), largest gap {gaps[worst]:.3g} of a range of {span:.3g}"
    )
    return base.model_copy(
        update={
            "verdict": verdict,
            "reason": why,
            "within_frac": within,
            "tau": agreement,
            "tau_low": low,
            "tau_high": high,
            "tolerance": tolerances,
        }
    )


def _share(found: Iterable[bool]) -> float:
    flags = list(found)
    return sum(flags) / len(flags)


def _comparable(
    claim: CurveClaim, paper: list[float], rows: list[list[float]]
) -> tuple[list[float], list[list[float]], float]:
    """Both sides as they are compared: in decades on a logarithmic axis, from 0 to 1 where only the shape counts."""

    def axis(value: float) -> float:
        return math.log10(value) if claim.y_log and value > 0 else value

    theirs, ours = [axis(v) for v in paper], [[axis(v) for v in row] for row in rows]
    error = claim.reading_error_y
    if claim.direction != "shape":
        return theirs, ours, error
    span = (max(theirs) - min(theirs)) or 1.0
    return _unit(theirs), [_unit(row) for row in ours], 2 * error / span


def _unit(values: list[float]) -> list[float]:
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [(v - low) / span for v in values]


def at_x(points: Points, x: float, claim: CurveClaim) -> float | None:
    """Linear interpolation, over log x on a logarithmic axis; None beyond the ends by more than x may be misread."""

    def axis(value: float) -> float:
        return math.log10(value) if claim.x_log and value > 0 else value

    xs = [axis(p[0]) for p in points]
    here = axis(x)
    if not xs[0] - claim.reading_error_x <= here <= xs[-1] + claim.reading_error_x:
        return None
    after = bisect_right(xs, here)
    if after == 0:
        return points[0][1]
    if after == len(xs):
        return points[-1][1]
    share = (here - xs[after - 1]) / ((xs[after] - xs[after - 1]) or 1.0)
    return points[after - 1][1] + share * (points[after][1] - points[after - 1][1])


def _summed(at: dict[int, list[float | None]], count: int) -> dict[str, list[float | None]]:
    """Mean and 95 % interval over seeds at every point that all of them cover."""
    found: dict[str, list[float | None]] = {"ours": [], "low": [], "high": []}
    for i in range(count):
        values = [row[i] for row in at.values()]
        numbers = [v for v in values if v is not None]
        sample = sample_of(numbers) if numbers and len(numbers) == len(values) else None
        half = (
            t_quantile(TWO_SIDED, sample.n - 1) * sample.sd / math.sqrt(sample.n) if sample and sample.n > 1 else None
        )
        found["ours"].append(sample.mean if sample else None)
        found["low"].append(sample.mean - half if sample and half is not None else None)
        found["high"].append(sample.mean + half if sample and half is not None else None)
    return found


def curves_of(claim: CurveClaim, context: Context) -> tuple[dict[int, Points], str]:
    """One curve per seed: from series on record, else from results whose condition varies; and what was shortened."""
    where, want = claim.ablation or claim.experiment, metric_of(claim.metric)
    wanted = condition_of(claim.condition)
    found: dict[int, Points] = {}
    for row in context.store.series.get((where, want.base, claim.series), []):
        if row.seed is not None and not row.is_typed and set(wanted) <= set(row.condition):
            points = [(x, y) for x, raw in row.points if (y := convert(raw, row.metric, want)) is not None]
            if points and len(points) >= len(found.get(row.seed, ())):
                found[row.seed] = points
    if found:
        return found, ""
    return _varied(claim, context, where)


def _varied(claim: CurveClaim, context: Context, where: str) -> tuple[dict[int, Points], str]:
    """Results at several values of the condition that the curve runs over; judged by the same selection as cells."""
    want, protocol = metric_of(claim.metric), context.protocol(where)
    wanted = set(condition_of(claim.condition))
    by_seed: dict[int, dict[float, float]] = {}
    short = ""
    conditions = context.store.results.get((where, want.base, AS_STATED), {})
    for condition, rows in conditions.items():
        x = dict(condition).get(claim.series)
        if not isinstance(x, (int, float)) or not wanted <= set(condition):
            continue
        selection = select(rows, replace(protocol))
        if selection.shortened:
            short = f"{selection.shortened}; a shortened run never counts"
            continue
        for seed, group in selection.by_seed.items():
            values = [convert(row.value, row.metric, want) for row in group if not shortfall(row, protocol)]
            numbers = [v for v in values if v is not None and math.isfinite(v)]
            if numbers:
                by_seed.setdefault(seed, {})[float(x)] = sum(numbers) / len(numbers)
    return {seed: sorted(points.items()) for seed, points in by_seed.items()}, short
