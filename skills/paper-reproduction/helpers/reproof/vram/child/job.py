"""One job: run the user's build() and its steps on the fake device, and tell what was allocated or what went wrong."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import gc
import inspect
import time
import traceback
import warnings
from typing import Any

import torch
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from . import kernels, levers, parallel, quantised, threads, weaker, workspaces, world
from .fence import Fenced
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
        error = _told(problem)
        error["during"] = marks[-1][0] if marks else ""
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
                _whole(step())
                threads.failed()
                naming.gradients()
                if number == 1:
                    naming.modules()  # lazy modules exist from now on
            mark("end")
    del library


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
        ((*CANNOT, NotImplementedError), "cannot-trace"),
    )
    kind = next((kind for types, kind in known if isinstance(problem, types)), "step-raised")
    text = str(problem).strip() or type(problem).__name__
    if kind == "step-raised" and any(
        word in text for word in ("fake kernel", "FakeTensor", "fake tensor", "fake impl")
    ):
        kind = "cannot-trace"
    if any(word in text for word in ("SparseCUDA", "SparseCPU", "SparseCsr")):
        kind, text = "cannot-trace", SPARSE
    frames = traceback.extract_tb(problem.__traceback__)
    if kind in ("step-raised", "cannot-trace"):
        library = quantised.untraced((each.filename for each in frames), kind)
        if library:
            kind, text = "cannot-trace", quantised.BOUND.format(name=library) + text
    users = [each for each in frames if not each.filename.startswith((TORCH, HERE, "<"))]
    users = [each for each in users if not each.filename.startswith(LIBRARIES)] or users
    where = f"{users[-1].filename}:{users[-1].lineno}" if users else ""
    return {"kind": kind, "type": type(problem).__name__, "text": text[:1000], "where": where,
            "line": (users[-1].line or "") if users else ""}  # fmt: skip


def _host_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
