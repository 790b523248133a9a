"""The budget of a plan: every phase of every experiment, the verdict on each GPU, pools, and the peak over phases."""

from __future__ import annotations

from math import inf, prod
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from reproof.document import Experiment, Phase, Plan, load_plan
from reproof.errors import MissingError, PackError, near
from reproof.records import Sourced
from reproof.units import Bytes, show_bytes, show_seconds
from reproof.vram.calls import flow_budget, sinkhorn_fits
from reproof.vram.estimate import net_of, overhead, training
from reproof.vram.gpus import Gpu, chosen
from reproof.vram.models import ExperimentBudget, Grade, PhaseBudget, PlanAnswer, PlanRequest, PoolSize, RunTime
from reproof.vram.nets import Net, checkpointed
from reproof.vram.pools import pool_size
from reproof.vram.precision import DEFAULT, NAMES
from reproof.vram.precision import chosen as chosen_precision
from reproof.vram.sizes import SIZES
from reproof.vram.states import Optimizer, Update
from reproof.vram.workload import SOURCE, flow_time, told

# Other names that plans and cores use for the same size.
ALSO: dict[str, tuple[str, ...]] = {
    "hidden": ("hidden_units",),
    "layers": ("hidden_layers",),
    "flow_steps": ("time_steps",),
    "family": ("kind",),
    "outputs": ("num_classes", "classes"),
    "image_size": ("img_size",),
}
# only where the law is a transformer's: an experiment's other phases may have a depth or width of their own
OF_TRANSFORMERS: dict[str, tuple[str, ...]] = {
    "layers": ("num_layers", "n_layers", "n_layer", "num_hidden_layers", "depth"),
    "vocab": ("vocab_size",),
    "width": ("d_model", "n_embd", "embed_dim", "hidden_size"),
    "num_heads": ("n_heads", "n_head", "heads", "num_attention_heads"),
    "kv_heads": ("num_key_value_heads",),
    "seq": ("seq_len", "sequence_length", "block_size", "context_length", "n_ctx"),
    "feed_forward": ("d_ff", "ff_dim", "intermediate_size", "mlp_dim"),
    "patch": ("patch_size",),
}
# states per parameter of optimizers without a law of their own, and of those whose settings add one
LEAST_STATES = {"sgd": 0, "rmsprop": 1, "adagrad": 1, "nadam": 2, "radam": 2}
WORSE: tuple[Grade, ...] = ("fits", "tight", "no")


CLOCK = f"{SOURCE}; of a Sinkhorn flow from its epsilon steps and its passes over the cost matrices"


class Sizes:
    """What one phase of one experiment says about its sizes; the phase's settings win over the model's."""

    def __init__(self, experiment: Experiment, phase: Phase) -> None:
        self._values = {**experiment.model, **phase.settings}
        self._shape = experiment.data.get("shape")
        self._transformer = phase.law in ("transformer", "vit")

    def sourced(self, name: str) -> Sourced[Any] | None:
        """The setting called `name`, or by another of its names."""
        names = (name, *ALSO.get(name, ()), *(OF_TRANSFORMERS.get(name, ()) if self._transformer else ()))
        return next((self._values[each] for each in names if each in self._values), None)

    def get(self, name: str) -> Any:
        """The value called `name`; None where the plan has none."""
        found = self.sourced(name)
        return found.value if found is not None else None

    @property
    def shape(self) -> list[int] | None:
        """Shape of one sample, where the plan gives it as whole numbers above 0."""
        value = self._shape.value if self._shape else None
        return value if isinstance(value, list) and all(isinstance(i, int) and i > 0 for i in value) else None

    def from_shape(self) -> dict[str, int]:
        """The sizes that follow from the shape of a sample: (C, H, W) for images."""
        if self.shape is None:
            return {}
        image = {"in_channels": self.shape[0], "image_size": self.shape[1]} if len(self.shape) == 3 else {}
        return image | {"dim": prod(self.shape)}

    def of(self, law: str) -> tuple[dict[str, Any], list[str]]:
        """The sizes of a network, and the names of those that are missing."""
        fields = SIZES[law].model_fields  # type: ignore[index]
        known = {**self.from_shape(), **{n: self.get(n) for n in fields if self.get(n) is not None}}
        sizes = {name: known[name] for name in fields if name in known}
        return sizes, [f"model.{name}" for name, field in fields.items() if field.is_required() and name not in sizes]


def _value(item: Sourced[Any] | None, default: Any = None) -> Any:
    return default if item is None or item.value is None else item.value


