"""The plan: one typed YAML document, the only source for everything downstream.

Every number that shapes the reproduction is a `Sourced` value. Experiments share settings through a group;
`settings_of` merges group and experiment, key by key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from reproof import yamlio
from reproof.errors import PackError, near
from reproof.records import Change, Compute, Identifier, Record, Reference, Risk, Slug, Sourced, validated

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


DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()


class TensorSpec(Record):
    """One input of a probed call: drawn to a shape, given as values, an object by name, or made by another call."""

    shape: list[int] | None = None
    values: list[Any] | None = Field(None, description="the numbers themselves, like [0.0, 1.0]")
    object: str | None = Field(None, description="dotted name of what is passed as it is, like torch.float64")
    made_by: str | None = Field(None, description="dotted name of the call that returns it, like ot.dist")
    args: list[str] = Field(default_factory=list, description="earlier inputs that made_by gets, in order")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="other arguments of made_by")
    dtype: str = "float32"
    dist: Literal["normal", "uniform", "zeros", "ones", "weights", "equal_weights", "integers", "grid"] = Field(
        "normal",
        description="weights sum to one along the last axis; grid rises evenly from low to high along the first",
    )
    low: float = 0.0
    high: float = 1.0
    scale: float = Field(1.0, description="the drawn numbers are multiplied by this,")
    shift: float = Field(0.0, description="and then moved by this")
    kind: Literal["torch", "numpy"] = "torch"
    requires_grad: bool = False
    batch_axes: list[int] | None = Field(
        None, description="axes that grow with the batch; by default axis 0 where it is as long as the first input's"
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> TensorSpec:
        said = [key for key in ("shape", "values", "object", "made_by") if getattr(self, key) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none"
            raise ValueError(f"needs exactly one of shape, values, object, made_by; found {found}")
        if any(size <= 0 for size in self.shape or []):
            raise ValueError(f"every size must be positive, got {self.shape}")
        if self.dtype not in DTYPES:
            raise ValueError(f"no dtype {self.dtype!r}{near(self.dtype, DTYPES)}")
        if any(axis not in range(len(self.shape or [])) for axis in self.batch_axes or []):
            raise ValueError(f"batch_axes {self.batch_axes} are not axes of shape {self.shape}")
        return self


class Expect(Record):
    """What a probed call must do."""

    shapes: list[list[int]] | None = Field(None, description="of the outputs, in order")
    dtype: str | None = None
    finite: bool = True
    value: float | None = Field(None, description="every number of the first output must be this, within rtol")
    grad: list[str] = Field(default_factory=list, description="inputs that must receive a non-zero gradient")
    zero_on_equal: bool | None = Field(None, description="the value is 0 when the first two inputs are equal")
    symmetric: bool | None = Field(None, description="swapping the first two inputs keeps the value")
    size_free: bool | None = Field(None, description="a quarter of the batch gives about the same value")
    equals: str | None = Field(None, description="another target, called on the same inputs, that must agree")
    equals_args: list[str] = Field(default_factory=list, description="input names it gets, if not the call's own")
    equals_kwargs: dict[str, Any] = Field(default_factory=dict)
    equals_scale: float = Field(1.0, description="ours = scale * theirs")
    rtol: float = Field(1e-3, gt=0)
    within_s: float | None = Field(None, gt=0, description="one call must not take longer, on one CPU thread")
    raises: str | None = Field(None, description="the call must fail with this exception: a trap kept on record")
    accepts: list[str] = Field(
        default_factory=list, description="finding codes that are known here and accepted; `because` says why"
    )


class Call(Record):
    """One library call with the exact shapes of an experiment.

    Inputs go by position in the order of `args` (all of them when `args` is empty); an input that is neither in
    `args` nor used by another input or by `equals_args` goes by its own name.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    target: str = Field(description="dotted name, like geomloss.SamplesLoss")
    init: dict[str, Any] | None = Field(None, description="constructor arguments when the target is a class")
    method: str | None = Field(None, description="called on the constructed object instead of the object itself")
    args: list[str] = Field(default_factory=list, description="input names passed by position, in order")
    kwargs: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, TensorSpec]
    experiments: list[str] = Field(min_length=1)
    expect: Expect = Expect()
    because: str = ""

    @model_validator(mode="after")
    def _names_are_inputs(self) -> Call:
        wrong = list(_unknown_inputs(self))
        if self.method is not None and self.init is None:
            wrong.append("method needs init (an empty mapping will do): it is called on a constructed object")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _unknown_inputs(call: Call) -> Iterator[str]:
    """Places that name an input which is not there, or not there yet."""
    earlier: list[str] = []
    for name, spec in call.inputs.items():
        for used in spec.args:
            if used not in earlier:
                yield f"inputs.{name}.args: no earlier input {used!r}{near(used, earlier)}"
        earlier.append(name)
    for key, names in (("args", call.args), ("grad", call.expect.grad), ("equals_args", call.expect.equals_args)):
        for used in names:
            if used not in call.inputs:
                yield f"{key}: no input {used!r}{near(used, call.inputs)}"


