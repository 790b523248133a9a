"""The plan laid out for a person."""

from __future__ import annotations

from typing import Any, Literal

from reproof.document import Plan, load_plan, sourced
from reproof.plan.models import ExperimentView, RenderAnswer, RenderRequest, Row
from reproof.records import Sourced


def view(request: RenderRequest) -> RenderAnswer:
    """Answer `plan.py render`."""
    plan = load_plan(request.plan)
    experiments = [_experiment(plan, name) for name in plan.experiments]
    inferred = [row(path, item) for path, item in sourced(plan) if item.inferred]
    claims = f"{len(plan.claims)} claims" if plan.claims else "no claims"
    return RenderAnswer(
        ok=True,
        headline=f"{plan.paper.title}: {len(experiments)} experiments, {claims}, {len(inferred)} inferred values",
        plan=plan.model_dump(mode="json"),
        experiments=experiments,
        inferred=inferred,
    )


def _experiment(plan: Plan, name: str) -> ExperimentView:
    full = plan.settings_of(name)
    return ExperimentView(name=name, summary=full.summary, rows=[row(path, item) for path, item in sourced(full)])


def row(path: str, item: Sourced[Any]) -> Row:
    """One value with its origin."""
    status: Literal["stated", "inferred", "signed", "source"] = "stated" if item.quote else "source"
    if item.inferred:
        status = "signed" if item.signed else "inferred"
    return Row(path=path, value=item.value, origin=item.origin, status=status, alternatives=item.alternatives)
