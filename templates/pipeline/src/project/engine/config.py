"""Settings: YAML -> overrides such as `phases.*.lr=1e-3` -> checks -> read-only `cfg.phases.flow.lr`."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import ProjectError, near

# What a file in configs/ may leave out. Everything else that the engine reads has to be written there.
TOP: dict[str, Any] = {"seed": 0, "device": "auto", "threads": 1, "precision": "fp32",
                       "checkpoint_every_steps": 1000, "keep_checkpoints": 2, "log_every_steps": 50,
                       "data": {}, "model": {}, "evaluation": {}, "phases": None}  # fmt: skip
TRAIN = {"accumulate": 1, "optimizer": "adam", "betas": [0.9, 0.999], "weight_decay": 0.0, "schedule": "constant",
         "warmup_steps": 0, "grad_clip": None, "ema_decay": None}  # fmt: skip
EVALUATION = {"n_samples": 1024, "n_test": 1024, "sampling_steps": [100], "sample_batch": 1024, "floor_draws": 20,
              "test_draws": 1, "readings": [{"name": "as_stated"}]}  # fmt: skip
OPTIONAL = {"grad_clip", "ema_decay"}  # may be set back to null
NOT_INPUTS = {"experiment", "device", "checkpoint_every_steps", "keep_checkpoints", "log_every_steps", "evaluation"}

WHOLE, SIZE, POSITIVE, SHARE = (int, 0, None), (int, 1, None), (float, 0, None), (float, 0, 1)  # type, bounds
RULES: dict[str, dict[str, tuple[Any, ...]]] = {
    "top": {"seed": WHOLE, "threads": SIZE, "precision": ("fp32", "bf16", "fp16"), "checkpoint_every_steps": SIZE,
            "keep_checkpoints": SIZE, "log_every_steps": SIZE},
    "evaluation": {"n_samples": SIZE, "n_test": SIZE, "sample_batch": SIZE, "floor_draws": SIZE, "test_draws": SIZE},
    "pool": {"batches": SIZE},
    "train": {"steps": SIZE, "batch_size": SIZE, "accumulate": SIZE, "warmup_steps": WHOLE, "lr": POSITIVE,
              "optimizer": ("adam", "adamw", "sgd"), "schedule": ("constant", "linear", "cosine"),
              "grad_clip": POSITIVE, "ema_decay": SHARE},
}  # fmt: skip


def _mistake(key: str, value: Any, rule: tuple[Any, ...]) -> str:
    """What is wrong with a value; empty if nothing is."""
    if rule[0] not in (int, float):
        return "" if value in rule else f"{key} = {value!r} is not one of {', '.join(rule)}"
    kind, low, high = rule
    fits = type(value) in (int, kind) and (value >= low if kind is int else value > low) and (not high or value < high)
    if fits or (value is None and key.split(".")[-1] in OPTIONAL):
        return ""
    words = f"a whole number from {low}" if kind is int else f"a number above {low}{f' and below {high}' * bool(high)}"
    return f"{key} = {value!r} is not {words}"


class Config:
    """Read-only attribute access: `cfg.phases.flow.lr`, `cfg[key]`, `cfg.get(key, default)`, iteration over keys."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        frozen = {key: _freeze(value, f"{path}{key}.") for key, value in values.items()}
        self.__dict__.update(frozen, _plain=values, _path=path)  # plain attributes: they are read at every step

    def __getattr__(self, key: str) -> Any:  # only called for what is not there
        raise AttributeError(f"no setting '{self.__dict__.get('_path', '')}{key}'{near(key, self.__dict__)}")

    def __setattr__(self, key: str, _: Any) -> None:
        raise AttributeError(f"settings are read-only: '{self._path}{key}'")

    def __getitem__(self, key: str) -> Any:
        return self.__dict__[key]

    def __contains__(self, key: object) -> bool:
        return key in self._plain

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or the default where the key is absent."""
        return self.__dict__.get(key, default)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, to keep or to change."""
        plain: dict[str, Any] = copy.deepcopy(self._plain)
        return plain


