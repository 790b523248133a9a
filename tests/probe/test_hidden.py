"""What one call does not show: asked again with the numbers, their order, their memory or the mode changed."""

import pytest

from .conftest import asked, by_id, call, codes, run

PAIR = {"x": {"shape": [16, 3], "requires_grad": True}, "y": {"shape": [16, 3]}}
X = {"x": {"shape": [16, 3], "requires_grad": True}}
IMAGES = {"x": {"shape": [4, 3, 6, 8]}}
TOKENS = {"x": {"shape": [4, 10, 6]}}
MASKED = {**TOKENS, "mask": {"shape": [4, 10], "dtype": "bool", "dist": "valid"}}
SIMPLEX = {"p": {"shape": [16, 8], "dist": "weights"}}
LABELS = {"shape": [4, 10], "dtype": "int64", "dist": "integers", "high": 20}
GROUPS = {"dtype": "int64", "dist": "integers", "high": 4}
ZEROS_AND_ONES = {"shape": [16, 4], "dist": "integers", "high": 2}
TWO_BY_TWO = {"values": [[0.0, 1.0], [5.0, 9.0]]}
BYTES = {"image": {"shape": [8, 4], "dtype": "uint8", "dist": "integers", "high": 256}}
SIZE = {"kwargs": {"size": [2, 3]}}

