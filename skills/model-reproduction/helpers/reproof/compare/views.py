"""What is on record for one claim under one reading: the judged runs, our number, and the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from reproof.compare.floors import MIN_DRAWS, FloorValues, floor_of
from reproof.compare.metrics import convert, metric_of
from reproof.compare.results import COMPUTED, Condition, FloorRow, Row, Store, condition_of
from reproof.compare.rules import Sample, sample_of
from reproof.compare.selection import Protocol, Selection, select
from reproof.document import Claim, Evaluation, Experiment, Plan, Reading
from reproof.otherclaims import Ablation


@dataclass(frozen=True)
class Context:
    """What judging any claim needs besides the claim; made once per plan."""

    plan: Plan
    store: Store
    full: dict[str, Experiment]
    """Experiments, and ablations as the experiments that they change."""
    cells: dict[tuple[str, str, Condition], list[Claim]]

    def protocol(self, experiment: str, reading: Reading | None = None) -> Protocol:
        """Sizes, steps and seeds that the plan asks for."""
        full = self.full[experiment]
        evaluation = evaluation_of(full)
        steps = {name: phase.steps or phase.batches for name, phase in full.phases.items()}
        return Protocol(
            n_test=evaluation.n_test.value,
            n_generated=(reading.n_generated if reading else None) or evaluation.n_samples.value,
            steps={name: item.value for name, item in steps.items() if item is not None},
            seeds=tuple(full.seeds),
        )


@dataclass
class View:
    """A claim's records under one reading."""

    protocol: Protocol
    selection: Selection
    sample: Sample | None = None
    values: list[float] = field(default_factory=list)
    """One finite number per seed, in the claim's unit."""
    floor: FloorValues | None = None
    draws: list[float] = field(default_factory=list)
    lost_seeds: list[int] = field(default_factory=list)
    """Seeds whose run gave no finite number."""
    trouble: str = ""
    """Why the records cannot be judged although they are there."""

    @property
    def notes(self) -> list[str]:
        """What was left out, and why."""
        return self.selection.notes


def context_of(plan: Plan, store: Store) -> Context:
    """Merge every experiment once, and find the claims that share a cell of a table."""
    cells: dict[tuple[str, str, Condition], list[Claim]] = {}
    for claim in plan.claims:
        cells.setdefault(cell_of(claim), []).append(claim)
    full = {name: plan.settings_of(name) for name in plan.experiments}
    full |= {name: _changed(full[ablation.experiment], ablation) for name, ablation in plan.ablations.items()}
    return Context(plan, store, full, cells)


def _changed(full: Experiment, ablation: Ablation) -> Experiment:
    """An experiment as an ablation runs it: with its seeds, and with the steps and batches that it changes."""
    phases = dict(full.phases)
    for path, item in ablation.overrides.items():
        words = path.split(".")
        if len(words) == 3 and words[0] == "phases" and words[1] in phases and words[2] in ("steps", "batches"):
            phases[words[1]] = phases[words[1]].model_copy(update={words[2]: item})
    return full.model_copy(update={"phases": phases, "seeds": ablation.seeds or full.seeds})


def evaluation_of(full: Experiment) -> Evaluation:
    """The protocol, which a valid plan has for every experiment."""
    assert full.evaluation is not None, "a plan without it is refused when it is loaded"
    return full.evaluation


def cell_of(claim: Claim) -> tuple[str, str, Condition]:
    """What a record is found by."""
    return claim.experiment, metric_of(claim.metric).base, condition_of(claim.condition)