def budgets(request: PlanRequest) -> PlanAnswer:
    """Every chosen experiment of the plan.

    Raises:
        PackError: no such experiment or GPU, or sizes that do not build a network.
        MissingError: not one phase says enough to be estimated.
    """
    plan = load_plan(request.plan)
    names = request.experiment or list(plan.experiments)
    unknown = [name for name in names if name not in plan.experiments]
    if unknown:
        raise PackError(
            "unknown-experiment",
            "; ".join(f"--experiment {name!r}{near(name, plan.experiments)}" for name in unknown),
            why=f"{request.plan} has {', '.join(plan.experiments)}",
            fix="choose from these, or leave --experiment out",
        )
    gpus = chosen(request.gpu or plan.compute.tiers, request.calibration)
    experiments = [_experiment(plan, name, gpus, request) for name in names]
    if not any(phase.budget for experiment in experiments for phase in experiment.phases):
        lacking = dict.fromkeys(key for e in experiments for phase in e.phases for key in phase.missing)
        raise MissingError(
            "no-sizes",
            f"{request.plan}: no phase could be estimated; missing {', '.join(lacking)}",
            why="a size that is not in the plan is not guessed",
            fix="name a law for the phases and give these settings in the plan",
        )
    return PlanAnswer(
        ok=all(any(grade != "no" for grade in e.gpus.values()) for e in experiments if e.gpus),
        headline=_headline(experiments),
        experiments=experiments,
        precision=_precisions(experiments),
        bounds={
            "wall-clock": CLOCK,
            **{
                part.name: part.source
                for experiment in experiments
                for phase in experiment.phases
                for part in (phase.budget.parts if phase.budget else [])
                if not part.calibrated
            },
        },
    )


def _precisions(experiments: list[ExperimentBudget]) -> str:
    found = [phase.precision for each in experiments for phase in each.phases if phase.precision is not None]
    return ", ".join(dict.fromkeys(found)) or "fp32"


def _headline(experiments: list[ExperimentBudget]) -> str:
    peaks = [(e.peak_bytes, f"{e.name}, {e.peak_phase}") for e in experiments if e.peak_bytes]
    size, where = max(peaks)
    said = [f"largest peak {show_bytes(size)} ({where})"]
    for gpu in dict.fromkeys(gpu for e in experiments for gpu in e.gpus):
        grades = {grade: [e.name for e in experiments if e.gpus.get(gpu) == grade] for grade in WORSE}
        bad = [f"{grade} for {', '.join(names)}" for grade, names in grades.items() if names and grade != "fits"]
        said.append(f"{gpu}: {'; '.join(bad) or 'all fit'}")
    absent = sum(1 for e in experiments for phase in e.phases if phase.budget is None)
    return "; ".join(said + ([f"{absent} phase{'s' * (absent > 1)} not estimated"] if absent else []))


def _experiment(plan: Plan, name: str, gpus: list[Gpu], request: PlanRequest) -> ExperimentBudget:
    full = plan.settings_of(name)
    phases = [_phase(f"{name}.{phase_name}", full, phase_name, gpus, request) for phase_name in full.phases]
    counted = [(phase.budget.allocated_bytes, phase.name) for phase in phases if phase.budget]
    peak_bytes, peak_phase = max(counted) if counted else (None, None)
    worst: dict[str, Grade] = {}
    for phase in phases:
        for one in phase.gpus:
            worst[one.gpu] = max(worst.get(one.gpu, "fits"), one.verdict, key=WORSE.index)
    time = _run_time(phases, list(worst))
    if time:
        said = "; ".join(_said(gpu, run) for gpu, run in time.items())
        phases[-1].notes.append(f"wall-clock of all phases of {name}, one after the other: {said}")
    return ExperimentBudget(
        name=name,
        phases=phases,
        peak_phase=peak_phase,
        peak_bytes=peak_bytes,
        pool_bytes=sum(phase.pool.host_bytes for phase in phases if phase.pool),
        gpus=worst,
        time=time,
    )


def _said(gpu: str, run: RunTime) -> str:
    without = f", without {', '.join(run.without)}" if run.without else ""
    return f"{gpu} {show_seconds(run.low_s)} to {show_seconds(run.high_s)}{without}"


def _run_time(phases: list[PhaseBudget], gpus: list[str]) -> dict[str, RunTime]:
    """All phases one after the other, on each GPU on which at least one has a time."""
    found = {}
    for gpu in gpus:
        known = {p.name: one.time for p in phases for one in p.gpus if one.gpu == gpu and one.time is not None}
        runs = {name: time for name, time in known.items() if time.run_low_s is not None}
        if runs:
            found[gpu] = RunTime(
                low_s=sum(time.run_low_s or 0 for time in runs.values()),
                high_s=sum(time.run_high_s or 0 for time in runs.values()),
                without=[phase.name for phase in phases if phase.name not in runs],
            )
    return found


