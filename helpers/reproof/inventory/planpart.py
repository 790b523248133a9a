"""The plan's model-reproduction part, as a draft: what the source says with its line, what it does not say open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from reproof import yamlio
from reproof.document import OptimizerName
from reproof.errors import PackError
from reproof.inventory.models import Hyperparameter, ReadAnswer
from reproof.paths import write_atomically

# what a plan's phase asks for -> names under which repositories have it, most usual first
PHASE: dict[str, tuple[str, ...]] = {
    "steps": (
        "max_steps",
        "total_steps",
        "train_num_steps",
        "num_train_steps",
        "max_iters",
        "num_steps",
        "train_steps",
        "total_timesteps",
        "steps",
    ),
    "batch_size": ("batch_size", "train_batch_size", "per_device_train_batch_size"),
    "optimizer": ("optimizer", "opt", "optim"),
    "lr": ("lr", "learning_rate", "train_lr", "base_lr"),
    "weight_decay": ("weight_decay", "wd"),
    "grad_clip": ("grad_clip", "max_grad_norm", "clip_grad", "grad_clip_norm", "gradient_clip_val"),
    "warmup_steps": ("warmup_steps", "warmup_iters", "warmup"),
    "ema_decay": ("ema_decay", "model_ema_decay", "ema_rate"),
    "accumulate": ("gradient_accumulation_steps", "gradient_accumulate_every", "accum_freq", "grad_accum_steps"),
}
# torch writes a few of the names with capitals in the middle
OPTIMIZER_CALL = re.compile(rf"(?:\w+\.)*({'|'.join(get_args(OptimizerName))})\(", re.IGNORECASE)
NEEDED = ("steps", "batch_size", "optimizer", "lr")
NUMBERS = frozenset(PHASE) - {"optimizer"}
IN_PLAN = frozenset(
    [
        *"argparse click typer absl dataclass hydra-zen sacred yaml json toml ini gin config default literal "
        "attribute".split(),
        "module constant",
        "class attribute",
        "command line",
    ]
)
STRENGTH = (
    "argparse",
    "click",
    "typer",
    "absl",
    "dataclass",
    "sacred",
    "yaml",
    "gin",
    "toml",
    "json",
    "config",
    "module constant",
    "default",
    "command line",
)
MOST, MOST_DETAILS, MOST_LINES = 3000, 1000, 40
HEAD = """# Written by `inventory.py read`: the model-reproduction part of a plan. A value with `source` stands in that
# line of the reference. `{open: ...}` marks what the source does not say, or says in several ways: fill it in, with a
# source or with `inferred` and the reason. `helpers/plan.py check` lists what is open.
"""


def write_plan(path: Path, answer: ReadAnswer) -> str:
    """Write the draft; returns its path.

    Raises:
        PackError: the file is there already; what a person filled in is not written over.
    """
    if path.exists():
        raise PackError(
            "file-exists",
            f"{path} is there already",
            why="what somebody filled in would be lost",
            fix="name another file, or move it",
        )
    write_atomically(path, HEAD + yamlio.dump(plan_part(answer)))
    return str(path)


def plan_part(answer: ReadAnswer) -> dict[str, Any]:
    """The draft as plain data."""
    source = answer.source
    core = [item for item in answer.hyperparameters if item.core and item.kind in IN_PLAN]
    return {
        "schema_version": 1,
        "name": _identifier(source.name),
        "kind": "port",
        "paper": {"title": f"Port of {source.name} {source.version}".strip(), "licence": source.licence},
        "problem": {"open": "what the model is for, in one sentence"},
        "contribution": {"open": "what the port adds: framework, speed, integration; the algorithm stays"},
        "experiments": {"reference": _experiment(answer, core)},
        "references": [
            {
                "kind": "official code",
                "where": f"{source.path} @ {source.revision}",
                "used_for": "everything: this is a port",
                "licence": source.licence,
            }
        ],
        "port": _port(answer),
        "inventory": _inventory(answer, core),
    }


def _identifier(name: str) -> str:
    word = re.sub(r"\W+", "_", name.lower()).strip("_") or "port"
    return word if word.isidentifier() else f"port_{word}"


NO_COMMIT = "the reference is no git checkout; put it into one (git init, add, commit) and read it again"


def _port(answer: ReadAnswer) -> dict[str, Any]:
    source = answer.source
    return {
        "repository": source.repository or source.path,
        "commit": source.commit or {"open": NO_COMMIT},
        "licence": source.licence or "none",
    }


def _inventory(answer: ReadAnswer, core: list[Hyperparameter]) -> dict[str, Any]:
    revision = answer.source.revision
    return {
        "revision": revision,
        "sha256": answer.source.sha256,
        "units": [
            {"id": u.id, "tag": u.tag, "source": f"{u.file}:{u.line}@{revision}", "reason": u.reason, "by": u.by}
            for u in answer.units
            if u.kind != "constant" and (u.tag == "core" or u.by != "rule")
        ],
        "hyperparameters": _named(core[:MOST], revision),
        "conflicts": [
            {
                "name": c.name,
                "values": [p.value for p in c.places],
                "places": [f"{p.file}:{p.line}@{revision}" for p in c.places],
            }
            for c in answer.conflicts
        ],
        "dependencies": _dependencies(answer),
        "details": [f"{d.file}:{d.line}@{revision} {d.topic}: {d.what}" for d in answer.details[:MOST_DETAILS]],
    }


def _dependencies(answer: ReadAnswer) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in answer.dependencies:
        version = item.declared.lstrip("=( ").rstrip(") ") if item.pinned else ""
        found.setdefault(item.name.lower(), {"name": item.name, "declared": item.declared, "version": version})
    return list(found.values())


def _named(items: list[Hyperparameter], revision: str) -> dict[str, Any]:
    """Every value under a name of its own: module, scope and name, with the line where that is not enough."""
    named: dict[str, Any] = {}
    for item in items:
        if item.value in ({}, []) and not item.written:
            continue  # nothing that could be looked up
        stem = re.sub(r"\.\w+$", "", item.file).replace("/", ".")
        name = f"{stem}:{item.scope + '.' if item.scope else ''}{item.name}"
        if name in named:
            name += f"@{item.line}"
        times = 2
        while name in named:
            name, times = f"{name.partition('#')[0]}#{times}", times + 1
        value = item.text or item.written or item.value
        named[name] = {"value": value, "source": _source(item, revision)}
    return named


def _source(item: Hyperparameter, revision: str) -> str:
    """file:line@revision, or a range of lines where an option's default stands in a later line than its name."""
    last = min(item.last_line, item.line + MOST_LINES - 1)
    lines = f"{item.line}-{last}" if last > item.line else str(item.line)
    return f"{item.file}:{lines}@{revision}"


