"""Every silent or loud mistake is found, under its own name, and with what to do."""

import pytest

from .conftest import asked, by_id, call, codes, run

GRAD = {"x": {"shape": [8, 2], "requires_grad": True}}
PAIR = {"x": {"shape": [8, 2], "requires_grad": True}, "y": {"shape": [8, 2], "requires_grad": True}}
IMAGES = {"x": {"shape": [8, 1, 4, 4]}, "y": {"shape": [8, 1, 4, 4]}}
TIMES = {"x": {"shape": [8, 2]}, "t": {"shape": [8], "dist": "uniform"}}

SUMS = {"sum_over_batch": "note"}  # true of these, and beside the point

WRONG = {
    # the call, and each code with its severity
    "nothing_there": (call("no_such_thing", id="nothing_there"), {"no_attribute": "fail"}),
    "near_name": (call("mean_square", id="near_name"), {"no_attribute": "fail"}),
    "keyword": (call("Scale", init={"widht": 2}, id="keyword"), {"unknown_keyword": "fail"}),
    "call_keyword": (call("double", kwargs={"factor": 2}, id="call_keyword"), {"unknown_keyword": "fail"}),
    "lacks_one": (call("mean_squared", id="lacks_one"), {"bind_error": "fail"}),
    "init": (call("Scale", init={"width": -1}, id="init"), {"init_error": "fail"}),
    "maker": (call("double", {"x": {"made_by": "toylib.points_only", "kwargs": {"x": 1, "y": 2}}}, id="maker"),
              {"input_error": "fail"}),
    "images": (call("points_only", IMAGES, id="images"), {"call_error": "fail"}),
    "float_times": (call("lookup", TIMES, id="float_times"), {"call_error": "fail"}),
    "recorded": (call("points_only", IMAGES, id="recorded", expect={"raises": "ValueError"}),
                 {"raises_as_recorded": "note"}),
    "other": (call("points_only", IMAGES, id="other", expect={"raises": "KeyError"}), {"raises_other": "fail"}),
    "not_a_number": (call("not_a_number"), {"non_finite": "fail"}),
    "zeros": (call("zeros"), {"all_zero": "fail"}),
    "text": (call("text"), {"no_numbers": "note"}),
    "detached": (call("detached", GRAD, expect={"grad": ["x"]}), {"no_grad": "fail", **SUMS}),
    "first_only": (call("first_only", PAIR), {"grad_none": "fail", **SUMS}),
    "rounded": (call("rounded", GRAD), {"grad_zero": "fail"}),
    "root": (call("root", GRAD), {"grad_nan": "fail", "constant": "fail"}),
    "wrong_gradient": (call("wrong_gradient", GRAD, kwargs={"factor": 1.2}), {"grad_mismatch": "warn", **SUMS}),
    # 5 % of the larger slope: 0.05 / 1.05 is below, 0.053 / 1.053 above
    "nearly_right": (call("wrong_gradient", GRAD, kwargs={"factor": 1.05}, id="nearly_right"), SUMS),
    "just_wrong": (call("wrong_gradient", GRAD, kwargs={"factor": 1.053}, id="just_wrong"),
                   {"grad_mismatch": "warn", **SUMS}),
    # 1 + 16 s against 1 + 4 s differ by a quarter of the larger at s = 1/32
    "free_of_size": (call("by_size", {"x": {"shape": [16, 2]}}, kwargs={"slope": 0.031}, id="free_of_size",
                          expect={"size_free": True}), {"constant": "fail"}),
    "by_size": (call("by_size", {"x": {"shape": [16, 2]}}, kwargs={"slope": 0.032}, expect={"size_free": True}),
                {"size_dependent": "fail", "constant": "fail"}),
    "gone_on_record": (call("gone", expect={"raises": "ImportError"}, id="gone_on_record"),
                       {"raises_as_recorded": "note"}),
    "in_place": (call("in_place"), {"input_changed": "warn"}),
    "gradients_on": (call("gradients_on"), {"grad_mode": "warn"}),
    "doubles": (call("doubles"), {"setting_changed": "warn"}),
    "torch_noise": (call("torch_noise"), {"random": "note"}),
    "numpy_noise": (call("numpy_noise"), {"seed_ignored": "warn", "random": "note", "device_mix_ahead": "note"}),
    "own_noise": (call("own_noise"), {"seed_ignored": "warn", "random": "note"}),
    "counter": (call("Counter", init={}), {"second_call_differs": "warn"}),
    "once": (call("Counter", init={}, method="once", id="once"), {"second_call_error": "fail"}),
    "coincidence": (call("time_times_width", {"t": {"shape": [8]}, "x": {"shape": [8, 8]}}, id="coincidence"),
                    {"fails_at_other_batch": "fail", "same_sizes": "note"}),
    "by_position": (call("by_position"), {"batch_mixing": "fail", "device_mix_ahead": "note"}),
    "centred": (call("centred"), {"batch_dependent": "note"}),
    "ordered": (call("ordered"), {"batch_dependent": "note"}),
    "squeezed": (call("squeezed", {"x": {"shape": [15, 2]}}), {"rank_changes": "fail", "shares_memory": "note"}),
    "warns_of_convergence": (call("warns_of_convergence"), {"not_converged": "warn"}),
    "warns_inside": (call("warns_inside"), {"deprecated_inside": "note"}),
    "warns_of_age": (call("warns_of_age"), {"deprecated": "warn"}),
    "broadcast": (call("torch.nn.functional.mse_loss", {"x": {"shape": [8, 1]}, "y": {"shape": [8]}}, id="broadcast"),
                  {"broadcast_warning": "fail"}),
    "not_zero": (call("pairwise", {"x": {"shape": [8, 2]}, "y": {"shape": [8, 2]}}, id="not_zero",
                      expect={"zero_on_equal": True}), {"not_zero_on_equal": "fail"}),
    "not_symmetric": (call("time_times_width", {"t": {"shape": [8, 1]}, "x": {"shape": [8, 1]}}, id="not_symmetric",
                           expect={"equals": "toylib.double"}), {"reference_error": "fail"}),
    "order": (call("pairwise", {"x": {"shape": [8, 2]}, "y": {"shape": [8, 2]}}, id="order",
                   expect={"symmetric": True}), {"not_symmetric": "fail"}),
    "prints": (call("prints"), {"prints": "note"}),
    "writes": (call("writes"), {"writes_files": "note"}),
    "accepted": (call("gradients_on", id="accepted", expect={"accepts": ["grad_mode"]}), {"grad_mode": "note"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def cases(folder, request):
    return by_id(run(folder, [WRONG[name][0] for name in asked(request, WRONG)]))


@pytest.mark.torch
@pytest.mark.parametrize("name", WRONG)
def test_the_mistake_and_nothing_else_is_found(cases, name):
    assert codes(cases[name]) == WRONG[name][1], [finding.what for finding in cases[name].findings]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("near_name", "mean_squared"),
        ("keyword", "did you mean width?"),
        ("images", "works with x.flatten(1), y.flatten(1)"),
        ("float_times", "works with t.long()"),
        ("recorded", "works with x.flatten(1), y.flatten(1)"),
        ("numpy_noise", "np.random.seed"),
        ("own_noise", "its own seed"),
        ("wrong_gradient", "17% off"),  # 1.2 times the slope: 0.2 of 1.2
        ("first_only", "y"),
        ("coincidence", "a batch of 8 works and one of 11 does not"),
        ("broadcast", "(N, 1) against (N,)"),
    ],
)
def test_the_finding_says_what_to_do(cases, name, says):
    assert any(says in f"{finding.what} {finding.fix}" for finding in cases[name].findings), cases[name].findings


@pytest.mark.torch
def test_a_known_trap_carries_its_slug(cases):
    assert [finding.trap for finding in cases["broadcast"].findings] == ["mse-broadcast"]
    assert [finding.trap for finding in cases["centred"].findings] == [""]