def _phase(path: str, full: Experiment, name: str, gpus: list[Gpu], request: PlanRequest) -> PhaseBudget:
    phase = full.phases[name]
    if phase.law == "sinkhorn":
        return _pool(path, full, name, gpus)
    if phase.law is None:
        return PhaseBudget(
            name=name, kind=phase.kind, law=None, batch=_value(phase.batch_size), missing=[f"phases.{name}.law"]
        )
    return _train(path, full, name, gpus, request)


def _train(path: str, full: Experiment, name: str, gpus: list[Gpu], request: PlanRequest) -> PhaseBudget:
    phase = full.phases[name]
    net, missing = _net(path, full, phase)
    frozen = [(other, *_net(path, full, full.phases[other])) for other in phase.frozen]
    missing += [key for _, _, lacking in frozen for key in lacking]
    missing += [f"phases.{other}.law" for other in phase.frozen if full.phases[other].law is None]
    batch, accumulate = _value(phase.batch_size), _value(phase.accumulate, 1)
    missing += [] if batch else [f"phases.{name}.batch_size"]
    head = {"name": name, "kind": phase.kind, "law": phase.law, "batch": batch}
    if net is None or missing:
        return PhaseBudget(**head, missing=list(dict.fromkeys(missing)))
    update: Update = request.update
    said = next((values[key] for values in (phase.settings, full.model) for key in NAMES if key in values), None)
    precision, why = chosen_precision(request.precision, said, path)
    step = training(
        net,
        states_like(phase),
        precision,
        update,
        ema=_value(phase.ema_decay) is not None,
        weight_decay=_value(phase.weight_decay, 0) > 0,
        frozen=[(other, found) for other, found, _ in frozen if found],
    )
    return PhaseBudget(
        **head,
        params=net.params,
        budget=step.budget(-(-batch // accumulate), accumulate > 1),
        gpus=step.fits(gpus, batch, _value(phase.steps), accumulate),
        precision=precision,
        notes=[*([] if why == DEFAULT else [f"precision {why}"]), *_train_notes(full, phase, accumulate)],
    )


def states_like(phase: Phase) -> Optimizer:
    """The optimizer of vram/states that keeps as many states per parameter as the phase's: momentum is one more.

    RMSprop with momentum and `centered` keeps three; that is counted as two.
    """
    name = _value(phase.optimizer, "adam")
    if name not in LEAST_STATES:
        return cast(Optimizer, name)
    more = sum(bool(_value(phase.settings.get(key))) for key in ("momentum", "centered"))
    by_number: tuple[Optimizer, ...] = ("sgd", "momentum", "adam")
    return by_number[min(LEAST_STATES[name] + more, 2)]


def _train_notes(full: Experiment, phase: Phase, accumulate: int) -> list[str]:
    sizes, notes = Sizes(full, phase), []
    family = sizes.get("family")
    if family in SIZES and phase.law != "cnn" and family != phase.law:
        notes.append(f"the phase's law is {phase.law}, the model's family is {family}: counted as {phase.law}")
    if sizes.get("dropout") and phase.law not in ("transformer", "vit"):
        notes.append("not counted: the masks that dropout saves")
    if accumulate > 1:
        notes.append(f"as planned in {accumulate} micro-batches per update")
    return notes


def _net(path: str, full: Experiment, phase: Phase) -> tuple[Net | None, list[str]]:
    if phase.law is None or phase.law == "sinkhorn":
        return None, []
    sizes, missing = Sizes(full, phase).of(phase.law)
    if missing:
        return None, missing
    net = net_of(phase.law, sizes, f"experiments.{path}")
    return (checkpointed(net) if Sizes(full, phase).get("checkpointing") is True else net), []


def _pool(path: str, full: Experiment, name: str, gpus: list[Gpu]) -> PhaseBudget:
    phase = full.phases[name]
    sizes = Sizes(full, phase)
    steps, shape, n = sizes.get("flow_steps"), sizes.shape, _value(phase.batch_size)
    missing = [
        key
        for key, value in (
            (f"phases.{name}.batch_size", n),
            (f"phases.{name}.settings.flow_steps", steps),
            ("data.shape", shape),
        )
        if value is None
    ]
    head = {"name": name, "kind": phase.kind, "law": phase.law, "batch": n}
    if missing or shape is None:
        return PhaseBudget(**head, missing=missing)
    d, more = prod(shape), _schedule(path, sizes, steps)

    def needed(gpu: Gpu, points: int) -> int:
        return flow_budget(points, d, steps).allocated_bytes + sum(part.bytes for part in overhead(gpu))

    batches = _value(phase.batches)
    fits = [
        told(one, flow_time(gpu, n, d, steps, batches, **more) if one.verdict != "no" else None)
        for one, gpu in zip(sinkhorn_fits(gpus, needed, n), gpus, strict=True)
    ]
    return PhaseBudget(
        **head,
        budget=flow_budget(n, d, steps),
        gpus=fits,
        pool=_size(path, phase, sizes, shape, steps),
        notes=["of three ways to write the velocity the one that takes most is counted (vram.py sinkhorn shows all)"],
    )


def _schedule(path: str, sizes: Sizes, steps: Any) -> dict[str, float]:
    """Blur and scaling, where the plan gives them; refuses them and the number of steps where they are none."""
    found = {name: sizes.get(name) for name in ("blur", "scaling") if sizes.get(name) is not None}
    below = {"blur": inf, "scaling": 1}
    wrong = [f"{k} is {v!r}" for k, v in found.items() if type(v) not in (int, float) or not 0 < v < below[k]]
    wrong += [] if type(steps) is int and steps > 0 else [f"flow_steps must be a whole number above 0, got {steps!r}"]
    if wrong:
        raise PackError(
            "bad-sizes",
            f"experiments.{path}.settings: {'; '.join(wrong)}",
            why="the pool stores every step, and epsilon falls to a blur above 0 by a scaling between 0 and 1",
            fix="mend it in the plan",
        )
    return found


def _size(path: str, phase: Phase, sizes: Sizes, shape: list[int], steps: int) -> PoolSize | None:
    if phase.batches is None or phase.batch_size is None:
        return None
    stated = sizes.sourced("stated_pool")
    return pool_size(
        phase.batches.value,
        phase.batch_size.value,
        steps,
        shape,
        stated=_bytes(path, stated) if stated else None,
        stated_source=stated.origin if stated else "",
    )


def _bytes(path: str, item: Sourced[Any]) -> int:
    try:
        return int(TypeAdapter(Bytes).validate_python(item.value))
    except ValidationError as error:
        raise PackError(
            "bad-sizes",
            f"experiments.{path}.settings.stated_pool: {item.value!r} is no size",
            why="it is compared with the size we compute",
            fix="write it with its unit, like 45GB",
        ) from error


def arguments(path: Path, experiment: str = "", phase: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    """What the plan offers a traced function by name, and the origin of each value.

    The model's and the data's values and the phase's settings keep their names; `shape`, `batch_size`, `lr` and the
    like are those of the phase; `batch` and `micro_batch` are what one forward sees.

    Raises:
        PackError: no such experiment or phase.
    """
    plan = load_plan(path)
    name = _one_of(experiment, list(plan.experiments), "--experiment")
    full = plan.settings_of(name)
    trains = [key for key, value in full.phases.items() if value.kind == "train"]
    which = _one_of(phase, list(full.phases), "--phase", default=(trains or list(full.phases) or [""])[-1])
    chosen_phase = full.phases[which]
    own = {key: getattr(chosen_phase, key) for key in type(chosen_phase).model_fields}
    items = {**full.data, **full.model, **{key: item for key, item in own.items() if isinstance(item, Sourced)}}
    items |= chosen_phase.settings
    values = {key: item.value for key, item in items.items() if item.value is not None}
    origins = {key: f"{name}.{which}: {items[key].origin}" for key in values}
    sizes = Sizes(full, chosen_phase).from_shape()
    for key, size in sizes.items():
        values.setdefault(key, size)
        origins.setdefault(key, f"{name}.{which}: from data.shape")
    batch, accumulate = values.get("batch_size"), values.get("accumulate", 1)
    if batch:
        for key in ("batch", "micro_batch"):
            values.setdefault(key, -(-batch // accumulate))
            origins.setdefault(key, f"{name}.{which}: batch_size over accumulate")
    return values, origins


def call_of(path: Path, name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The library call of a plan that has this id, as the argument `call` of the function that makes it.

    Raises:
        PackError: the plan has no such call.
    """
    calls = {call.id: (library, call) for library in load_plan(path).libraries for call in library.calls}
    if name not in calls:
        raise PackError(
            "unknown-call",
            f"{path}: no call {name!r}{near(name, calls)}",
            why=f"its libraries have {', '.join(calls) or 'none'}",
            fix="choose from these; a step of your own is FILE.py:function",
        )
    library, call = calls[name]
    return {"call": call.model_dump(mode="json")}, {"call": f"{call.target} of {library.distribution}"}


def _one_of(given: str, known: list[str], flag: str, default: str = "") -> str:
    if not known or (given and given not in known):
        raise PackError(
            "unknown-experiment" if "experiment" in flag else "unknown-phase",
            f"{flag} {given!r}{near(given, known)}",
            why=f"the plan has {', '.join(known) or 'none'}",
            fix="choose from these, or leave it out" if known else "leave --plan out: --arg NAME=VALUE gives a value",
        )
    return given or default or known[0]