def view_of(claim: Claim, context: Context, protocol: Protocol, reading: str) -> View:
    """Select a claim's records under one reading and sum them up, in the claim's unit."""
    rows, trouble = _rows(claim, context, reading)
    view = View(protocol, select(rows, protocol), trouble=trouble)
    values = {seed: _mean(group, claim, view) for seed, group in view.selection.by_seed.items()}
    view.lost_seeds = sorted(seed for seed, value in values.items() if not math.isfinite(value))
    finite = [value for value in values.values() if math.isfinite(value)]
    view.values = finite
    view.sample = sample_of(finite) if finite else None
    if not view.trouble:
        view.trouble = _mixed_units(view.selection.rows, claim)
    floors = context.store.floors.get((claim.experiment, metric_of(claim.metric).base, reading), [])
    view.draws = _draws(floors, claim, view)
    view.floor = floor_of(view.draws) if view.draws else None
    if view.floor and view.floor.n < MIN_DRAWS:
        view.notes.append(f"a floor of {view.floor.n} draws is shown but not used: 1 in 20 takes {MIN_DRAWS} or more")
    return view


def _rows(claim: Claim, context: Context, reading: str) -> tuple[list[Row], str]:
    """The claim's records; and why they cannot be told from those of another claim, if so."""
    conditions = context.store.results.get((claim.experiment, metric_of(claim.metric).base, reading), {})
    wanted = condition_of(claim.condition)
    fitting = [wanted] if wanted in conditions else [c for c in conditions if set(wanted) <= set(c)]
    if len(fitting) > 1:
        return [], f"records of {len(fitting)} conditions fit, and the claim does not say which it means"
    rows = conditions[fitting[0]] if fitting else []
    methods = {other.method for other in context.cells.get(cell_of(claim), [])}
    if len(methods) < 2:
        return rows, ""
    own = [row for row in rows if row.method == claim.method]
    nameless = [row for row in rows if not row.method]
    ours = [method for method in methods if _plain(method) == _plain(context.plan.name)]
    if nameless and not own and not ours:
        return [], f"{len(methods)} methods claim this cell, and the records do not name theirs"
    return own + (nameless if ours == [claim.method] else []), ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _mean(rows: Sequence[Row], claim: Claim, view: View) -> float:
    """A seed's value in the claim's unit; NaN when any of its evaluations gave none."""
    want = metric_of(claim.metric)
    values = [convert(row.value, row.metric, want) for row in rows]
    if None in values:
        view.trouble = f"seed {rows[0].seed}: its unit or sign cannot be read as {claim.metric}"
    return math.fsum(math.nan if value is None else value for value in values) / len(values)


def _mixed_units(rows: Sequence[Row], claim: Claim) -> str:
    units = sorted({row.metric.unit or "no unit" for row in rows})
    if len(units) < 2 or metric_of(claim.metric).unit:
        return ""
    name = claim.metric
    return f"records mix {' and '.join(units)}; name the plan's metric {name}_percent or {name}_frac to say which it is"


def _draws(floors: Sequence[FloorRow], claim: Claim, view: View) -> list[float]:
    """Floor draws at the protocol's sizes, of the code that ran, equal records once; in the claim's unit."""
    size = (view.protocol.n_test, view.protocol.n_generated)
    fitting = [floor for floor in floors if (floor.n_test, floor.n_generated) == size and not floor.is_typed]
    if len(fitting) < len(floors):
        view.notes.append(f"{len(floors) - len(fitting)} floor records of other sample sizes or without hashes refused")
    rows = view.selection.rows
    same = [f for f in fitting if not rows or f.core_hash in (rows[0].core_hash, COMPUTED)]
    if len(same) < len(fitting):
        view.notes.append(f"{len(fitting) - len(same)} floor records of another core refused: evaluate again")
    if not same:
        return []
    computed = [floor for floor in same if floor.core_hash == COMPUTED]
    same = computed or same  # what the plan asks for goes before what the runs recorded
    latest = max(same, key=lambda floor: floor.age).code
    unique = {floor.values: floor for floor in same if floor.code == latest}
    want = metric_of(claim.metric)
    draws = [convert(value, floor.metric, want) for floor in unique.values() for value in floor.values]
    return [value for value in draws if value is not None]
