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
# Known, but not filled in, so that a file without them stays the same experiment as before they existed.
OPTIONS: dict[str, Any] = {"checkpointing": False, "compile": False, "deterministic": "auto", "workers": 0,
                           "overfit_one_batch": False, "checkpoint_every_minutes": None, "pools_in_memory_gib": 4.0,
                           "trackers": [], "estimate": {}}  # fmt: skip
PHASE_OPTIONS: dict[str, Any] = {"collect_every": 1, "collect_first": 1,
                                 "capacity": 10_000, "optimizers": {}, "step_gamma": 0.1}  # fmt: skip
OPTIONAL = {"grad_clip", "ema_decay", "checkpoint_every_minutes"}  # may be set back to null
NOT_INPUTS = {"experiment", "device", "checkpoint_every_steps", "keep_checkpoints", "log_every_steps", "evaluation",
              *OPTIONS} - {"compile", "overfit_one_batch"}  # fmt: skip


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


class Loader(yaml.SafeLoader):
    """The safe loader, except that 1e-3 is a number (YAML 1.1 wants 1.0e-3, and reads text)."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d[\d_]*(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def load_yaml(path: Path) -> dict[str, Any]:
    """A file that holds a mapping; empty if it holds anything else."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except yaml.YAMLError as error:
        raise ProjectError("yaml", f"{path} is not YAML", " ".join(str(error).split()), "mend that line") from error
    return values if isinstance(values, dict) else {}


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, groups within groups; where they differ, `above` counts."""
    both = {
        k: merged(below[k], above[k]) for k in below if isinstance(below[k], dict) and isinstance(above.get(k), dict)
    }
    return below | above | both


def experiments(folder: Path) -> dict[str, Path]:
    """The files that describe an experiment, by name."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml")) if path.stem not in ("base", "ablations")}


def option(cfg: Config, key: str) -> Any:
    """A setting that a file may leave out."""
    return cfg.get(key, OPTIONS[key])


def part_settings(cfg: Config, child: str) -> Config:
    """A phase's settings for one of its optimizers."""
    own = cfg.get("optimizers", {}).get(child)
    return Config({k: v for k, v in cfg.to_dict().items() if k != "optimizers"} | own.to_dict()) if own else cfg


def read(path: Path) -> dict[str, Any]:
    """One experiment's file over base.yaml, if there is one, with what both may leave out filled in."""
    values, base = load_yaml(path), path.with_name("base.yaml")
    values = merged(load_yaml(base), values) if base.exists() else values
    values = copy.deepcopy(TOP) | {"experiment": path.stem} | values
    groups = {key: values[key] for key in ("data", "model", "evaluation", "phases")}
    groups |= values["phases"] if isinstance(values["phases"], dict) else {}
    if wrong := [str(name) for name, group in groups.items() if not isinstance(group, dict)]:
        fix = "phases: {flow: {kind: train, steps: 1000, batch_size: 256, lr: 0.001}}"
        raise ProjectError("config", f"{path}: no settings below {', '.join(wrong)}", "a mapping belongs there", fix)
    values["evaluation"] = copy.deepcopy(EVALUATION) | values["evaluation"]
    for name, phase in values["phases"].items():
        values["phases"][name] = (copy.deepcopy(TRAIN) if phase.get("kind") == "train" else {}) | phase
    return values


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
