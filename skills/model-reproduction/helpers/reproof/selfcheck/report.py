"""A project and the state of its gate -> the report, as data."""

from __future__ import annotations

from collections import Counter

from reproof.selfcheck import integrity, runs, sections
from reproof.selfcheck.chart import charts
from reproof.selfcheck.checklists import checklists
from reproof.selfcheck.conclusion import conclusion, tainted
from reproof.selfcheck.gate import counts, headline
from reproof.selfcheck.gather import Project
from reproof.selfcheck.models import Item
from reproof.selfcheck.notes import notes_of
from reproof.selfcheck.pictures import curves
from reproof.selfcheck.report_models import Report


def build(project: Project, items: list[Item]) -> Report:
    """Everything that the report shows; the same records give the same report. The plan is valid."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    claims = sections.claim_rows(project, plan, items)
    compared = project.latest("compare")
    gpus, budgets = sections.budget_table(project)
    costs = runs.cost_rows(project, plan)
    notes, no_notes = notes_of(project.folder)
    return Report(
        name=plan.name,
        paper=plan.paper,
        as_of=runs.newest(project),
        conclusion=conclusion(claims, items),
        established=not tainted(items),
        verdicts=dict(Counter(claim.verdict for claim in claims).most_common()),
        problem=plan.problem,
        contribution=plan.contribution,
        claims=claims,
        rule=str(compared.answer.get("rule") or "") if compared else "",
        readings={reading.name: reading.means for claim in claims for reading in claim.readings},
        charts=charts(claims),
        experiments=runs.experiment_views(project, plan),
        quotes=sections.quotes_sentence(project, plan),
        inferred=sections.inferred_scopes(plan),
        missing=plan.missing,
        deviations=plan.deviations,
        equations=plan.equations,
        probes=sections.probe_table(project, plan),
        gpus=gpus,
        budgets=budgets,
        costs=costs,
        total_s=sum(row.time_s or 0.0 for row in costs),
        reruns=sections.rerun_rows(plan),
        environment=runs.environment(project, plan),
        gate=[item.model_copy(update={"command": portable(item.command)}) for item in items],
        gate_headline=headline(items),
        gate_counts=counts(items),
        evidence=sections.evidence_rows(project),
        not_attempted=runs.not_attempted(project, plan),
        kind=plan.kind,
        integrity=[row.model_copy(update={"says": portable(row.says)}) for row in integrity.rows(project, plan, items)],
        layers=integrity.layers(project),
        engineering=plan.engineering,
        checklists=checklists(project, plan, items),
        notes=notes,
        no_notes=no_notes,
        totals=runs.totals(costs, budgets),
        orders=sections.statements(compared, "orders"),
        curves=sections.statements(compared, "curves"),
        summaries=sections.summaries(compared),
        pictures=curves(project, plan),
    )


def portable(command: str) -> str:
    """A command for a reader whose folders we do not know: run in the project, with the pack's helpers/ at hand."""
    here = command.replace("cd PROJECT && ", "").replace("PROJECT/", "").replace("PROJECT", ".")
    return here.replace("HELPERS", "helpers")
