"""`helpers/compare.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reproof.cli import Command, run
from reproof.compare.causes import LOOK_AT
from reproof.compare.judge import judge
from reproof.compare.metrics import metric_of
from reproof.compare.models import CompareAnswer, CompareRequest, FileResult
from reproof.compare.results import FileReport, Store, read_files
from reproof.compare.rules import RULE
from reproof.compare.sources import inputs, plan_path, records_paths
from reproof.compare.tables import counts_of, headline, tables_of
from reproof.compare.views import context_of
from reproof.document import Plan, load_plan
from reproof.errors import near
from reproof.paths import hash_path


def compare(request: CompareRequest) -> CompareAnswer:
    """Answer `compare.py`."""
    path = plan_path(request)
    plan = load_plan(path)
    known = metrics_known(plan)
    store = read_files(records_paths(request), {name: {metric_of(m).base for m in ms} for name, ms in known.items()})
    context = context_of(plan, store)
    claims = [judge(claim, context) for claim in plan.claims]
    return CompareAnswer(
        ok=bool(claims) and all(claim.is_positive for claim in claims),
        headline=headline(claims),
        plan_sha256=hash_path(path),
        counts=counts_of(claims),
        reproduced=sum(claim.is_positive for claim in claims),
        claims=claims,
        tables=tables_of(claims),
        files=[_shown(report) for report in store.files],
        notes=_unknown(store, known),
        rule=RULE,
        look_at=[] if all(claim.is_positive for claim in claims) else LOOK_AT,
    )


def metrics_known(plan: Plan) -> dict[str, set[str]]:
    """The metrics that the plan names, by experiment."""
    known: dict[str, set[str]] = {name: set() for name in plan.experiments}
    for name in plan.experiments:
        evaluation = plan.settings_of(name).evaluation
        known[name] |= {evaluation.metric.value} if evaluation else set()
    for claim in plan.claims:
        known[claim.experiment].add(claim.metric)
    return known


def _unknown(store: Store, known: Mapping[str, set[str]]) -> list[str]:
    """Records that no claim can ask for."""
    notes = []
    for (experiment, metric), count in sorted(store.unknown.items()):
        if experiment not in known:
            what = f"experiment {experiment!r}, which the plan does not have{near(experiment, known)}"
        else:
            there = ", ".join(sorted(known[experiment]))
            what = f"metric {metric!r}, which the plan does not know in {experiment}; it knows {there}"
        notes.append(f"{count} record{'' if count == 1 else 's'} left out: {what}")
    return notes


def _shown(report: FileReport) -> FileResult:
    return FileResult(
        path=report.path.as_posix(),
        sha256=report.sha256,
        lines=report.lines,
        kinds=dict(sorted(report.kinds.items())),
        problems=report.problems,
        problem_count=report.problem_count,
    )


COMMANDS = {
    "": Command(
        CompareRequest, compare, template="compare_claims.md.jinja", help="a verdict for every claim", reads=inputs
    )
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the compare helper."""
    return run(COMMANDS, argv, name="compare", doc=doc)
