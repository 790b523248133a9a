"""probe: run the calls of a plan, or look one name up."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from reproof.apicalls import Library
from reproof.cli import Command, run
from reproof.errors import MissingError, PackError
from reproof.probe import byflags, compared, verdicts
from reproof.probe.adapters import adapter
from reproof.probe.interpreter import Interpreter
from reproof.probe.models import (
    CallAnswer,
    CallRequest,
    CaseReport,
    DiffAnswer,
    DiffRequest,
    Finding,
    InterpreterRequest,
    LibraryReport,
    LookAnswer,
    LookRequest,
    RunAnswer,
    RunRequest,
    ScanAnswer,
    ScanRequest,
    Use,
)
from reproof.probe.rewrite import write_tests
from reproof.probe.scan import Named, scanned
from reproof.probe.spec import Spec, Wanted, load_spec, selected

WORKERS, WORTH_TWO = 2, 12  # a second interpreter imports the library again, which a few calls do not repay
STUDY_S = 10.0  # its budget is in CPU time, so that a busy machine asks no less
STUDY_FRAC = 1 / 10  # of a case's time limit that the further questions may take
GROWTH_FRAC = 1 / 100  # of a case's time limit that one call may take for its growth to be measured, too


def probe(request: RunRequest) -> RunAnswer:
    """Every wanted call, each with a verdict of its own."""
    started = time.perf_counter()
    spec = load_spec(request.plan)
    wanted = selected(spec, request.experiment, request.only)
    reports: dict[str, LibraryReport] = {}
    cases: list[CaseReport] = []
    about: dict[str, Any] = {}
    for library in spec.libraries:
        mine = [want for want in wanted if want.library is library]
        if not mine:
            continue
        about, found = _of_library(request, library, mine, [item.distribution for item in spec.libraries])
        reports[library.name] = _library(library, about, about["import_s"])
        cases += found
    # a library without calls here has a version all the same
    libraries = [reports.get(library.name) or _library(library, about, 0.0) for library in spec.libraries]
    _something_was_there(cases, list(reports.values()), about)
    tests = None if request.write_tests is None else write_tests(request.write_tests, wanted, libraries, cases)
    answer = _answer(spec, request, libraries, cases, about, time.perf_counter() - started)
    return answer.model_copy(update={"tests": str(tests) if tests else None})


def _of_library(
    request: RunRequest, library: Library, wanted: list[Wanted], distributions: list[str]
) -> tuple[dict[str, Any], list[CaseReport]]:
    """What the interpreter says of itself, and every call of one library; many calls share two warm interpreters."""
    workers = min(WORKERS, os.cpu_count() or 1) if len(wanted) >= WORTH_TWO else 1
    about: list[dict[str, Any]] = []
    waiting = deque(enumerate(wanted))  # one worker's dear calls are no reason for the other one to wait
    found: dict[int, CaseReport] = {}

    def work(_: int) -> None:
        with Interpreter(request, _targets(wanted), distributions) as interpreter:
            about.append(interpreter.hello)
            known = _library(library, interpreter.hello, interpreter.hello["import_s"])
            while waiting:
                try:
                    place, want = waiting.popleft()
                except IndexError:
                    return  # the other worker was faster
                case = _case(want, interpreter, known)
                found[place] = _hinted(want, case) if request.fix_hints else case
                _tell(len(found), len(wanted), case)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    return about[0], [found[place] for place in range(len(wanted))]


def _hinted(want: Wanted, case: CaseReport) -> CaseReport:
    """The same with an adapter beside each finding that has one."""
    if want.call is None:
        return case
    found = [item.model_copy(update={"adapter": adapter(want.call, item)}) for item in case.findings]
    return case.model_copy(update={"findings": found})


def _targets(wanted: list[Wanted]) -> list[str]:
    """Every name that the calls use, so that it is imported once."""
    names = ["numpy", "torch"]
    for want in wanted:
        if want.call:
            names += [want.call.target, want.call.expect.equals or ""]
            names += [name for spec in want.call.inputs.values() for name in (spec.made_by, spec.object) if name]
    return [name for name in dict.fromkeys(names) if name]


def _library(library: Library, about: dict[str, Any], import_s: float) -> LibraryReport:
    return LibraryReport(
        name=library.name,
        distribution=library.distribution,
        wanted=library.version.value,
        installed=about["versions"][library.distribution],
        import_s=round(import_s, 3),
    )


def _case(want: Wanted, interpreter: Interpreter, library: LibraryReport) -> CaseReport:
    """Probe one call; if it went through, ask it more and measure how it grows, each in a process of its own."""
    if want.call is None:
        return verdicts.unreadable(want)
    case = want.call.model_dump(mode="json")
    timeout_s = interpreter.request.timeout_s
    probed = interpreter.ask("probe", case, timeout_s)
    report = verdicts.report(want, probed, {})
    is_cheap = report.call_s is not None and report.call_s < GROWTH_FRAC * timeout_s
    if is_cheap and report.outputs:
        known = {**case, "seeded": verdicts.told(probed, "seeded")}
        further = {"study": interpreter.ask("study", known, _study_s(interpreter, report))}
        if "fails_at_other_batch" not in [item.code for item in report.findings]:
            further["growth"] = interpreter.ask("grow", case, timeout_s)
        report = verdicts.report(want, probed, further)
    return _with_version(report, library, lambda versions: _changes(want, interpreter, versions))


def _study_s(interpreter: Interpreter, report: CaseReport) -> float:
    """Seconds for the further questions; a new interpreter has to import the library first."""
    timeout_s = interpreter.request.timeout_s
    return timeout_s if interpreter.cold else max(STUDY_S, STUDY_FRAC * timeout_s) + 5 * (report.call_s or 0.0)


def _changes(want: Wanted, interpreter: Interpreter, versions: list[str]) -> list[str]:
    """What is written about the target between two versions."""
    assert want.call is not None, "a call that cannot be read has no target"
    case = {"target": want.call.target, "distribution": want.library.distribution, "versions": versions}
    return verdicts.told_changes(interpreter.ask("changes", case, interpreter.request.timeout_s))


def _with_version(report: CaseReport, library: LibraryReport, changes: Callable[[list[str]], list[str]]) -> CaseReport:
    """Add what the version says: the command that installs it, or that it is another one than planned."""
    pip = f'pip install "{library.distribution}=={library.wanted}"'
    found = [
        item.model_copy(update={"fix": f"{pip}{'; ' + item.fix if 'did you mean' in item.fix else ''}"})
        if item.code == "not_installed"
        else item
        for item in report.findings
    ]
    public = (library.installed or "").partition("+")[0]
    if library.installed and public != library.wanted.partition("+")[0]:
        what = f"{library.distribution} {library.installed} is installed, the plan says {library.wanted}"
        told = changes([library.wanted, library.installed])
        what += f"; written about it in between: {' | '.join(told)}" if told else ""
        found.append(verdicts.finding("version_mismatch", what, library.name, pip))
    return report.model_copy(update={"findings": found, "outcome": verdicts.outcome(found)})


def _tell(number: int, of: int, case: CaseReport) -> None:
    if sys.stderr.isatty():
        print(f"[{number}/{of}] {case.library} {case.id}: {case.outcome}, {case.took_s:.1f} s", file=sys.stderr)


def _something_was_there(cases: list[CaseReport], libraries: list[LibraryReport], about: dict[str, Any]) -> None:
    """A missing library is a finding; only when all of them are missing there is no answer at all."""
    if not all(any(item.code == "not_installed" for item in case.findings) for case in cases):
        return
    names = ", ".join(library.name for library in libraries)
    pins = " ".join(f'"{library.distribution}=={library.wanted}"' for library in libraries)
    raise MissingError(
        "not-installed",
        f"none of {names} is in {about['executable']}",
        why="nothing could be probed, so there is nothing to report",
        fix=f"{about['executable']} -m pip install {pins}",
    )


def _answer(
    spec: Spec,
    request: RunRequest,
    libraries: list[LibraryReport],
    cases: list[CaseReport],
    about: dict[str, Any],
    took_s: float,
) -> RunAnswer:
    count = {name: sum(case.outcome == name for case in cases) for name in ("pass", "warn", "fail")}
    probed = {name for case in cases for name in case.experiments}
    whole = request.experiment is None and not request.only
    uncovered = [name for name in spec.experiments if whole and name not in probed]
    headline = f"{len(cases)} calls probed: {count['pass']} pass, {count['warn']} with warnings, {count['fail']} fail"
    if uncovered:
        headline += f"; no call for {', '.join(uncovered)}"
    return RunAnswer(
        ok=count["fail"] == 0,
        headline=headline,
        python=about["python"],
        executable=about["executable"],
        libraries=libraries,
        cases=cases,
        uncovered=uncovered,
        took_s=round(took_s, 2),
    )


def diff(request: DiffRequest) -> DiffAnswer:
    """The same calls in two interpreters."""
    shared = request.model_dump(exclude={"against", "python", "write_tests", "fix_hints"})
    here = probe(RunRequest(python=request.python, **shared))
    there = probe(RunRequest(python=request.against, **shared))
    found = compared.differences(here, there)
    calls = len({item.where for item in found if item.where in {case.id for case in here.cases}})
    headline = f"{len(here.cases)} calls in both: {len(found)} differences, {calls} calls concerned"
    return DiffAnswer(
        ok=not found,
        headline=headline,
        here=here.executable,
        there=there.executable,
        calls=len(here.cases),
        differences=found,
    )


def call(request: CallRequest) -> CallAnswer:
    """One call from the command line, probed as if a plan held it."""
    shared = request.model_dump(include=set(InterpreterRequest.model_fields))
    known = look(LookRequest(target=request.target, **shared))
    if known.finding:
        raise PackError("no-such-name", known.finding.what, why="a call that is not there cannot be probed",
                        fix=known.finding.fix or f"probe.py look {request.target}")  # fmt: skip
    written = byflags.as_yaml(byflags.entry(request, known))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.yaml"
        path.write_text(written, encoding="utf-8")
        answer = probe(RunRequest(plan=path, fix_hints=request.fix_hints, **shared))
    return CallAnswer(**answer.model_dump(), libraries_yaml=written)


def scan(request: ScanRequest) -> ScanAnswer:
    """What the code calls, whether it exists, and whether a call of the plan covers it."""
    if not request.folder.is_dir():
        raise PackError(
            "no-folder",
            f"{str(request.folder)!r} is no folder",
            why="its Python files are read",
            fix="name the folder that holds the code",
        )
    found = scanned(request.folder)
    covered = set(_targets(load_spec(request.plan).wanted)) if request.plan else set()
    roots = sorted({name.split(".")[0] for name in found.names})
    with Interpreter(request, roots, []) as interpreter:
        uses = [_use(named, interpreter, covered) for named in sorted(found.names.values(), key=lambda n: n.target)]
        executable = str(interpreter.hello["executable"])
    wrong = [use for use in uses if use.finding]
    unprobed = [use for use in uses if not use.probed and not use.finding]
    headline = (
        f"{len(uses)} third-party names in {found.files} files: {len(wrong)} wrong here"
        f", {len(unprobed)} that no call of the plan covers"
    )
    return ScanAnswer(
        ok=not wrong and not found.unreadable,
        headline=headline,
        executable=executable,
        files=found.files,
        unreadable=found.unreadable,
        uses=uses,
    )


def _use(named: Named, interpreter: Interpreter, covered: set[str]) -> Use:
    """One name, looked up in the environment."""
    case = {"target": named.target, "keywords": sorted(named.keywords)}
    _, finding = verdicts.looked(interpreter.ask("look", case, interpreter.request.timeout_s), named.target)
    return Use(
        target=named.target,
        places=named.places,
        keywords=sorted(named.keywords),
        probed=named.target in covered,
        finding=finding,
    )


def look(request: LookRequest) -> LookAnswer:
    """Whether a name exists in the environment, and what it takes."""
    root = request.target.partition(".")[0]
    with Interpreter(request, [request.target], [root]) as interpreter:
        case = {"target": request.target}
        answer = interpreter.ask("look", case, request.timeout_s)
        executable = str(interpreter.hello["executable"])
    facts, found = verdicts.looked(answer, request.target)
    if found is not None and found.code == "not_installed":
        raise _absent(root, executable, found)
    headline = f"{request.target} is {facts['kind']} of {facts['distribution']}" if found is None else found.what
    return LookAnswer(
        ok=found is None,
        headline=headline,
        target=request.target,
        executable=executable,
        finding=found,
        **facts,
    )


def _absent(root: str, executable: str, found: Finding) -> MissingError:
    hint = f"{found.fix} Otherwise: " if "did you mean" in found.fix else ""
    return MissingError(
        "not-installed",
        found.what,
        why="a name can only be looked up where its library is installed",
        fix=f"{hint}{executable} -m pip install {root} (the distribution may have another name)",
    )


COMMANDS = {
    "run": Command(RunRequest, probe, "probe_run.md.jinja", "call everything in a plan or a list of libraries"),
    "call": Command(CallRequest, call, "probe_call.md.jinja", "one call, described on the command line"),
    "diff": Command(DiffRequest, diff, "probe_diff.md.jinja", "the same calls in two interpreters: what differs"),
    "scan": Command(
        ScanRequest, scan, "probe_scan.md.jinja", "third-party names in code: do they exist, are they probed"
    ),
    "look": Command(LookRequest, look, "probe_look.md.jinja", "look one dotted name up", keeps_evidence=False),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Entry point of the launcher."""
    return run(COMMANDS, argv, name="probe", doc=doc)
