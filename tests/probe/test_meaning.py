"""Calls that raise nothing and mean something else: each beside the same call done right."""

import pytest

from .conftest import asked, by_id, call, codes, run

SCORES = {"z": {"shape": [32, 5], "requires_grad": True}}
LABELS = {"t": {"shape": [32], "dtype": "int64", "dist": "integers", "high": 5}}
SOFT = {**SCORES, "p": {"made_by": "torch.softmax", "args": ["z"], "kwargs": {"dim": 1}}}
LOGS = {**SCORES, "p": {"made_by": "torch.log_softmax", "args": ["z"], "kwargs": {"dim": 1}}}
PAIR = {"x": {"shape": [16, 3], "requires_grad": True}, "y": {"shape": [16, 3]}}
BYTES = {"dtype": "uint8", "dist": "integers", "high": 256}
TOKENS = {"x": {"shape": [4, 10, 6]}}
MASKED = {**TOKENS, "mask": {"shape": [4, 10], "dtype": "bool", "dist": "valid"}}
F = "torch.nn.functional."
SCHEDULE = {"inputs": {"optimizer": {"made_by": "toylib.optimizer"}}, "init_inputs": ["optimizer"]}
STEP, MILESTONES = "torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.MultiStepLR"
CUBES = {"x": {"shape": [8, 3, 2]}, "y": {"shape": [8, 3, 2]}}


def stepped(target, steps, **init):
    return call(target, init=init, expect={"steps": steps}, **SCHEDULE)


