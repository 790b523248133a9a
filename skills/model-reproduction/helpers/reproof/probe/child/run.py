"""The order in which a case is asked, from the cheapest question to the dearest."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple  # noqa: UP035 - Python 3.8 must be able to run this

from . import batch, changes, gradients, growth, look, modes, repair, schedule, state, values
from .arrays import arrays
from .case import Case, heard
from .limits import NoNetwork
from .questions import study_of
from .report import Report, Stop, explained, short

OUT_OF_MEMORY = (
    "t allocate memory",
    "cannot allocate memory",
    "bad_alloc",
    "not enough memory",
    "unable to allocate",
)


def probe(spec: dict[str, Any], report: Report) -> None:
    """Every check of one case; findings go to `report`."""
    case = Case(spec, report)
    try:
        report.stage("look")
        case.look()
        first = first_call(case)
        if first is not None:
            further(case, first)
    except Stop:
        pass  # the finding that says why is told
    if report.skipped:
        report.finding("skipped", "no time left for: " + ", ".join(report.skipped), "raise --timeout-s")
    for category, message, is_ours in case.warned:
        report.warning(category, short(message, 400), is_ours)
    left = sorted(str(path) for path in Path().rglob("*") if path.is_file())
    if left:
        report.finding("writes_files", f"wrote {len(left)} files into the working folder, like {left[0]}")


class First(NamedTuple):
    """The first call: what was called, with what, what came out, and how long it took."""

    callable_: Any
    ready: dict[str, Any]
    output: Any
    seconds: float
    again_s: float  # constructing and calling once more


def first_call(case: Case) -> First | None:
    """Inputs, object and call; None when an exception ended it, which is then told."""
    report = case.report
    with heard(case.warned):
        report.stage("inputs")
        try:
            ready = case.complete(case.numbers())
        except Exception as error:
            raise report.stop("input_error", explained(error)) from error
        before, settings = state.copied(ready), state.settings()
        stage = "init"
        try:
            report.stage(stage)
            began = time.perf_counter()
            callable_ = case.construct(ready=ready)
            if case.expect["steps"]:
                report.stage("schedule")
                schedule.run(case, callable_, case.expect["steps"])
                return None
            stage = "call"
            case.fits(callable_, *case.arguments(ready))
            report.stage(stage)
            state_before = state.kept(callable_)
            started = time.perf_counter()
            output = case.call(callable_, ready)
            ended = time.perf_counter()
            first = First(callable_, ready, output, ended - started, ended - began)
            first = _shaken(case, first)
        except Stop:
            raise
        except BaseException as error:  # sys.exit is a finding, too
            _judge(case, stage, error)
            return None
    _after(case, first, before, settings)
    state.check_kept(case, callable_, state_before)
    return first


def _shaken(case: Case, first: First) -> First:
    """The same with small random numbers where a module is made with zeros that hide a branch."""
    hidden = modes.zeroed(first.callable_)
    if not hidden or case.expect["value"] is not None:
        return first
    case.is_shaken = True
    case.report.finding(
        "zero_init",
        f"{', '.join(hidden[:4])} {'is' if len(hidden) == 1 else 'are'} exactly 0 when it is made, which hides what "
        "lies behind: everything below was asked with small random numbers there",
    )
    ready = case.complete(case.numbers())
    callable_ = case.construct(ready=ready)
    return first._replace(callable_=callable_, ready=ready, output=case.call(callable_, ready))


def _after(case: Case, first: First, before: dict[str, Any], settings: dict[str, Any]) -> None:
    """What can be said as soon as the call is through."""
    case.report.fact("call_s", first.seconds)
    if case.expect["raises"] is not None:
        raise case.report.stop("did_not_raise", f"expected {case.expect['raises']}, but the call went through")
    limit_s = case.expect["within_s"]
    if limit_s is not None and first.seconds > limit_s:
        case.report.finding("slow", f"one call took {first.seconds:.2f} s, expected at most {limit_s:g} s")
    state.check_inputs(case, first.ready, before)
    values.check_parameters(case, first.callable_)
    state.check_settings(case, settings)


def _judge(case: Case, stage: str, error: BaseException) -> None:
    """An exception: the one that was expected, or a finding with what would work instead."""
    expected = case.expect["raises"]
    names = [kind.__name__ for kind in type(error).__mro__]
    if expected is not None:
        if expected.rpartition(".")[2] in names:
            case.report.finding("raises_as_recorded", explained(error), repair.repairs(case))
        else:
            case.report.finding("raises_other", f"expected {expected}, got {explained(error)}")
        return
    said = explained(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY):
        case.report.finding("memory_limit", explained(error))
    elif isinstance(error, NoNetwork) or isinstance(error.__cause__ or error.__context__, NoNetwork):
        case.report.finding("network", explained(error))
    elif isinstance(error, (SystemExit, KeyboardInterrupt)):
        case.report.finding("exits", f"{stage}: raises {explained(error)} instead of returning")
    else:
        hint = repair.repairs(case) if stage in ("call", "init") else ""
        case.report.finding(f"{stage}_error", explained(error), hint)


def further(case: Case, first: First) -> None:
    """All that is asked of a call that went through, as far as its time allows."""
    report, numbers, output = case.report, case.numbers(), first.output
    report.stage("output")
    values.check_outputs(case, output)
    state.check_shared(case, first.ready, output)
    sound = gradients.check_gradients(case, first.ready, output)
    values.check_reference(case, output)
    got = arrays(output)
    with heard(case.warned):
        seeded = state.check_seeds(case, numbers, got) if report.affords("seeds", 4, first.again_s) else "none"
        report.fact("seeded", seeded)
        checks: list[tuple[str, int, Callable[[], None]]] = [
            ("invariants", 2, lambda: values.check_invariants(case, output)),
            ("gradient mode", 1, lambda: state.check_grad_mode(case)),
            ("batch", 3, lambda: batch.check_batch(case, numbers, got, seeded)),
            ("finite difference", 6 * len(sound), lambda: gradients.check_differences(case, sound)),
        ]
        if seeded != "none":
            checks.append(("second call", 2, lambda: state.check_twice(case, numbers, first, got)))
        for name, calls, check in checks:
            if report.affords(name, calls, first.again_s):
                check()


def grow(spec: dict[str, Any], report: Report) -> None:
    """Memory and time against the batch, in a process of its own."""
    case = Case(spec, report)
    try:
        case.look()
        growth.measure(case)
    except Stop:
        return
    except Exception as error:
        report.finding("not_measured", f"growth: {explained(error)}")


def study(spec: dict[str, Any], report: Report) -> None:
    """Ask the call again with one thing changed at a time, in a process of its own."""
    case = Case(spec, report)
    try:
        case.look()
        case.is_shaken = bool(modes.zeroed(case.construct())) and case.expect["value"] is None
        study_of(case)
    except Stop:
        return
    except Exception as error:
        report.finding("not_measured", f"study: {explained(error)}")


def changed(spec: dict[str, Any], report: Report) -> None:
    """What the documentation and the change log say happened between two versions."""
    try:
        report.fact("changes", changes.between(spec["target"], spec["distribution"], spec["versions"]))
    except look.NotFound:
        return


def describe(spec: dict[str, Any], report: Report) -> None:
    """Facts about one name, and whether it takes these keywords."""
    try:
        report.fact("look", look.facts(spec["target"]))
        refused = look.refused(look.resolve(spec["target"]), spec.get("keywords", []))
        if refused is not None:
            raise refused
    except look.NotFound as error:
        report.finding(error.code, error.what, f"did you mean {' or '.join(error.near)}?" if error.near else "")


JOBS = {"probe": probe, "study": study, "grow": grow, "changes": changed, "look": describe}


def work(job: dict[str, Any], handle: int) -> None:
    """Do one job and write what it finds to `handle`."""
    report = Report(handle, job["timeout_s"])
    JOBS[job["do"]](job["case"], report)
    os.close(handle)
