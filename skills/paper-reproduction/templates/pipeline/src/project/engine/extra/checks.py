"""Every setting that the engine reads: its type and its bounds."""

from __future__ import annotations

import re
from typing import Any

from ..config import OPTIONAL
from ..errors import ProjectError, near

WHOLE, SIZE, POSITIVE, SHARE = (int, 0, None), (int, 1, None), (float, 0, None), (float, 0, 1)  # type, bounds
RULES: dict[str, dict[str, tuple[Any, ...]]] = {
    "top": {"seed": WHOLE, "threads": SIZE, "precision": ("fp32", "bf16", "fp16"), "checkpoint_every_steps": SIZE,
            "keep_checkpoints": SIZE, "log_every_steps": SIZE},
    "evaluation": {"n_samples": SIZE, "n_test": SIZE, "sample_batch": SIZE, "floor_draws": SIZE, "test_draws": SIZE},
    "pool": {"batches": SIZE},
    "train": {"steps": SIZE, "batch_size": SIZE, "accumulate": SIZE, "warmup_steps": WHOLE, "lr": POSITIVE,
              "optimizer": ("adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "radam"),
              "schedule": ("constant", "linear", "cosine", "step"), "grad_clip": POSITIVE, "ema_decay": SHARE},
    "options": {"checkpointing": (False, True), "compile": (False, True), "overfit_one_batch": (False, True),
                "deterministic": ("auto", "strict", "warn", "off"), "workers": WHOLE,
                "pools_in_memory_gib": POSITIVE, "checkpoint_every_minutes": POSITIVE},
    "phase options": {"collect_every": SIZE, "collect_first": SIZE, "capacity": SIZE, "updates": SIZE,
                      "step_every": SIZE, "step_gamma": POSITIVE},
}  # fmt: skip
TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")


def _mistake(key: str, value: Any, rule: tuple[Any, ...]) -> str:
    """What is wrong with a value; empty if nothing is."""
    if rule[0] not in (int, float):
        return "" if value in rule else f"{key} = {value!r} is not one of {', '.join(map(str, rule))}"
    kind, low, high = rule
    fits = type(value) in (int, kind) and (value >= low if kind is int else value > low) and (not high or value < high)
    if fits or (value is None and key.split(".")[-1] in OPTIONAL):
        return ""
    words = f"a whole number from {low}" if kind is int else f"a number above {low}{f' and below {high}' * bool(high)}"
    return f"{key} = {value!r} is not {words}"


def check(values: dict[str, Any]) -> None:
    """Every setting that the engine reads, all mistakes at once. What the core reads is the core's to check."""
    groups, wrong = [("", "top", values), ("evaluation.", "evaluation", values["evaluation"])], []
    groups.append(("", "options", values))
    wrong += [f"trackers: {name!r} is not one of {', '.join(TRACKERS)}{near(str(name), TRACKERS)}"
              for name in values.get("trackers", []) if name not in TRACKERS]  # fmt: skip
    for name, phase in values["phases"].items():
        if not re.fullmatch(r"\w+", str(name)) or phase.get("kind") not in ("pool", "train"):
            wrong.append(f"phases.{name} needs `kind: pool` or `kind: train`, and a name of letters, digits and _")
        else:
            groups += [(f"phases.{name}.", kind, phase) for kind in (phase["kind"], "phase options")]
            for child, own in (phase.get("optimizers") or {}).items():  # settings of the phase, replaced for a child
                groups += [(f"phases.{name}.optimizers.{child}.", "train", phase | own)]
    for prefix, kind, group in groups:
        found = [_mistake(prefix + key, group.get(key), rule) for key, rule in RULES[kind].items()
                 if key in group or "options" not in kind]  # fmt: skip
        wrong += filter(None, found)
        if kind == "train" and not any(found) and group["batch_size"] % group["accumulate"]:
            sizes = f"batch_size = {group['batch_size']} is no multiple of accumulate = {group['accumulate']}"
            wrong.append(prefix + sizes)
    if wrong:
        raise ProjectError("config", "; ".join(wrong), "the engine reads these settings", "correct them")
