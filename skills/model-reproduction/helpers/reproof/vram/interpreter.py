"""The other side of `child`: start the project's interpreter, hand it jobs, and never die or wait with it."""

from __future__ import annotations

import ast
import json
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from reproof import childproc
from reproof.errors import MissingError, PackError
from reproof.vram import child
from reproof.vram.gpus import Gpu
from reproof.vram.traced import InterpreterRequest

CHILD, PACKAGE = Path(child.__file__).parent, "reproof_vram_child"
IMPORT_S = 120.0  # torch from a cold disk takes tens of seconds
GRACE_S = 20.0  # the child ends a job by itself; this is for a child that cannot
WEAKER = (
    "vram.py estimate is the weaker way that needs no torch: --params COUNT for the states, --family for activations"
)
SLUGS = {
    "step-raised": "nothing is known about the memory of a step that does not run",
    "bad-step": "the trace calls function() once and what it returns once per step",
    "fenced": "a trace runs your code without letting it change anything",
    "no-such-device": "one GPU is traced; the model must fit it or be split by you",
    "no-lever": "there is nothing in this step that it could change",
    "step-timeout": "it did not end within --timeout-s",
    "host-memory": "the step holds more real data than --memory allows; fake tensors take none",
}


def chosen(python: Path | None) -> str:
    """The interpreter to ask, as a path that can be started; see `childproc.chosen`."""
    return childproc.chosen(python, "a trace is only right with the torch that will run the training")