class Library(Record):
    """A third-party package and the calls that the reproduction makes to it."""

    name: str = Field(description="as it is imported")
    distribution: str = Field(description="as it is installed")
    version: Sourced[str]
    calls: list[Call] = Field(default_factory=list)


class Phase(Record):
    """One phase of the pipeline. Keys that only the algorithm reads go into `settings`."""

    kind: Literal["pool", "train"]
    law: Literal["mlp", "unet", "cnn", "sinkhorn"] | None = Field(
        None, description="the closed form that vram uses; without one the phase is reported as not estimated"
    )
    loss: str = Field("", description="which equation or algorithm")
    hands_on: str = Field("", description="what later phases get from it")
    frozen: list[str] = Field(default_factory=list, description="phases whose models it reads, frozen")
    batches: Sourced[int] | None = None
    steps: Sourced[int] | None = None
    batch_size: Sourced[int] | None = None
    accumulate: Sourced[int] | None = None
    optimizer: Sourced[Literal["adam", "adamw", "sgd"]] | None = None
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


class Group(Record):
    """Settings that several experiments share."""

    data: dict[str, Sourced[Any]] = Field(default_factory=dict)
    model: dict[str, Sourced[Any]] = Field(default_factory=dict)
    phases: dict[Identifier, Phase] = Field(default_factory=dict)
    evaluation: Evaluation | None = None


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
    problem: str = Field(min_length=10)
    contribution: str = Field(min_length=10)
    equations: list[Equation] = Field(default_factory=list)
    libraries: list[Library] = Field(default_factory=list)
    groups: dict[str, Group] = Field(default_factory=dict)
    experiments: dict[Slug, Experiment] = Field(min_length=1)
    claims: list[Claim] = Field(default_factory=list)
    compute: Compute = Compute()
    deviations: list[Deviation] = Field(default_factory=list)
    missing: list[Missing] = Field(default_factory=list)
    pseudocode: dict[str, str] = Field(default_factory=dict, description="algorithms in our words, by their name")
    engineering: list[Change] = Field(default_factory=list)
    risks: list[Risk] = Field(default_factory=list)
    references: list[Reference] = Field(default_factory=list)

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
    for name, experiment in plan.experiments.items():
        if experiment.group and experiment.group not in plan.groups:
            yield f"experiments.{name}.group: no group {experiment.group!r}{near(experiment.group, plan.groups)}"
            continue
        full = plan.settings_of(name)
        if not full.phases:
            yield f"experiments.{name}: has no phases"
        if full.evaluation is None:
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
    doubled = [name for name, times in Counter(claim.id for claim in plan.claims).items() if times > 1]
    if doubled:
        yield f"claims: id used twice: {', '.join(sorted(doubled))}"


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
        }
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
