"""Import torch once, then answer jobs, each in a fork of its own: what it does to torch, or to itself, ends with it."""

# mypy: allow-untyped-calls

from __future__ import annotations

import gc
import json
import os
import platform
import signal
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

OLDEST = (2, 4)
POLL_S = 0.01
LAST_WORDS_S = 5.0


def main() -> None:
    """Answer every line of stdin with a line on the stdout we were started with."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever user code prints is not an answer

    def say(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    say(_hello())
    for line in sys.stdin:
        say(_in_a_fork(json.loads(line)))


def _hello() -> dict[str, Any]:
    """Versions, and whether this torch can trace."""
    about: dict[str, Any] = {"python": platform.python_version(), "executable": sys.executable, "refused": ""}
    started = time.perf_counter()
    if sys.platform != "linux":
        return {**about, "torch": None, "refused": f"tracing is built for Linux, this is {sys.platform}"}
    try:
        import torch
    except ImportError as error:
        return {**about, "torch": None, "missing": str(error)}
    about["torch"] = torch.__version__
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < OLDEST:
        return {**about, "refused": f"torch {torch.__version__} is older than 2.4"}
    try:
        about["build"] = _prepare()
    except Exception as error:  # whatever it is, it means that tracing is not possible here
        about["refused"] = f"{type(error).__name__}: {error}"
        about["weaker"] = _can_be_weaker()
    return {**about, "import_s": time.perf_counter() - started}


def _can_be_weaker() -> bool:
    """Whether this torch runs fake CPU tensors, for the weaker way."""
    try:
        _import_all()
    except Exception:  # whatever it is: not even that
        return False
    return True


def _prepare() -> str:
    """Import what every job needs, so that forks share it; before the first backward of the process."""
    from . import fakecuda

    build = fakecuda.enable()
    _import_all()
    return build


def _import_all() -> None:
    import torch.utils.checkpoint

    from . import job  # noqa: F401 - imported for the forks

    torch.set_num_threads(1)
    _warm_up()
    _short_cut_dynamo()
    gc.collect()
    gc.freeze()


def _warm_up() -> None:
    """What the first fake operators import is imported here, 0.7 s; no backward, whose threads a fork would lose."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(), torch.no_grad():
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.GroupNorm(2, 4), torch.nn.Flatten())
        torch.nn.functional.linear(net(torch.randn(2, 3, 8, 8)), torch.ones(4, 144)).softmax(-1)


def _short_cut_dynamo() -> None:
    """Functions wrapped by torch._disable_dynamo import torch._dynamo on their first call, 2 to 5 s, in vain here."""
    for found in gc.get_objects():
        if type(found) is types.FunctionType and found.__code__.co_name == "inner":
            inner = getattr(found, "__wrapped__", None)
            if found.__code__.co_filename.endswith("_compile.py") and inner is not None:
                inner.__dict__.setdefault("__dynamo_disable", inner)


def _in_a_fork(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a child of its own; says how that child ended."""
    pid = os.fork()
    if pid == 0:
        _child(job)
    ends = time.monotonic() + job["timeout_s"]
    while time.monotonic() < ends:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            return {"ended": "done" if code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"}
        time.sleep(POLL_S)
    ends = time.monotonic() + LAST_WORDS_S
    # first it may say where it was; again and again, since what is raised in a callback of weakref is lost
    while time.monotonic() < ends:
        os.kill(pid, signal.SIGALRM)
        time.sleep(10 * POLL_S)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return {"ended": "done" if status == 0 else "timeout"}
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return {"ended": "timeout"}


def _child(job: dict[str, Any]) -> None:
    """Trace, write the result, and leave without torch's own clean-up, which may abort."""
    from .fence import end_in_time, fence, limit_memory

    code = 1
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        limit_memory(job["memory_bytes"])
        folder = os.path.dirname(job["answer"])
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        fence(folder)
        end_in_time()
        from .job import run

        answer = run(job)
        Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
