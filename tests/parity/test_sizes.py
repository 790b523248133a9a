# ruff: noqa: ARG005, E501
"""Errors, tolerances and places, by hand."""

import math

import numpy as np
import pytest

from reproof.parity.catalogue import diagnosis
from reproof.parity.child.locating import close, explained, first_divergence
from reproof.parity.child.nodes import fingerprint
from reproof.parity.child.rungs_random import differs
from reproof.parity.child.sizes import error, margin, matched, one_ulp, tolerance
from reproof.parity.child.trees import Unfit, arranged


def test_the_error_is_relative_to_the_largest_value():
    assert error(np.array([1.0, -4.0]), np.array([1.0, -3.0])) == pytest.approx(0.25)


def test_equal_infinities_are_no_error_and_others_are():
    x = np.array([1.0, -np.inf])
    assert error(x, x.copy()) == 0.0
    assert error(x, np.array([1.0, np.inf])) == math.inf
    assert error(np.array([np.nan, 1.0]), np.array([0.0, 1.0])) == math.inf


def test_other_sizes_never_agree():
    assert error(np.zeros(2), np.zeros(3)) == math.inf


def test_a_promise_is_widened_only_by_measured_noise():
    assert tolerance(1e-9, 1e-13) == 1e-9
    assert tolerance(1e-9, 1e-11) == pytest.approx(1e-8)


def test_the_margin_counts_decades():
    assert margin(1e-15, 1e-9) == 6.0
    assert margin(1e-8, 1e-9) == -1.0
    assert margin(math.inf, 1e-9) is None


def test_one_ulp_moves_every_value_and_none_further():
    values = np.array([1.0, -2.0, 1e-300])
    moved = one_ulp(values)
    assert (moved != values).all()
    assert np.abs(moved - values).max() <= np.spacing(2.0)


def test_outputs_are_matched_by_size_where_the_order_differs():
    a, b = np.arange(3.0), np.arange(4.0)
    assert matched([a, b], [b, a]) == [(0, 1), (1, 0)]
    assert matched([a, b], [a]) == [(0, 0), (1, None)]


def test_a_fingerprint_is_blind_to_layout_and_not_to_values():
    x = np.random.default_rng(0).standard_normal((3, 4))
    assert close(fingerprint(x), fingerprint(x.T[::-1]), 1e-12)
    assert not close(fingerprint(x), fingerprint(x * (1 + 1e-6)), 1e-9)
    assert not close(fingerprint(x), fingerprint(x[:2]), 1e-9)


def node(i, value, preds=(), op="mul", weights=True):
    return {"i": i, "op": op, "print": fingerprint(np.asarray(value, float)), "preds": list(preds), "from_weights": weights,
            "source": f"m.py:{i + 1}", "module": "", "shape": [], "attrs": []}  # fmt: skip


VALUES = np.random.default_rng(3).standard_normal((5, 6))


def test_a_detour_that_heals_is_no_divergence():
    reference = [node(0, VALUES[0]), node(1, VALUES[1], [0])]
    port = [node(0, VALUES[0]), node(1, VALUES[4], [0]), node(2, VALUES[1], [1])]
    assert explained(port, reference, 1e-9) == [True, False, True]
    assert first_divergence(reference, port) is None


def test_the_first_operation_that_never_heals_is_named_on_both_sides():
    reference = [node(0, VALUES[0]), node(1, VALUES[1], [0], "gelu"), node(2, VALUES[2], [1])]
    port = [node(0, VALUES[0]), node(1, VALUES[3], [0], "relu"), node(2, VALUES[4], [1])]
    found = first_divergence(reference, port)
    assert (found["reference"]["op"], found["reference"]["line"]) == ("gelu", "m.py:2")
    assert (found["port"]["op"], found["port"]["line"]) == ("relu", "m.py:2")


def test_a_constant_is_the_cause_only_when_it_feeds_the_divergence():
    reference = [node(0, VALUES[0], weights=False), node(1, VALUES[1], [0])]
    port = [node(0, VALUES[2], weights=False, op="cos"), node(1, VALUES[3], [0])]
    assert first_divergence(reference, port)["port"]["op"] == "cos"


def test_distributions_differ_in_constant_spread_mean_or_shape():
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(20_000)
    assert differs(normal, rng.standard_normal(20_000))[0] == ""
    assert differs(np.zeros(10), np.zeros(10)) == ("", 0.0)
    assert "always 0" in differs(np.zeros(10), np.ones(10))[0]
    assert differs(normal, 1.1 * rng.standard_normal(20_000))[0]
    assert differs(normal, 0.1 + rng.standard_normal(20_000))[0]
    assert differs(normal, normal + 0.062)[0], "a mean that is off by 6 standard errors, too little for the shape alone"
    assert differs(normal, normal + 0.02)[0] == ""
    assert differs(normal, rng.uniform(-(3**0.5), 3**0.5, 20_000))[0]
    assert differs(np.clip(normal, -2, 2), normal)[0]


def test_inputs_are_renamed_only_when_there_is_one_way():
    assert arranged({"ids": 1}, lambda tokens: None)[1] == {"tokens": 1}
    assert arranged({"a": 1, "b": 2}, lambda a, c: None)[1] == {"a": 1, "c": 2}
    with pytest.raises(Unfit, match="call"):
        arranged({"a": 1, "b": 2}, lambda x, y, z: None)
    assert arranged({"a": 1}, lambda x=None, y=None: None)[1] == {"x": 1}
    with pytest.raises(Unfit, match="x, y"):
        arranged({"a": 1}, lambda x, y: None)


def test_the_catalogue_names_epsilon_for_a_norm_and_the_clip_for_stress():
    operation = {"op": "native_layer_norm", "attrs": [1e-6], "line": "", "module": ""}
    assert "epsilon (1e-06)" in diagnosis("forward", {"reference": None, "port": operation}, 1e-6)[0]
    assert "clipping" in diagnosis("stress", None, 1.0)[0]
