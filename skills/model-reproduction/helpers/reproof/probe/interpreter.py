"""The other side of `child`: start the user's interpreter, ask, and never die or wait with it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from reproof import childproc
from reproof.errors import MissingError
from reproof.probe import child
from reproof.probe.models import InterpreterRequest

CHILD = Path(child.__file__).parent
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
        self.process.end()
        self.folder.cleanup()

    def _start(self) -> None:
        """Start and import. A library whose import hangs or kills is imported by each case alone instead."""
        for cold in [True] if self.cold else [False, True]:
            self.cold = cold
            self._spawn()
            job = {"do": "hello", "targets": self.targets, "distributions": self.distributions, "cold": cold}
            answer = self.process.ask(job, max(IMPORT_S, self.request.timeout_s))
            if answer is not None:
                self.hello = answer
                return
            said = (self.process.said().strip().splitlines() or ["it says nothing"])[-1]
            self.process.end()
        raise self._no_python(f"{self.executable} does not run the probe: {said[:300]}")

    def _spawn(self) -> None:
        place = Path(self.folder.name)
        env = surroundings(place, self.request.path)
        try:
            command = childproc.command(self.executable, CHILD, "reproof_child", "server")
            self.process = childproc.Warm(command, env, place / "server.stderr", cwd=place)
        except OSError as error:
            raise self._no_python(f"{self.executable}: {error.strerror}") from error

    def _no_python(self, what: str) -> MissingError:
        return MissingError(
            "no-python",
            what,
            why="the looking and calling happens in that interpreter; it must be Python 3.8 or newer",
            fix="--python PATH of the project's virtual environment",
        )

    def ask(self, do: str, case: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Do one job; when it takes the whole process down, say so and have a new one ready."""
        limits = {"timeout_s": timeout_s, "memory_bytes": self.request.memory, "cold": self.cold}
        started = time.monotonic()
        answer = self.process.ask({"do": do, "case": case, **limits}, timeout_s + GRACE_S)
        if answer is not None:
            return answer
        took_s = time.monotonic() - started
        ended, said = self.process.ending(), self.process.said()
        self.process.end()
        self._start()
        return {"events": [], "ended": ended, "took_s": took_s, "stdout_bytes": 0, "stderr": said, "strays": 0}
