"""Algorithm integrity: layers and parameters, loss and formulas, hyperparameters, initialisation, regularisation.

A paper's algorithm is held against the plan; a port's against the records of fidelity and parity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reproof.document import Plan, sourced
from reproof.evidence import Evidence
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item, State
from reproof.selfcheck.report_models import IntegrityRow, LayerRow
from reproof.selfcheck.words import listed, many

INIT = re.compile(r"(^|_)init|zero_out|(^|_)gain", re.IGNORECASE)
REGULAR = re.compile(r"weight_decay|dropout|ema|grad_clip|augment|label_smooth|noise|norm", re.IGNORECASE)
DEBUG = "python HELPERS/debug.py PROJECT --experiment NAME"
MOST_LAYERS = 400
PORT_HELPERS = {
    "fidelity compare": (
        "core-fidelity",
        "every core unit is the reference's",
        "python HELPERS/fidelity.py compare REFERENCE PROJECT/src",
    ),
    "parity check": (
        "parity",
        "same weights and inputs give the same outputs, gradients and updates",
        "python HELPERS/parity.py check REFERENCE.py PORT.py",
    ),
}


def items(project: Project) -> Iterator[Item]:
    """For a port: what fidelity and parity found; both are required there."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    for helper, (name, what, command) in PORT_HELPERS.items():
        record = project.latest(helper)
        item = Item(id=name, what=what, state="PASS", required=plan.kind == "port")
        if record is None:
            if plan.kind == "port":
                yield item.judged("MISSING", f"no record of {helper}", command)
        elif changed := stale(project, record):
            yield item.judged("STALE", changed, command)
        else:
            yield _port_item(item, record, command)


def _port_item(item: Item, record: Evidence, command: str) -> Item:
    """A record of ok = true is believed only when its own rows say the same."""
    claims = rows_in(record.answer, "claims")
    failed = [f"{c.get('level')}: {c.get('says')}" for c in claims if c.get("status") == "failed"]
    units = rows_in(record.answer, "units")
    failed += [str(u.get("unit")) for u in units if u.get("status") in ("changed", "missing")]
    failed += [f"{r.get('file')}:{r.get('line')} {r.get('reason')}" for r in rows_in(record.answer, "placeholders")]
    proven = [str(c.get("level")) for c in claims if c.get("status") == "proven"]
    if failed or not record.ok:
        return item.judged("FAIL", listed(failed) or record.headline, command)
    if not units and not proven:
        return item.judged("FAIL", "the record holds neither units nor proven levels", command)
    open_ = [str(c.get("level")) for c in claims if c.get("status") == "not compared"]
    why = f"proven: {', '.join(proven)}" if claims else f"{many(len(units), 'unit')}"
    return item.judged("PASS", why + (f"; not compared: {', '.join(open_)}" if open_ else ""))


def rows(project: Project, plan: Plan, done: list[Item]) -> list[IntegrityRow]:
    """One row per aspect, each with the record it rests on."""
    states = {item.id: item for item in done}
    found = [_layers(project), _from(states, "equations-implemented", "loss and formulas"),
             _from(states, "results-depend", "losses and metrics depend on their inputs"),
             _from(states, "configs-match-plan", "hyperparameters")]  # fmt: skip
    found += [_settings(plan, "initialisation", INIT), _settings(plan, "regularisation", REGULAR)]
    found += [_from(states, name, what) for name, what, _ in PORT_HELPERS.values() if name in states]
    return found


def _from(states: dict[str, Item], name: str, aspect: str) -> IntegrityRow:
    item = states.get(name)
    if item is None:
        return IntegrityRow(aspect=aspect, state="MISSING", says="not judged", source=name)
    return IntegrityRow(aspect=aspect, state=item.state, says=item.why or item.what, source=name)


def _settings(plan: Plan, aspect: str, pattern: re.Pattern[str]) -> IntegrityRow:
    """What the plan says of it, and how the plan knows."""
    found = {
        path: value
        for path, value in sourced(plan)
        if path.startswith(("groups", "experiments")) and pattern.search(path.split(".")[-1])
    }
    said = sorted({f"{path.split('.')[-1]} = {value.value}" for path, value in found.items()})
    open_ = sum(value.open for value in found.values())
    state: State = "MISSING" if not found or open_ else "PASS"
    says = listed(said) if said else "the plan does not say; the framework's defaults are used"
    says += f"; {open_} of {len(found)} wait for a person's word" if open_ else ""
    return IntegrityRow(aspect=aspect, state=state, says=says, source="plan.yaml")


def _layers(project: Project) -> IntegrityRow:
    record = project.latest("debug")
    aspect = "layer counts and parameters per layer"
    if record is None or stale(project, record):
        return IntegrityRow(
            aspect=aspect, state="STALE" if record else "MISSING", says=f"no current record: {DEBUG}", source="debug"
        )
    subjects = [one.get("subject", {}) for one in rows_in(record.answer, "looked")]
    says = "; ".join(
        f"{s.get('name')}: {s.get('layer_count', '?')} layers, {s.get('parameters')} parameters" for s in subjects
    )
    return IntegrityRow(
        aspect=aspect,
        state="PASS" if subjects else "MISSING",
        says=says or "nothing",
        source=f"debug, record {record.number:04d}",
    )


def layers(project: Project) -> list[LayerRow]:
    """Parameters per layer, as debug counted them in the model that was built."""
    record = project.latest("debug")
    if record is None or stale(project, record):
        return []
    found = []
    for one in rows_in(record.answer, "looked"):
        given = one.get("subject")
        subject: dict[str, Any] = given if isinstance(given, dict) else {}
        for row in rows_in(subject, "layers"):
            count = row.get("parameters")
            found.append(
                LayerRow(
                    model=str(subject.get("name")),
                    layer=str(row.get("name")),
                    kind=str(row.get("kind")),
                    shapes=str(row.get("shapes")),
                    parameters=count if isinstance(count, int) else 0,
                )
            )
    return found[:MOST_LAYERS]
