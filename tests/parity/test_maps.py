"""Weights are mapped by what is computed: layouts, orders, and what is told when it cannot be."""

import numpy as np
import pytest

pytest.importorskip("numpy")

from reproof.parity.child.alignment import align, likeness
from reproof.parity.child.automap import Found, Mapper, Tensors, entries, equal, unresolved
from reproof.parity.child.events import Event
from reproof.parity.child.layouts import channel_order, layouts
from reproof.parity.child.shaking import shaken

torch_only = pytest.mark.torch


def linear(first, rows, columns, node=0):
    event = Event("L", node, f"x.py:{node}", "", "mm")
    event.operands = {"W": np.arange(first, first + rows * columns).reshape(rows, columns), "b": None}
    event.widths = [columns]
    return event


def test_columns_of_three_blocks_may_be_interleaved_per_head():
    found = dict(layouts(12, [12], [4, 4, 4], [2]))
    index = found["interleaved per head of 2, blocks (4, 4, 4) in order (0, 1, 2)"]
    assert index.tolist() == [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11]


def test_rotary_halves_become_pairs_and_back():
    found = dict(layouts(8, [8], [8], [8]))
    pairs = next(index for what, index in found.items() if what.startswith("rotary halves to pairs, heads"))
    halves = next(index for what, index in found.items() if what.startswith("rotary pairs to halves, heads"))
    assert pairs.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert pairs[halves].tolist() == list(range(8))


def test_no_layout_is_tried_twice():
    seen = [tuple(index.tolist()) for _, index in layouts(8, [8], [4, 4], [2, 4])]
    assert len(seen) == len(set(seen))
    assert tuple(range(8)) not in seen


def test_channels_in_another_order_are_found_by_their_values():
    x = np.random.default_rng(0).standard_normal((2, 5, 3, 3))
    order = np.array([3, 0, 4, 1, 2])
    assert channel_order(x, x[:, order], None, 1e-9).tolist() == order.tolist()
    assert channel_order(x, x[:, order] + 1e-3, None, 1e-9) is None


def test_equal_signatures_fit_better_than_equal_sizes_and_other_sizes_not_at_all():
    assert likeness(linear(0, 2, 3), linear(0, 2, 3)) == 4.0
    assert likeness(linear(0, 2, 3), linear(0, 3, 2)) == 3.0
    assert likeness(linear(0, 2, 3), linear(0, 2, 4)) is None


def test_a_branch_computed_earlier_is_paired_all_the_same():
    left = [linear(0, 2, 3, 0), linear(6, 3, 4, 1), linear(18, 5, 6, 2)]
    right = [linear(0, 5, 6, 0), linear(30, 2, 3, 1), linear(36, 3, 4, 2)]
    pairs, rest_left, rest_right = align(left, right)
    assert not rest_left and not rest_right
    assert {(a.signature, b.signature) for a, b in pairs} == {(e.signature, e.signature) for e in left}


def test_what_fits_nothing_is_left_over_on_its_side():
    lone = linear(0, 2, 3)
    assert align([lone], []) == ([], [lone], [])
    assert align([], [lone]) == ([], [], [lone])
    assert align([lone], [linear(0, 4, 4)])[0] == []


def test_rows_in_another_order_are_the_same_input():
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert equal(x, x[::-1], 1e-9)
    assert equal(x, x + 1e-6, 1e-9) is False
    assert equal(x, None, 1e-9) is None


def test_shaken_weights_are_distinct_never_zero_and_repeatable():
    tensors = [{"name": "w", "shape": [3, 4], "kind": "parameter"}, {"name": "v", "shape": [5], "kind": "variance"}]
    values = shaken(tensors, 1)
    assert np.unique(values).size == 17
    assert (values != 0).all()
    assert ((values[12:] >= 0.5) & (values[12:] <= 1.5)).all()
    assert np.array_equal(values, shaken(tensors, 1))
    assert not np.array_equal(values, shaken(tensors, 2))


def test_elements_without_counterpart_are_named_and_not_guessed():
    left = Tensors([{"name": "a", "shape": [2, 2]}])
    right = Tensors([{"name": "b", "shape": [2, 2]}, {"name": "unused", "shape": [3]}])
    found = Found(np.array([0, 2, 1, 3, -1, -1, -1]), True, 1)
    assert unresolved(found, right) == ["unused"]
    lines = entries(found, left, right)
    assert lines[0] == {"port": "b", "reference": ["a"], "transform": "transposed", "missing": 0}
    assert lines[1]["missing"] == 3


def test_a_transposed_matrix_needs_no_search():
    weights = np.random.default_rng(0).standard_normal(6)
    x = np.random.default_rng(1).standard_normal((4, 2))

    def event(ids, node=0):
        found = Event("L", node, "x.py:1", "", "mm", {"W": ids, "b": None}, x, [3])
        return found

    def run(values):
        matrix = values.reshape(3, 2).T  # the port keeps [out, in]
        return {"events": [event(np.arange(6).reshape(3, 2).T)], "outputs": [x @ matrix], "heads": [], "joins": []}

    reference = {
        "events": [event(np.arange(6).reshape(2, 3))],
        "outputs": [x @ weights.reshape(2, 3)],
        "heads": [],
        "joins": [],
    }
    tensors = Tensors([{"name": "w", "shape": [2, 3]}])
    found = Mapper(reference, weights, tensors, Tensors([{"name": "v", "shape": [3, 2]}]), run, np.zeros(6)).find()
    assert found.complete
    assert found.elements.tolist() == [0, 3, 1, 4, 2, 5]


@torch_only
def test_elements_are_followed_through_views_copies_and_joins():
    import torch

    from reproof.parity.child.torch_mode import Look

    a, b = torch.randn(2, 3), torch.randn(4, 3)
    with Look(record=True, weights=[(a, 0), (b, 6)]) as look:
        torch.randn(5, 3) @ torch.cat([a, b[1:3]]).t().contiguous()
    ids = [each.ids for each in look.nodes[-1].ins if each.ids is not None]
    assert ids[0].T.tolist() == [[0, 1, 2], [3, 4, 5], [9, 10, 11], [12, 13, 14]]


@torch_only
def test_float32_that_the_code_asks_for_becomes_float64():
    import torch

    from reproof.parity.child.torch_mode import Look

    x = torch.full((1,), 1 + 1e-12, dtype=torch.float64)
    with Look(promote=True) as look:
        kept = x.float() - 1
        table = torch.arange(3, dtype=torch.float32) / 3
    assert kept.item() == pytest.approx(1e-12, rel=1e-3)
    assert table.dtype == torch.float64
    assert len(look.casts) == 1


@torch_only
@pytest.mark.parametrize(("mask", "expected"), [(1, 2.0), (0, 0.0)])
def test_dropout_is_forced_and_not_left_out(mask, expected):
    import torch

    from reproof.parity.child.torch_mode import Look

    with Look(force={"mask": mask, "u": 0.5}) as look:
        y = torch.nn.functional.dropout(torch.ones(4), 0.5, True)
    assert (y == expected).all()
    assert look.draws[0][:3] == ["mask", 4, 0.5]


@torch_only
def test_noise_of_one_size_is_the_same_on_both_sides_in_any_order():
    import torch

    from reproof.parity.child.torch_mode import Look

    with Look(force={"mask": 1, "u": 0.5}):
        a, b = torch.randn(3), torch.randn(5)
    with Look(force={"mask": 1, "u": 0.5}):
        c, d = torch.randn(5), torch.randn(3)
    assert torch.equal(a, d) and torch.equal(b, c)
