"""One job: run the user's build() and its steps on the fake device, and tell what was allocated or what went wrong."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import gc
import inspect
import random
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from . import kernels, levers, parallel, quantised, threads, weaker, workspaces, world
from .fence import UNMADE, Fenced, TimeUp, time_is_up
from .ledger import HERE, TORCH
from .loading import LIBRARIES, BadStep, load
from .naming import Naming
from .tracer import Target, Tracer

CANNOT = tuple(
    getattr(fake_tensor, name)
    for name in ("UnsupportedOperatorException", "DataDependentOutputException", "DynamicOutputShapeException",
                 "UnsupportedFakeTensorException", "MetadataMismatchError")
    if hasattr(fake_tensor, name)
)  # fmt: skip

SPARSE = (
    "sparse tensors cannot be traced: no kernel of theirs runs on fake tensors. As a bound for one with n values in d "
    "dimensions: n x (8 d + bytes of a value); what their kernels take is not in it; trace the rest with dense tensors"
)


VALUES = ("a condition on values", "a loop whose end", "item() of an unknown", "a count of a mask", "values read with")
"""How the assumptions begin that a hint could replace."""
NEAR = 6
"""Lines before an error within which an assumption may be its cause."""
OFTEN = 100
"""A line that asks so often for a value is one of a loop."""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The answer to a job; an error of the user's code is an answer too."""
    started = time.perf_counter()
    target = Target(job["gpu"], tuple(job["capability"]), job["usable_bytes"])
    tracer = Tracer(target, job.get("hints") or {}, job.get("constants") or {})
    naming = Naming(tracer)
    marks: list[list[Any]] = []
    error: dict[str, str] | None = None
    try:
        _trace(job, tracer, naming, marks)
    except BaseException as problem:  # whatever user code does, also SystemExit, is told and not passed on
        time_is_up()
        error = _told(problem)
        error["during"] = marks[-1][0] if marks else ""
        error.update(_blamed(tracer, error))
    for folder in UNMADE:
        tracer.assumed[f"the folder {folder!r} is not made", ""] += 1
    trained, total = naming.count()
    return {
        "error": error,
        "events": tracer.ledger.events,
        "places": [list(place) for place in tracer.ledger.places],
        "place_of": tracer.ledger.place_of,
        "kinds": tracer.ledger.kinds,
        "owners": tracer.ledger.owners,
        "marks": marks,
        "assumed": [[what, where, count] for (what, where), count in tracer.assumed.items()],
        "chosen": dict(tracer.chosen),
        "uncalibrated": list(workspaces.UNCALIBRATED),
        "ops": tracer.ops,
        "work": tracer.work.rows(),
        "couples": sorted(tracer.couples),
        "taken": job.get("taken") or {},
        "hints_used": sorted(tracer.hints_used),
        "ran_backward": tracer.ran_backward,
        "trained": trained,
        "params": total,
        "took_s": time.perf_counter() - started,
        "host_bytes": _host_bytes(),
    }


