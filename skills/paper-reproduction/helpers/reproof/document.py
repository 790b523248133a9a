"""The plan: one typed YAML document, the only source for everything downstream.

Every number that shapes the reproduction is a `Sourced` value. Experiments share settings through a group;
`settings_of` merges group and experiment, key by key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from reproof import yamlio
from reproof.apicalls import Library
from reproof.errors import PackError, near
from reproof.otherclaims import Ablation, CurveClaim, OrderClaim, dangling
from reproof.porting import Inventory
from reproof.protocol import DataProtocol, MetricDefinition, Note, Objective, PortSource, Settled
from reproof.records import Change, Compute, Identifier, Record, Reference, Risk, Slug, Sourced, validated
from reproof.truthfloors import FloorCall

Number = int | float


class Paper(Record):
    """What is reproduced."""

    title: str = Field(min_length=3)
    authors: str = ""
    arxiv: str = ""
    url: str = ""
    licence: str = ""
    sha256: str = Field("", description="of the file that the quotes are looked up in")


class Equation(Record):
    """An equation, theorem or algorithm of the paper and the function that implements it."""

    id: str = Field(description="as the paper names it, like Theorem 1 or Eq. 13")
    states: str = Field(description="what it says, in one line")
    implemented_by: str = Field("", description="module.function in the core")
    note: str = ""


OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "radam"]


class Phase(Record):
    """One phase of the pipeline. Keys that only the algorithm reads go into `settings`."""

    kind: Literal["pool", "train"]
    law: Literal["mlp", "unet", "cnn", "resnet", "vit", "transformer", "sinkhorn"] | None = Field(
        None, description="the closed form that vram uses; without one the phase is reported as not estimated"
    )
    loss: str = Field("", description="which equation or algorithm")
    objective: Objective | None = None
    hands_on: str = Field("", description="what later phases get from it")
    frozen: list[str] = Field(default_factory=list, description="phases whose models it reads, frozen")
    batches: Sourced[int] | None = None
    steps: Sourced[int] | None = None
    batch_size: Sourced[int] | None = None
    accumulate: Sourced[int] | None = None
    optimizer: Sourced[OptimizerName] | None = None
    lr: Sourced[float] | None = None
    betas: Sourced[list[float]] | None = None
    weight_decay: Sourced[float] | None = None
    schedule: Sourced[Literal["constant", "cosine", "linear"]] | None = None
    warmup_steps: Sourced[int] | None = None
    grad_clip: Sourced[float | None] | None = None
    ema_decay: Sourced[float | None] | None = None
    settings: dict[str, Sourced[Any]] = Field(default_factory=dict)

    @field_validator("batches", "steps", "batch_size", "accumulate", "lr")
    @classmethod
    def _above_zero(cls, item: Sourced[Any] | None) -> Sourced[Any] | None:
        if item is not None and item.value <= 0:
            raise ValueError(f"must be greater than 0, got {item.value!r}")
        return item

    @field_validator("weight_decay", "warmup_steps")
    @classmethod
    def _not_negative(cls, item: Sourced[Any] | None) -> Sourced[Any] | None:
        if item is not None and item.value < 0:
            raise ValueError(f"must not be negative, got {item.value!r}")
        return item


NEEDED: dict[str, tuple[str, ...]] = {
    "pool": ("batches", "batch_size"),
    "train": ("steps", "batch_size", "optimizer", "lr"),
}


PROSE = ("kind", "law", "loss", "objective", "definition", "hands_on", "frozen", "settings", "readings")
"""Keys of a phase and of an evaluation that an ablation cannot override: they are no single settings."""


class Reading(Record):
    """Another way to read the paper's evaluation protocol."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    means: str = Field(min_length=8, description="the reading in words, for the report")
    squared: bool = False
    scale: float = Field(1.0, gt=0, description="coordinates, and so distances, are multiplied by this")
    truth: str = "iid"
    n_generated: int | None = Field(None, gt=0)


class Evaluation(Record):
    """The protocol, as the plan will run it."""

    metric: Sourced[str]
    n_test: Sourced[int]
    n_samples: Sourced[int]
    sampling_steps: Sourced[list[int]]
    floor_draws: int = Field(20, ge=2, description="pairs of independent draws of the truth")
    test_draws: int = Field(1, ge=1, description="test sets, each with its own samples, that a result is the mean of")
    readings: list[Reading] = Field(default_factory=list)
    definition: MetricDefinition | None = None


