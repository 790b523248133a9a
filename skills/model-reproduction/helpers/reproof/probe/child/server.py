"""The warm process: imports the library once, then forks one process per job and outlives all of them.

It reads one JSON job per line on stdin and answers with one JSON line on what was stdout. Where a process cannot
be forked (Windows), or the library does not take it (`cold`), every job gets a new interpreter instead.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import limits, look

CAN_FORK = hasattr(os, "fork") and sys.platform != "win32"
HERE = Path(__file__).resolve().parent
TAIL = 2000  # characters of a case's stderr that are told


def main(*arguments: str) -> None:
    """Serve jobs until stdin ends; with `job`, do the one on stdin and leave."""
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints on import is no answer
    if arguments == ("job",):
        job = json.load(sys.stdin)
        if CAN_FORK:
            limits.fence(job["memory_bytes"])
        _work(job, answers)
        return
    if CAN_FORK:
        limits.adopt_orphans()
    for line in sys.stdin:
        job = json.loads(line)
        answer = hello(job) if job["do"] == "hello" else supervised(job)
        os.write(answers, (json.dumps(answer) + "\n").encode())


def hello(job: dict[str, Any]) -> dict[str, Any]:
    """Import what the cases need, so that they need not; a failure is theirs to report."""
    started = time.monotonic()
    if not job["cold"]:
        for target in job["targets"]:
            try:
                look.resolve(target)
            except (look.NotFound, SystemExit):
                continue
        try:
            from . import run  # noqa: F401 - compiled once here, and not in every case
        except ModuleNotFoundError:
            pass  # no numpy: each case says so
        gc.collect()
        gc.freeze()  # what is imported stays: no case has to look through it, nor to copy its pages
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "import_s": time.monotonic() - started,
        "versions": {name: look.version(name) for name in job["distributions"]},
    }


def _work(job: dict[str, Any], handle: int) -> None:
    """The job itself, in its own process; only this process needs numpy."""
    try:
        from .run import work
    except ModuleNotFoundError as error:
        missing = {"code": "not_installed", "what": f"{error} in {sys.executable}; inputs are made with it", "hint": ""}
        os.write(handle, (json.dumps(missing) + "\n").encode())
        return
    work(job, handle)


def supervised(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a process and a folder of its own, and tell what it wrote and how it ended."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="case-"))
    try:
        (folder / "work").mkdir()
        run = forked if CAN_FORK and not job["cold"] else spawned
        events, ended = run(job, folder)
        return {
            "events": [line for line in events.decode(errors="replace").splitlines() if line.strip()],
            "ended": ended,
            "took_s": time.monotonic() - started,
            "stdout_bytes": _size(folder / "stdout"),
            "stderr": _tail(folder / "stderr"),
            "strays": limits.end_strays() if CAN_FORK else 0,
        }
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tail(path: Path) -> str:
    return path.read_bytes()[-TAIL:].decode(errors="replace") if path.exists() else ""


def forked(job: dict[str, Any], folder: Path) -> tuple[bytes, str]:
    """The job in a fork of this process, which has the library in memory already."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_case(job, folder, writing)
    os.close(writing)
    try:
        return _watched(pid, reading, job["timeout_s"])
    finally:
        os.close(reading)


def _become_case(job: dict[str, Any], folder: Path, handle: int) -> None:
    """Never returns: this process is the case now, and ends with it."""
    status = 1
    try:
        os.setsid()
        limits.die_with_parent()
        os.chdir(str(folder / "work"))
        for descriptor, path, how in (
            (0, os.devnull, os.O_RDONLY),
            (1, str(folder / "stdout"), os.O_WRONLY | os.O_CREAT),
            (2, str(folder / "stderr"), os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(os.open(path, how), descriptor)
        top = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 1024
        os.closerange(3, handle)
        os.closerange(handle + 1, min(top, 4096))
        limits.fence(job["memory_bytes"])
        _work(job, handle)
        sys.stdout.flush()
        status = 0
    except BaseException as error:
        sys.stderr.write("probe: %s: %s\n" % (type(error).__name__, error))  # noqa: UP031
        sys.stderr.flush()
    finally:
        os._exit(status)  # no exit handlers: they are the parent's


def _watched(pid: int, reading: int, timeout_s: float) -> tuple[bytes, str]:
    """Read until the process ends or its time is up; what it started ends with it."""
    events, deadline = b"", time.monotonic() + timeout_s
    is_open = True
    while True:
        if is_open and select.select([reading], [], [], 0.05)[0]:
            data = os.read(reading, 65536)
            events += data
            is_open = bool(data)
        elif not is_open:
            time.sleep(0.002)
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            limits.end_group(pid)
            return events + _rest(reading), _ending(status)
        if time.monotonic() > deadline:
            limits.end_group(pid)
            os.waitpid(pid, 0)
            return events + _rest(reading), "timeout"


def _rest(reading: int) -> bytes:
    """What is still in the pipe; a stray that holds it open is not waited for."""
    rest = b""
    while select.select([reading], [], [], 0)[0]:
        data = os.read(reading, 65536)
        if not data:
            break
        rest += data
    return rest


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.WEXITSTATUS(status)}"


def spawned(job: dict[str, Any], folder: Path) -> tuple[bytes, str]:
    """The job in a new interpreter, which imports the library itself."""
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(HERE.parents[1] / "childstart.py"), str(HERE), "reproof_child", "server", "job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=str(folder / "work"),
            start_new_session=CAN_FORK,
        )
        try:
            events, _ = process.communicate(json.dumps(job).encode(), timeout=job["timeout_s"])
            code = process.returncode
            return events, f"signal {-code}" if code < 0 else f"exit {code}"
        except subprocess.TimeoutExpired:
            if CAN_FORK:
                limits.end_group(process.pid)
            process.kill()
            return process.communicate()[0], "timeout"