def arguments(given: list[str]) -> dict[str, Any]:
    """Python literals by name; what is no literal is text.

    >>> arguments(["batch=32", "size=(3, 8)", "name=unet"])
    {'batch': 32, 'size': (3, 8), 'name': 'unet'}
    """
    found: dict[str, Any] = {}
    for each in given:
        name, _, text = each.partition("=")
        try:
            found[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            found[name] = text
    return found


def surroundings(folder: Path) -> dict[str, str]:
    """The child's environment: no GPU, one thread, offline, caches inside `folder`."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    caches = ("MPLCONFIGDIR", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
    return {
        **os.environ,
        **dict.fromkeys(threads, "1"),
        **dict.fromkeys(caches, str(folder)),
        "CUDA_VISIBLE_DEVICES": "",  # a GPU that is there is neither asked nor used
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "Agg",
        "HF_HUB_OFFLINE": "1",
    }


class Interpreter:
    """A process of the project's Python that has torch imported and traces on demand."""

    def __init__(self, request: InterpreterRequest, offered: dict[str, Any] | None = None) -> None:
        self.request, self.offered = request, offered or {}
        self.executable = chosen(request.python)
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Interpreter:
        if not self.request.is_module and not self.request.file.is_file():
            raise PackError(
                "no-such-file",
                f"no file at {str(self.request.file)!r}",
                why="the trace runs a function of that file",
                fix="vram.py trace path/to/train_step.py:build, or package.module:build",
            )
        self.folder = tempfile.TemporaryDirectory(prefix="vram-", ignore_cleanup_errors=True)
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
        place = Path(self.folder.name)
        try:
            command = childproc.command(self.executable, CHILD, PACKAGE, "server")
            self.process = childproc.Warm(command, surroundings(place), place / "stderr")
        except OSError as error:
            raise self._no_python(str(error.strerror)) from error
        hello = self.process.receive(IMPORT_S)
        if hello is None:
            said = self.process.said()
            self.process.end()
            raise self._no_python(said[-300:].strip() or "it says nothing")
        self.hello = hello
        self._refuse()

    def _no_python(self, said: str) -> MissingError:
        return MissingError(
            "no-python",
            f"{self.executable} does not run the tracer: {said}",
            why="the trace happens in that interpreter; it must be Python 3.8 or newer, with torch 2.4 or newer",
            fix="--python .venv/bin/python of the project",
        )

    def _refuse(self) -> None:
        if self.hello.get("torch") and not self.hello["refused"]:
            return
        if self.request.weaker and self.hello.get("weaker"):
            return
        self.process.end()
        if self.hello["refused"]:
            less = "--weaker traces on fake CPU tensors; " if self.hello.get("weaker") else ""
            raise MissingError(
                "cannot-trace",
                self.hello["refused"],
                why="fake CUDA tensors need a layout of torch that is known; on another one nothing is patched",
                fix=f"{less}another torch (2.6 to 2.15 were tried). {WEAKER}",
            )
        raise MissingError(
            "not-installed",
            f"no torch in {self.executable}: {self.hello.get('missing')}",
            why="the trace runs your step with the torch of your project",
            fix=f"--python PATH of an interpreter with torch 2.4 or newer (a CPU build will do). {WEAKER}",
        )

    def trace(self, gpu: Gpu, more: dict[str, Any] | None = None, lever: str = "") -> dict[str, Any]:
        """One trace for the kind of GPU that `gpu` is.

        Args:
            gpu: decides capability, name and size that the step sees.
            more: further arguments of the function.
            lever: a change to the step, by its name in `child/levers.py`.

        Raises:
            PackError: the step raised, hung, or did what a trace does not do; with the line of the user's code.
        """
        request, answer = self.request, Path(self.folder.name) / "answer.json"
        answer.unlink(missing_ok=True)
        job = {
            "gpu": gpu.name,
            "capability": gpu.capability,
            "usable_bytes": gpu.usable_bytes,
            **request.source,
            "offered": self.offered,
            "hints": request.hints,
            "constants": gpu.constants.model_dump(mode="json") if gpu.constants else {},
            "arguments": {**arguments(request.arg), **(more or {})},
            "steps": request.steps,
            "lever": lever,
            "weaker": request.weaker,
            "timeout_s": request.timeout_s,
            "memory_bytes": request.memory,
            "answer": str(answer),
        }
        reply = self.process.ask(job, request.timeout_s + GRACE_S)
        ended = str(reply["ended"]) if reply else "a crash of the tracer"
        if ended != "done" or not answer.exists():
            raise self._ended(ended)
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        if result["error"]:
            raise _told(result["error"])
        return result

    def _ended(self, ended: str) -> PackError:
        if ended == "timeout":
            return PackError(
                "step-timeout",
                f"{self.request.target} did not end within {self.request.timeout_s:g} s",
                why="it waits, loops on values that a trace does not have, or is very long",
                fix="trace one training step, not the whole loop; fewer --steps; or a longer --timeout-s",
            )
        said = self.process.said()[-300:].strip() or "without a word"
        return MissingError(
            "trace-crashed",
            f"the trace of {self.request.target} ended with {ended}: {said}",
            why="an extension or torch itself ended the process; nothing was measured",
            fix=WEAKER,
        )


def _told(error: dict[str, str]) -> PackError:
    """The user's error as ours: what, on which line, and what to do."""
    where = f" at {error['where']}" if error["where"] else ""
    line = f" ({error['line'].strip()})" if error.get("line") else ""
    text = " ".join(error["text"].split())[:400]
    during = f" during {error['during']}" if error.get("during") else ""
    if error["kind"] == "cannot-trace":
        return MissingError(
            "cannot-trace",
            f"{error['type']}{during}{where}{line}: {text}",
            why="this operation has no fake counterpart, so its memory would be a guess",
            fix=f"replace it in the traced step by plain torch of the same shapes. {WEAKER}",
        )
    fix = "mend that line; build() must put model and data on 'cuda' and return step, a function without arguments"
    if error["kind"] == "step-timeout":
        fix = "trace one training step, not the whole loop; fewer --steps; or a longer --timeout-s"
    if error.get("asked"):
        fix = f"say what that value is: --hint {error['asked']}=VALUE (a number, true or false); else {fix}"
    return PackError(error["kind"], f"{error['type']}{during}{where}{line}: {text}", why=SLUGS[error["kind"]], fix=fix)
