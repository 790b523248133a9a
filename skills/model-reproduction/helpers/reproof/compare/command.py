"""`helpers/compare.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reproof.cli import Command, run
from reproof.compare.asked import add_floors
from reproof.compare.causes import LOOK_AT
from reproof.compare.curves import judge_curve
from reproof.compare.judge import judge
from reproof.compare.logs import add_logs, log_paths
from reproof.compare.metrics import metric_of
from reproof.compare.models import CompareAnswer, CompareRequest, FileResult
from reproof.compare.orders import judge_order
from reproof.compare.results import FileReport, Store, read_files
from reproof.compare.rules import POSITIVE, RULE
from reproof.compare.sources import inputs, plan_path, records_paths
from reproof.compare.tables import counts_of, headline, paper_of, tables_of
from reproof.compare.views import context_of
from reproof.document import Plan, load_plan
from reproof.errors import PackError, near
from reproof.paths import hash_path


def compare(request: CompareRequest) -> CompareAnswer:
    """Answer `compare.py`."""
    path = plan_path(request)
    plan = load_plan(path)
    known = metrics_known(plan)
    store = read_files(records_paths(request), {name: {metric_of(m).base for m in ms} for name, ms in known.items()})
    root = request.project or path.parent
    notes = add_floors(plan, root, request.python, store)
    add_logs(plan, request.project, store)
    context = context_of(plan, store)
    claims = [judge(claim, context) for claim in plan.claims]
    orders = [judge_order(order, context) for order in plan.orders]
    curves = [judge_curve(curve, context) for curve in plan.curves]
    good = {claim.id: claim.is_positive for claim in claims}
    good |= {order.id: order.verdict in POSITIVE for order in orders}
    good |= {curve.id: curve.verdict in POSITIVE for curve in curves}
    unknown = [name for name in request.claim if name not in good]
    if unknown:
        raise PackError(
            "no-claim", f"--claim {', '.join(unknown)}: no such claim{near(unknown[0], good)}",
            why=f"the plan has {len(good)}", fix=f"--claim {next(iter(good), 'ID')}",
        )  # fmt: skip
    asked, tables = request.claim or list(good), tables_of(claims)
    answer = CompareAnswer(
        ok=bool(good) and all(good[name] for name in asked),
        headline=headline(claims, [*orders, *curves]),
        plan_sha256=hash_path(path),
        counts=counts_of(claims),
        reproduced=sum(claim.is_reproduced for claim in claims),
        claims=claims,
        orders=orders,
        curves=curves,
        tables=tables,
        papers=paper_of(claims, tables),
        shown=request.claim,
        files=[_shown(report) for report in store.files],
        notes=[*notes, *_unknown(store, known)],
        rule=RULE,
        look_at=[] if all(good.values()) else LOOK_AT,
    )
    if request.out is None:
        return answer
    from reproof.compare.publish import publish  # jinja2 only when files are written

    return answer.model_copy(update={"figures": publish(answer, request.out)})


def metrics_known(plan: Plan) -> dict[str, set[str]]:
    """The metrics that the plan names, by experiment."""
    known: dict[str, set[str]] = {name: set() for name in plan.experiments}
    for name in plan.experiments:
        evaluation = plan.settings_of(name).evaluation
        known[name] |= {evaluation.metric.value} if evaluation else set()
    for claim in plan.claims:
        known[claim.experiment].add(claim.metric)
    for order in plan.orders:
        for side in order.runs:
            known.setdefault(side.ablation or side.experiment, set()).add(order.metric)
    for curve in plan.curves:
        known.setdefault(curve.ablation or curve.experiment, set()).add(curve.metric)
    return known


def reads(request: CompareRequest) -> list[Path]:
    """What the answer rests on: the plan, results, and the logs that its curves lie in."""
    paths = inputs(request)
    return [*paths, *(path for path in log_paths(load_plan(plan_path(request)), request.project) if path not in paths)]


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
        CompareRequest, compare, template="compare_claims.md.jinja", help="a verdict for every claim", reads=reads
    )
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the compare helper."""
    return run(COMMANDS, argv, name="compare", doc=doc)
