"""A port's values are looked up on their line, in their file, at their commit of a local clone."""

import json
import subprocess

import pytest

from reproof.plan.sources import value_in_code


@pytest.fixture
def port_plan(clone):
    """A port with one value of each sort."""
    _, commit = clone
    at = f"@{commit[:9]}"
    model = {
        "width": {"value": 1024, "source": f"src/model.py:1{at}"},
        "dropout": {"value": 0.1, "source": f"src/model.py:2{at}"},
        "norm": {"value": "LayerNorm", "source": f"src/model.py:3-4{at}"},
        "eps": {"value": 1e-6, "source": f"src/model.py:3{at}"},
        "bias": {"value": False, "source": f"src/model.py:4{at}"},
        "heads": {"value": 8, "source": f"src/gone.py:1{at}"},
    }
    return {
        "schema_version": 1,
        "name": "small",
        "kind": "port",
        "paper": {"title": "A Small Model"},
        "port": {"repository": "https://example.org/small.git", "commit": commit, "licence": "MIT"},
        "problem": "The same outputs in another framework.",
        "contribution": "The same weights give the same outputs.",
        "experiments": {"base": {"summary": "the base model", "model": model}},
    }


def checked(helper, *words):
    result = helper("plan", "check", *words, "--json")
    assert result.returncode in (0, 4), result.stderr
    found = json.loads(result.stdout)
    return found, {item["path"].rpartition(".")[2]: item for item in found["items"]}


def test_every_value_that_stands_on_its_line_is_verified(helper, write_plan, port_plan, clone):
    found, _ = checked(helper, write_plan(port_plan), "--source", clone[0])
    assert found["ok"] and found["counts"] == {"VERIFIED": 6}
    assert found["source_commit"] == clone[1]


def test_without_the_clone_nothing_is_verified_and_a_record_vouches(helper, write_plan, port_plan, clone, tmp_path):
    plan = write_plan(port_plan)
    assert checked(helper, plan)[0]["counts"] == {"UNCHECKED": 6}
    checked(helper, plan, "--source", clone[0], "--evidence", tmp_path / "evidence")
    found, _ = checked(helper, plan)
    assert found["ok"] and found["counts"] == {"VOUCHED": 6}
    assert "https://example.org/small.git" in found["vouched"]["reading"]
    port_plan["experiments"]["base"]["model"]["width"]["source"] = f"src/model.py:2@{clone[1][:9]}"
    assert checked(helper, write_plan(port_plan))[0]["counts"] == {"VOUCHED": 5, "UNCHECKED": 1}


@pytest.mark.parametrize(
    ("value", "source", "status", "reason"),
    [
        (0.2, "src/model.py:2@{c}", "VALUE_NOT_IN_SOURCE", "the code has 0.1"),  # that of the later commit
        (0.1, "src/model.py:5@{c}", "NOT_IN_SOURCE", "has 4 lines"),
        (0.1, "src/modle.py:2@{c}", "NOT_IN_SOURCE", "did you mean src/model.py"),
        (0.1, "src/model.py:2@1234567", "NOT_IN_SOURCE", "is not the plan's"),
        (0.1, "src/model.py@{c}", "NOT_IN_SOURCE", "is not file:line@commit"),
        (0.1, "../model.py:2@{c}", "NOT_IN_SOURCE", "not a path inside"),
        (0.1, "src/model.py:0@{c}", "NOT_IN_SOURCE", "give one line"),
        (0.1, "src/model.py:3-2@{c}", "NOT_IN_SOURCE", "give one line"),
    ],
)
def test_what_does_not_stand_there_is_not_verified(helper, write_plan, port_plan, clone, value, source, status, reason):
    dropout = {"value": value, "source": source.format(c=clone[1][:12])}
    port_plan["experiments"]["base"]["model"] = {"dropout": dropout}
    found, items = checked(helper, write_plan(port_plan), "--source", clone[0])
    assert not found["ok"]
    assert items["dropout"]["status"] == status
    assert reason in items["dropout"]["reason"]


def test_the_working_tree_of_the_clone_is_not_what_is_read(helper, write_plan, port_plan, clone):
    (clone[0] / "src" / "model.py").write_text("nothing\n")
    assert checked(helper, write_plan(port_plan), "--source", clone[0])[0]["ok"]


def test_a_clone_without_the_commit_is_refused(helper, write_plan, port_plan, tmp_path):
    (tmp_path / "other").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "other")], check=True)
    result = helper("plan", "check", write_plan(port_plan), "--source", tmp_path / "other")
    assert result.returncode == 2
    assert "error[no-such-commit]" in result.stderr


def test_a_plan_of_a_paper_has_no_source_to_check(helper, write_plan, plan_data, clone):
    result = helper("plan", "check", write_plan(plan_data), "--source", clone[0])
    assert result.returncode == 2
    assert "error[no-port]" in result.stderr


def test_a_port_names_its_repository(helper, write_plan, port_plan):
    del port_plan["port"]
    result = helper("plan", "check", write_plan(port_plan))
    assert result.returncode == 2
    assert "which repository and commit" in result.stderr


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (4, "layer4 = dim * 2"),
        (-1, "y = n-1"),
        (1, "x = foo(-1)"),
        (1e-5, "eps=1e-6"),
        ("adam", "torch.optim.AdamW("),
        (True, "bias=False"),
        (None, "clip = 1.0"),
        ([1, 3], "mult=(1, 2)"),
    ],
)
def test_a_look_alike_on_the_line_does_not_count(value, code):
    assert value_in_code(value, code)


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.9, "betas=(.9, .999)"), ([1, 2], "mult=(1, 2)"), ("layer norm", "nn.LayerNorm(d)"), (65536, "n = 65_536")],
)
def test_spellings_of_code_count(value, code):
    assert value_in_code(value, code) == ""
