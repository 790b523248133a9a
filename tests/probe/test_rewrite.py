"""The test file that is left in the project: it runs alone, passes today, and fails when the library changes."""

import ast
import os
import subprocess
import sys

import pytest

from reproof.apicalls import TensorSpec
from reproof.errors import PackError
from reproof.probe import rewrite

from .conftest import LIBRARY, call, run

pytestmark = pytest.mark.torch

X, Y = {"shape": [16, 3], "requires_grad": True}, {"shape": [16, 3], "shift": 2.0}
CALLS = [
    call("mean_squared", {"x": X, "y": Y},
         expect={"shapes": [[]], "dtype": "float32", "grad": ["x"], "zero_on_equal": True, "symmetric": True},
         because='a text with """ and \\ and {braces}'),
    call("summed", {"x": X, "y": Y}, expect={"equals": "toylib.mean_squared", "equals_scale": 48.0}),
    call("Scale", {"x": X}, init={"width": 3}, method="forward", expect={"shapes": [[16, 1]]}),
    call("apply", {"function": {"object": "toylib.decay"}, "t": {"values": [0.5]}, "y": X}, expect={"grad": ["y"]}),
    call("mean_squared",
         {"x": X, "step": {"values": [1.0, 2.0, 3.0]}, "y": {"made_by": "torch.add", "args": ["x", "step"]}},
         args=["x", "y"], id="by_hand", expect={"value": 14 / 3, "rtol": 1e-5}),
    call("points_only", {"x": {"shape": [4, 1, 2, 2]}, "y": {"shape": [4, 1, 2, 2]}}, expect={"raises": "ValueError"}),
    call("numpy_only", {"x": {"shape": [8, 2], "kind": "numpy", "dtype": "float32"}}, expect={"dtype": "float32"}),
    call("double", {"output": X}, id="taken"),
    call("nothing", id="nothing"),
]  # fmt: skip


@pytest.fixture(scope="module")
def written(folder):
    tests = folder / "tests of mine"
    return tests / "test_library_api.py", run(folder, CALLS, write_tests=tests)


def pytest_on(path, library):
    environment = {**os.environ, "PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name]
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)


def test_it_passes_on_the_library_that_was_probed(written):
    path, answer = written
    assert answer.tests == str(path)
    done = pytest_on(path, LIBRARY)
    assert "8 passed" in done.stdout, done.stdout  # seven calls and the version


def test_it_fails_when_the_library_changes(written, tmp_path):
    source = (LIBRARY / "toylib.py").read_text()
    (tmp_path / "toylib.py").write_text(source.replace("((x - y) ** 2).sum()", "((x - y) ** 2).sum() / 2"))
    done = pytest_on(written[0], tmp_path)
    assert "test_summed" in done.stdout
    assert "1 failed, 7 passed" in done.stdout, done.stdout


def test_a_call_that_cannot_be_written_is_said(written):
    text = written[0].read_text()
    assert "# taken is not here: an input is called 'output', which the test needs for itself" in text
    assert "# nothing is not here: it was not found" in text


def test_it_is_replaced_and_what_is_not_ours_is_not_touched(written, folder):
    path, _ = written
    before = path.read_text()
    run(folder, CALLS, write_tests=path.parent)
    assert path.read_text() == before
    path.write_text("# mine\n")
    with pytest.raises(PackError, match="not written by probe"):
        run(folder, CALLS[:1], write_tests=path.parent)
    assert path.read_text() == "# mine\n"
    path.write_text(before)


@pytest.mark.parametrize("dist", ["normal", "uniform", "zeros", "ones", "weights", "equal_weights", "integers", "grid"])
@pytest.mark.parametrize("kind", ["torch", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [[6], [6, 2]])
def test_every_way_to_draw_is_an_expression_of_that_shape_and_type(dist, kind, dtype, shape):
    import numpy as np
    import torch

    spec = TensorSpec(shape=shape, dist=dist, kind=kind, dtype=dtype, high=5.0, scale=2.0, shift=1.0)
    code = compile(ast.parse(rewrite.made(spec), mode="eval"), "made", "eval")
    found = eval(code, {"torch": torch, "np": np, "rng": np.random.default_rng(0)})  # our own words, in a test
    assert list(found.shape) == shape
    assert str(found.dtype).rpartition(".")[2] == dtype
