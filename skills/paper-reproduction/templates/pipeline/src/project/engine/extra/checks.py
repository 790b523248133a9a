"""Every setting that the engine reads: its type and its bounds."""

from __future__ import annotations

import re
from typing import Any

from ..config import OPTIONAL
from ..errors import ProjectError, near
from .optimizers import OPTIMIZERS

WHOLE, SIZE, POSITIVE, SHARE = (int, 0, None), (int, 1, None), (float, 0, None), (float, 0, 1)  # type, bounds
FROM_0, BELOW_1 = (float, 0, None, "from"), (float, 0, 1, "from")  # the lower bound is one of them
RULES: dict[str, dict[str, tuple[Any, ...]]] = {
    "top": {"seed": WHOLE, "threads": SIZE, "precision": ("fp32", "bf16", "fp16"), "checkpoint_every_steps": SIZE,
            "keep_checkpoints": SIZE, "log_every_steps": SIZE},
    "evaluation": {"n_samples": SIZE, "n_test": SIZE, "sample_batch": SIZE, "floor_draws": SIZE, "test_draws": SIZE},
    "pool": {"batches": SIZE},
    "train": {"steps": SIZE, "batch_size": SIZE, "accumulate": SIZE, "warmup_steps": WHOLE, "lr": POSITIVE,
              "optimizer": tuple(OPTIMIZERS), "weight_decay": FROM_0,
              "schedule": ("constant", "linear", "cosine", "step"), "grad_clip": POSITIVE, "ema_decay": SHARE},
    "options": {"checkpointing": (False, True), "compile": (False, True), "overfit_one_batch": (False, True),
                "deterministic": ("auto", "strict", "warn", "off"), "workers": WHOLE,
                "pools_in_memory_gib": POSITIVE, "checkpoint_every_minutes": POSITIVE},
    "optimizer options": {"betas": ("pair",), "eps": POSITIVE, "momentum": BELOW_1, "dampening": FROM_0,
                          "alpha": BELOW_1, "lr_decay": FROM_0, "momentum_decay": FROM_0,
                          "initial_accumulator_value": FROM_0,
                          **dict.fromkeys(("amsgrad", "nesterov", "centered"), (False, True))},
    "phase options": {"collect_every": SIZE, "collect_first": SIZE, "capacity": SIZE, "updates": SIZE,
                      "step_every": SIZE, "step_gamma": POSITIVE},
}  # fmt: skip
TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")


def _mistake(key: str, value: Any, rule: tuple[Any, ...]) -> str:
    """What is wrong with a value; empty if nothing is."""
    if rule == ("pair",):
        return "" if _is_pair(value) else f"{key} = {value!r} is not two numbers from 0 and below 1"
    if rule[0] not in (int, float):
        return "" if value in rule else f"{key} = {value!r} is not one of {', '.join(map(str, rule))}"
    kind, low, high, *closed = rule
    above = type(value) in (int, kind) and (value >= low if kind is int or closed else value > low)
    fits = above and (not high or value < high)
    if fits or (value is None and key.split(".")[-1] in OPTIONAL):
        return ""
    words = f"a whole number from {low}" if kind is int else f"a number {'from' if closed else 'above'} {low}"
    return f"{key} = {value!r} is not {words}{f' and below {high}' * bool(high)}"


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(b) in (int, float) and 0 <= b < 1 for b in value)


def _apart(prefix: str, group: dict[str, Any]) -> list[str]:
    """What a phase's settings, each good alone, are not together."""
    sizes = f"batch_size = {group['batch_size']} is no multiple of accumulate = {group['accumulate']}"
    nesterov = group["optimizer"] == "sgd" and group.get("nesterov")
    wrong = {sizes: group["batch_size"] % group["accumulate"],
             "nesterov needs momentum, and no dampening":
                 nesterov and (not group.get("momentum") or group.get("dampening")),
             "step_every is missing: the schedule 'step' needs it":
                 group["schedule"] == "step" and "step_every" not in group}  # fmt: skip
    return [prefix + words for words, is_so in wrong.items() if is_so]


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
    for prefix, _, group in [each for each in groups if each[1] == "train"]:
        takes = OPTIMIZERS.get(str(group.get("optimizer")), ("", {}))[1]  # a key of this name may be the core's own
        groups += [(prefix, "optimizer options", {key: group[key] for key in takes if key in group})]
    for prefix, kind, group in groups:
        found = [_mistake(prefix + key, group.get(key), rule) for key, rule in RULES[kind].items()
                 if key in group or "options" not in kind]  # fmt: skip
        wrong += filter(None, found)
        wrong += _apart(prefix, group) if kind == "train" and not any(found) else []
    if wrong:
        raise ProjectError("config", "; ".join(wrong), "the engine reads these settings", "correct them")