class Group(Record):
    """Settings that several experiments share."""

    data: dict[str, Sourced[Any]] = Field(default_factory=dict)
    model: dict[str, Sourced[Any]] = Field(default_factory=dict)
    phases: dict[Identifier, Phase] = Field(default_factory=dict)
    evaluation: Evaluation | None = None
    protocol: DataProtocol | None = None
    parameters: Sourced[int] | None = Field(None, description="expected parameter count of all trained networks")


class Experiment(Group):
    """One experiment; what it does not say it takes from its group."""

    summary: str = Field(min_length=3)
    group: str | None = None
    seeds: list[int] = Field(default_factory=lambda: [0], min_length=1)


class Claim(Record):
    """One number of the paper that we check."""

    id: str = Field(pattern=r"^[a-z0-9_/.-]+$")
    table: str
    method: str
    experiment: str
    metric: str
    dataset: str = ""
    condition: dict[str, Number | str] = Field(default_factory=dict)
    printed: str = Field(description="the number as printed, with its digits")
    direction: Literal["lower", "higher"]
    spread: str = Field("", description="what the paper prints after the ±, if anything")
    quote: str
    where: str

    @property
    def value(self) -> float:
        """The printed number."""
        return float(self.printed)

    @field_validator("printed")
    @classmethod
    def _is_number(cls, text: str) -> str:
        try:
            float(text)
        except ValueError as error:
            raise ValueError(f"write the number as printed, like '0.285'; got {text!r}") from error
        return text


class Deviation(Record):
    """A known difference from the paper."""

    what: str
    why: str
    impact: str
    experiments: list[str] = Field(default_factory=list)


class Missing(Record):
    """Something the paper leaves out or contradicts, and what that means for the claims."""

    what: str
    impact: str


class Plan(Record):
    """plan.yaml."""

    schema_version: Literal[1]
    name: Identifier
    kind: Literal["paper", "port"] = "paper"
    paper: Paper
    port: PortSource | None = Field(None, description="of a plan of kind port: the pinned repository")
    problem: str = Field(min_length=10)
    contribution: str = Field(min_length=10)
    equations: list[Equation] = Field(default_factory=list)
    libraries: list[Library] = Field(default_factory=list)
    groups: dict[str, Group] = Field(default_factory=dict)
    experiments: dict[Slug, Experiment] = Field(min_length=1)
    claims: list[Claim] = Field(default_factory=list)
    orders: list[OrderClaim] = Field(default_factory=list, description="claims that one thing is better than another")
    curves: list[CurveClaim] = Field(default_factory=list, description="claims read off a figure")
    floors: list[FloorCall] = Field(default_factory=list, description="floors that compare computes")
    ablations: dict[Slug, Ablation] = Field(default_factory=dict)
    compute: Compute = Compute()
    deviations: list[Deviation] = Field(default_factory=list)
    missing: list[Missing] = Field(default_factory=list)
    settled: list[Settled] = Field(default_factory=list, description="decisions where the paper contradicts itself")
    notes: list[Note] = Field(default_factory=list, description="what the three readings of the paper found")
    pseudocode: dict[str, str] = Field(default_factory=dict, description="algorithms in our words, by their name")
    engineering: list[Change] = Field(default_factory=list)
    risks: list[Risk] = Field(default_factory=list)
    references: list[Reference] = Field(default_factory=list)
    inventory: Inventory | None = Field(
        None, description="units, values and details of the ported code; inventory.py writes it"
    )

    @model_validator(mode="after")
    def _references_exist(self) -> Plan:
        wrong = list(_dangling(self))
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def settings_of(self, name: str) -> Experiment:
        """One experiment, complete: its group's settings with its own on top."""
        own = self.experiments[name]
        return merged(self.groups[own.group], own) if own.group else own


