"""What an input is called against what it is taken for, units of numbers, and axes in an order that nothing wants."""

import pytest

from .conftest import asked, by_id, call, codes, run

POINTS = {"x": {"shape": [16, 3]}, "mean": {"shape": [16, 3]}}
POSITIVE = {"shape": [16, 3], "dist": "uniform", "low": 0.2, "high": 2.0}
ONE = {"x": {"shape": [16], "dist": "uniform"}}
QUATERNIONS = {"shape": [16, 4], "dist": "uniform", "low": 0.1}
TOKENS = {"tokens": {"shape": [4, 10, 6]}}
EQUAL = {"tokens": {"shape": [4, 6, 6]}}
ANGLES = {"dist": "uniform", "shape": [8, 2]}

# name: the wrong call, its code, what is said, the right call
PAIRS = {
    "deviation": (call("gaussian_cost", {**POINTS, "std": POSITIVE}), "other_quantity", "taken for a variance",
                  call("gaussian_cost", {**POINTS, "var": POSITIVE})),
    "variance": (call("deviates", {**POINTS, "variance": POSITIVE}), "other_quantity", "arrives at 'sig'",
                 call("deviates", {**POINTS, "std": POSITIVE})),
    "location": (call("waits", {**ONE, "rate": {"values": [2.0]}}), "other_quantity", "taken for a location",
                 call("waits", {**ONE, "start": {"values": [2.0]}})),
    "order": (call("turned_by", {"x": {"shape": [16, 3]}, "q_wxyz": QUATERNIONS}), "other_quantity", "xyzw, not wxyz",
              call("turned_by", {"x": {"shape": [16, 3]}, "q_xyzw": QUATERNIONS})),
    "percent": (call("percentile", kwargs={"q": 0.95}), "other_unit", "percentages",
                call("percentile", kwargs={"q": 1.0})),
    "degrees": (call("turns", kwargs={"angle": 1.5708}), "other_unit", "degrees", call("turns", kwargs={"angle": 1.6})),
    "drawn": (call("turns", {"x": {"shape": [8, 2]}, "angle": {**ANGLES, "high": 3.14159}}), "other_unit", "degrees",
              call("turns", {"x": {"shape": [8, 2]}, "angle": {**ANGLES, "high": 5.0}})),
    "turned": (call("turned_about", {"x": {"shape": [8, 2]}, "by": {**ANGLES, "high": 3.14159}}), "other_unit",
               "one turn in degrees", call("turned_about", {"x": {"shape": [8, 2]}, "by": {**ANGLES, "high": 3.2}})),
    "turns": (call("cosine", {"angle": {**ANGLES, "high": 360.0}}), "other_unit", "one turn in radians",
              call("cosine", {"angle": {**ANGLES, "high": 12.5}})),
    "radians": (call("turns_in_radians", kwargs={"angle": 45.0}), "other_unit", "radians",
                call("turns_in_radians", kwargs={"angle": 12.5})),
    "margin": (call("with_margin", kwargs={"margin": 0.5}), "other_unit", "28.6 by default",
               call("with_margin", kwargs={"margin": 0.52})),
    "sequence": (call("unit_rows", TOKENS), "layout_mixed", "not the width",
                 call("unit_rows", TOKENS, kwargs={"dim": -1})),
    "positions": (call("normalised", EQUAL), "layout_mixed", "positions of the sequence kept apart",
                  call("normalised", {"x": {"shape": [4, 6, 6]}})),
    "colours": (call("blurred", {"image": {"shape": [8, 6, 3]}}), "layout_mixed", "third side",
                call("blurred", {"image": {"shape": [8, 6, 3]}}, kwargs={"channel_axis": 2})),
    "sides": (call("over_rows", {"images": {"shape": [4, 3, 6, 8]}}), "layout_mixed", "only 2 is seen",
              call("over_sides", {"images": {"shape": [4, 3, 6, 8]}})),
}  # fmt: skip
MORE = {
    # three heads of attention are no colours, and a name that says nothing is no evidence
    "heads": call("over_width", {"x": {"shape": [4, 3, 6, 6]}}),
    # where no axis can be named, and where the result knows neither the place nor the other input
    "no_axis": call("over_time", TOKENS),
    "no_channel_axis": call("mean_off", {"image": {"shape": [8, 6, 3]}}),
    "not_heard": call("centred_growth", {"x": {"shape": [16, 3]}, "rate": POSITIVE}),
    # a name that is the parameter's own is not the caller's word for it
    "own_name": call("spread_by", {"x": {"shape": [16, 3]}, "scale": POSITIVE}),
    "unnamed": call("unit_rows", {"x": {"shape": [4, 10, 6]}}),
    # a sum of powers grows by one power whatever the unit of the other: nothing follows
    "any_unit": call("toylib.product", {"x": {"shape": [16, 3]}, "std": POSITIVE}),
}


@pytest.fixture(scope="module")
def cases(folder, request):
    names, more = asked(request, PAIRS), asked(request, MORE)
    calls = [(f"{name}_wrong", PAIRS[name][0]) for name in names] + [
        (f"{name}_right", PAIRS[name][3]) for name in names
    ]
    return by_id(run(folder, [{**item, "id": name} for name, item in calls + [(name, MORE[name]) for name in more]]))


@pytest.mark.torch
@pytest.mark.parametrize("name", PAIRS)
def test_another_meaning_is_a_warning_that_says_which(cases, name):
    _, code, says, _ = PAIRS[name]
    (found,) = (item for item in cases[f"{name}_wrong"].findings if item.code == code)
    assert found.severity == "warn"
    assert says in found.what
    assert found.trap


