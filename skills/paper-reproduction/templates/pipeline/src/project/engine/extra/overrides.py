"""Settings from the command line: `phases.*.lr=1e-3`, with the word that was probably meant; and smoke runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from ..config import OPTIONAL, OPTIONS, PHASE_OPTIONS, Loader, load_yaml
from ..errors import ProjectError, near
from .optimizers import OPTIMIZERS


def override(values: dict[str, Any], text: str) -> None:
    """Change values in place: `KEY=VALUE`, dotted; `*` is every name at its place that has the rest of the key."""
    key, equals, raw = text.partition("=")
    parts = key.split(".")
    if equals and parts[0] in OPTIONS and parts[0] not in values:
        values[parts[0]] = copy.deepcopy(OPTIONS[parts[0]])
    if parts[0] == "phases" and len(parts) == 3:
        for group, name, _ in _find(values, parts[:2], "")[0]:
            options = PHASE_OPTIONS | OPTIMIZERS.get(group[name].get("optimizer"), ("", {}))[1]
            if group[name].get("kind") == "train" and parts[-1] in options:
                group[name].setdefault(parts[-1], copy.deepcopy(options[parts[-1]]))
    targets, known = _find(values, parts, "")
    if not equals or not targets:
        known |= set(OPTIONS) if len(parts) == 1 else set()
        names = ", ".join(sorted(map(str, known))) or "nothing"
        hint = next((near(part, known) for part in reversed(parts) if near(part, known)), "")
        raise ProjectError(
            "no-setting",
            f"override '{text}' matches nothing{hint}",
            f"known there: {names}",
            "KEY=VALUE, for example phases.*.lr=1e-3",
        )
    for group, last, path in targets:
        group[last] = _typed(group[last], yaml.load(raw, Loader), raw, path)


def _find(group: Any, parts: list[str], path: str) -> tuple[list[tuple[dict[str, Any], str, str]], set[str]]:
    """All places that a dotted key names; and the names known where the search ended."""
    names = [name for name in group if parts[0] in ("*", name)] if isinstance(group, dict) else []
    if len(parts) == 1 or not names:
        return [(group, name, path + name) for name in names], set(group) if isinstance(group, dict) else set()
    found = [_find(group[name], parts[1:], f"{path}{name}.") for name in names]
    return [target for targets, _ in found for target in targets], set().union(*(known for _, known in found))


def _typed(old: Any, new: Any, raw: str, path: str) -> Any:
    """The new value with the type of the old one; an old null takes anything."""
    if old is None or (old == {} and isinstance(new, dict)) or (new is None and path.split(".")[-1] in OPTIONAL):
        return new
    if isinstance(old, str) and not isinstance(new, (dict, list)):
        return raw
    if isinstance(old, list) and isinstance(new, list):
        return [_typed(old[0], item, str(item), path) for item in new] if old else new
    if type(old) in (int, float) and type(new) in (int, float) and type(old)(new) == new:
        return type(old)(new)  # 1e4 is a whole number, 1 is a float
    if type(old) is type(new) and not isinstance(old, dict):
        return new
    kind = "a group of settings" if isinstance(old, dict) else f"{type(old).__name__} ({old!r})"
    raise ProjectError("wrong-type", f"{path} = {raw!r}", f"its value is {kind}", f"{path}=VALUE of the same type")


def shrink(values: dict[str, Any], smaller: Path | None = None) -> None:
    """Make a smoke run of it: stand-in data, 2 steps of small batches, 1 pool batch, a tiny evaluation.

    `smaller` is the experiment's file in configs/smoke/, if it has one: sizes of its networks for this purpose.
    Gradients are accumulated in the first training phase only: once shows that it works, and large models are slow.
    A micro-batch has two samples, because batch-norm needs two.
    """
    values["data"]["stand_in"] = True
    values["log_every_steps"] = 1
    first = True
    for phase in values["phases"].values():
        caps = dict(CAPS.get(phase.get("kind"), {}))
        if phase.get("kind") == "train":
            caps |= {} if first else {"batch_size": 2, "accumulate": 1}
            first = False
        for group in (phase, *(phase.get("optimizers") or {}).values()):
            group |= {key: min(group[key], cap) for key, cap in caps.items() if key in group}
    evaluation = values["evaluation"]
    evaluation |= {"n_samples": 4, "n_test": 4, "floor_draws": 2, "test_draws": 1, "sampling_steps": [2]}
    for reading in evaluation["readings"]:
        reading |= {key: 4 for key in ("n_generated", "n_test") if key in reading}
    for key, value in (load_yaml(smaller) if smaller and smaller.exists() else {}).items():
        override(values, f"{key}={json.dumps(value)}")


CAPS: dict[Any, dict[str, int]] = {
    "pool": {"batches": 1, "batch_size": 4},
    "train": {"steps": 2, "batch_size": 4, "accumulate": 2, "warmup_steps": 1, "updates": 2, "collect_first": 2,
              "capacity": 64},
}  # fmt: skip