def _experiment(answer: ReadAnswer, core: list[Hyperparameter]) -> dict[str, Any]:
    revision = answer.source.revision
    phase: dict[str, Any] = {"kind": "train"}
    for key in PHASE:
        found = _of(key, core, revision) or (_called_optimizer(answer) if key == "optimizer" else None)
        if found is not None:
            phase[key] = found
        elif key in NEEDED:
            phase[key] = {"open": f"{key}: not found under the names {', '.join(PHASE[key])}"}
    return {
        "summary": "the reference, as its defaults say",
        "data": {"name": {"open": "the data set"}},
        "model": {"class": {"open": "the class that is ported, see inventory.units"}},
        "phases": {"train": phase},
    }


def _called_optimizer(answer: ReadAnswer) -> dict[str, Any] | None:
    """The optimizer that the code constructs, when it is one only."""
    calls = [(d, OPTIMIZER_CALL.match(d.what)) for d in answer.details if d.topic == "optimiser"]
    found = [(d, match[1].lower()) for d, match in calls if match]
    if len({name for _, name in found}) != 1:
        return None
    detail, name = found[0]
    return {"value": name, "source": f"{detail.file}:{detail.line}@{answer.source.revision}"}


def _of(key: str, core: list[Hyperparameter], revision: str) -> dict[str, Any] | None:
    """The value of a phase's setting: open with the candidates when the source has several."""
    for name in PHASE[key]:
        hits = [item for item in core if item.key == name and item.kind in STRENGTH and _fits(key, item.value)]
        if not hits:
            continue
        values = {repr(item.value) for item in hits}
        best = min(hits, key=lambda item: STRENGTH.index(item.kind))
        source = _source(best, revision)
        if len(values) == 1:
            return {"value": _as(key, best.value), "source": source}
        each = {repr(item.value): item for item in reversed(hits)}.values()
        shown = [f"{item.value!r} at {item.file}:{item.line} ({item.kind})" for item in list(each)[::-1][:8]]
        return {"open": f"{name} has several values", "candidates": shown} if key in NEEDED else None
    return None


def _fits(key: str, value: Any) -> bool:
    if key == "optimizer":
        return isinstance(value, str) and value.lower() in get_args(OptimizerName)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key in ("steps", "batch_size", "accumulate", "warmup_steps"):
        return number and value == int(value) and (value > 0 or key == "warmup_steps")
    return number and (value > 0 or key != "lr")


def _as(key: str, value: Any) -> Any:
    if key == "optimizer":
        return str(value).lower()
    return int(value) if key in ("steps", "batch_size", "accumulate", "warmup_steps") else value
