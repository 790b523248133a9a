"""Processes of the user's interpreter: a job run to its end, or a warm process that answers one job after the other."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reproof import childstart
from reproof.errors import MissingError

START = Path(childstart.__file__)  # imported, so that installed skills carry it
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


def command(python: str, folder: Path, package: str, module: str, *arguments: str) -> list[str]:
    """What runs main() of a module of ours in a user's interpreter: `folder` is loaded there as `package`."""
    return [python, str(START), str(folder), package, module, *arguments]


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
        end(process)
        listener.join(2)
        if process.stdout is not None:
            process.stdout.close()
    return ("done" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"), "\n".join(tail)


class Warm:
    """A process that answers a line of JSON with a line of JSON. It may die or go silent: then there is no answer.

    Raises:
        OSError: the command cannot be started.
    """

    def __init__(self, command: list[str], env: dict[str, str], errors: Path, cwd: Path | None = None) -> None:
        self._errors = errors
        with errors.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None, "it was started with a pipe"
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")  # the process has ended

    def ask(self, job: dict[str, Any], limit_s: float) -> dict[str, Any] | None:
        """One job and its answer; None when the process ended or said nothing for `limit_s` seconds."""
        assert self._process.stdin is not None, "it was started with a pipe"
        try:
            self._process.stdin.write((json.dumps(job) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            return None
        return self.receive(limit_s)

    def receive(self, limit_s: float) -> dict[str, Any] | None:
        """What it says next, asked or not."""
        try:
            answer = json.loads(self._lines.get(timeout=limit_s))
        except (queue.Empty, ValueError):
            return None
        return answer if isinstance(answer, dict) else None

    def said(self) -> str:
        """All that it has written to its standard error."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def ending(self) -> str:
        """How it went (`exit N`, `signal N`), or `timeout` where it is still there and silent."""
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "timeout"
        return f"signal {-code}" if code < 0 else f"exit {code}"

    def end(self) -> None:
        """End it and its group; it holds nothing worth keeping."""
        end(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # a job was still in the pipe


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process and its whole group: what it started must not stay behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
