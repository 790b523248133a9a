"""What is asked: a plan, or a YAML of its own; what cannot be read is said."""

import json
from importlib.metadata import version

import pytest

from reproof.errors import MissingError, PackError
from reproof.probe.command import probe
from reproof.probe.models import RunRequest
from reproof.probe.spec import load_spec, selected

from .conftest import LIBRARY, by_id, call, codes, library


def write(tmp_path, data):
    path = tmp_path / "calls.yaml"
    path.write_text(json.dumps(data))
    return path


def test_a_call_that_cannot_be_read_is_a_finding_and_the_others_are_kept(tmp_path):
    calls = [
        call("double"),
        call("double", {"x": {"shape": [8, -2]}}, id="negative"),
        call("double", {"x": {"shape": "8x2"}}, id="unparsable"),
        call("double", {"x": {"shape": [8], "dtype": "flaot32"}}, id="dtype"),
        call("double", {"x": {"shape": [8], "values": [1]}}, id="both"),
        call("double", args=["z"], id="stranger"),
        "not a mapping",
        call("double"),
    ]
    wanted = load_spec(write(tmp_path, {"libraries": [library(calls)]})).wanted
    problems = [want.problem for want in wanted]
    assert [bool(problem) for problem in problems] == [False] + 7 * [True]
    for problem, says in zip(problems[1:], ["-2", "8x2", "did you mean float32?", "shape and values", "no input 'z'",
                                            "call_6", "used twice"], strict=True):  # fmt: skip
        assert says in f"{problem} call_6"
    assert wanted[6].id == "call_6"


@pytest.mark.torch
def test_unreadable_calls_fail_and_the_readable_ones_are_probed(tmp_path):
    calls = [call("double", {"x": {"shape": [0]}}, id="bad"), call("double", id="good")]
    path = write(tmp_path, {"libraries": [library(calls)]})
    answer = probe(RunRequest(plan=path, path=[LIBRARY], timeout_s=20.0))
    assert not answer.ok
    assert codes(by_id(answer)["bad"]) == {"bad_call": "fail"}
    assert by_id(answer)["good"].outcome == "pass"


def test_an_unknown_key_of_a_library_is_named_with_the_nearest(tmp_path):
    data = library([call("double")]) | {"distributoin": "x"}
    with pytest.raises(PackError, match="did you mean distribution"):
        load_spec(write(tmp_path, {"libraries": [data]}))


def test_a_plan_is_read_as_a_plan_and_names_the_experiments_without_a_call(plan_data, write_plan):
    plan_data["libraries"] = [library([call("double")])]
    spec = load_spec(write_plan(plan_data))
    assert [want.id for want in spec.wanted] == ["double"]
    assert spec.experiments == ["toy"]


@pytest.fixture
def two(tmp_path):
    calls = [call("double"), call("zeros") | {"experiments": ["other"]}]
    return load_spec(write(tmp_path, {"libraries": [library(calls)]}))


def test_an_experiment_or_an_id_selects(two):
    assert [want.id for want in selected(two, "other", [])] == ["zeros"]
    assert [want.id for want in selected(two, None, ["double"])] == ["double"]


@pytest.mark.parametrize(
    ("experiment", "only", "says"),
    [("othr", [], "did you mean other"), (None, ["duoble"], "did you mean double"), ("other", ["double"], "no call")],
)
def test_a_selection_that_leaves_nothing_is_an_error(two, experiment, only, says):
    with pytest.raises(PackError, match=says):
        selected(two, experiment, only)


@pytest.mark.torch
def test_a_missing_library_is_a_finding_beside_one_that_is_there(tmp_path):
    missing = library([call("no_such_library.f", id="gone")], "no_such_library", "no-such-library", "1.2")
    path = write(tmp_path, {"libraries": [missing, library([call("double")])]})
    cases = by_id(probe(RunRequest(plan=path, path=[LIBRARY], timeout_s=20.0)))
    (finding,) = cases["gone"].findings
    assert (finding.code, finding.fix) == ("not_installed", 'pip install "no-such-library==1.2"')
    assert cases["double"].outcome == "pass"


@pytest.mark.torch
def test_a_library_without_calls_is_told_with_its_version(tmp_path):
    bare = library([], "yaml", "PyYAML", "6.0")
    path = write(tmp_path, {"libraries": [library([call("double")]), bare]})
    answer = probe(RunRequest(plan=path, path=[LIBRARY], timeout_s=20.0))
    assert [item.name for item in answer.libraries] == ["toylib", "yaml"]
    assert answer.libraries[1].installed == version("PyYAML")
    assert [case.id for case in answer.cases] == ["double"]


@pytest.mark.torch
def test_only_missing_libraries_are_no_answer_at_all(tmp_path):
    missing = library([call("no_such_library.f", id="gone")], "no_such_library", "no-such-library", "1.2")
    with pytest.raises(MissingError, match="none of no_such_library") as caught:
        probe(RunRequest(plan=write(tmp_path, {"libraries": [missing]})))
    assert '-m pip install "no-such-library==1.2"' in caught.value.fix


@pytest.mark.torch
def test_another_version_than_the_plans_is_a_warning(tmp_path):
    path = write(tmp_path, {"libraries": [library([call("double")], version="0.1")]})
    (case,) = probe(RunRequest(plan=path, path=[LIBRARY], timeout_s=20.0)).cases
    assert codes(case) == {"version_mismatch": "warn"}
    assert "the plan says 0.1" in case.findings[0].what


def test_a_list_in_place_of_libraries_is_refused(tmp_path):
    with pytest.raises(PackError, match="not a list of mappings"):
        load_spec(write(tmp_path, {"libraries": {"geomloss": 1}}))
