"""The ladder: rungs in order, stopping at the first that fails, and what each level of the claim rests on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import rungs_data, rungs_model, rungs_random, rungs_training
from .hints import hints
from .pair import Pair
from .transport import SideError, say

STATIC, FORWARD, TRAINING, DATA, METRIC = LEVELS = (
    "static",
    "forward and gradients",
    "training dynamics",
    "data",
    "metric",
)
Climb = Callable[[Pair], dict[str, Any]]
RUNGS: list[tuple[str, str, str, Climb]] = [
    ("structure", "parameters, statistics, tied weights", STATIC, rungs_model.structure),
    ("map", "weights mapped without names", STATIC, rungs_model.weight_map),
    ("config", "configuration and defaults", STATIC, rungs_model.configuration),
    ("init", "initial distributions", TRAINING, rungs_random.initial),
    ("forward", "outputs, float64, shaken weights", FORWARD, rungs_model.forward),
    ("fp32", "outputs, float32", FORWARD, rungs_model.fp32),
    ("loss", "loss", FORWARD, rungs_model.loss),
    ("gradients", "gradients", FORWARD, rungs_model.gradients),
    ("forced", "training mode, draws forced", TRAINING, rungs_random.forced),
    ("draws", "random draws by size", TRAINING, rungs_random.draws),
    ("repeat", "the same twice", TRAINING, rungs_random.repeat),
    ("optimizer", "optimizer of every weight", TRAINING, rungs_training.optimizer),
    ("lr", "learning rates as used", TRAINING, rungs_training.rates),
    ("update", "updates and loss curve", TRAINING, rungs_training.update),
    ("stress", "updates, loss scaled", TRAINING, rungs_training.stress),
    ("ema", "averaged weights", TRAINING, rungs_training.average),
    ("data", "preprocessing", DATA, rungs_data.data),
    ("tokenizer", "tokenizer", DATA, rungs_data.tokenizer),
    ("metric", "metric on the same predictions", METRIC, rungs_data.metric),
]
NEEDED = {STATIC: {"structure", "map"}, FORWARD: {"forward", "loss", "gradients"},
          TRAINING: {"init", "forced", "draws", "repeat", "optimizer", "lr", "update", "stress"},
          DATA: {"data"}, METRIC: {"metric"}}  # fmt: skip
STREAMED = {
    "structure",
    "map",
    "config",
    "init",
    "forward",
    "fp32",
    "loss",
    "gradients",
    "optimizer",
    "data",
    "tokenizer",
    "metric",
}
SMALL = "small configuration"
AFTER_MAP = {name for name, _, level, _ in RUNGS if level in (FORWARD, TRAINING)}


def climbed(pair: Pair, keep_going: bool = False, only: list[str] | None = None) -> list[dict[str, Any]]:
    """Every rung with its outcome; the rungs after the first failure are not reached unless `keep_going`."""
    found: list[dict[str, Any]] = []
    stopped = False
    for name, title, level, climb in RUNGS:
        head = {"id": name, "title": title, "level": level}
        if pair.streamed and name not in STREAMED:
            found.append(
                {**head, "status": "not compared", "says": "needs the whole models in memory: not at this size"}
            )
            continue
        no_map = name in AFTER_MAP and pair.map is None
        if only and name not in only and name != "map":
            found.append({**head, "status": "not compared", "says": "not asked for (--only)"})
            continue
        if stopped or no_map:
            why = "a rung before it failed" if stopped else "there is no weight map"
            found.append({**head, "status": "not reached", "says": why})
            continue
        if name == "init" and pair.map is not None and not pair.map.complete:
            why = "the outputs differ, so weights may be paired crosswise: see forward"
            found.append({**head, "status": "not compared", "says": why})
            continue
        started = time.perf_counter()
        found.append({**head, **_one(climb, pair), "took_s": round(time.perf_counter() - started, 2)})
        say(f"{found[-1]['status']:>12}  {name}: {found[-1]['says']}")
        if name == "map" and found[-1]["status"] == "fail" and pair.map is not None:
            stopped = not keep_going
        elif found[-1]["status"] == "fail":
            stopped = not keep_going
    return found


def together(large: list[dict[str, Any]], small: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rungs of the streamed models; those that are not run at their size as they stand on the small configuration."""
    at_small = {each["id"]: each for each in small}
    found = []
    for each in large:
        other = at_small.get(each["id"])
        if each["id"] not in STREAMED and other is not None:
            found.append({**other, "at": SMALL, "says": f"{SMALL}: {other['says']}"})
        else:
            found.append({**each, "at": "full size, streamed"})
    return found


def _one(climb: Climb, pair: Pair) -> dict[str, Any]:
    """A rung; what a side raises in it is a failure of the port, and of the reference a rung that cannot be compared."""  # noqa: E501
    try:
        found = climb(pair)
        return {**found, "hints": hints(found)} if found["status"] == "fail" else found
    except SideError as problem:
        side, _, text, line = problem.args
        if side == "reference":
            return {"status": "not compared", "says": f"the reference raises {text} at {line}"}
        return {"status": "fail", "says": f"the port raises {text}",
                "findings": [rungs_model.finding(text, "", line)]}  # fmt: skip


def claims(rungs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For every level: proven, failed, or not compared, and by which rungs."""
    status = {each["id"]: each["status"] for each in rungs}
    found = []
    for level in LEVELS:
        mine = [each["id"] for each in rungs if each["level"] == level]
        missing = [name for name in mine if name in NEEDED[level] and status[name] != "pass"]
        if any(status[name] == "fail" for name in mine):
            word = "failed"
            says = f"differs at {', '.join(name for name in mine if status[name] == 'fail')}"
        elif missing:
            word, says = "not compared", f"no evidence on {', '.join(missing)}"
        else:
            word, says = "proven", f"by {', '.join(name for name in mine if status[name] == 'pass')}"
        smaller = [each["id"] for each in rungs if each["level"] == level and each.get("at") == SMALL]
        if smaller and word == "proven":
            says += f"; on the {SMALL} only: {', '.join(name for name in smaller if status[name] == 'pass')}"
        at = SMALL if word == "proven" and set(smaller) & NEEDED[level] else ""
        found.append({"level": level, "status": word, "rungs": mine, "says": says, "at": at})
    return found
