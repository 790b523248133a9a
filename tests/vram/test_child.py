"""What the child decides by itself, told by small steps: sizes and values worked out by hand."""

import ast
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import MIB, Settings
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("child_steps.py")
pytestmark = [pytest.mark.torch, pytest.mark.linux]
ROWS, COLUMNS = 4, 10_000
EVERY = ROWS * COLUMNS


@pytest.fixture(scope="module")
def raw():
    """Traces a function of child_steps.py; gives what the child wrote."""
    with Interpreter(TraceRequest(target=f"{STEPS}:selects")) as interpreter:

        def run(function, lever="", steps=1, **given):
            interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=steps)
            return interpreter.trace(gpus.find("T4"), given, lever)

        yield run


@pytest.fixture
def told(raw):
    """What a step that ends with a value ended with."""

    def run(function, lever="", **given):
        with pytest.raises(PackError, match="ValueError during step 1") as caught:
            raw(function, lever, **given)
        return ast.literal_eval(caught.value.what.partition("): ")[2])

    return run


def parts(result):
    told = judged(gpus.find("T4"), result, Timeline.read(result), Settings())
    return {part.name: part.bytes for part in told.parts}


@pytest.mark.parametrize(
    ("mask", "most"),
    [
        ("chosen", ROWS * 5),
        ("chosen twice", ROWS * (5 + 7)),
        ("out of place", ROWS * 7),
        ("copied", ROWS * 5),
        ("above 0", ROWS * 5),
        ("from 0", EVERY),
        ("is 1", ROWS * 5),
        ("is 0", EVERY),
        ("below 0", ROWS * 5),
        ("up to 0", EVERY),
        ("expanded", ROWS * 5),  # one row of five, shown four times
        ("part of a zeroed", EVERY),
        ("part of the chosen", ROWS * 5),
        ("columns", 3 * ROWS),  # a whole column for each index
        ("added", EVERY),
        ("emptied", 0),
    ],
)
def test_a_mask_selects_at_most_what_was_ever_set(raw, mask, most):
    line = Timeline.read(raw("selects", mask=mask))
    (rows,) = {size for what, key, size in line.events if what == "alloc" and line.moments[key].op == "aten::nonzero"}
    assert rows == most * 2 * 8  # a row and a column for each, whole numbers of 8 bytes


@pytest.mark.parametrize(
    ("value", "expected"),  # ones are what is assumed of what is not known
    [
        ("in place beside an unknown", [3, 4]),  # it is read there, not written
        ("written by out", [1.0, 1.0]),
        ("written in place", [1.0, 1.0]),
        ("written in a view", [1.0, 1.0, 0.0, 0.0]),
        ("written by a list", ([1.0, 1.0], [0.0, 0.0])),
        ("masked", [True, False]),
        ("the most", 8192.0),
        ("never set", [0.0, 0.0, 0.0]),  # the same in every trace
        ("too many", [1.0]),
    ],
)
def test_a_value_is_known_until_something_unknown_is_written_to_it(told, value, expected):
    assert told("tells", value=value) == expected


@pytest.mark.parametrize("way", ["inside", "named", "cleared"])
def test_a_loss_inside_of_the_update_is_a_forward_and_a_backward(raw, way):
    plain, inside = (raw("closure", way=each, steps=2) for each in ("before", way))
    assert parts(inside) == parts(plain)
    assert {place[1] for place in inside["places"]} == {"build", "forward", "backward", "optimizer"}
    lines = [{place[3] for place in each["places"] if place[1] == "backward"} for each in (plain, inside)]
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    ("switch", "conv", "product"),
    [("", "tf32", "fp32"), ("matmul", "tf32", "tf32"), ("all", "tf32", "tf32"), ("none", "fp32", "fp32"),
     ("old", "tf32", "tf32")],
)  # fmt: skip
def test_the_switches_of_tf32_are_read_the_old_ones_and_the_new(raw, switch, conv, product):
    torch = pytest.importorskip("torch")
    if switch in ("matmul", "all", "none") and not hasattr(torch.backends, "fp32_precision"):
        pytest.skip("this torch has the old switches only")
    found = {flops: form for form, flops, _, _ in raw("switched", switch=switch)["work"] if flops}
    assert found == {2 * 2 * 4 * (2 * 4): conv, 2 * 2 * 4: product}  # two samples of four places; one row


@pytest.mark.parametrize(
    ("what", "word"), [("forward", 'missing the required "forward"'), ("method", "a subclass says")]
)
def test_what_the_user_did_not_write_is_no_operator_without_a_fake(raw, what, word):
    with pytest.raises(PackError, match=word) as caught:
        raw("missing", what=what)
    assert caught.value.slug == "step-raised"


def test_a_thread_that_exits_ends_in_silence(raw):
    assert raw("thread_that_exits")["error"] is None


@pytest.mark.parametrize(
    ("what", "answer"),
    [("rank", 0), ("size", 1), ("backend", "nccl"), ("handle", None), ("no handle", None), ("initialized", True)],
)
def test_a_group_of_one_answers_for_itself(told, what, answer):
    assert told("group", what=what) == answer


def test_a_collective_that_changes_sizes_is_refused(raw):
    with pytest.raises(PackError, match="collectives that change sizes"):
        raw("group", what="gather")


def test_buckets_are_those_of_trained_weights_and_none_where_gradients_lie_in_them(raw):
    result = raw("buckets")
    assert parts(result)["other tensors from build()"] == 4 * MIB
    assert (result["trained"], result["params"]) == (2**20, 2 * 2**20)
    assert "other tensors from build()" not in parts(raw("buckets", view=True))


def test_weights_that_come_with_the_first_step_and_those_of_no_module_are_parameters(raw):
    assert parts(raw("lazy", steps=2))["parameters"] == 4 * MIB
    result = raw("bare_parameters", steps=2)
    found = parts(result)
    assert (found["parameters"], found["gradients"], found["optimizer state"]) == (4 * MIB, 4 * MIB, 4 * MIB)
    assert (result["trained"], result["params"]) == (2**20, 2**20)


@pytest.mark.parametrize(
    ("inner", "wrapped"),
    [("blocks", ["parts.0", "parts.1", "parts.2"]), ("stages", ["parts.0.0", "parts.0.1", "parts.1.0", "parts.1.1"])],
)
def test_a_checkpoint_goes_round_every_block(told, inner, wrapped):
    assert told("lists", "checkpoint", inner=inner) == wrapped


def test_levers_that_change_nothing_are_refused(raw, told):
    assert told("fused_already", "fused", fused=False) == [(True, False)]
    with pytest.raises(PackError, match="no optimizer that could be fused and is not") as caught:
        raw("fused_already", "fused")
    assert caught.value.slug == "no-lever"
    with pytest.raises(PackError, match=r"no nn\.ModuleList"):
        raw("lists", "checkpoint", inner="single")
