"""Library calls of a plan as traced steps: sizes by hand."""

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import Settings
from reproof.vram.command import main
from reproof.vram.interpreter import Interpreter
from reproof.vram.plan import call_of
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

pytestmark = [pytest.mark.torch, pytest.mark.linux]
CALLS = """libraries:
  - name: torch
    distribution: torch
    version: {value: "2.13.0", inferred: for the tests}
    calls:
      - {id: distances, target: torch.cdist, experiments: [moons], kwargs: {p: 1.0},
         inputs: {x: {shape: [100, 8]}, y: {shape: [50, 8]}}}
      - {id: 2d_gradient, target: torch.cdist, experiments: [moons], kwargs: {p: 1.0},
         inputs: {x: {shape: [100, 8], requires_grad: true}, y: {shape: [50, 8]}}}
      - {id: layer, target: torch.nn.Linear, experiments: [moons], kwargs: {},
         init: {in_features: 64, out_features: 32, bias: false}, inputs: {x: {shape: [16, 64]}}}
      - {id: made, target: torch.mul, experiments: [moons], args: [m, one],
         inputs: {w: {shape: [128], dist: equal_weights}, m: {made_by: torch.outer, args: [w, w]},
                  one: {values: [1.0]}}}
      - {id: on_the_host, target: numpy.add, experiments: [moons],
         inputs: {a: {shape: [3], kind: numpy}, b: {values: [1.0], kind: numpy}}}
      - {id: scalar, target: torch.add, experiments: [moons],
         inputs: {a: {shape: [], dist: zeros}, b: {shape: [1000]}}}
      - {id: looked_up, target: torch.nn.functional.embedding, experiments: [moons], args: [i, w],
         inputs: {w: {shape: [10, 64]}, i: {shape: [100], dist: integers, high: 10, dtype: int64}}}
      - {id: pooled, target: torch.nn.AvgPool2d, experiments: [moons], init: {kernel_size: [2, 2]}, method: forward,
         tuples: [kernel_size], inputs: {x: {shape: [1, 1, 64, 64]}}}
      - {id: repeated, target: torch.repeat_interleave, experiments: [moons],
         inputs: {x: {shape: [4]}, often: {shape: [4], dist: grid, low: 1, high: 4, dtype: int64}}}
      - {id: scaled, target: torch.repeat_interleave, experiments: [moons],
         inputs: {x: {shape: [4]}, often: {shape: [4], dist: ones, dtype: int64, scale: 300, shift: 20}}}
      - {id: transported, target: torch.addr, experiments: [moons], args: [c, a, b],
         inputs: {a: {shape: [8]}, b: {shape: [8]}, c: {shape: [8, 8]}}}
      - {id: by_axis, target: torch.mul, experiments: [moons],
         inputs: {x: {shape: [8, 100], batch_axes: [1]}, y: {shape: [8, 100], batch_axes: [1]}}}
      - {id: named, target: torch.nn.functional.linear, experiments: [moons], args: [x],
         inputs: {x: {shape: [16, 64]}, weight: {shape: [32, 64], requires_grad: true}}}
      - {id: absent, target: no_such_package.call, experiments: [moons], inputs: {x: {shape: [1]}}}
"""


@pytest.fixture
def plan(write_plan):
    path = write_plan("moons")
    path.write_text(path.read_text() + CALLS)
    return path


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{__file__}:call")) as started:
        yield started


@pytest.fixture
def call(interpreter, plan):
    """Traces a call of the plan; gives what the report says of it."""

    def run(name, **given):
        interpreter.request = TraceRequest(target=f"{plan}:{name}", steps=2)
        interpreter.offered = call_of(plan, name)[0]
        result = interpreter.trace(gpus.find("T4"), given)
        return judged(gpus.find("T4"), result, Timeline.read(result), Settings())

    return run


