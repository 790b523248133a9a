"""One claim and all records -> what became of the claim."""

from __future__ import annotations

import math
from dataclasses import replace

from reproof.compare.causes import hints
from reproof.compare.floors import attainable, beyond, reached
from reproof.compare.models import ClaimResult, Floor, Ours, ReadingResult, Used
from reproof.compare.printed import Printed, decimals, printed
from reproof.compare.results import AS_STATED, Row, Store
from reproof.compare.rules import POSITIVE, Decision, confidence, decide, rule_of_thumb
from reproof.compare.views import Context, View, cell_of, evaluation_of, view_of
from reproof.document import Claim

MAX_LISTED = 50


def judge(claim: Claim, context: Context) -> ClaimResult:
    """The verdict of one claim, with everything it rests on."""
    paper = printed(claim.printed, claim.direction, claim.spread)
    view = view_of(claim, context, context.protocol(claim.experiment), AS_STATED)
    decision = verdict_of(claim, context, view, paper)
    gap = view.sample.mean - paper.value if paper and view.sample else None
    rows = view.selection.rows
    return ClaimResult(
        id=claim.id,
        table=claim.table,
        method=claim.method,
        experiment=claim.experiment,
        metric=claim.metric,
        condition=claim.condition,
        direction=claim.direction,
        printed=claim.printed,
        paper=paper.value if paper else None,
        decimals=decimals(claim.printed) + 1,
        ours=_ours(view),
        floor=_floor(view, paper),
        gap=gap,
        gap_frac=gap / paper.scale if paper and gap is not None else None,
        tolerance=decision.tolerance,
        prediction=decision.prediction,
        verdict=decision.verdict,
        reason=decision.reason,
        more_seeds=decision.more_seeds,
        rule_of_thumb=rule_of_thumb(paper, gap) if paper and gap is not None else "",
        readings=_readings(claim, context, paper) if paper and decision.verdict == "UNATTAINABLE" else [],
        typed=[row.value for row in view.selection.typed if math.isfinite(row.value)][:MAX_LISTED],
        notes=view.notes,
        hints=hints(paper, view.sample.mean) if paper and view.sample and decision.verdict not in POSITIVE else [],
        records=[_used(row, context.store) for row in rows[:MAX_LISTED]],
        records_total=len(rows),
    )


def verdict_of(claim: Claim, context: Context, view: View, paper: Printed | None) -> Decision:
    """What outranks the rule, strongest first; then the rule."""
    if paper is None:
        return Decision("INCONCLUSIVE", f"the paper's {claim.printed!r} is not a finite number")
    if view.floor and attainable(paper, view.floor) is False:
        return Decision("UNATTAINABLE", _unattainable(view, paper))
    if view.trouble:
        return Decision("INCONCLUSIVE", view.trouble)
    if not view.selection.rows:
        return _nothing_to_judge(claim, context, view)
    if view.selection.shortened:
        return Decision("SHORTENED", f"{view.selection.shortened}; a shortened run never counts")
    if view.lost_seeds or view.sample is None:
        why = f"no finite number from seed {_listed(view.lost_seeds)}; leaving it out would select the good runs"
        return Decision("INCONCLUSIVE", why)
    checked = view.selection.rows[0].core_hash in context.store.leakage.get(claim.experiment, set())
    decision = decide(paper, view.sample, rivals=_rivals(claim, context), leakage_checked=checked)
    return _held_back(decision, view, paper)


def _held_back(decision: Decision, view: View, paper: Printed) -> Decision:
    """A good verdict needs all planned seeds, and BETTER a number that draws of the truth themselves can reach."""
    assert view.sample is not None, "the rule has judged a sample"
    if decision.verdict == "BETTER" and view.floor and beyond(paper, view.floor, view.sample.mean, view.sample.n):
        why = f"{decision.reason}; but draws of the truth do not get there: look for leakage or collapsed samples"
        return replace(decision, verdict="INCONCLUSIVE", reason=why)
    missing = sorted(set(view.protocol.seeds) - set(view.selection.by_seed))
    if decision.verdict in POSITIVE and missing:
        why = f"{decision.reason}; but the plan's seed {_listed(missing)} has no result"
        return replace(decision, verdict="INCONCLUSIVE", reason=why, more_seeds=len(missing))
    return decision


