"""What a trace takes for conditions on values that it does not have, what it says of them, and what steps often do."""

from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import Settings
from reproof.vram.command import main
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps_conditions.py")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{STEPS}:checks")) as started:
        yield started


@pytest.fixture
def raw(interpreter):
    """Traces a function of steps_conditions.py; gives what the child wrote. A step that finds a fault raises."""

    def run(function, steps=1, hint=(), timeout_s=300, **given):
        interpreter.request = TraceRequest(
            target=f"{STEPS}:{function}", steps=steps, hint=list(hint), timeout_s=timeout_s
        )
        return interpreter.trace(gpus.find("A100 40GB"), given)

    return run


def line_of(text):
    (number,) = [at for at, line in enumerate(STEPS.read_text().splitlines(), 1) if text in line]
    return number


def parts(result):
    told = judged(gpus.find("A100 40GB"), result, Timeline.read(result), Settings())
    return {part.name: part.bytes for part in told.parts}


def said(result):
    return {what: int(where.rpartition(":")[2] or 0) for what, where, _ in result["assumed"]}


# ---- conditions


def test_what_an_assert_or_a_raise_asks_lets_the_step_go_on(raw):
    assumed = said(raw("checks"))
    assert assumed["a condition on values is taken as True: the program goes on"]
    assert not any("drawn" in what for what in assumed)


def test_a_mask_is_true_somewhere_nothing_is_nan_and_what_may_need_memory_is_done(raw):
    assumed = said(raw("branches"))
    assert assumed["a condition on values is taken as True: what it leads to may need memory"] == line_of(
        "norm() < 10:"
    )
    assert assumed["a condition on values is taken as False"] == line_of("if x.sum() > 3:")


def test_a_loop_that_only_values_end_makes_sixteen_passes_each_time_and_others_their_length(raw):
    result = raw("loops", steps=2)
    what = "a loop whose end depends on values makes 16 passes, if nothing else ends it"
    lines = {int(where.rpartition(":")[2]) for said, where, _ in result["assumed"] if said == what}
    assert {
        line_of("max() < 2:"),
        line_of("while (unknown() > 0).any():"),
        line_of("while unknown().sum() > 3:"),
    } <= lines


def test_a_hint_gives_the_number_of_passes(raw):
    lines = {"endless": "max() < 2:", "masked": "while (unknown() > 0).any():", "until": "while unknown().sum() > 3:"}
    passes = {"endless": 3, "masked": 7, "until": 0}
    hints = [f"{STEPS.name}:{line_of(text)}={passes[name]}" for name, text in lines.items()]
    assert len(raw("loops", hint=hints, steps=2, **passes)["hints_used"]) == 3


def test_loops_of_torchs_own_end_and_lbfgs_keeps_its_history(raw):
    # at the end of each step from the second on, one more pair of 90,000 numbers, two at most
    sizes = [parts(raw("torchs_own_loops", steps=steps))["optimizer state"] for steps in (2, 3, 4)]
    assert sizes[1] - sizes[0] == pytest.approx(2 * 360_000, rel=0.01)
    assert sizes[2] == sizes[1]


def test_an_error_names_what_was_assumed_just_before_it(raw):
    with pytest.raises(PackError) as caught:
        raw("blamed")
    asked = line_of("if unknown().max() > 0.5:")
    assert "IndexError" in str(caught.value)
    assert f"taken as False at {STEPS}:{asked}" in str(caught.value)
    assert f"--hint {STEPS}:{asked}=VALUE" in caught.value.fix


@pytest.mark.parametrize(
    ("function", "text"), [("waits", "time.sleep(1000)"), ("asks_for_ever", "unknown(8192, 2).max().item()")]
)
def test_a_step_that_does_not_end_says_where_it_was(raw, function, text):
    with pytest.raises(PackError) as caught:
        raw(function, timeout_s=1)
    assert caught.value.slug == "step-timeout"
    assert f"{STEPS}:{line_of(text)}" in str(caught.value)
    if function == "asks_for_ever":
        assert f"--hint {STEPS}:{line_of(text)}=VALUE" in caught.value.fix


def test_a_whole_number_that_is_read_stands_in_the_headline(capsys):
    asked = line_of("torch.zeros(lengths.max().item()")
    words = ["trace", f"{STEPS}:reads_a_length", "--gpu", "T4", "--steps", "1"]
    assert main(words) == 0
    assert f"a lower bound if the whole number read at {STEPS}:{asked} is a length" in capsys.readouterr().out
    assert main([*words, "--hint", f"{STEPS.name}:{asked}=5000"]) == 0
    said = capsys.readouterr().out
    assert "lower bound" not in said
    assert "19.1 MiB" in said  # 5,000 times 1,000 numbers of 4 bytes


# ---- what steps often do


def test_a_backward_of_ones_own_may_make_constants(raw):
    assert raw("makes_constants_in_backward", steps=2)["error"] is None


def test_an_optimizer_made_before_the_model_moves_updates_the_model(raw):
    found = parts(raw("optimizer_before_the_move", steps=2))
    assert found["parameters"] == 4096 * 4096 * 4
    assert found["gradients"] == 4096 * 4096 * 4
    assert found["optimizer state"] == pytest.approx(2 * 4096 * 4096 * 4, abs=1024)  # and two counts of steps


def test_a_value_that_is_known_goes_along_when_its_parameter_is_converted(raw):
    assert raw("moves_a_small_known_parameter")["error"] is None


def test_copies_marks_streams_folders_and_workers_are_no_matter(raw, tmp_path):
    result = raw("habits", steps=2, folder=str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assumed = said(result)
    assert f"the folder {str(tmp_path / 'made' / 'below')!r} is not made" in assumed
    assert any("num_workers=0" in what for what in assumed)
    assert "random numbers of Python or numpy were drawn: other draws may need more memory" in assumed


def test_what_differs_is_known_of_known_values_and_all_of_others(raw):
    assert "unique: all elements differ, an upper bound" in said(raw("uniques"))


def test_boxes_are_kept_and_a_bit_is_taken_for_each_pair_of_them(raw):
    result = raw("kept_boxes")
    assert "nms: all boxes stay, an upper bound" in said(result)
    # sorted scores and places, sorted boxes, a bit per pair in words of 64, what is kept; and the answer
    sizes = [10_000 * 12, 10_000 * 16, 10_000 * 157 * 8, 10_000 * 8, 10_000 * 8]
    assert parts(result)["temporaries"] == sum(sizes)


def test_the_experts_of_a_router_share_the_tokens(raw):
    what = "nonzero: of all elements that were set a part has its share, spread evenly"
    assert said(raw("routed"))[what] == line_of("torch.where(mask[expert])")


def test_a_gradient_with_a_graph_of_its_own_is_no_recomputation(raw):
    phases = {phase for _, phase, _, _ in raw("penalised")["places"]}
    assert "backward" in phases
    assert "recompute" not in phases


def test_cards_of_one_capability_with_other_multiprocessors_are_traced_apart():
    assert gpus.find("L4").kind != gpus.find("RTX 4090").kind
    assert gpus.find("24GiB").kind == gpus.find("16GiB").kind