def _trace(job: dict[str, Any], tracer: Tracer, naming: Naming, marks: list[list[Any]]) -> None:
    def mark(name: str) -> None:
        marks.append([name, len(tracer.ledger.events) // 2])

    weak = bool(job.get("weaker"))
    library = None if weak else kernels.install(tracer)
    world.install(tracer)
    tracer.device = "cpu" if weak else "cuda"
    moved = weaker.install(tracer) if weak else contextlib.nullcontext()
    parallel.install(tracer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        threads.install(fake, tracer, moved)
        with fake, tracer, naming, moved:
            mark("build")
            build = load(job)
            step = build(**job["arguments"])
            if not callable(step) or isinstance(step, torch.nn.Module):
                raise BadStep(f"{job['function']}() returned {type(step).__name__}; it must return step, a function")
            step = levers.pulled(job["lever"], step)
            gc.collect()
            naming.modules()
            tracer.phase = "forward"
            for number in range(1, job["steps"] + 1):
                mark(f"step {number}")
                tracer.counting = number == job["steps"]  # of the last step: the first also makes the optimizer's state
                tracer.passes.clear()
                with _draws(tracer):
                    _whole(step())
                threads.failed()
                naming.gradients()
                if number == 1:
                    naming.modules()  # those that the first forward made
            mark("end")
    del library


@contextlib.contextmanager
def _draws(tracer: Tracer) -> Iterator[None]:
    """Say when the step drew random numbers that are none of torch's."""

    def states() -> list[Any]:
        numpy = sys.modules.get("numpy.random")
        return [random.getstate(), repr(numpy.get_state()) if numpy is not None else None]

    before = states()
    yield
    if states() != before:
        tracer.assumed["random numbers of Python or numpy were drawn: other draws may need more memory", ""] += 1


def _whole(given: Any) -> None:
    """What is only begun by calling it would be traced as a step that does nothing."""
    if inspect.isgenerator(given) or inspect.isawaitable(given):
        kind = type(given).__name__
        raise BadStep(f"step() returned a {kind} and did nothing: it must do one whole step when it is called")


def _told(problem: BaseException) -> dict[str, str]:
    """What kind of problem it is, and the line of the user's code that it comes from."""
    known = (
        (Fenced, "fenced"),
        (BadStep, "bad-step"),
        (levers.NoLever, "no-lever"),
        (world.OtherDevice, "no-such-device"),
        (MemoryError, "host-memory"),
        (TimeUp, "step-timeout"),
        ((*CANNOT, NotImplementedError), "cannot-trace"),
    )
    frames = traceback.extract_tb(problem.__traceback__)
    kind = next((kind for types, kind in known if isinstance(problem, types)), "step-raised")
    if isinstance(problem, NotImplementedError) and _is_users(frames[-1]):
        kind = "step-raised"
    text = str(problem).strip() or type(problem).__name__
    if kind == "step-raised" and any(
        word in text for word in ("fake kernel", "FakeTensor", "fake tensor", "fake impl")
    ):
        kind = "cannot-trace"
    if any(word in text for word in ("SparseCUDA", "SparseCPU", "SparseCsr")):
        kind, text = "cannot-trace", SPARSE
    if kind in ("step-raised", "cannot-trace"):
        library = quantised.untraced((each.filename for each in frames), kind)
        if library:
            kind, text = "cannot-trace", quantised.BOUND.format(name=library) + text
    users = [each for each in frames if not each.filename.startswith((TORCH, HERE, "<"))]
    users = [each for each in users if not each.filename.startswith(LIBRARIES)] or users
    where = f"{users[-1].filename}:{users[-1].lineno}" if users else ""
    return {"kind": kind, "type": type(problem).__name__, "text": text[:1000], "where": where,
            "line": (users[-1].line or "") if users else ""}  # fmt: skip


def _blamed(tracer: Tracer, error: dict[str, str]) -> dict[str, str]:
    """What was taken for an unknown value at the line of an error or just before it; where a loop asks for one."""
    asked = [(line, what, count) for (what, line), count in tracer.assumed.items() if what.startswith(VALUES)]
    path, _, number = error["where"].rpartition(":")
    if error["kind"] == "step-raised" and number.isdigit():
        near = {f"{path}:{int(number) - back}" for back in range(NEAR)}
        asked = [each for each in asked if each[0] in near]
    elif error["kind"] == "step-timeout":
        asked = [each for each in asked if each[2] >= OFTEN]
    else:
        return {}
    if not asked:
        return {}
    nearest = error["kind"] == "step-raised"
    line, what, count = max(asked, key=lambda each: (nearest and int(each[0].rpartition(":")[2]), each[2]))
    return {"asked": line, "text": f"{error['text']}; {what} at {line}, {count} times"}


def _is_users(frame: traceback.FrameSummary) -> bool:
    """Whether a method is missing in the user's code, which raises by itself, or a module has no forward."""
    ours = frame.filename.startswith((TORCH, HERE))
    return frame.name == "_forward_unimplemented" or (not ours and "raise " in (frame.line or ""))


def _host_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