# code: the wrong call, its severity, what its text says, the right call
PAIRS = {
    "batch_mixing": (call("ranked_forward"), "fail", "its place in the batch counts", call("double")),
    "fails_at_one": (call("one_fails", {"x": {"shape": [16, 3]}}), "note", "NaN or Inf", call("double")),
    "rank_changes": (call("loses_its_batch"), "fail", "for a batch of one", call("double")),
    "reseeds": (call("seeds_anew"), "warn", "seeds torch anew", call("torch_noise")),
    "output_reused": (call("Reuses", init={}), "warn", "first call changes", call("double")),
    "shares_memory": (call("view"), "note", "memory of x", call("double")),
    "larger_is_better": (call("similarity", PAIR), "note", "x and y are equal", call("losing", PAIR)),
    "sum_over_batch": (call("summed", PAIR), "note", "twice the value", call("mean_squared", PAIR)),
    "truncates": (call("whole_times", {"t": {"shape": [8], "dist": "uniform", "high": 9.0}, "x": {"shape": [8, 2]}}),
                  "fail", "without its fractions",
                  call("whole_times", {"t": {"shape": [8], "dist": "integers", "high": 9}, "x": {"shape": [8, 2]}})),
    "flat": (call("waves", {"t": {"shape": [32], "dist": "uniform"}}), "warn", "nearly the same for every t",
             call("waves", {"t": {"shape": [32], "dist": "uniform", "high": 1000.0}})),
    "ignores_part": (call("shifted_inside", {**TOKENS, "labels": LABELS}), "note",
                     "first position along axis 1 of labels",
                     call("keeps_true", MASKED)),
    "shape_by_values": (call("found"), "note", "outputs of other shapes", call("double")),
    "rescaled": (call("rescales", BYTES), "warn", "255 times",
                 call("rescales", {"image": {**BYTES["image"], "dtype": "float32"}})),
    "layout": (call("raw_memory"), "fail", "another order of memory", call("double")),
    "cancellation": (call("cancels_at", kwargs={"at": 4e6}), "warn", "float64", call("double")),
    "few_digits": (call("cancels_at", kwargs={"at": 1e6}), "note", "float64", call("double")),
    "log_base": (call("entropy_of_bits", SIMPLEX), "note", "gives 3: in bits", call("entropy", SIMPLEX)),
    "axes_seen": (call("over_width", IMAGES), "note", "along axis 3 (8), not along 0 (4) and 1 (3) and 2 (6)",
                  call("over_channels", IMAGES, expect={"mixes": [1]})),
    "wrong_axis": (call("over_width", IMAGES, expect={"mixes": [1]}), "fail", "expected along 1 (3)",
                   call("over_width", IMAGES, expect={"mixes": [3]})),
    "training_mode": (call("Droops", init={}), "note", "BatchNorm1d", call("Droops", init={"rate": 0})),
    "zero_init": (call("Gated", MASKED, init={}), "note", "gate is exactly 0", call("Scale", init={"width": 2})),
    "mask_leaks": (call("averages_padding", MASKED), "fail", "where it is False", call("keeps_true", MASKED)),
    "ignored_argument": (call("swallows", kwargs={"facter": 3}), "fail", "facter=3 has no effect",
                         call("swallows", kwargs={"factor": 3})),
    "doc_default": (call("documented_default"), "note", "says 3.0", call("documented_well")),
    "list_or_tuple": (call("type_decides", **SIZE), "note", "size as a tuple",
                      call("type_decides", kwargs={"size": [1]})),
    "perfect": (call("overlap_loss", {"z": {"shape": [16, 4]}, "t": ZEROS_AND_ONES}), "fail", "it wants probabilities",
                call("overlap_loss", {"z": {"shape": [16, 4], "dist": "uniform"}, "t": ZEROS_AND_ONES})),
    "domain": (call("needs_sorted", {"x": {"shape": [16, 3]}, "batch": {"shape": [16], **GROUPS}}), "fail", "sorted",
               call("needs_sorted", {"x": {"shape": [4, 3]}, "batch": {"values": [0, 1, 1, 3], "dtype": "int64"}})),
    "same_sizes": (call("between", {"a": {"shape": [8, 2]}, "bounds": TWO_BY_TWO}), "note", "transpose goes through",
                   call("between", {"a": {"shape": [8, 3]}, "bounds": {"values": [[0.0, 1.0, 5.0], [5.0, 9.0, 6.0]]}})),
}  # fmt: skip
MORE = {
    # what a change of one sample reaches is told
    "runs_along": (call("runs_along"), {"batch_mixing": "fail"}, "the samples after it and none before"),
    "neighbours": (call("neighbours"), {"batch_mixing": "fail", "batch_dependent": "note"}, "sample 4 reaches 2 of 8"),
    # a graph names its nodes by their place, and an image has no batch
    "pointed": (call("pointed", {"x": {"shape": [8, 2]}, "edges": {"shape": [2, 20], **GROUPS, "high": 8}}), {}, ""),
    "pointed_less": (call("pointed", {"x": {"shape": [8, 2]}, "edges": {"shape": [2, 20], **GROUPS, "high": 4}}),
                     {"batch_mixing": "fail", "fails_at_one": "note"}, "place in the batch counts"),
    "image": (call("shrinks", {"x": {"shape": [16, 16]}}), {}, ""),
    # a regression of zeros and ones is no loss of probabilities
    "regression": (call("least_squares_loss", {"z": {"shape": [16, 4]}, "t": ZEROS_AND_ONES}), {}, ""),
    # right answers that cost a tenth are not what tells probabilities from logits
    "never_zero": (call("never_zero_loss", {"z": {"shape": [16, 4]}, "t": ZEROS_AND_ONES}), {}, ""),
    "negated": (call("nll", X), {}, ""),
    "likelihood": (call("likelihood", X), {"larger_is_better": "note"}, "log likelihood"),
    "binarised": (call("thresholded", {"p": {"shape": [16, 3], "dist": "uniform"}}), {"domain": "fail"},
                  "zeros and ones"),
    # half a unit of float32 is 0.03 at 1e6 and a hundredth of a number of size 2.6; at 5e4 it is 0.002
    "enough_digits": (call("cancels_at", kwargs={"at": 5e4}), {}, ""),
    # a list of numbers may be a series, and what one number alone warns of is not what the plan does
    "series": (call("lagged", {"x": {"shape": [16]}}), {"order_counts": "note"}, "paired or weighted by their place"),
    # 25 levels of 200 numbers are a quantiser's, whose ends are no clipping
    "levels": (call("levels", {"x": {"shape": [100, 2]}}), {}, ""),
    # up to 20 a quarter of the columns is flat, which is less than half
    "partly_flat": (call("waves", {"t": {"shape": [32], "dist": "uniform", "high": 20.0}}),
                    {"device_mix_ahead": "note"}, ""),
    # left out it is the same, and misspelt; only another value shows that it is heard
    "at_its_default": (call("swallows", kwargs={"factor": 1}), {"unchecked_keyword": "note"}, ""),
    "own_draws": (call("projected"), {"device_mix_ahead": "note"}, ""),
    "as_a_tuple": (call("wants_a_tuple", **SIZE, tuples=["size"]), {}, ""),
    "as_a_list": (call("wants_a_tuple", **SIZE), {"call_error": "fail"}, "works with tuples: tuples: [size]"),
    "no_display": (call("wants_a_display"), {"display": "fail"}, "no display name"),
    "dies": (call("dies_without_display"), {"display": "fail"}, "could not connect to display"),
    "column": (call("every_pair", {"p": {"shape": [16, 1]}, "t": {"shape": [16]}}),
               {"broadcast_warning": "fail", "batch_dependent": "note"}, "every one against every other one"),
    # its value has seven digits whatever it is given: the difference is taken with a longer step
    "wrong_in_float32": (call("wrong_in_float32", {"x": {"shape": [8, 2], "requires_grad": True}}),
                         {"grad_mismatch": "warn", "sum_over_batch": "note"}, "17% off"),
    "in_float32": (call("computes_in_float32", X), {}, ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def cases(folder, request):
    codes_asked, more = asked(request, PAIRS), asked(request, MORE)
    calls = [(f"{code}_wrong", PAIRS[code][0]) for code in codes_asked]
    calls += [(f"{code}_right", PAIRS[code][3]) for code in codes_asked]
    calls += [(name, MORE[name][0]) for name in more]
    return by_id(run(folder, [{**item, "id": name} for name, item in calls]))


@pytest.mark.torch
@pytest.mark.parametrize("code", PAIRS)
def test_what_one_call_hides_is_found_and_named(cases, code):
    _, severity, says, _ = PAIRS[code]
    case = cases[f"{code}_wrong"]
    assert codes(case).get(code) == severity, case.findings
    assert any(says in finding.what for finding in case.findings if finding.code == code), case.findings
    assert all(finding.trap for finding in case.findings if finding.code == code and code != "same_sizes")


@pytest.mark.torch
@pytest.mark.parametrize("code", PAIRS)
def test_the_right_call_is_left_in_peace(cases, code):
    case = cases[f"{code}_right"]
    assert code not in codes(case), case.findings
    assert case.outcome == "pass", case.findings


@pytest.mark.torch
@pytest.mark.parametrize("name", MORE)
def test_nothing_else_is_said(cases, name):
    _, found, says = MORE[name]
    assert codes(cases[name]) == {code: grade for code, grade in found.items() if grade}, cases[name].findings
    assert any(says in f"{f.what} {f.fix}" for f in cases[name].findings) or not says, cases[name].findings


@pytest.mark.torch
def test_what_lies_behind_a_zero_is_asked_with_other_numbers(folder):
    """The gate hides that the mask is not used; its value of 0 is no failure."""
    found = codes(by_id(run(folder, [call("Gated", MASKED, init={})]))["gated"])
    assert (found["zero_init"], found["mask_leaks"]) == ("note", "fail")
    assert "all_zero" not in found


@pytest.mark.torch
def test_whole_numbers_beyond_the_batch_point_to_no_sample(folder):
    table = {"shape": [2, 20], "dtype": "int64", "dist": "integers", "high": 20}
    case = by_id(run(folder, [call("ranked_beside", {"x": {"shape": [8, 2]}, "table": table})]))["ranked_beside"]
    assert codes(case)["batch_mixing"] == "fail"


@pytest.mark.torch
def test_training_mode_is_told_by_the_result_or_by_what_moves(folder):
    cases = by_id(run(folder, [call("torch.nn.Dropout", init={}, id="drops"), call("Counts", init={}, id="moves")]))
    (drops,) = (item for item in cases["drops"].findings if item.code == "training_mode")
    (moves,) = (item for item in cases["moves"].findings if item.code == "training_mode")
    assert "the result is another" in drops.what
    assert "moves" not in drops.what
    assert "each call moves seen" in moves.what
    assert "the result is another" not in moves.what


@pytest.mark.torch
def test_a_child_sees_no_display(folder, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    case = by_id(run(folder, [call("asks_for_display", expect={"value": 1.0})]))["asks_for_display"]
    assert "all_zero" in codes(case), case.findings


@pytest.mark.torch
def test_facts_that_are_no_fault_are_kept(cases):
    assert cases["rescaled_right"].studied.edges == {"no sample": "value is NaN or Inf, and nothing is raised"}
    assert cases["shares_memory_wrong"].studied.edges["not contiguous"].startswith("raises RuntimeError: view size")
    assert cases["axes_seen_right"].studied.mixing.startswith("positions of x see each other along axis 1 (3)")
