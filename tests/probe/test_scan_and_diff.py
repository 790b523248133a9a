"""What existing code calls, and what two environments answer to the same calls."""

import json
import sys

import pytest

from reproof.errors import PackError
from reproof.probe import compared
from reproof.probe.command import diff, scan
from reproof.probe.models import DiffRequest, ScanRequest
from reproof.probe.scan import scanned

from .conftest import LIBRARY, call, library

CODE = """
import json, os.path
import toylib
import toylib as toys
from toylib import Scale, double as twice, gone
from . import sibling
import other_file

def f(x, **more):
    toylib.mean_squared(x, y=x)
    toys.mean_squared(x, **more)
    twice(x, factor=2)
    Scale(3, bais=True)(x)
    x.mean(keepdim=True)
    json.dumps({}, no_such=1)
    return other_file.g(toylib.nowhere.f(x))
"""


@pytest.fixture
def code(tmp_path):
    folder = tmp_path / "project"
    other = "import toylib\ntoylib.double(1)\n"
    files = {"main.py": CODE, "other_file.py": other, ".venv/x.py": "import a\na.b()", "notes.txt": "import nothing"}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_third_party_names_are_found_with_places_and_keywords(code):
    found = scanned(code)
    assert {name: (item.places, sorted(item.keywords)) for name, item in found.names.items()} == {
        "toylib.mean_squared": (["main.py:10", "main.py:11"], ["y"]),
        "toylib.Scale": (["main.py:5", "main.py:13"], ["bais"]),
        "toylib.double": (["main.py:5", "main.py:12", "other_file.py:2"], ["factor"]),
        "toylib.gone": (["main.py:5"], []),
        "toylib.nowhere.f": (["main.py:16"], []),
    }
    assert found.files == 2


def test_a_file_that_is_no_python_is_told(code):
    (code / "broken.py").write_text("def f(:\n")
    found = scanned(code)
    assert [line.partition(":")[0] for line in found.unreadable] == ["broken.py"]


@pytest.mark.torch
def test_each_name_is_held_against_the_environment_and_the_plan(code, tmp_path):
    plan = tmp_path / "calls.yaml"
    plan.write_text(json.dumps({"libraries": [library([call("mean_squared")])]}))
    answer = scan(ScanRequest(folder=code, plan=plan, path=[LIBRARY], timeout_s=20.0))
    assert not answer.ok
    found = {use.target: (use.finding.code if use.finding else "", use.probed) for use in answer.uses}
    assert found == {
        "toylib.mean_squared": ("", True),
        "toylib.Scale": ("unknown_keyword", False),
        "toylib.double": ("unknown_keyword", False),
        "toylib.gone": ("no_attribute", False),
        "toylib.nowhere.f": ("no_attribute", False),
    }
    assert "did you mean bias?" in next(use.finding.fix for use in answer.uses if use.target == "toylib.Scale")


def test_a_folder_that_is_none_is_an_error(tmp_path):
    with pytest.raises(PackError, match="is no folder"):
        scan(ScanRequest(folder=tmp_path / "nothing"))


@pytest.mark.torch
def test_what_differs_between_two_environments_is_told_and_nothing_else(tmp_path):
    changed = tmp_path / "changed"
    changed.mkdir()
    source = (LIBRARY / "toylib.py").read_text()
    source = source.replace("return ((x - y) ** 2).sum()", "return ((x - y) ** 2).sum() / 2")
    source = source.replace("return 2 * x", "return (2 * x).double()").replace("def centred", "def moved")
    (changed / "toylib.py").write_text(source)
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH="{changed}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    pair = {"x": {"shape": [8, 2]}, "y": {"shape": [8, 2]}}
    calls = [call("summed", pair), call("mean_squared", pair), call("double"), call("centred"), call("own_noise")]
    plan = tmp_path / "calls.yaml"
    plan.write_text(json.dumps({"libraries": [library(calls)]}))
    answer = diff(DiffRequest(plan=plan, against=other, path=[LIBRARY], timeout_s=20.0))
    assert [(item.where, item.what) for item in answer.differences] == [
        ("summed", "mean of output 0"),
        ("double", "outputs"),
        ("centred", "verdict"),
        ("centred", "batch_dependent"),
        ("centred", "no_attribute"),
        ("centred", "outputs"),
    ]
    halved = answer.differences[0]
    assert float(halved.here) == pytest.approx(2 * float(halved.there), rel=1e-4)


def test_what_need_not_be_there_is_not_asked_for(tmp_path):
    (tmp_path / "code.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from torch.optim.optimizer import NoName\n"
        "try:\n    from torch import no_name\nexcept ImportError:\n    no_name = None\n"
        "try:\n    from torch import cdist\nexcept ValueError:\n    cdist = None\n"
    )
    assert list(scanned(tmp_path).names) == ["torch.cdist"]


def test_a_signature_is_told_where_it_parts():
    here, there = compared._where_they_part("(x, n_iter=1000)", "(x, max_iter=1000)")
    assert (here, there) == ("n_iter=1000", "max_iter=1000")
    assert compared._where_they_part("(x, y)", "(y, x)") == ("(x, y)", "(y, x)")
