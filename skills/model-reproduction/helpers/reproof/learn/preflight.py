"""Run the project's own pre-flight checks: the commands that its lessons left behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal

from reproof import childproc
from reproof.errors import MissingError
from reproof.learn.files import PREFLIGHT, checks_of
from reproof.learn.models import Check, CheckRun, PreflightAnswer, PreflightRequest

TAIL = 1500
"""Characters of a check's output that are kept."""


def preflight(request: PreflightRequest) -> PreflightAnswer:
    """Answer `learn.py preflight`.

    Raises:
        MissingError: the project has no checks.
    """
    checks = checks_of(request.project)
    if not checks:
        raise MissingError(
            "no-preflight",
            f"there is no {request.project / PREFLIGHT}",
            why="it holds the checks that lessons of this project left behind",
            fix="learn.py add entry.yaml --project DIR, with `preflight` in the entry",
        )
    runs = [_run(check, request.project, request.timeout_s) for check in checks]
    passed = sum(run.status == "passed" for run in runs)
    return PreflightAnswer(ok=passed == len(runs), headline=f"{passed} of {len(runs)} checks passed", checks=runs)


def _run(check: Check, project: Path, limit_s: float) -> CheckRun:
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        status = _status(check.command, project, limit_s, said.fileno())
        said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
        tail = said.read().decode("utf-8", "replace")
    return CheckRun(
        **check.model_dump(), status=status, seconds=round(time.monotonic() - started, 2), tail=tail.strip()
    )


def _status(
    command: list[str], project: Path, limit_s: float, output: int
) -> Literal["passed", "failed", "could not start", "too slow"]:
    try:
        # a session of its own: what the check started is stopped with it
        child = subprocess.Popen(
            command, cwd=project, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    except OSError:
        return "could not start"
    try:
        return "passed" if child.wait(limit_s) == 0 else "failed"
    except subprocess.TimeoutExpired:
        return "too slow"
    finally:
        childproc.end(child)
