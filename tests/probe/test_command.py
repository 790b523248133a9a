"""The command line as a user meets it."""

import json

import pytest

from .conftest import LIBRARY, call, library


@pytest.fixture
def spec(tmp_path):
    def write(*calls):
        path = tmp_path / "calls.yaml"
        path.write_text(json.dumps({"libraries": [library(list(calls))]}))
        return path

    return write


@pytest.mark.torch
def test_what_passes_ends_with_0_and_what_fails_with_4(helper, spec):
    right, wrong = call("double"), call("zeros")
    done = helper("probe", "run", spec(right), "--path", LIBRARY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Probe: every call goes through")
    done = helper("probe", "run", spec(right, wrong), "--path", LIBRARY)
    assert (done.returncode, done.stderr) == (4, "")
    assert "| fail | all_zero |" in done.stdout


@pytest.mark.torch
def test_json_is_one_document_and_evidence_is_a_record(helper, spec, tmp_path):
    path = spec(call("double"))
    done = helper("probe", "run", path, "--path", LIBRARY, "--json", "--evidence", tmp_path / "evidence")
    answer = json.loads(done.stdout)
    assert [case["outcome"] for case in answer["cases"]] == ["pass"]
    record = json.loads((tmp_path / "evidence" / "0001-probe-run.json").read_text())
    assert record["answer"] == answer
    assert record["inputs"].keys() >= {"calls.yaml"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "nothing.yaml"], 2, "error[unreadable]"),
        (["run", "nothing.yaml", "--timeout-s", "-1", "--memory", "lots"], 2, "--memory"),
        (["look", "no_such_library.f"], 3, "-m pip install no_such_library"),
        (["look", "json.dmups"], 4, ""),
        (["look", "not a name"], 4, ""),
    ],
)
def test_what_cannot_be_answered_ends_with_its_own_code(helper, words, code, says):
    done = helper("probe", *words)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_cell_cannot_be_broken_out_of(helper, tmp_path):
    path = tmp_path / "calls.yaml"
    path.write_text(json.dumps({"libraries": [library([{"id": "a|b\n# c", "target": "x"}])]}))
    done = helper("probe", "run", path)
    assert done.returncode == 4
    assert not [line for line in done.stdout.splitlines() if line.startswith("# c")]
    assert "a\\|b # c" in done.stdout