def _freeze(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return Config(value, path)
    return tuple(_freeze(item, path) for item in value) if isinstance(value, list) else value


class _Loader(yaml.SafeLoader):
    """The safe loader, except that 1e-3 is a number (YAML 1.1 wants 1.0e-3, and reads text)."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d[\d_]*(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read(path: Path) -> dict[str, Any]:
    """One experiment's file, with what it may leave out filled in."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise ProjectError("yaml", f"{path} is not YAML", " ".join(str(error).split()), "mend that line") from error
    values = copy.deepcopy(TOP) | {"experiment": path.stem} | (values if isinstance(values, dict) else {})
    groups = {key: values[key] for key in ("data", "model", "evaluation", "phases")}
    groups |= values["phases"] if isinstance(values["phases"], dict) else {}
    if wrong := [str(name) for name, group in groups.items() if not isinstance(group, dict)]:
        fix = "phases: {flow: {kind: train, steps: 1000, batch_size: 256, lr: 0.001}}"
        raise ProjectError("config", f"{path}: no settings below {', '.join(wrong)}", "a mapping belongs there", fix)
    values["evaluation"] = copy.deepcopy(EVALUATION) | values["evaluation"]
    for name, phase in values["phases"].items():
        values["phases"][name] = (copy.deepcopy(TRAIN) if phase.get("kind") == "train" else {}) | phase
    return values


def check(values: dict[str, Any]) -> None:
    """Every setting that the engine reads, all mistakes at once. What the core reads is the core's to check."""
    groups, wrong = [("", "top", values), ("evaluation.", "evaluation", values["evaluation"])], []
    for name, phase in values["phases"].items():
        if not re.fullmatch(r"\w+", str(name)) or phase.get("kind") not in ("pool", "train"):
            wrong.append(f"phases.{name} needs `kind: pool` or `kind: train`, and a name of letters, digits and _")
        else:
            groups.append((f"phases.{name}.", phase["kind"], phase))
    for prefix, kind, group in groups:
        found = [_mistake(prefix + key, group.get(key), rule) for key, rule in RULES[kind].items()]
        wrong += filter(None, found)
        if kind == "train" and not any(found) and group["batch_size"] % group["accumulate"]:
            sizes = f"batch_size = {group['batch_size']} is no multiple of accumulate = {group['accumulate']}"
            wrong.append(prefix + sizes)
    if wrong:
        raise ProjectError("config", "; ".join(wrong), "the engine reads these settings", "correct them")


def override(values: dict[str, Any], text: str) -> None:
    """Change values in place: `KEY=VALUE`, dotted; `*` is every name at its place that has the rest of the key."""
    key, equals, raw = text.partition("=")
    targets, known = _find(values, key.split("."), "")
    if not equals or not targets:
        names = ", ".join(sorted(map(str, known))) or "nothing"
        hint = next((near(part, known) for part in reversed(key.split(".")) if near(part, known)), "")
        raise ProjectError(
            "no-setting",
            f"override '{text}' matches nothing{hint}",
            f"known there: {names}",
            "KEY=VALUE, for example phases.*.lr=1e-3",
        )
    for group, last, path in targets:
        group[last] = _typed(group[last], yaml.load(raw, _Loader), raw, path)


def _find(group: Any, parts: list[str], path: str) -> tuple[list[tuple[dict[str, Any], str, str]], set[str]]:
    """All places that a dotted key names; and the names known where the search ended."""
    names = [name for name in group if parts[0] in ("*", name)] if isinstance(group, dict) else []
    if len(parts) == 1 or not names:
        return [(group, name, path + name) for name in names], set(group) if isinstance(group, dict) else set()
    found = [_find(group[name], parts[1:], f"{path}{name}.") for name in names]
    return [target for targets, _ in found for target in targets], set().union(*(known for _, known in found))


def _typed(old: Any, new: Any, raw: str, path: str) -> Any:
    """The new value with the type of the old one; an old null takes anything."""
    if old is None or (new is None and path.split(".")[-1] in OPTIONAL):
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


def shrink(values: dict[str, Any]) -> None:
    """Make a smoke run of it: stand-in data, batches of 4, 2 steps, 1 pool batch, a tiny evaluation."""
    values["data"]["stand_in"] = True
    values["log_every_steps"] = 1
    for phase in values["phases"].values():
        phase |= {k: min(phase[k], cap) for k, cap in CAPS.get(phase.get("kind"), {}).items() if k in phase}
    evaluation = values["evaluation"]
    evaluation |= {"n_samples": 4, "n_test": 4, "floor_draws": 2, "test_draws": 1, "sampling_steps": [2]}
    for reading in evaluation["readings"]:
        reading |= {key: 4 for key in ("n_generated", "n_test") if key in reading}


CAPS: dict[Any, dict[str, int]] = {
    "pool": {"batches": 1, "batch_size": 4},
    "train": {"steps": 2, "batch_size": 4, "accumulate": 2, "warmup_steps": 1},
}


def settings_of(cfg: Config, phase: str) -> dict[str, Any]:
    """Every setting that can change a phase's result: its own, the earlier phases', data, model, seed, precision."""
    kept = {key: value for key, value in cfg.to_dict().items() if key not in NOT_INPUTS}
    names = list(kept["phases"])
    kept["phases"] = {name: kept["phases"][name] for name in names[: names.index(phase) + 1]}
    return kept


def digest(values: Any) -> str:
    """A short name for settings."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def differences(here: Any, there: Any, path: str = "") -> list[str]:
    """Each setting that differs, as `phases.flow.lr: 0.001 here, 0.01 there`."""
    if not (isinstance(here, dict) and isinstance(there, dict)):
        return [] if here == there else [f"{path}: {here} here, {there} there"]
    pairs = [(key, here.get(key, "nothing"), there.get(key, "nothing")) for key in dict.fromkeys([*here, *there])]
    return [line for key, mine, other in pairs for line in differences(mine, other, f"{path}.{key}".strip("."))]