@pytest.mark.torch
@pytest.mark.parametrize("name", PAIRS)
def test_the_same_call_done_right_is_left_in_peace(cases, name):
    assert cases[f"{name}_right"].outcome == "pass", cases[f"{name}_right"].findings


@pytest.mark.torch
@pytest.mark.parametrize("name", MORE)
def test_without_evidence_nothing_is_said(cases, name):
    assert not {"layout_mixed", "other_quantity", "other_unit"} & set(codes(cases[name])), cases[name].findings


@pytest.mark.torch
def test_inputs_of_the_constructor_grow_with_the_batch(folder):
    inputs = {
        "probs": {"shape": [8, 5], "dist": "weights"},
        "action": {"shape": [8], "dtype": "int64", "dist": "zeros"},
    }
    made = call(
        "torch.distributions.Categorical", inputs, init={}, init_inputs=["probs"], method="log_prob", id="choice"
    )
    case = by_id(run(folder, [{**made, "args": ["action"]}]))["choice"]
    assert case.outcome == "pass", case.findings


@pytest.mark.torch
def test_a_gradient_reaches_what_the_constructor_gets(folder):
    inputs = {"loc": {"shape": [8, 2], "requires_grad": True}, "scale": {"shape": [8, 2], "dist": "ones"}}
    made = {"init": {}, "init_inputs": ["loc", "scale"], "expect": {"grad": ["loc"]}}
    calls = [call("torch.distributions.Normal", inputs, method=name, id=name, **made) for name in ("sample", "rsample")]
    cases = by_id(run(folder, calls))
    assert codes(cases["sample"])["no_grad"] == "fail"
    assert cases["rsample"].outcome == "pass", cases["rsample"].findings


@pytest.mark.torch
def test_what_makes_an_input_draws_the_same_every_time(folder):
    drawn = {"x": {"made_by": "toylib.draws_itself"}}
    assert by_id(run(folder, [call("double", drawn)]))["double"].outcome == "pass"


@pytest.mark.torch
def test_a_plural_or_a_fourth_axis_says_that_axis_0_lists_samples(folder):
    calls = [
        call("shrinks", {"signals": {"shape": [16, 16]}}, id="several"),
        call("shrinks", {"image": {"shape": [16, 16]}}, id="several_not"),
        call("rolls", {"x": {"shape": [6, 6, 6, 6]}}, id="four_axes"),
        call("rolls", {"x": {"shape": [6, 6, 6]}}, id="volume"),
    ]
    cases = by_id(run(folder, calls))
    mixed = {name for name, case in cases.items() if codes(case).get("batch_mixing") == "fail"}
    assert mixed == {"several", "four_axes"}


@pytest.mark.torch
def test_it_is_the_argument_that_the_sentence_before_began_with(folder):
    sides = {"shape": [16, 2], "dist": "uniform", "low": -1.0}
    calls = [
        call("placed_at", {"x": {"shape": [16, 2]}, "grid": sides}, id="inside"),
        call("placed_at", {"x": {"shape": [16, 2]}, "grid": {**sides, "high": 9.0}}, id="outside"),
    ]
    cases = by_id(run(folder, calls))
    assert cases["inside"].outcome == "pass", cases["inside"].findings
    assert [item.what.split()[0] for item in cases["outside"].findings if item.code == "domain"] == ["grid"]


@pytest.mark.torch
def test_what_is_predicted_and_what_is_true_have_many_names(folder):
    calls = [
        call("ordered_names", {"forecast": {"shape": [8]}, "observed": {"shape": [8]}}, id="crossed"),
        call("ordered_names", {"observed": {"shape": [8]}, "forecast": {"shape": [8]}}, id="straight"),
    ]
    cases = by_id(run(folder, calls))
    assert codes(cases["crossed"])["swapped"] == "fail"
    assert cases["straight"].outcome == "pass", cases["straight"].findings


@pytest.mark.torch
def test_a_function_comes_before_the_module_that_it_hides(folder):
    case = by_id(run(folder, [call("toypack.twin", id="twin", expect={"shapes": [[8, 2]]})]))["twin"]
    assert case.outcome == "pass", case.findings


@pytest.mark.torch
def test_what_is_written_in_c_shows_its_parameters_in_its_documentation(folder):
    x = {"x": {"shape": [8, 3], "dist": "uniform"}}
    calls = [
        call("torch.searchsorted", {"edges": {"shape": [16], "dist": "uniform"}, **x}, id="unsorted"),
        call("torch.searchsorted", {"edges": {"shape": [16], "dist": "grid"}, **x}, id="sorted"),
    ]
    cases = by_id(run(folder, calls))
    assert codes(cases["unsorted"])["domain"] == "fail"
    assert cases["sorted"].outcome == "pass", cases["sorted"].findings


@pytest.mark.torch
def test_parameters_of_a_distribution_are_no_probabilities(folder):
    made = {"init": {}, "init_inputs": ["concentration", "rate"], "args": ["x"], "method": "log_prob"}
    high = {"shape": [3], "dist": "uniform", "low": 1.5, "high": 4.0}
    inputs = {"concentration": high, "rate": high, "x": {"shape": [16, 3], "dist": "uniform", "low": 0.1, "high": 9.0}}
    case = by_id(run(folder, [call("torch.distributions.Gamma", inputs, id="gamma", **made)]))["gamma"]
    assert case.outcome == "pass", case.findings


@pytest.mark.torch
def test_lists_of_which_only_the_difference_counts_are_no_weights(folder):
    lists = {name: {"shape": [4], "dist": "uniform", "low": 1.0, "high": 2.0} for name in ("m1", "m2")}
    case = by_id(run(folder, [call("apart", {**lists, "cov": {"values": [[1.0, 0.0], [0.0, 1.0]]}})]))["apart"]
    assert "unnormalised" not in codes(case), case.findings
