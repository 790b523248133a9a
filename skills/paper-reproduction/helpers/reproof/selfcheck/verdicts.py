"""Does compare's answer rest on the results that lie here, and did it decide every claim?

Its numbers are computed again from the records; only its rule is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean, stdev
from typing import Any

from reproof.document import Claim, Plan
from reproof.evidence import Evidence
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, number_in, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.results import answers, floor_values
from reproof.selfcheck.words import listed, many

COMPARE = "python HELPERS/compare.py PROJECT"
DECIDED = ("MATCH", "CLOSE", "BETTER", "DEVIATES", "FAIL", "UNATTAINABLE")
POSITIVE = ("MATCH", "CLOSE")
RELATIVE = 1e-9  # the same float64 values, added up in another order
WIDEST_CLOSE_FRAC = 0.2  # no rule calls a gap above 20 % of the paper's number CLOSE


def items(project: Project) -> Iterator[Item]:
    """The comparison is of these results, agrees with them, and decides every claim."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    current = Item(id="compare-current", what="compare saw the results that lie here", state="PASS")
    record = project.latest("compare")
    if record is None:
        yield current.judged("MISSING", "no record of compare", COMPARE)
        return
    changed = stale(project, record) or unseen(project, record)
    yield current.judged("STALE", changed, COMPARE) if changed else current.judged("PASS", record.headline)
    yield agrees(project, plan, record)
    yield decided(plan, record)


def unseen(project: Project, record: Evidence) -> str:
    """Records files that compare did not read, or an empty string."""
    seen = set(record.inputs)
    files = [f"{run.name}/records.jsonl" for run in project.runs if run.records]
    new = [name for name in files if not any(part in seen for part in (name, *_parents(name)))]
    return f"compare did not read {listed(new)}" if new else ""


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def verdict_of(record: Evidence | None) -> dict[str, dict[str, Any]]:
    """Compare's row for each claim id."""
    return {str(row.get("id")): row for row in rows_in(record.answer, "claims")} if record else {}


def agrees(project: Project, plan: Plan, record: Evidence) -> Item:
    """Means and floors come out the same when they are computed again here."""
    item = Item(id="compare-agrees", what="compare's numbers are those of the records", state="PASS")
    rows = verdict_of(record)
    wrong = [text for claim in plan.claims for text in disagreements(project, claim, rows.get(claim.id, {}))]
    if wrong:
        return item.judged("FAIL", listed(wrong), COMPARE)
    return item.judged("PASS", f"{many(len(rows), 'claim')} computed again")


def disagreements(project: Project, claim: Claim, row: dict[str, Any]) -> Iterator[str]:
    """What compare says of a claim and the records do not."""
    paper, mean, floor = number_in(row, "paper"), number_in(row, "ours", "mean"), number_in(row, "floor", "mean")
    if paper is not None and paper != claim.value:
        yield f"{claim.id}: the paper's number is {claim.value}, not {paper}"
    runs = project.runs_of(claim.experiment)
    if mean is not None:
        seeds = row["ours"].get("seeds") or []
        found = [r["value"] for run in runs if run.seed in seeds for r in run.of_kind("result") if answers(claim, r)]
        values = [v for v in found if number_in({"v": v}, "v") is not None]
        if len(values) != len(seeds) or not seeds or abs(fmean(values) - mean) > RELATIVE * max(abs(mean), 1):
            yield f"{claim.id}: our mean is {fmean(values) if values else 'of no run'}, not {mean}"
        ran = {run.seed for run in runs for record in run.of_kind("result") if answers(claim, record)}
        if ran - set(seeds):
            yield f"{claim.id}: our mean leaves out seed {listed([str(seed) for seed in sorted(ran - set(seeds))])}"
    draws = floor_values(runs, claim.metric)
    if floor is not None and (len(draws) < 2 or abs(fmean(draws) - floor) > stdev(draws)):
        yield f"{claim.id}: the floor is {fmean(draws) if draws else 'not recorded'}, not {floor}"
    yield from _against_the_numbers(claim, str(row.get("verdict")), mean, draws)


def _against_the_numbers(claim: Claim, verdict: str, mean: float | None, draws: list[float]) -> Iterator[str]:
    """Verdicts that no rule could give to these numbers."""
    if verdict in POSITIVE and (mean is None or abs(mean - claim.value) > WIDEST_CLOSE_FRAC * abs(claim.value)):
        yield f"{claim.id}: {verdict} although ours is {mean} and the paper's {claim.printed}"
    better = claim.direction == "lower"
    reached = [draw for draw in draws if (draw <= claim.value if better else draw >= claim.value)]
    if verdict == "UNATTAINABLE" and (not draws or len(reached) > len(draws) / 2):
        yield f"{claim.id}: UNATTAINABLE although {len(reached)} of {len(draws)} floor draws reach {claim.printed}"


def decided(plan: Plan, record: Evidence) -> Item:
    """Every claim has a verdict that more runs would not be needed for."""
    item = Item(id="claims-decided", what="every claim has a verdict", state="PASS")
    rows = verdict_of(record)
    verdicts = {claim.id: str(rows.get(claim.id, {}).get("verdict", "not judged")) for claim in plan.claims}
    waiting = [f"{name} ({verdict})" for name, verdict in verdicts.items() if verdict not in DECIDED]
    if waiting:
        why = f"{len(waiting)} of {len(verdicts)} open: {listed(waiting)}"
        return item.judged("MISSING", why, f"run what is MISSING above, then {COMPARE}")
    return item.judged("PASS", many(len(verdicts), "claim"))
