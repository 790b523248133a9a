"""Floors that the plan asks for, computed in the user's interpreter with limits, and handed on like recorded ones."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from reproof import childproc
from reproof.compare import child
from reproof.compare.metrics import metric_of
from reproof.compare.results import COMPUTED, FloorRow, Store
from reproof.document import Plan

CHILD = Path(child.__file__).parent
LIMIT_S = 600.0


def add_floors(plan: Plan, root: Path, python: Path | None, store: Store) -> list[str]:
    """Put every floor of the plan into `store`; returns what could not be computed.

    Raises:
        MissingError: there is no interpreter at `python`.
    """
    if not plan.floors:
        return []
    jobs = [_job(plan, at, root) for at in range(len(plan.floors))]
    answers, ended = _run(childproc.chosen(python, "floors are computed with the project's libraries"), jobs)
    notes = []
    for at, call in enumerate(plan.floors):
        answer = answers.get(at, {"problem": ended or "no answer"})
        name = call.by or call.call
        if "problem" in answer:
            notes.append(f"floor of {call.metric} in {call.experiment} by {name}: {answer['problem']}")
            continue
        metric = metric_of(call.metric, "frac" if call.by == "accuracy" else "")
        row = FloorRow(
            values=tuple(float(v) for v in answer["values"]), metric=metric, n_test=jobs[at]["n_test"],
            n_generated=jobs[at]["n_generated"], code=(COMPUTED, name), is_typed=False, age=("", -1, at),
        )  # fmt: skip
        store.floors[call.experiment, metric.base, call.reading].append(row)
    return notes


def _job(plan: Plan, at: int, root: Path) -> dict[str, Any]:
    call = plan.floors[at]
    evaluation = plan.settings_of(call.experiment).evaluation
    assert evaluation is not None, "a plan without it is refused when it is loaded"
    reading = next((r for r in evaluation.readings if r.name == call.reading), None)
    n_generated = (reading.n_generated if reading else None) or evaluation.n_samples.value
    said = call.model_dump(include={"by", "call", "truth", "draws", "label_noise_frac", "settings"})
    return said | {"root": str(root.resolve()), "n_test": evaluation.n_test.value, "n_generated": n_generated}


def _run(executable: str, jobs: list[dict[str, Any]]) -> tuple[dict[int, dict[str, Any]], str]:
    """Answers by place, and how the process ended when not by itself."""
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
                   "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "MPLBACKEND": "Agg"}  # fmt: skip
    process = subprocess.Popen(
        childproc.command(executable, CHILD, "reproof_floors", "floors"), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
    )  # fmt: skip
    ended = ""
    try:
        out = process.communicate(json.dumps(jobs).encode(), timeout=LIMIT_S)[0]
        ended = f"the process ended with {process.returncode}" if process.returncode else ""
    except subprocess.TimeoutExpired:
        ended = f"stopped after {LIMIT_S:g} s"
        childproc.end(process)
        out = process.communicate()[0]
    except BaseException:
        childproc.end(process)
        raise
    found = {}
    for line in out.decode(errors="replace").splitlines():
        try:
            answer = json.loads(line)
        except ValueError:
            continue  # cut off when the process ended
        found[answer["at"]] = answer
    return found, ended
