"""The other side of `child`: one process of the user's Python per subject, with limits, believed line by line."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof import childproc
from reproof.debug import child
from reproof.debug.models import DebugRequest
from reproof.errors import MissingError, PackError
from reproof.units import GIB

CHILD = Path(child.__file__).parent
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
FIT_SHARE = 0.5  # of the time limit, for learning one batch


@dataclass
class Measured:
    """Measurements by name, and how the process ended when not by itself."""

    values: dict[str, Any] = field(default_factory=dict)
    ended: str = ""


def chosen(python: Path | None) -> str:
    """The interpreter to ask, as a path that can be started; see `childproc.chosen`."""
    return childproc.chosen(python, "the model runs in the environment of its own project")


def measure(request: DebugRequest, job: dict[str, Any]) -> Measured:
    """Run the child on one job and collect what it said before it ended, however it ended.

    Raises:
        MissingError: there is no such interpreter, or it has no torch.
        PackError: the subject is none.
    """
    executable = chosen(request.python)
    common = {"device": request.device, "seed": request.seed, "steps": request.steps,
              "memory_bytes": int(request.memory_gib * GIB), "fit_s": FIT_SHARE * request.timeout_s,
              "path": [str(path.resolve()) for path in request.path]}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="debug-", ignore_cleanup_errors=True) as place:
        text, ended, said = _run(executable, common | job, Path(place), request.timeout_s)
    found = Measured(ended=ended)
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # cut off when the process ended
        found.values[row["name"]] = row["values"]
    if "cannot" in found.values:
        raise _refused(found.values["cannot"], executable)
    if "subject" not in found.values:
        last = (said.strip().splitlines() or ["it says nothing"])[-1][:300]
        raise PackError(
            "subject-fails",
            f"{ended or 'the process ended'} before the subject was there: {last}",
            why="nothing was measured",
            fix="call the function in that interpreter yourself; --timeout-s and --memory-gib set the limits",
        )
    return found


def _run(executable: str, job: dict[str, Any], place: Path, timeout_s: float) -> tuple[str, str, str]:
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1",
                   "CUBLAS_WORKSPACE_CONFIG": ":4096:8", "MPLBACKEND": "Agg", "TMPDIR": str(place)}  # fmt: skip
    errors = place / "stderr"
    with errors.open("wb") as stderr:
        try:
            process = subprocess.Popen(
                childproc.command(executable, CHILD, "reproof_debug", "job"), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=stderr, env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise MissingError(
                "no-python", f"{executable}: {error.strerror}", why="the model runs in that interpreter",
                fix="--python PATH of the project's virtual environment",
            ) from error  # fmt: skip
        ended = ""
        try:
            out = process.communicate(json.dumps(job).encode(), timeout=timeout_s)[0]
        except subprocess.TimeoutExpired:
            ended = f"stopped after {timeout_s:g} s"
            childproc.end(process)
            out = process.communicate()[0]
        except BaseException:
            childproc.end(process)
            raise
    if not ended and process.returncode:
        ended = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
    return out.decode(errors="replace"), ended, errors.read_text(encoding="utf-8", errors="replace")


def _refused(said: dict[str, Any], executable: str) -> PackError:
    if said.get("slug") == "no-torch":
        return MissingError(
            "no-torch", str(said.get("what")), why="the model is a torch model and runs in that interpreter",
            fix=f"--python PATH of the project's environment, or {executable} -m pip install torch",
        )  # fmt: skip
    return PackError(
        str(said.get("slug") or "subject-fails"), str(said.get("what")),
        why="a subject is a model, a step(model, batch) that gives one loss, and a batch",
        fix='def subject(): return {"model": net, "step": lambda model, batch: loss, "batch": batch}',
    )  # fmt: skip
