"""Memory, disk and time as `vram.py plan` estimated them, for the README; only the size of checkpoints is added.

Its JSON is read, not its code: helpers do not import each other. A figure that is not there is `not estimated`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof import evidence
from reproof.document import Plan
from reproof.errors import PackError
from reproof.paths import read_text, sha256

HELPER = "vram plan"
RANK = {"fits": 0, "tight": 1, "no": 2}


@dataclass(frozen=True)
class Estimate:
    """What `vram plan` answered, and where that is from; empty when nothing was estimated."""

    answer: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    note: str = ""

    def phases(self, experiment: str) -> list[dict[str, Any]]:
        """The phases of one experiment."""
        found = [e for e in _rows(self.answer, "experiments") if e.get("name") == experiment]
        return _rows(found[0], "phases") if found else []


def estimate_for(given: Path | None, project: Path, plan_sha256: str, before: dict[str, Any]) -> Estimate:
    """From the file the user named, else the newest intact record in the project's evidence, else as `before`.

    Raises:
        PackError: the named file is not what `vram.py plan --json` prints.
    """
    if given is not None:
        return Estimate(_answer(given), given.name)
    folder = project / "evidence"
    records = evidence.audit(folder)[0] if folder.is_dir() else []
    mine = [r for r in records if r.helper == HELPER and r.fingerprint() == r.digest]
    if not mine:
        return Estimate(**before) if before else Estimate()
    stale = plan_sha256 not in mine[-1].inputs.values()
    note = "The plan has changed since: run `vram.py plan` and `scaffold.py update` again." if stale else ""
    return Estimate(mine[-1].answer, f"evidence record {mine[-1].number:04d}", note)


def _answer(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_text(path, "estimate"))
    except ValueError:
        data = None
    if isinstance(data, dict) and data.get("helper") == HELPER:  # an evidence record will do too
        data = data.get("answer")
    if not isinstance(data, dict) or not _rows(data, "experiments"):
        raise PackError(
            "bad-estimate",
            f"--estimate {str(path)!r} holds no experiments with phases",
            why="the README takes memory, disk and time from it",
            fix="vram.py plan plan.yaml --json > estimate.json",
        )
    return data


def _rows(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = data.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def tiers(estimate: Estimate, plan: Plan, experiment: str, fitted: dict[str, str]) -> list[dict[str, Any]]:
    """One row per GPU: whether all phases fit, the largest need, the flags that make it fit, the time.

    `fitted`: flags per GPU that `vram.py fit` has tried; they win over what the closed form suggests.
    """
    phases = estimate.phases(experiment)
    batches = {name: phase.batch_size.value for name, phase in plan.settings_of(experiment).phases.items()
               if phase.batch_size}  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for phase in phases:
        for gpu in _rows(phase, "gpus"):
            row = found.setdefault(str(gpu.get("gpu")), _row(str(gpu.get("gpu"))))
            row["needed_bytes"] = max(row["needed_bytes"], _number(gpu.get("needed_bytes")))
            row["verdict"] = max(row["verdict"], str(gpu.get("verdict")), key=lambda word: RANK.get(word, 2))
            if gpu.get("verdict") == "no":
                row["flags"] += _flags(str(phase.get("name")), gpu, batches)
            time = next((v for v in gpu.values() if isinstance(v, dict) and v.get("run_low_s") is not None), None)
            row["low_s"], row["high_s"] = _added(row, time) if phase.get("kind") == "train" or time else _kept(row)
    for name, flags in fitted.items():
        found.setdefault(name, _row(name) | {"verdict": "as traced", "needed_bytes": None})["flags"] = (
            [flags] if flags else []
        )
    return list(found.values())


def _row(gpu: str) -> dict[str, Any]:
    return {"gpu": gpu, "needed_bytes": 0.0, "verdict": "fits", "flags": [], "low_s": 0.0, "high_s": 0.0}


def _added(row: dict[str, Any], time: dict[str, Any] | None) -> tuple[float | None, float | None]:
    """The sum over the phases; a phase without a figure makes the sum unknown."""
    if time is None or row["low_s"] is None:
        return None, None
    return row["low_s"] + _number(time.get("run_low_s")), row["high_s"] + _number(time.get("run_high_s"))


def _kept(row: dict[str, Any]) -> tuple[float | None, float | None]:
    return row["low_s"], row["high_s"]


def _flags(name: str, gpu: dict[str, Any], batches: dict[str, int]) -> list[str]:
    """How the project is told to split a batch of one phase: same samples per update, smaller passes."""
    accumulate = gpu.get("accumulate")
    if not isinstance(accumulate, int) or accumulate < 2 or batches.get(name, 0) % accumulate:
        return []
    return [f"phases.{name}.accumulate={accumulate}"]


def not_estimated(estimate: Estimate, plan: Plan, experiment: str) -> list[str]:
    """Phases without a figure."""
    known = {p.get("name") for p in estimate.phases(experiment) if (p.get("budget") or p.get("pool"))}
    return [name for name in plan.settings_of(experiment).phases if name not in known]


def sizes(estimate: Estimate, experiment: str, phase: str) -> dict[str, float | None]:
    """Peak on the GPU and bytes on disk of one phase; None where nothing was estimated."""
    found = next((p for p in estimate.phases(experiment) if p.get("name") == phase), {})
    budget, pool, params = found.get("budget"), found.get("pool"), found.get("params")
    peak = budget.get("allocated_bytes") if isinstance(budget, dict) else None
    disk = pool.get("disk_bytes") if isinstance(pool, dict) else None
    if disk is None and isinstance(params, int) and params:
        # weights, Adam's two moments and the average in fp32: two step files are kept while it trains
        disk = 2 * 16 * params
    return {"peak_bytes": peak, "disk_bytes": disk}


def digest(estimate: Estimate) -> str:
    """For the manifest."""
    return sha256(json.dumps(estimate.answer, sort_keys=True)) if estimate.answer else "none"


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
