"""Run the project's own tests in the project's interpreter, and keep what they said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Literal

from reproof import childproc
from reproof.errors import MissingError, PackError
from reproof.scaffold.models import SmokeAnswer, SmokeRequest, TestOutcome

TAIL_LINES = 40
# private writable memory is limited, not address space: a CUDA driver reserves far more of that than it uses
LIMITED = """
import sys
try:
    import resource
    limit = int(sys.argv[1])
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))
except ImportError:
    pass  # Windows has no such limit
try:
    import ctypes, signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a helper that is killed takes its tests along
except (OSError, AttributeError, TypeError):
    pass  # Linux only
import pytest
sys.exit(pytest.main(sys.argv[2:]))
"""
LIST = """
import json, importlib.metadata as m
print(json.dumps({d.metadata["Name"]: d.version for d in m.distributions()}))
"""
HASHED = ("src", "configs", "tests", "run.py", "plan.yaml", "requirements.txt")


def smoke(request: SmokeRequest) -> SmokeAnswer:
    """Answer `scaffold.py smoke`."""
    if not (request.project / "tests").is_dir():
        raise PackError(
            "no-project",
            f"{request.project} has no tests/ folder",
            why="the smoke test is the project's own test suite",
            fix="pass the folder that scaffold.py new wrote",
        )
    python = request.python or sys.executable
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        started = time.perf_counter()
        code, output = run_tests(python, request.project, report, request)
        seconds = time.perf_counter() - started
        tests = outcomes(report) if report.is_file() else []
    if "No module named pytest" in output:
        raise MissingError(
            "not-installed",
            f"{python} has no pytest",
            why="the project's tests are pytest tests",
            fix=f"{python} -m pip install -r {request.project / 'requirements.txt'}",
        )
    count = {word: sum(test.outcome == word for test in tests) for word in ("passed", "failed", "skipped")}
    ok = code == 0 and count["passed"] > 0 and count["failed"] == 0
    return SmokeAnswer(
        ok=ok,
        headline=_headline(code, count, seconds, request.timeout_s),
        **count,
        seconds=round(seconds, 2),
        tests=tests,
        python=python,
        installed=installed(python),
        tail="" if ok else "\n".join(output.splitlines()[-TAIL_LINES:]),
    )


def reads(request: SmokeRequest) -> list[Path]:
    """What the tests depend on; results are not part of it."""
    return [path for path in (request.project / name for name in HASHED) if path.exists()]


def run_tests(python: str, project: Path, report: Path, request: SmokeRequest) -> tuple[int | None, str]:
    """Exit code (None: stopped at the time limit) and output of pytest in `project`."""
    command = [python, "-c", LIMITED, str(request.memory), "tests", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)  # the project's own packages, not those of whoever calls
    try:
        process = subprocess.Popen(
            [*command, f"--junitxml={report}"],
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise MissingError(
            "no-python", f"{python}: {error.strerror}", why="the tests run in it", fix="check --python"
        ) from error
    try:
        output, _ = process.communicate(timeout=request.timeout_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        childproc.end(process)  # also on Ctrl-C: the tests' own children go with them


def installed(python: str) -> dict[str, str]:
    """Every distribution in that interpreter with its version: what the tests were green, or red, with."""
    try:
        done = subprocess.run([python, "-c", LIST], capture_output=True, text=True, timeout=60, check=False)
        found: dict[str, str] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def outcomes(report: Path) -> list[TestOutcome]:
    """The tests in pytest's JUnit file."""
    tests = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        outcome: Literal["passed", "failed", "skipped"] = "failed" if wrong is not None else "passed"
        if skipped is not None:
            outcome = "skipped"
        said = wrong if wrong is not None else skipped
        name = f"{re.sub(r'^tests[.]', '', case.get('classname', ''))}::{case.get('name', '')}"
        message = " ".join((said.get("message") or "").split())[:300] if said is not None else ""
        seconds = float(case.get("time", 0))
        tests.append(TestOutcome(name=name, outcome=outcome, seconds=seconds, message=message))
    return tests


def _headline(code: int | None, count: dict[str, int], seconds: float, timeout_s: int) -> str:
    if code is None:
        return f"the tests did not end within {timeout_s} s and were stopped"
    if not sum(count.values()):
        return f"pytest ended with code {code} and ran no test"
    return f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped in {seconds:.0f} s"
