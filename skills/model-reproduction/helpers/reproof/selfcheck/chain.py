"""Is the evidence whole, and does it speak of this plan?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reproof.evidence import Evidence
from reproof.paths import hash_path
from reproof.selfcheck.gather import Project
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import many

READ_A_PLAN = ("plan check", "probe run", "vram plan", "scaffold new", "scaffold smoke", "compare")


def items(project: Project) -> Iterator[Item]:
    """The chain, the plan, and the plan that the records looked at."""
    yield chain(project)
    yield plan_valid(project)
    if project.plan:
        yield plan_unchanged(project)


def chain(project: Project) -> Item:
    """No record was edited, removed, renamed or slipped in."""
    why = f"{many(len(project.foreign), 'record')}, each sealed and linked to the one before"
    item = Item(id="evidence-chain", what="the chain of evidence is intact", state="PASS", why=why)
    if project.findings:
        found = "; ".join(f"{finding.file}: {finding.problem}" for finding in project.findings)
        return item.judged("FAIL", f"{found}. What such a record says is not used")
    if not project.records:
        command = "python HELPERS/plan.py check PROJECT/plan.yaml --paper FILE"
        return item.judged("MISSING", "there is no record in evidence/", command)
    return item


def plan_valid(project: Project) -> Item:
    """plan.yaml can be read and every name in it points at something."""
    item = Item(id="plan-valid", what="plan.yaml is valid", state="PASS", why=f"sha256 {project.plan_sha256[:12]}")
    return item if project.plan else item.judged("FAIL", project.plan_problem)


def plan_unchanged(project: Project) -> Item:
    """The newest record of each helper looked at the plan that lies here."""
    latest = [record for helper in READ_A_PLAN if (record := project.latest(helper))]
    other = [f"{r.helper} (record {r.number:04d})" for r in latest if plan_changed(project, r)]
    item = Item(id="plan-unchanged", what="every record looked at this plan", state="PASS")
    if other:
        return item.judged("STALE", f"the plan changed after {', '.join(other)}: run each of them again")
    if not latest:
        return item.judged("MISSING", "no record names a plan")
    return item.judged("PASS", f"{many(len(latest), 'record')}, one plan")


def plan_changed(project: Project, record: Evidence) -> bool:
    """Whether the plan that `record` read is not the one in the project."""
    return any(digest != project.plan_sha256 for digest in plan_digests(record))


def plan_digests(record: Evidence) -> list[str]:
    """Digests of the plan(s) that a record read; configs are no plans."""
    said = record.answer.get("plan_sha256")
    found = [said] if isinstance(said, str) and said else []
    is_plan = [name for name in record.inputs if name.endswith((".yaml", ".yml")) and "configs" not in Path(name).parts]
    return found + [record.inputs[name] for name in is_plan]


def stale(project: Project, record: Evidence) -> str:
    """What `record` looked at and has changed since, or an empty string.

    An input outside the project that is not here any more (the paper's text on another machine) is no change.
    """
    changed = ["plan.yaml"] if plan_changed(project, record) else []
    for name, digest in record.inputs.items():
        path = project.folder / name
        outside = name.startswith("..")
        if name.endswith((".yaml", ".yml")) and "configs" not in Path(name).parts:
            continue  # the plan, judged by its digest wherever it lay
        if not path.exists():
            changed += [] if outside else [f"{name} (gone)"]
        elif hash_path(path) != digest:
            changed.append(name)
    return f"changed since record {record.number:04d}: {', '.join(changed)}" if changed else ""
