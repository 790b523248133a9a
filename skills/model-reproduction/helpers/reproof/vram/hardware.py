"""Run one job on the real GPU in a process of its own, with a time limit; it may crash without taking us with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from reproof.errors import MissingError, PackError
from reproof.vram.interpreter import MAIN, chosen

WEAKER = "vram.py trace needs no GPU; run this command on the machine that has one"


def ask(job: dict[str, Any], python: Path | None, timeout_s: float) -> dict[str, Any]:
    """The child's answer.

    Raises:
        MissingError: no interpreter, no torch, no GPU, or a crash.
        PackError: it did not end in time, or the user's step failed.
    """
    executable = chosen(python)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    process = subprocess.Popen(
        [executable, str(MAIN), "real"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        text=True,
    )
    try:
        out, said = process.communicate(json.dumps(job) + "\n", timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise PackError(
            "step-timeout",
            f"no answer within {timeout_s:g} s",
            why="the step waits, is very long, or the GPU hangs",
            fix="fewer --steps, one training step instead of a loop, or a longer --timeout-s",
        ) from error
    except BaseException:
        _end(process)
        raise
    return _answer(out, said, executable, process.returncode)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.communicate()  # closes the pipes too


def _answer(out: str, said: str, executable: str, code: int) -> dict[str, Any]:
    try:
        found = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise MissingError(
            "measure-crashed",
            f"{executable} ended with {code} and no answer: {' '.join(said.split())[-300:] or 'without a word'}",
            why="the process on the GPU crashed; nothing was measured",
            fix=WEAKER,
        ) from None
    if not isinstance(found, dict):
        raise MissingError("measure-crashed", f"{executable} answered {out[:80]!r}", why="it is no answer", fix=WEAKER)
    if "missing" in found:
        raise MissingError(
            "no-gpu", f"{found['missing']} ({executable})", why="this command measures on a real GPU", fix=WEAKER
        )
    return found
