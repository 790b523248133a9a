"""Calls that are right pass without a word, and what is measured about them is right."""

import pytest

from .conftest import by_id, call, codes, run

X, Y = {"shape": [64, 3], "requires_grad": True}, {"shape": [64, 3], "shift": 2.0}
RIGHT = [
    call("mean_squared", {"x": X, "y": Y},
         expect={"shapes": [[]], "dtype": "float32", "grad": ["x"], "zero_on_equal": True, "symmetric": True}),
    call("summed", {"x": Y, "y": {"shape": [64, 3]}}, expect={"equals": "toylib.mean_squared", "equals_scale": 192.0}),
    call("double", {"x": X}, expect={"shapes": [[64, 3]], "grad": ["x"]}),
    call("Scale", {"x": X}, init={"width": 3, "bias": True}, expect={"shapes": [[64, 1]], "grad": ["x"]}),
    call("Scale", {"x": X}, init={"width": 3, "bias": True}, method="forward", id="scale_forward",
         expect={"shapes": [[64, 1]]}),
    call("apply", {"function": {"object": "toylib.decay"}, "t": {"values": [0.5]}, "y": X}, expect={"grad": ["y"]}),
    call("pairwise", {"x": Y, "y": Y}, expect={"shapes": [[64, 64]]}),
    call("mean_squared", {"x": X, "far": {"made_by": "toylib.double", "args": ["x"]}}, args=["x", "far"], id="made",
         expect={"grad": ["x"]}),
    call("mean_squared", {"y": Y, "x": X}, args=["x"], id="by_name", expect={"grad": ["x"]}),
    call("numpy_only", {"x": {"shape": [64, 2], "kind": "numpy", "dtype": "float64"}}, expect={"dtype": "float64"}),
    call("lookup", {"x": X, "t": {"shape": [64], "dtype": "int64", "dist": "integers", "high": 1000}},
         expect={"shapes": [[64, 3]], "grad": ["x"]}),
    call("torch.nn.functional.mse_loss", {"x": X, "y": Y}, id="mse"),
    call("torch.cdist", {"x": X, "y": Y}, id="cdist", kwargs={"p": 2.0}, expect={"shapes": [[64, 64]]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def answer(folder):
    return run(folder, RIGHT)


@pytest.mark.torch
@pytest.mark.parametrize("name", [item["id"] for item in RIGHT])
def test_nothing_is_said_about_a_right_call(answer, name):
    case = by_id(answer)[name]
    assert case.findings == []
    assert case.outcome == "pass"


@pytest.mark.torch
def test_the_answer_is_yes_and_counts_the_calls(answer):
    assert answer.ok
    assert answer.headline == "13 calls probed: 13 pass, 0 with warnings, 0 fail"


@pytest.mark.torch
def test_outputs_are_described(answer):
    assert by_id(answer)["pairwise"].outputs == ["float32 (64, 64)"]
    assert by_id(answer)["mean_squared"].outputs == ["float32 ()"]


@pytest.mark.torch
def test_a_reference_is_shown_with_both_values(answer):
    reference = by_id(answer)["summed"].reference
    assert reference.ours == pytest.approx(reference.theirs, rel=1e-5)
    assert reference.gap < 1e-5


@pytest.mark.torch
def test_memory_is_what_the_tensors_take(answer):
    """Forward only, float32: x and y (64, 3) live beside their difference and its square, (64, 64, 3) each."""
    growth = by_id(answer)["pairwise"].growth

    def by_hand(n):
        return 2 * n * 3 * 4 + 2 * n * n * 3 * 4

    assert growth.batches == [16, 32, 64]
    assert growth.counted == "torch's allocator"
    assert growth.peaks_bytes == [by_hand(16), by_hand(32), by_hand(64)]
    assert (growth.batch_ahead, growth.peak_ahead_bytes) == (512, by_hand(512))


@pytest.mark.torch
def test_a_right_call_that_expects_too_much_fails(folder):
    wrong = [
        call("double", {"x": X}, expect={"shapes": [[3, 64]]}, id="shape"),
        call("double", {"x": X}, expect={"dtype": "float64"}, id="dtype"),
        call("double", {"x": X}, expect={"value": 2.0}, id="value"),
        call("double", {"x": {"shape": [4, 2], "dist": "ones"}}, expect={"value": 2.0019, "rtol": 1e-3}, id="near"),
        call("double", {"x": {"shape": [4, 2], "dist": "ones"}}, expect={"value": 2.0021, "rtol": 1e-3}, id="past"),
        call("summed", {"x": Y, "y": {"shape": [64, 3]}}, expect={"equals": "toylib.mean_squared"}, id="differs"),
        call("double", {"x": X}, expect={"raises": "ValueError"}, id="did_not_raise"),
        call("slow", expect={"within_s": 0.1}, id="slow"),
        call("slow", expect={"within_s": 10.0}, id="fast_enough"),
    ]
    cases = by_id(run(folder, wrong))
    found = {name: list(codes(case)) for name, case in cases.items()}
    assert found == {
        "shape": ["shape"], "dtype": ["dtype"], "value": ["wrong_value"], "near": [], "past": ["wrong_value"],
        "differs": ["differs"], "did_not_raise": ["did_not_raise"], "slow": ["slow"], "fast_enough": [],
    }  # fmt: skip
    assert "ratio 192" in cases["differs"].findings[0].what
