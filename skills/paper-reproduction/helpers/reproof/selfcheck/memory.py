"""Is the memory of every phase of every experiment known before it runs?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reproof.document import Plan
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed

VRAM = "python HELPERS/vram.py plan PROJECT/plan.yaml"


def items(project: Project) -> Iterator[Item]:
    """One item: the record of vram plan."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    item = Item(id="vram-known", what="memory is known for every phase of every experiment", state="PASS")
    record = project.latest("vram plan")
    if record is None:
        yield item.judged("MISSING", "no record of vram plan", VRAM)
        return
    changed = stale(project, record)
    if changed:
        yield item.judged("STALE", changed, VRAM)
        return
    unknown = not_estimated(plan, record.answer)
    if unknown:
        yield item.judged("FAIL", f"not estimated: {listed(unknown)}", VRAM)
    else:
        yield item.judged("PASS", record.headline)


def not_estimated(plan: Plan, answer: dict[str, Any]) -> list[str]:
    """experiment/phase of the plan for which the answer holds no number."""
    known = {
        (experiment.get("name"), phase.get("name"))
        for experiment in rows_in(answer, "experiments")
        for phase in rows_in(experiment, "phases")
        if (phase.get("budget") or phase.get("pool")) and not phase.get("missing")
    }
    wanted = [(name, phase) for name in plan.experiments for phase in plan.settings_of(name).phases]
    return [f"{name}/{phase}" for name, phase in wanted if (name, phase) not in known]