def blocks(*sizes):
    return sum(-(-size // 512) * 512 for size in sizes)


def test_a_call_holds_its_inputs_and_what_it_returns(call):
    assert call("distances").allocated_bytes == blocks(100 * 8 * 4, 50 * 8 * 4, 100 * 50 * 4)


def test_a_batch_of_ones_own_replaces_the_plans_where_it_is_one(call):
    assert call("distances", batch=300).allocated_bytes == blocks(300 * 8 * 4, 50 * 8 * 4, 300 * 50 * 4)


def test_a_gradient_that_an_input_wants_is_computed(call):
    found = call("2d_gradient")
    # at the peak of the backward: both inputs, distances, their gradient, a buffer of pairs and dimensions, the result
    assert found.allocated_bytes >= blocks(100 * 8 * 4, 50 * 8 * 4, 100 * 50 * 4, 100 * 50 * 8 * 4)
    assert found.moment.phase == "backward"


def test_an_object_is_made_and_its_parameters_are_on_the_gpu(call):
    found = {part.name: part.bytes for part in call("layer").parts}
    assert found["parameters"] == 64 * 32 * 4


def test_an_input_that_another_call_makes_and_given_numbers_are_on_the_gpu(call):
    # what the maker was given is gone when the step runs
    assert call("made").allocated_bytes == blocks(128 * 128 * 4, 4, 128 * 128 * 4)


@pytest.mark.parametrize(
    ("name", "given", "sizes"),
    [
        ("scalar", {}, (4, 1000 * 4, 1000 * 4)),  # a number, what it is added to, and the sum
        ("looked_up", {}, (10 * 64 * 4, 100 * 8, 100 * 64 * 4)),
        ("pooled", {}, (64 * 64 * 4, 32 * 32 * 4)),
        ("repeated", {}, (4 * 4, 4 * 8, (1 + 2 + 3 + 4) * 4)),
        ("transported", {"batch": 300}, (300 * 4, 300 * 4, 300 * 300 * 4, 300 * 300 * 4)),  # the matrix grows both ways
        ("by_axis", {"batch": 300}, (8 * 300 * 4, 8 * 300 * 4, 8 * 300 * 4)),
    ],
)
def test_a_call_takes_what_its_inputs_and_its_answer_take(call, name, given, sizes):
    found = call(name, **given)
    names = ("other tensors from build()", "activations", "temporaries", "parameters")
    assert sum(part.bytes for part in found.parts if part.name in names) >= sum(sizes)
    assert found.largest[0].bytes <= max(2 * max(sizes), sum(sizes))


@pytest.mark.parametrize(("name", "numbers"), [("repeated", 10), ("scaled", 4 * 320)])
def test_small_inputs_have_the_numbers_of_the_plan(call, name, numbers):
    """How often each is repeated decides the size."""
    (answer,) = [each for each in call(name).largest if each.op == "aten::index_select"]
    assert answer.bytes == numbers * 4


def test_an_input_that_is_no_argument_goes_by_its_name_and_gets_its_gradient(call):
    assert call("named").moment.phase == "backward"


@pytest.mark.parametrize(
    ("name", "slug", "word"),
    [("on_the_host", "nothing-on-cuda", "on another device"), ("absent", "bad-step", "no_such_package")],
)
def test_a_call_that_takes_no_gpu_memory_or_is_not_there_is_an_error(call, name, slug, word):
    with pytest.raises(PackError) as caught:
        call(name)
    assert caught.value.slug == slug
    assert word in str(caught.value)


def test_an_unknown_call_is_refused_with_near_names(plan, capsys):
    assert main(["trace", f"{plan}:distance", "--gpu", "T4"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error[unknown-call]")
    assert "distances" in said


def test_what_a_package_lacks_is_told_though_its_name_begins_alike(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from reproof.vram.child.libcall import _resolved

    (tmp_path / "lacking_of_tests.py").write_text("import lacking\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="'lacking'"):
        _resolved("lacking_of_tests.call")
