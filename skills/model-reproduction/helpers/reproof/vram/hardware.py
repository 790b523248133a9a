"""Run one job on the real GPU in a process of its own, with a time limit; it may crash without taking us with it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from reproof import childproc
from reproof.errors import MissingError, PackError
from reproof.vram.child import driver
from reproof.vram.interpreter import CHILD, PACKAGE

WEAKER = "vram.py trace needs no GPU; run this command on the machine that has one"
CONFS = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
"""The allocator's settings: the name that counts in every torch, and the one that 2.9 brought (and 2.9.1 ignored for
expandable_segments, github.com/pytorch/pytorch/issues/183387)."""


def ask(job: dict[str, Any], python: Path | None, timeout_s: float, conf: str = "") -> dict[str, Any]:
    """The child's answer.

    Args:
        job: its `index` is the GPU as CUDA numbers it for this shell; the child sees that one only.
        python: the project's interpreter.
        timeout_s: the child and all that it started are ended then.
        conf: settings of the allocator; empty: those of this shell.

    Raises:
        MissingError: no interpreter, no torch, no GPU, or a crash.
        PackError: it did not end in time, or the user's step failed.
    """
    executable = childproc.chosen(python, "what is measured is the torch that will run the training")
    environment = {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts, unless this shell says otherwise
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "CUDA_VISIBLE_DEVICES": _only(job["index"]),
        **(dict.fromkeys(CONFS, conf) if conf else {}),
    }
    job = {**job, "nvml": driver.file()}
    # files and no pipes: a worker that the step left behind would hold a pipe open, and we would wait for it
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        asked.write((json.dumps(job) + "\n").encode())
        asked.seek(0)
        process = subprocess.Popen(
            childproc.command(executable, CHILD, PACKAGE, "real"),
            stdin=asked,
            stdout=out,
            stderr=said,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise PackError(
                "step-timeout",
                f"no answer within {timeout_s:g} s",
                why="the step waits, is very long, or the GPU hangs",
                fix="fewer --steps, one training step instead of a loop, or a longer --timeout-s",
            ) from error
        finally:
            childproc.end(process)
        return _answer(_read(out), _read(said), executable, code)


def _only(index: int) -> str:
    """The one device that the child may see: `cuda:0` is then this one, also where a step names it."""
    names = driver.visible()
    if names is None:
        return str(index)
    if names and index >= len(names):
        shown = os.environ["CUDA_VISIBLE_DEVICES"]
        raise MissingError(
            "no-gpu", f"no GPU {index}: CUDA_VISIBLE_DEVICES={shown} shows {len(names)}", why="it counts those only",
            fix=f"--index 0 to {len(names) - 1}, or another CUDA_VISIBLE_DEVICES",
        )  # fmt: skip
    return names[index] if names else ""


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _answer(out: str, said: str, executable: str, code: int) -> dict[str, Any]:
    try:
        found = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        ended = f"signal {-code}" if code < 0 else str(code)
        raise MissingError(
            "measure-crashed",
            f"{executable} ended with {ended} and no answer: {' '.join(said.split())[-300:] or 'without a word'}",
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
