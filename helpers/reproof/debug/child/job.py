"""One job on stdin, one JSON line per finished measurement on what was stdout: a crash costs only what follows it."""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

TAIL = 3  # last frames of a user's traceback that are told


def main() -> None:
    """Measure one subject."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what the user's code prints is no answer
    job = json.load(sys.stdin)
    _fence(job.get("memory_bytes") or 0)

    def say(name: str, values: Any, took_s: float = 0.0) -> None:
        line = json.dumps({"name": name, "values": _plain(values), "took_s": round(took_s, 3)}) + "\n"
        os.write(answers, line.encode())

    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        say("cannot", {"slug": "no-torch", "what": f"{error} in {sys.executable}"})
        return
    from . import subject

    try:
        found = subject.load(job)
    except subject.BadSubject as error:
        say("cannot", {"slug": error.slug, "what": str(error)})
        return
    except BaseException as error:
        say("cannot", {"slug": "subject-fails", "what": _told(error)})
        return
    say("subject", found.about())
    for name, measure in _measurements(job):
        _measured(name, measure, found, say)


def _measurements(job: dict[str, Any]) -> Any:
    from . import attention, data, fitting, watch

    everything = [
        ("init", watch.at_start),
        ("watch", watch.steps),
        ("mixing", watch.mixing),
        ("attention", attention.maps),
        ("fit", fitting.one_batch),
        ("data", data.splits),
    ]
    return [(name, measure) for name, measure in everything if not job.get("only") or name in job["only"]]


def _measured(name: str, measure: Callable[[Any], Any], found: Any, say: Callable[..., None]) -> None:
    began = time.monotonic()
    try:
        values = measure(found)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        values = {"error": _told(error)}
    finally:
        found.restore()
    say(name, values, time.monotonic() - began)


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-TAIL:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return "{}: {} ({})".format(type(error).__name__, str(error).splitlines()[0] if str(error) else "", where)


def _fence(memory_bytes: int) -> None:
    """A limit on private memory, where the system has one."""
    try:
        import resource
    except ImportError:
        return
    if memory_bytes:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _plain(value: Any) -> Any:
    """JSON has no NaN: a number that is not finite becomes a word."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
