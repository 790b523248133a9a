"""The report as data: everything that report.md, report.html and report.json show."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reproof.document import Deviation, Equation, Missing, Paper
from reproof.records import Change, Record
from reproof.selfcheck.models import Item, State
from reproof.selfcheck.notes import Notes


class ReadingRow(Record):
    """A claim if the protocol was meant otherwise."""

    name: str
    means: str
    ours_mean: float | None
    floor_mean: float | None
    floor_sd: float | None
    attainable: bool | None
    would_be: str


class ClaimRow(Record):
    """One claim, the paper's number and ours."""

    id: str
    table: str
    method: str
    experiment: str
    metric: str
    direction: str
    condition: str
    printed: str
    paper: float
    digits: int = Field(3, description="decimals to show")
    ours_mean: float | None = None
    ours_low: float | None = Field(None, description="95 % confidence interval of the mean")
    ours_high: float | None = None
    ours_n: int = 0
    floor_mean: float | None = None
    floor_sd: float | None = None
    floor_n: int = 0
    floor_reached: int = Field(0, description="draws of the truth that are as good as the paper's number or better")
    verdict: str
    reason: str = ""
    notes: list[str] = Field(default_factory=list)
    hints: list[str] = Field(default_factory=list)
    readings: list[ReadingRow] = Field(default_factory=list)


class Tick(Record):
    """A mark on an axis, in percent of its length."""

    at: float
    label: str


class ChartRow(Record):
    """One claim on an axis; every place is in percent of its length."""

    label: str
    verdict: str
    words: str = Field(description="the same in words, for readers who do not see it")
    paper: float
    ours: float | None = None
    low: float | None = None
    width: float | None = None
    floor: float | None = None
    floor_low: float | None = None
    floor_width: float | None = None


class Chart(Record):
    """All claims of one metric on one axis."""

    metric: str
    ticks: list[Tick]
    rows: list[ChartRow]


class Figure(Record):
    """A picture that a run drew."""

    path: str = Field(description="relative to the project")
    caption: str
    sha256: str


class ExperimentView(Record):
    """What ran, and its pictures."""

    name: str
    summary: str
    seeds: list[int]
    figures: list[Figure] = Field(description="of the first seed")
    more: list[Figure] = Field(description="of the other seeds")


class InferredRow(Record):
    """A value that the paper does not state."""

    path: str
    name: str = Field(description="the path below its scope, short")
    value: Any
    reason: str
    alternatives: list[Any]
    state: str


class InferredScope(Record):
    """The inferred values of one group, experiment or library."""

    scope: str
    rows: list[InferredRow]


class ProbeRow(Record):
    """A library call that was tried."""

    call: str
    target: str
    inputs: str
    experiments: str
    outcome: str
    passed: bool
    words: str


class BudgetRow(Record):
    """Memory of one phase."""

    experiment: str
    phase: str
    peak_bytes: int | None
    disk_bytes: int | None
    grades: dict[str, str] = Field(description="GPU -> verdict")
    note: str = ""


class CostRow(Record):
    """Wall-clock of one phase of one run."""

    experiment: str
    seed: int
    phase: str
    amount: str
    time_s: float | None
    device: str
    peak_bytes: int | None


class RerunRow(Record):
    """How to make the numbers of some claims again."""

    claims: list[str]
    command: str


class EvidenceRow(Record):
    """One record of the chain."""

    number: int
    helper: str
    created: str
    ok: bool
    headline: str


class IntegrityRow(Record):
    """One aspect of the algorithm, and the record that speaks for it."""

    aspect: str
    state: State
    says: str
    source: str


class LayerRow(Record):
    """One layer of a model that was built."""

    model: str
    layer: str
    kind: str
    shapes: str
    parameters: int


class ChecklistRow(Record):
    """One item of a checklist; an empty answer means: not answered by any record."""

    item: str
    answer: str
    source: str


class Checklist(Record):
    """One of the field's checklists."""

    name: str
    answered: int
    rows: list[ChecklistRow]


class Totals(Record):
    """What the runs cost in all."""

    gpu_hours: float
    cpu_hours: float
    peak_bytes: int | None = Field(description="largest peak that a run measured")
    estimated_bytes: int | None = Field(description="largest peak that was computed before")
    disk_bytes: int = Field(description="what the phases that ran store, computed")


class Environment(Record):
    """Versions, seeds and hashes."""

    versions: dict[str, str]
    seeds: dict[str, list[int]]
    hashes: dict[str, str]


class StatementRow(Record):
    """A claim about an order or a curve, with compare's words."""

    id: str
    says: str
    verdict: str
    reason: str


class SummaryRow(Record):
    """A table of the paper, or all of it, in one line."""

    name: str
    claims: int
    reproduced: int
    low_frac: float | None
    high_frac: float | None
    headline: str


class Report(Record):
    """Everything the report shows."""

    name: str
    paper: Paper
    as_of: str = Field(description="when the newest record was made")
    conclusion: list[str] = Field(min_length=1)
    established: bool = Field(description="what the verdicts rest on holds")
    verdicts: dict[str, int]
    problem: str
    contribution: str
    claims: list[ClaimRow]
    rule: str
    readings: dict[str, str] = Field(description="reading of the protocol -> what it means")
    charts: list[Chart]
    experiments: list[ExperimentView]
    quotes: str
    inferred: list[InferredScope]
    missing: list[Missing]
    deviations: list[Deviation]
    equations: list[Equation]
    probes: list[ProbeRow]
    gpus: list[str]
    budgets: list[BudgetRow]
    costs: list[CostRow]
    total_s: float
    reruns: list[RerunRow]
    environment: Environment
    gate: list[Item]
    gate_headline: str
    gate_counts: dict[str, int]
    evidence: list[EvidenceRow]
    not_attempted: list[str]
    kind: str
    integrity: list[IntegrityRow]
    layers: list[LayerRow]
    engineering: list[Change]
    checklists: list[Checklist]
    notes: Notes | None
    no_notes: str
    totals: Totals
    orders: list[StatementRow] = Field(default_factory=list)
    curves: list[StatementRow] = Field(default_factory=list)
    summaries: list[SummaryRow] = Field(default_factory=list)
    pictures: list[str] = Field(default_factory=list, description="SVG drawn from the records")
