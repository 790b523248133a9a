"""Was every library call of the plan made, with the shapes of every experiment, in the versions that the plan names?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reproof.document import Plan
from reproof.evidence import Evidence
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed, many

PROBE = "python HELPERS/probe.py run PROJECT/plan.yaml"
PASSED = ("pass", "warn")  # a warning is worth reading and does not make the call wrong


def items(project: Project) -> Iterator[Item]:
    """Probes and versions; a plan without libraries has neither."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    probed = Item(id="libraries-probed", what="every library call of the plan was made and passed", state="PASS")
    if not plan.libraries:
        yield probed.judged("PASS", "the plan calls no third-party library")
        return
    record = project.latest("probe run")
    if record is None:
        yield probed.judged("MISSING", "no record of probe run", PROBE)
        return
    changed = stale(project, record)
    if changed:
        yield probed.judged("STALE", changed, PROBE)
        return
    yield calls(plan, record, probed)
    yield versions(plan, record)


def probe_rows(record: Evidence | None) -> list[dict[str, Any]]:
    """One mapping per probed call."""
    return rows_in(record.answer, "cases") if record else []


def call_id(row: dict[str, Any]) -> str:
    """The plan's id of a probed call."""
    return str(row.get("id") or "?")


def has_passed(row: dict[str, Any]) -> bool:
    """Whether a probed call did what the plan expects; anything unknown has not."""
    return row.get("outcome") in PASSED


def calls(plan: Plan, record: Evidence, item: Item) -> Item:
    """Every call of every experiment, all passed."""
    rows = probe_rows(record)
    made = {call_id(row) for row in rows}
    wanted = [call.id for library in plan.libraries for call in library.calls]
    absent = [name for name in wanted if name not in made]
    failed = [call_id(row) for row in rows if not has_passed(row)]
    if failed or (rows and not record.ok):
        return item.judged("FAIL", f"failed: {listed(failed)}" if failed else record.headline, PROBE)
    if absent:
        return item.judged("MISSING", f"not probed: {listed(absent)}", PROBE)
    bare = [name for name in plan.experiments if not _calls_of(plan, name)]
    note = f"; no call names {listed(bare)}" if bare else ""
    return item.judged(
        "PASS", f"{many(len(wanted), 'call')} of {many(len(plan.libraries), 'library', 'libraries')}{note}"
    )


def _calls_of(plan: Plan, experiment: str) -> list[str]:
    return [c.id for library in plan.libraries for c in library.calls if experiment in c.experiments]


def versions(plan: Plan, record: Evidence) -> Item:
    """What was probed is the version that the plan names; for a library without calls, requirements.txt says it."""
    item = Item(id="library-versions", what="the probed versions are the plan's", state="PASS")
    found = installed(record)
    wanted = {library.distribution: library.version.value for library in plan.libraries if library.calls}
    # 2.13.0+cpu is 2.13.0, built for one kind of machine
    other = [f"{name} {found.get(name.lower(), 'unknown')}, plan {want}" for name, want in wanted.items()
             if found.get(name.lower(), "").partition("+")[0] != want.partition("+")[0]]  # fmt: skip
    if other:
        return item.judged("FAIL", listed(other), f"install the plan's versions, then {PROBE}")
    return item.judged("PASS", ", ".join(f"{name} {version}" for name, version in wanted.items()))


def installed(record: Evidence) -> dict[str, str]:
    """Distribution -> version, as the probe saw them in the project's interpreter."""
    rows = rows_in(record.answer, "libraries")
    return {str(row.get("distribution")).lower(): str(row["installed"]) for row in rows if row.get("installed")}
