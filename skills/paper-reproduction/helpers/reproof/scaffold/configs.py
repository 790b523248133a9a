"""One config per experiment: every value of the plan, with where it comes from as a comment.

Text of the plan reaches the file only as a YAML scalar or inside a one-line comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from reproof.document import Evaluation, Experiment, Phase, Plan
from reproof.records import Sourced
from reproof.scaffold.models import ConfigDefault

ENGINE: dict[str, tuple[Any, str]] = {
    "device": ("auto", "auto | cpu | cuda | cuda:N"),
    "threads": (1, "CPU threads; fixed, because their number changes the last bit of a sum"),
    "precision": ("fp32", "fp32 | bf16 | fp16"),
    "checkpoint_every_steps": (1000, "at most this much work is lost"),
    "keep_checkpoints": (2, "older ones are deleted"),
    "log_every_steps": (50, ""),
}
# neutral values for what a plan may leave out; each use is reported, and marked in the config
NEUTRAL: dict[str, Any] = {
    "accumulate": 1,
    "betas": [0.9, 0.999],
    "weight_decay": 0.0,
    "schedule": "constant",
    "warmup_steps": 0,
    "grad_clip": None,
    "ema_decay": None,
}
PHASE_KEYS = ("batches", "steps", "batch_size", "optimizer", "lr", *NEUTRAL)
WIDTH = 100


def comment(text: str) -> str:
    """Text on one line, cut, without control characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"


def scalar(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    shown = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return shown.removesuffix("\n").removesuffix("\n...").strip()


def line(depth: int, key: str, value: Any, note: str = "") -> str:
    """`key: value  # note`."""
    return f"{'  ' * depth}{scalar(key)}: {scalar(value)}" + (f"  # {comment(note)}" if note else "")


def config_text(plan: Plan, name: str, estimated: dict[str, int] | None = None) -> str:
    """The complete config of experiment `name`; `estimated`: bytes on the GPU at each phase's peak."""
    full = plan.settings_of(name)
    lines = [
        f"# {comment(full.summary)}",
        f"# Generated from the plan of {comment(plan.paper.title)}. Values marked [INFERRED] are not in the paper.",
        line(0, "experiment", name),
        line(0, "seed", full.seeds[0]),
        *(line(0, key, value, note) for key, (value, note) in ENGINE.items()),
        *_estimate(estimated or {}),
        *_block("data", data_of(full)),
        *_block("model", full.model),
        "phases:" if full.phases else "phases: {}",
        *(text for phase_name, phase in full.phases.items() for text in _phase(phase_name, phase)),
        *_evaluation(full),
    ]
    return "\n".join(lines) + "\n"


def _estimate(estimated: dict[str, int]) -> Iterator[str]:
    if estimated:
        yield "estimate:  # bytes allocated at the peak, by vram.py plan; printed beside what was measured"
        yield from (line(1, phase, size) for phase, size in estimated.items())


def _block(title: str, values: dict[str, Sourced[Any]]) -> Iterator[str]:
    yield f"{title}:" if values else f"{title}: {{}}"
    yield from (line(1, key, item.value, item.origin) for key, item in values.items())


def _phase(name: str, phase: Phase) -> Iterator[str]:
    yield f"  {name}:" + (f"  # {comment(phase.loss)}" if phase.loss else "")
    yield line(2, "kind", phase.kind)
    for key in PHASE_KEYS:
        item = getattr(phase, key)
        if item is not None:
            yield line(2, key, item.value, item.origin)
        elif phase.kind == "train" and key in NEUTRAL:
            yield line(2, key, NEUTRAL[key], "not in the plan: neutral default")
    weights = phase.objective.weights if phase.objective and "weights" not in phase.settings else {}
    if weights:
        yield "    weights:  # of the loss's terms"
        yield from (line(3, key, item.value, item.origin) for key, item in weights.items())
    yield from (line(2, key, item.value, item.origin) for key, item in phase.settings.items())


def data_of(full: Experiment) -> dict[str, Sourced[Any]]:
    """The data's settings, and what the protocol says about splits, preprocessing and shapes under their own names."""
    said = full.protocol
    if said is None:
        return full.data
    more: dict[str, Sourced[Any]] = {f"split_{name}": item for name, item in said.splits.items()}
    more |= {f"shape_{name}": item for name, item in said.shapes.items()}
    more |= {"preprocessing": said.preprocessing} if said.preprocessing else {}
    return more | full.data


def _evaluation(full: Experiment) -> Iterator[str]:
    evaluation = full.evaluation
    if evaluation is None:  # a port may be held against its reference only
        return
    yield "evaluation:"
    for key in ("metric", "n_samples", "n_test", "sampling_steps"):
        item: Sourced[Any] = getattr(evaluation, key)
        yield line(1, key, item.value, item.origin)
    yield line(1, "floor_draws", evaluation.floor_draws, "pairs of independent draws of the truth")
    yield line(
        1, "test_draws", evaluation.test_draws, "test sets, each with its own samples, that a result is the mean of"
    )
    yield "  readings:"
    yield from _readings(evaluation)


def _readings(evaluation: Evaluation) -> Iterator[str]:
    yield f"    - {scalar({'name': 'as_stated'})}"
    for reading in evaluation.readings:
        said = reading.model_dump(exclude={"means"}, exclude_defaults=True)
        yield f"    - {scalar(said)}  # {comment(reading.means)}"


def defaults_of(plan: Plan, name: str) -> Iterator[ConfigDefault]:
    """Training settings that the plan leaves out, with the neutral value they got."""
    for phase_name, phase in plan.settings_of(name).phases.items():
        if phase.kind == "train":
            for key, value in NEUTRAL.items():
                if getattr(phase, key) is None:
                    yield ConfigDefault(experiment=name, path=f"phases.{phase_name}.{key}", value=value)