# code: the wrong call, its severity, the right call
PAIRS = {
    "perfect": (call(F + "cross_entropy", {**SOFT, **LABELS}, args=["p", "t"]), "fail",
                call(F + "cross_entropy", {**SCORES, **LABELS})),
    "domain": (call("documented_logs", SOFT, args=["p"]), "fail", call("documented_logs", LOGS, args=["p"])),
    "swapped": (call("ordered_names", {"y_pred": {"shape": [8]}, "y_true": {"shape": [8]}}), "fail",
                call("ordered_names", {"y_true": {"shape": [8]}, "y_pred": {"shape": [8]}})),
    "constant": (call("nothing_of_it"), "fail", call("mean_squared", PAIR)),
    "ignores_input": (call("first_of_two", PAIR | {"x": {"shape": [16, 3]}}), "warn", call("mean_squared", PAIR)),
    "broadcast_warning": (call("rmse", {"x": {"shape": [16, 1]}, "y": {"shape": [16]}}), "fail",
                          call("rmse", {"x": {"shape": [16, 1]}, "y": {"shape": [16, 1]}})),
    "integer_arithmetic": (call("torch.sub", {"x": {"shape": [8, 4], **BYTES}, "y": {"shape": [8, 4], **BYTES}}),
                           "fail", call("torch.sub", PAIR)),
    "unnormalised": (call("weighted", {"w": {"shape": [16], "dist": "ones"}, "x": {"shape": [16, 3]}}), "warn",
                     call("weighted", {"w": {"shape": [16], "dist": "weights"}, "x": {"shape": [16, 3]}})),
    "wrong_axis": (call("torch.nn.GRU", TOKENS, init={"input_size": 6, "hidden_size": 4}), "fail",
                   call("torch.nn.GRU", TOKENS, init={"input_size": 6, "hidden_size": 4, "batch_first": True})),
    "batch_axis": (call("attends", {"x": {"shape": [8, 5]}}, kwargs={"dim": 0}), "warn",
                   call("attends", {"x": {"shape": [8, 5]}}, kwargs={"dim": 1})),
    "pairs_of_samples": (call("torch.cov", {"x": {"shape": [16, 3]}}), "warn",
                         call("torch.cov", {"x": {"shape": [3, 16], "batch_axes": [1]}})),
    "mask_inverted": (call("drops_true", MASKED), "fail", call("keeps_true", MASKED)),
    "device_mix_ahead": (call("makes_on_cpu"), "note", call("makes_beside")),
    "device_mix": (call("makes_on_cpu", {"x": {"shape": [8, 2], "device": "cuda"}}), "fail",
                   call("makes_beside", {"x": {"shape": [8, 2], "device": "cuda"}})),
    "half_precision": (call("overflows", {"x": {"shape": [8, 2]}}, expect={"precisions": ["float16"]}), "fail",
                       call("overflows", {"x": {"shape": [8, 2]}}, expect={"precisions": ["bfloat16"]})),
    "grad_nan_at_equal": (call("root_of_difference", PAIR), "note", call("mean_squared", PAIR)),
    "defaults": (call("switched"), "note", call("switched", kwargs={"halve": False})),
    "not_deterministic": (call("torch_noise", expect={"deterministic": True}), "fail",
                          call("double", expect={"deterministic": True})),
    "not_invariant": (call("double", expect={"invariant": ["shift"]}), "fail",
                      call("mean_squared", PAIR, expect={"invariant": ["shift", "order"]})),
    "loses_digits": (call("torch.nn.functional.relu", {"x": {"shape": [8, 2], "dtype": "float64"}}), "", None),
    "widens": (call("falls_to_half"), "note", call("double")),
    "parameters": (call("Scale", {"x": {"shape": [8, 99]}}, init={"width": 99, "bias": True},
                        expect={"parameters": 102.0}), "fail",
                   call("Scale", {"x": {"shape": [8, 99]}}, init={"width": 99, "bias": True},
                        expect={"parameters": 101.0})),
    "schedule": (stepped(STEP, 3000, step_size=30), "fail", stepped(STEP, 90, step_size=30)),
    "complex_result": (call("rounds_to_complex"), "warn", call("truly_complex")),
    "sum_by_default": (call("sums_or_means", CUBES), "warn",
                       call("sums_or_means", CUBES, kwargs={"reduction": "sum"})),
    "shape_by_luck": (call("found", expect={"shapes": [[8]]}), "warn", call("double", expect={"shapes": [[8, 2]]})),
}  # fmt: skip
MORE = {
    # thresholds: at 5 % of ties it is no clipping yet (2 of 40), and one more is
    "unclipped": (call("clips", {"x": {"values": [[float(n)] for n in range(-19, 21)]}}, kwargs={"at": 19.0}), {}),
    "clipped": (call("clips", {"x": {"values": [[float(n)] for n in range(-19, 21)]}}, kwargs={"at": 17.0}),
                {"clipped": "fail"}),
    "square": (call("scaled_to", kwargs={"power": 2.0}, expect={"degree": 2.0}), {}),
    "near_square": (call("scaled_to", kwargs={"power": 2.04}, expect={"degree": 2.0}), {}),
    "no_square": (call("scaled_to", kwargs={"power": 2.06}, expect={"degree": 2.0}), {"degree": "fail"}),
    "bounces": (stepped("torch.optim.lr_scheduler.CosineAnnealingLR", 200, T_max=10), {"schedule": "fail"}),
    # a decay that is over in a tenth of the steps, or that leaves more than half, and a warm-up
    "over_early": (stepped(MILESTONES, 200, milestones=[5, 19], gamma=0.3), {"schedule": "fail"}),
    "over_later": (stepped(MILESTONES, 200, milestones=[5, 20], gamma=0.3), {}),
    "half_is_left": (stepped(MILESTONES, 200, milestones=[5], gamma=0.5), {"schedule": "fail"}),
    "more_than_half": (stepped(MILESTONES, 200, milestones=[5], gamma=0.51), {}),
    "warms_up": (stepped("torch.optim.lr_scheduler.LinearLR", 200, total_iters=5, start_factor=0.1), {}),
    "arrives": (stepped("torch.optim.lr_scheduler.CosineAnnealingLR", 200, T_max=200), {}),
    "unfinished": (stepped("torch.optim.lr_scheduler.LinearLR", 5, total_iters=100, start_factor=0.1),
                   {"schedule": "fail"}),
    "sum_of_one": (call("sums_or_means", {"x": {"shape": [8, 1, 1]}, "y": {"shape": [8, 1, 1]}}), {}),
    # it may end up to half as late again as the training
    "half_as_late": (stepped("torch.optim.lr_scheduler.LinearLR", 100, total_iters=150, start_factor=0.1), {}),
    "later_than_that": (stepped("torch.optim.lr_scheduler.LinearLR", 100, total_iters=151, start_factor=0.1),
                        {"schedule": "fail"}),
    "in_range": (call("documented_range", {"x": {"shape": [8, 3], "dist": "uniform", "high": 255.0}},
                      kwargs={"data_range": 255.0}), {}),
    "out_of_range": (call("documented_range", {"x": {"shape": [8, 3], "dist": "uniform", "high": 255.0}}),
                     {"domain": "fail"}),
    "read_back": (call("reads_back"), {}),
    "no_probability": (call("documented"), {"domain": "fail"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def cases(folder, request):
    codes_asked, more = asked(request, PAIRS), asked(request, MORE)
    calls = [(f"{code}_wrong", PAIRS[code][0]) for code in codes_asked]
    calls += [(f"{code}_right", PAIRS[code][2]) for code in codes_asked if PAIRS[code][2]]
    calls += [(name, MORE[name][0]) for name in more]
    return by_id(run(folder, [{**item, "id": name} for name, item in calls]))


@pytest.mark.torch
@pytest.mark.parametrize("code", PAIRS)
def test_what_is_meant_is_told_from_what_is_not(cases, code):
    _, severity, right = PAIRS[code]
    found = codes(cases[f"{code}_wrong"])
    assert found.get(code, "") == severity, cases[f"{code}_wrong"].findings
    if right:
        assert code not in codes(cases[f"{code}_right"]), cases[f"{code}_right"].findings
        assert cases[f"{code}_right"].outcome == "pass", cases[f"{code}_right"].findings


@pytest.mark.torch
@pytest.mark.parametrize("name", MORE)
def test_what_lies_on_either_side_of_a_bound(cases, name):
    assert codes(cases[name]) == MORE[name][1], cases[name].findings


@pytest.mark.torch
def test_what_was_seen_is_told_without_blame(cases):
    assert cases["half_precision_wrong"].studied.precision["float16"] == "gives NaN or Inf"
    assert cases["half_precision_wrong"].studied.precision["bfloat16"] == "agrees"
    assert cases["mask_inverted_right"].studied.mask == "mask: True counts"
    assert cases["grad_nan_at_equal_wrong"].studied.scales["x = y"] == "gradient is NaN or Inf"
    assert cases["parameters_right"].studied.parameters == 100
    assert cases["square"].studied.degree == 2.0
    assert cases["arrives"].studied.schedule["last"] == pytest.approx(0.0, abs=1e-9)
    assert cases["device_mix_right"].studied.gpu == "no tensor would be left on the CPU"


@pytest.mark.torch
def test_the_last_axis_has_a_growth_of_its_own(cases):
    """Forward and backward of the mean of (x - y) ** 2 keep a number of (N, D) arrays: twice D is twice the bytes."""
    growth = cases["constant_right"].width_growth
    assert growth.own == 3
    assert growth.batches == [3, 6, 12]
    arrays = [peak // (16 * width * 4) for peak, width in zip(growth.peaks_bytes, growth.batches, strict=True)]
    assert len(set(arrays)) == 1
    assert growth.batch_ahead == 24
    assert growth.peak_ahead_bytes == pytest.approx(growth.peaks_bytes[-1] * 2, rel=0.02)
