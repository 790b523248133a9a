"""A case can do what it likes: it takes only itself down, and leaves nothing behind."""

import json
import os
from pathlib import Path

import pytest

from reproof.errors import MissingError
from reproof.probe.command import look, probe
from reproof.probe.models import LookRequest, RunRequest

from .conftest import LIBRARY, by_id, call, codes, library, run

pytestmark = pytest.mark.torch

NASTY = ["hangs", "segfaults", "aborts", "eats_memory", "exits", "leaves", "kills_its_parent", "forks", "floods",
         "calls_home", "returns_twice", "moves_away"]  # fmt: skip


def running(mark: str) -> set[str]:
    """Processes with this mark in the environment that they were started with; probes beside this test have none."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if mark.encode() in text:
            found.add(path.parent.name)
    return found


@pytest.fixture(scope="module")
def nasty(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    here, mark = Path.cwd(), f"left_by_{os.getpid()}"
    os.chdir(elsewhere)
    os.environ["REPROOF_TEST_MARK"] = mark
    try:
        calls = [step for name in NASTY for step in (call(name), call("double", id=f"after_{name}"))]
        answer = run(folder, calls, timeout_s=4.0, memory="1GiB")
    finally:
        os.chdir(here)
        del os.environ["REPROOF_TEST_MARK"]
    return answer, running(mark), list(elsewhere.iterdir())


@pytest.mark.parametrize("name", NASTY)
def test_the_case_after_it_still_passes(nasty, name):
    assert by_id(nasty[0])[f"after_{name}"].outcome == "pass", by_id(nasty[0])[f"after_{name}"].findings


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("hangs", "timeout", "'call'"),
        ("segfaults", "crash", "SIGSEGV in stage 'call'"),
        ("aborts", "crash", "SIGABRT in stage 'call'"),
        ("eats_memory", "memory_limit", "allocate"),
        ("exits", "exits", "SystemExit: 3"),
        ("leaves", "crash", "exit 7"),
        ("kills_its_parent", "crash", "SIGKILL"),
        ("forks", "strays", "processes running"),
        ("floods", "call_error", "File too large"),
        ("calls_home", "network", "192.0.2.1"),
    ],
)
def test_it_gets_a_verdict_of_its_own(nasty, name, code, says):
    case = by_id(nasty[0])[name]
    assert code in codes(case), case.findings
    assert any(says in finding.what for finding in case.findings if finding.code == code), case.findings


def test_no_process_and_no_file_is_left(nasty):
    _, processes, files = nasty
    assert processes == set()
    assert files == []


def test_a_library_whose_import_kills_is_told_case_by_case(tmp_path):
    (tmp_path / "deadly.py").write_text("import os\nos.abort()\n")
    calls = [call("deadly.f", id="one"), call("torch.neg", id="two")]
    answer = _run_with(tmp_path, calls)
    assert codes(by_id(answer)["one"]) == {"crash": "fail"}
    assert "'look'" in by_id(answer)["one"].findings[0].what
    assert by_id(answer)["two"].outcome == "pass"


def test_a_broken_optional_dependency_is_an_import_error_and_not_a_missing_library(tmp_path):
    (tmp_path / "broken.py").write_text("import a_module_that_is_not_there\n")
    answer = _run_with(tmp_path, [call("broken.f", id="one"), call("torch.neg", id="two")])
    (finding,) = by_id(answer)["one"].findings
    assert finding.code == "import_error"
    assert "a_module_that_is_not_there" in finding.what


def _run_with(tmp_path, calls, **how):
    path = tmp_path / "calls.yaml"
    path.write_text(json.dumps({"libraries": [library(calls)]}))
    return probe(RunRequest(plan=path, path=[tmp_path], timeout_s=20.0, **how))


def test_without_forking_every_case_gets_an_interpreter(folder):
    calls = [call(name) for name in ("double", "segfaults", "exits", "eats_memory", "calls_home")]
    cases = by_id(run(folder, calls, cold=True, memory="1GiB"))
    assert cases["double"].outcome == "pass", cases["double"].findings
    found = {name: next(iter(codes(case)), "") for name, case in cases.items()}
    assert found == {
        "double": "", "segfaults": "crash", "exits": "exits", "eats_memory": "memory_limit", "calls_home": "network",
    }  # fmt: skip


def test_an_interpreter_that_is_none_is_missing(folder, tmp_path):
    with pytest.raises(MissingError, match="no interpreter at"):
        run(folder, [call("double")], python=tmp_path / "nothing")
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho this is no Python >&2\n")
    fake.chmod(0o755)
    with pytest.raises(MissingError, match="this is no Python") as caught:
        run(folder, [call("double")], python=fake)
    assert len(str(caught.value).splitlines()) == 3


def test_look_tells_where_a_name_is_defined_and_what_it_takes():
    answer = look(LookRequest(target="toylib.Scale", path=[LIBRARY]))
    assert answer.ok
    assert answer.signature == "Scale(width, bias=True)"
    assert answer.file == str(LIBRARY / "toylib.py")


def test_look_offers_the_nearest_name():
    answer = look(LookRequest(target="toylib.Scael", path=[LIBRARY]))
    assert not answer.ok
    assert "toylib has no 'Scael'" in answer.headline
    assert "Scale" in answer.finding.fix