def _dangling(plan: Plan) -> Iterator[str]:
    """Names that point at nothing, and settings that a phase needs and does not have."""
    names = list(plan.experiments)
    if (plan.kind == "port") != (plan.port is not None):
        yield "port: a plan of kind port says which repository and commit it comes from, and no other plan does"
    for name, experiment in plan.experiments.items():
        if experiment.group and experiment.group not in plan.groups:
            yield f"experiments.{name}.group: no group {experiment.group!r}{near(experiment.group, plan.groups)}"
            continue
        full = plan.settings_of(name)
        if not full.phases and plan.kind == "paper":
            yield f"experiments.{name}: has no phases"
        if full.evaluation is None and plan.kind == "paper":
            yield f"experiments.{name}: has no evaluation"
        for phase_name, phase in full.phases.items():
            lacks = [key for key in NEEDED[phase.kind] if getattr(phase, key) is None]
            if lacks:
                yield f"experiments.{name}.phases.{phase_name}: a {phase.kind} phase needs {', '.join(lacks)}"
            unknown = [other for other in phase.frozen if other not in full.phases]
            if unknown:
                yield f"experiments.{name}.phases.{phase_name}.frozen: no phase {', '.join(unknown)}"
    for claim in plan.claims:
        if claim.experiment not in plan.experiments:
            yield f"claims.{claim.id}: no experiment {claim.experiment!r}{near(claim.experiment, names)}"
    for library in plan.libraries:
        for call in library.calls:
            unknown = [e for e in call.experiments if e not in plan.experiments]
            if unknown:
                yield f"libraries.{library.name}.{call.id}: no experiment {', '.join(unknown)}"
    yield from dangling(names, [claim.id for claim in plan.claims], plan.orders, plan.curves, plan.ablations)
    for name, ablation in plan.ablations.items():
        if ablation.experiment in plan.experiments:
            yield from _changes_nothing(name, ablation, plan.settings_of(ablation.experiment))


def _changes_nothing(name: str, ablation: Ablation, full: Experiment) -> Iterator[str]:
    """Overrides of settings that the experiment does not have; `data`, `model` and `settings` may get new keys."""
    known = {f"data.{key}" for key in full.data} | {f"model.{key}" for key in full.model}
    may_grow = {"data", "model"}
    for phase_name, phase in full.phases.items():
        may_grow.add(f"phases.{phase_name}.settings")
        known |= {f"phases.{phase_name}.{key}" for key in Phase.model_fields if key not in PROSE}
        known |= {f"phases.{phase_name}.settings.{key}" for key in phase.settings}
    known |= {f"evaluation.{key}" for key in Evaluation.model_fields if key not in PROSE}
    for path in ablation.overrides:
        if path not in known and path.rpartition(".")[0] not in may_grow:
            yield f"ablations.{name}.overrides: no setting {path!r}{near(path, known)}"


def merged(group: Group, own: Experiment) -> Experiment:
    """`own` on top of `group`: data and model by key, phases by name and key."""
    phases = {}
    for name in [*group.phases, *(n for n in own.phases if n not in group.phases)]:
        phases[name] = _over(group.phases.get(name), own.phases.get(name))
    return own.model_copy(
        update={
            "data": group.data | own.data,
            "model": group.model | own.model,
            "phases": phases,
            "evaluation": own.evaluation or group.evaluation,
            "protocol": _said_over(group.protocol, own.protocol),
            "parameters": own.parameters or group.parameters,
        }
    )


def _said_over(below: DataProtocol | None, above: DataProtocol | None) -> DataProtocol | None:
    """`above` on top of `below`, key by key."""
    if below is None or above is None:
        return above or below
    return DataProtocol(
        splits=below.splits | above.splits,
        preprocessing=above.preprocessing or below.preprocessing,
        shapes=below.shapes | above.shapes,
    )


def _over(below: Phase | None, above: Phase | None) -> Phase:
    if below is None or above is None:
        found = above or below
        assert found is not None, "a merged phase comes from the group or from the experiment"
        return found
    said = {key: getattr(above, key) for key in above.model_fields_set}
    return below.model_copy(update=said | {"settings": below.settings | above.settings})


def sourced(item: object, path: str = "") -> Iterator[tuple[str, Sourced[Any]]]:
    """Every sourced value below `item` with its dotted path, in document order."""
    if isinstance(item, Sourced):
        yield path, item
    elif isinstance(item, BaseModel):
        for key in type(item).model_fields:
            yield from sourced(getattr(item, key), f"{path}.{key}" if path else key)
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from sourced(value, f"{path}.{key}" if path else str(key))
    elif isinstance(item, list):
        for index, value in enumerate(item):
            name = getattr(value, "name", None) or index
            yield from sourced(value, f"{path}.{name}")


def load_plan(path: Path) -> Plan:
    """The plan at `path`.

    Raises:
        PackError: unreadable, not YAML, or not a plan; all wrong fields at once.
    """
    data = yamlio.load(path, "plan")
    if not isinstance(data, dict):
        raise PackError(
            "bad-plan",
            f"{path} holds {type(data).__name__}, not a mapping",
            why="a plan is a mapping with name, paper, experiments, ...",
            fix="start from examples/nsgf/plan.yaml",
        )
    return validated(
        Plan,
        data,
        slug="bad-plan",
        name=str(path),
        why="everything downstream is generated from the plan, so a wrong field would spread",
        fix="mend the fields above; examples/nsgf/plan.yaml shows each of them in use",
    )
