"""Run a job in the user's interpreter to its end: time and memory limits, no hubs, one thread, no GPU."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from reproof.errors import MissingError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def chosen(python: Path | str | None, why: str) -> str:
    """The interpreter to start; None is the running one.

    Raises:
        MissingError: there is none at that path.
    """
    if python is None:
        return sys.executable
    found = shutil.which(str(python))
    if found is None:
        fix = "give the python of the project, like .venv/bin/python"
        raise MissingError("no-python", f"no interpreter at {str(python)!r}", why=why, fix=fix)
    return os.path.abspath(found)  # noqa: PTH100 - resolving the link would leave the virtual environment


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a job: its caches inside `folder`, no GPU, no hubs."""
    return {
        **os.environ,
        **dict.fromkeys(THREADS, "1"),
        **dict.fromkeys(("MPLCONFIGDIR", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME", "TRITON_CACHE_DIR"), str(folder)),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        "HF_HUB_OFFLINE": "1",
        "TORCHDYNAMO_DISABLE": "1",
        **more,
    }


def run_to_end(
    command: list[str],
    folder: Path,
    timeout_s: float,
    memory_bytes: int | None,
    say: Callable[[str], None],
    **more: str,
) -> tuple[str, str]:
    """(how it ended: done, timeout, exit N or signal N; the last of what it said). Never waits longer than the limit."""  # noqa: E501

    def limited() -> None:
        if memory_bytes is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))

    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=surroundings(folder, **more),
        start_new_session=True,
        preexec_fn=limited if os.name == "posix" else None,
    )
    tail: list[str] = []

    def listen() -> None:
        assert process.stdout is not None, "it was started with a pipe"
        for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            tail[:] = [*tail[-40:], text]
            say(text)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return "timeout", "\n".join(tail)
    finally:
        _end(process)
        listener.join(2)
        if process.stdout is not None:
            process.stdout.close()
    return ("done" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"), "\n".join(tail)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: a side that was started by the judge must not stay behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
