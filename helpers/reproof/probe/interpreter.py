"""The other side of `child`: start the user's interpreter, ask, and never die or wait with it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from reproof import childproc
from reproof.errors import MissingError
from reproof.probe import child
from reproof.probe.models import InterpreterRequest

MAIN = Path(child.__file__).with_name("__main__.py")
GRACE_S = 20.0  # the child ends its case by itself; this is for a child that cannot
IMPORT_S = 120.0  # one import of torch on a cold disk takes tens of seconds
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def chosen(python: Path | None) -> str:
    """The interpreter to ask, as a path that can be started; see `childproc.chosen`."""
    return childproc.chosen(python, "a probe is only right in the environment that will run the reproduction")


def surroundings(folder: Path, path: Iterable[Path]) -> dict[str, str]:
    """The child's environment: one thread, no display, and every cache inside `folder`."""
    home = Path.home()
    entries = [str(entry.resolve()) for entry in path] + [os.environ.get("PYTHONPATH", "")]
    shown = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")  # a window of a probe would come up on the user's screen
    return {
        **{name: value for name, value in os.environ.items() if name not in shown},
        **dict.fromkeys(ONE_THREAD, "1"),
        "PYTHONPATH": os.pathsep.join(entry for entry in entries if entry),
        "PYTHONUSERBASE": os.environ.get("PYTHONUSERBASE", str(home / ".local")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "Agg",
        "HF_HUB_OFFLINE": "1",
        "KINETO_LOG_LEVEL": "5",
        **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TORCH_HOME", "HF_HOME"), str(folder)),
    }


class Interpreter:
    """A warm process of the user's Python; it is replaced when it dies."""

    def __init__(self, request: InterpreterRequest, targets: list[str], distributions: list[str]) -> None:
        self.request, self.targets, self.distributions = request, targets, distributions
        self.executable = chosen(request.python)
        self.cold = request.cold
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Interpreter:
        self.folder = tempfile.TemporaryDirectory(prefix="probe-", ignore_cleanup_errors=True)
        try:
            self._start()
        except BaseException:
            self.folder.cleanup()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()
        self.folder.cleanup()

    def _start(self) -> None:
        """Start and import. A library whose import hangs or kills is imported by each case alone instead."""
        for cold in [True] if self.cold else [False, True]:
            self.cold = cold
            self._spawn()
            job = {"do": "hello", "targets": self.targets, "distributions": self.distributions, "cold": cold}
            answer = self._exchange(job, max(IMPORT_S, self.request.timeout_s))
            if answer is not None:
                self.hello = answer
                return
            said = (self._said().strip().splitlines() or ["it says nothing"])[-1]
            self._end()
        raise MissingError(
            "no-python",
            f"{self.executable} does not run the probe: {said[:300]}",
            why="the looking and calling happens in that interpreter; it must be Python 3.8 or newer",
            fix="--python PATH of the project's virtual environment",
        )

    def _spawn(self) -> None:
        place = Path(self.folder.name)
        self.errors = place / "server.stderr"
        with self.errors.open("wb") as errors:
            try:
                self.process = subprocess.Popen(
                    [self.executable, str(MAIN)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd=place,
                    env=surroundings(place, self.request.path),
                    start_new_session=True,
                )
            except OSError as error:
                raise MissingError(
                    "no-python",
                    f"{self.executable}: {error.strerror}",
                    why="the looking and calling happens in that interpreter",
                    fix="--python PATH of the project's virtual environment",
                ) from error
        self.lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, args=(self.process, self.lines), daemon=True).start()

    @staticmethod
    def _listen(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
        assert process.stdout is not None, "it was started with a pipe"
        for line in process.stdout:
            lines.put(line)
        lines.put(b"")  # the process has ended

    def _said(self) -> str:
        return self.errors.read_text(encoding="utf-8", errors="replace") if self.errors.exists() else ""

    def _exchange(self, job: dict[str, Any], limit_s: float) -> dict[str, Any] | None:
        """One job and its answer, or None when the process ended or went silent."""
        assert self.process.stdin is not None, "it was started with a pipe"
        try:
            self.process.stdin.write((json.dumps(job) + "\n").encode())
            self.process.stdin.flush()
            line = self.lines.get(timeout=limit_s)
        except (OSError, queue.Empty):
            return None
        try:
            answer = json.loads(line)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def ask(self, do: str, case: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Do one job; when it takes the whole process down, say so and have a new one ready."""
        limits = {"timeout_s": timeout_s, "memory_bytes": self.request.memory, "cold": self.cold}
        started = time.monotonic()
        answer = self._exchange({"do": do, "case": case, **limits}, timeout_s + GRACE_S)
        if answer is not None:
            return answer
        took_s = time.monotonic() - started
        ended, said = self._ending(), self._said()
        self._end()
        self._start()
        return {"events": [], "ended": ended, "took_s": took_s, "stdout_bytes": 0, "stderr": said, "strays": 0}

    def _ending(self) -> str:
        """How the process went, or that it is still there and silent."""
        try:
            code = self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "timeout"
        return f"signal {-code}" if code < 0 else f"exit {code}"

    def _end(self) -> None:
        """End the process and its group; it holds nothing worth keeping."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError, PermissionError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # a job was still in the pipe