def _unattainable(view: View, paper: Printed) -> str:
    assert view.floor is not None, "it was judged by its floor"
    count, quantile = reached(paper, view.draws), f"5 % quantile {view.floor.q05:.3g}"
    if paper.direction == "higher":
        quantile = f"95 % quantile {view.floor.q95:.3g}"
    return (
        f"independent draws of the truth themselves score {view.floor.mean:.3g} ± {view.floor.sd:.2g} ({quantile}); "
        f"{count} of {view.floor.n} draws reach the paper's {paper.value:g}"
    )


def _nothing_to_judge(claim: Claim, context: Context, view: View) -> Decision:
    if view.selection.typed:
        return Decision("INCONCLUSIVE", "only values typed by hand: no run stands behind them")
    if view.notes:
        return Decision("NOT_RUN", f"no record can be judged: {view.notes[0]}")
    planned = evaluation_of(context.full[claim.experiment]).metric.value
    other = f"; the plan evaluates {planned} there" if planned != claim.metric else ""
    return Decision("NOT_RUN", f"no result of {claim.experiment} on record for this claim{other}")


def _rivals(claim: Claim, context: Context) -> dict[str, float]:
    """The numbers that the paper prints for other methods in the same cell."""
    others = [c for c in context.cells[cell_of(claim)] if c.method != claim.method and c.table == claim.table]
    numbers = {other.method: printed(other.printed, other.direction) for other in others}
    return {name: number.value for name, number in numbers.items() if number}


def _readings(claim: Claim, context: Context, paper: Printed) -> list[ReadingResult]:
    """What the claim would be, had the paper meant its protocol in another way."""
    found = []
    for reading in evaluation_of(context.full[claim.experiment]).readings:
        if reading.name == AS_STATED:
            continue
        view = view_of(claim, context, context.protocol(claim.experiment, reading), reading.name)
        decision = verdict_of(claim, context, view, paper)
        found.append(
            ReadingResult(
                name=reading.name,
                means=reading.means,
                floor=_floor(view, paper),
                ours=_ours(view),
                attainable=attainable(paper, view.floor) if view.floor else None,
                would_be=decision.verdict,
                reason=decision.reason,
            )
        )
    return found


def _ours(view: View) -> Ours | None:
    if view.sample is None:
        return None
    interval = confidence(view.sample)
    return Ours(
        mean=view.sample.mean,
        sd=view.sample.sd if view.sample.n > 1 else None,
        n=view.sample.n,
        seeds=sorted(set(view.selection.by_seed) - set(view.lost_seeds)),
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
    )


def _floor(view: View, paper: Printed | None) -> Floor | None:
    if view.floor is None or paper is None:
        return None
    return Floor(
        mean=view.floor.mean,
        sd=view.floor.sd,
        q05=view.floor.q05,
        q95=view.floor.q95,
        n=view.floor.n,
        reached=reached(paper, view.draws),
        n_test=view.protocol.n_test,
        n_generated=view.protocol.n_generated,
    )


def _used(row: Row, store: Store) -> Used:
    file = store.files[row.file]
    return Used(
        file=file.path.as_posix(),
        file_sha256=file.sha256,
        line=row.line,
        run_id=row.run_id,
        seed=row.seed,
        value=row.value if math.isfinite(row.value) else None,
    )


def _listed(seeds: list[int]) -> str:
    shown = ", ".join(map(str, seeds[:5]))
    return shown + (f" and {len(seeds) - 5} more" if len(seeds) > 5 else "")
