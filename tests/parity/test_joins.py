"""Weights joined or reordered while the model runs are followed element by element, held whole and streamed."""

import numpy as np
import pytest

from reproof.parity.child.grids import Grid, below, beside, seen_through
from reproof.parity.child.layouts import layouts

torch_only = pytest.mark.parametrize("_", [pytest.param("", marks=[pytest.mark.torch])])
pytestmark = pytest.mark.filterwarnings("ignore")
HEAD = """
import torch, torch.nn as nn, torch.nn.functional as F
D, H = 8, 2
def inputs(case): return torch.randn(2, 5, D)
def attend(q, k, v):
    q, k, v = (t.unflatten(-1, (H, -1)).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
class M(nn.Module):
    def __init__(s):
        super().__init__(); s.o, s.n = nn.Linear(D, D), nn.LayerNorm(D)
        INIT
    def forward(s, x):
        x = s.n(x)
        FORWARD
def build(): return M()
"""


def model(init, forward):
    return HEAD.replace("INIT", init).replace("FORWARD", forward)


THREE = "s.q, s.k, s.v = (nn.Linear(D, D) for _ in range(3))"
PARTS = "s.q, s.k, s.v"
SIDES = {
    "fused": model("s.qkv = nn.Linear(D, 3 * D)", "return s.o(attend(*s.qkv(x).chunk(3, -1)))"),
    "joined": model(
        THREE,
        "W, b = (torch.cat([getattr(m, n) for m in (s.q, s.k, s.v)]) for n in ('weight', 'bias'))\n"
        "        return s.o(attend(*F.linear(x, W, b).chunk(3, -1)))",
    ),
    "joined beside": model(
        "s.q, s.k, s.v = (nn.Parameter(torch.randn(D, D)) for _ in range(3)); s.b = nn.Parameter(torch.randn(3 * D))",
        "return s.o(attend(*(x @ torch.cat([s.q, s.k, s.v], 1) + s.b).chunk(3, -1)))",
    ),
    "stacked": model(
        THREE,
        "W, b = (torch.stack([getattr(m, n) for m in (s.q, s.k, s.v)], 1).flatten(0, 1) for n in ('weight', 'bias'))\n"
        "        return s.o(attend(*F.linear(x, W, b).unflatten(-1, (D, 3)).unbind(-1)))",
    ),
    "split": model(
        "s.w = nn.Parameter(torch.randn(3 * D, D)); s.b = nn.Parameter(torch.randn(3 * D))",
        "return s.o(attend(*(F.linear(x, w, b) for w, b in zip(s.w.chunk(3), s.b.chunk(3)))))",
    ),
    "turned": model(
        "s.w = nn.Parameter(torch.randn(D, H, D // H, 3)); s.b = nn.Parameter(torch.randn(3 * D))",
        "return s.o(attend(*F.linear(x, s.w.permute(3, 1, 2, 0).reshape(3 * D, D), s.b).chunk(3, -1)))",
    ),
    "zeros joined": model(
        "s.w = nn.Parameter(torch.randn(3 * D, D)); s.a, s.c = (nn.Parameter(torch.randn(D)) for _ in range(2))",
        "b = torch.cat((s.a, torch.zeros(D), s.c)); return s.o(attend(*F.linear(x, s.w, b).chunk(3, -1)))",
    ),
    "no key bias": model(
        "s.q, s.v = nn.Linear(D, D), nn.Linear(D, D); s.k = nn.Linear(D, D, bias=False)",
        "return s.o(attend(s.q(x), s.k(x), s.v(x)))",
    ),
    "ones joined": model(
        "s.w = nn.Parameter(torch.randn(3 * D, D)); s.a, s.c = (nn.Parameter(torch.randn(D)) for _ in range(2))",
        "b = torch.cat((s.a, torch.ones(D), s.c)); return s.o(attend(*F.linear(x, s.w, b).chunk(3, -1)))",
    ),
}


@pytest.fixture
def mapped(tmp_path):
    """The map between two of the models above, and its rung."""
    from reproof.parity.child.judge import check

    def run(reference, port, streamed):
        job = {}
        for side, name in (("reference", reference), ("port", port)):
            path = tmp_path / f"{side}.py"
            path.write_text(SIDES[name], encoding="utf-8")
            job[side] = {"file": str(path), "offline": False, "together": True, "streamed": streamed}
        found = check({**job, "only": ["map"]})
        assert "error" not in found, found
        return found["map"], next(each for each in found["rungs"] if each["id"] == "map")

    return run


PAIRS = [("fused", "joined"), ("joined", "fused"), ("joined beside", "joined"), ("fused", "stacked"),
         ("joined", "split"), ("turned", "joined"), ("zeros joined", "no key bias"),
         ("no key bias", "zeros joined")]  # fmt: skip


@torch_only
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("reference", "port"), PAIRS)
def test_weights_joined_at_run_time_are_mapped_and_verified(_, mapped, reference, port, streamed):
    found, rung = mapped(reference, port, streamed)
    assert rung["status"] == "pass", rung
    assert found["complete"] and found["fresh_error"] < 1e-12
    assert not any(each["missing"] for each in found["entries"])


@torch_only
def test_what_is_joined_with_other_constants_is_not_taken_for_a_weight_without_bias(_, mapped):
    found, _rung = mapped("ones joined", "no key bias", False)
    assert not found["complete"]


@torch_only
def test_a_vector_joined_with_zeros_has_no_number_there(_):
    import torch

    from reproof.parity.child.torch_mode import Look

    a, b = torch.randn(2), torch.randn(3)
    with Look(record=True, weights=[(a, 0), (b, 2)]) as look:
        torch.randn(4, 6) + torch.cat([a, torch.zeros(1), b])
    ids = [each.ids for each in look.nodes[-1].ins if each.ids is not None]
    assert ids[0].tolist() == [0, 1, -1, 2, 3, 4]


@torch_only
@pytest.mark.parametrize("constant", ["torch.ones(1)", "torch.zeros(1, 1)"])
def test_only_a_vector_of_zeros_stands_for_no_bias(_, constant):
    import torch

    from reproof.parity.child.torch_mode import Look

    part = {"torch.ones(1)": torch.ones(1), "torch.zeros(1, 1)": torch.zeros(1, 1)}[constant]
    a = torch.randn(2) if part.dim() == 1 else torch.randn(2, 1)
    with Look(record=True, weights=[(a, 0)]) as look:
        torch.cat([a, part])
    assert [each.op for each in look.nodes] == ["cat"], "it is an operation of its own"


def test_matrices_joined_below_and_beside_keep_a_number_per_row_and_column():
    a = Grid(np.array([0, 2]), np.array([0, 1]), (2, 2))  # [[0, 1], [2, 3]]
    b = Grid(np.array([10, 12]), np.array([0, 1]), (2, 2))
    assert below([a, b]).numbers().tolist() == [[0, 1], [2, 3], [10, 11], [12, 13]]
    assert beside([a, b]).numbers().tolist() == [[0, 1, 10, 11], [2, 3, 12, 13]]
    with pytest.raises(ValueError, match="differently"):
        below([a, Grid(np.array([0, 1]), np.array([0, 2]), (2, 2))])
    with pytest.raises(ValueError, match="differently"):
        beside([a, Grid(np.array([0, 2, 4]), np.array([0, 1]), (3, 2))])


def test_a_view_of_what_was_joined_is_seen_through():
    axes = [np.array([0, 100]), np.array([0, 10, 20]), np.array([0, 1])]  # element (i, j, k) of a [2, 3, 2] memory
    rows = Grid(np.array([0, 2, 4]), np.array([0, 1]), (3, 2))  # the first [3, 2] of it
    assert seen_through(axes, rows).numbers().tolist() == [[0, 1], [10, 11], [20, 21]]
    turned = Grid(np.array([0, 1]), np.array([0, 6]), (2, 2))
    assert seen_through(axes, turned).numbers().tolist() == [[0, 100], [1, 101]]
    mixed = seen_through(axes, Grid(np.array([0, 1]), np.array([0, 1]), (2, 2)))  # places 0, 1, 1, 2: one axis twice
    assert mixed.tolist() == [[0, 1], [1, 10]]


def test_columns_interleaved_one_by_one_are_tried_both_ways():
    found = dict(layouts(6, [6], [2, 2, 2], []))
    index = found["interleaved, blocks (2, 2, 2) in order (0, 1, 2)"]
    assert index.tolist() == [0, 2, 4, 1, 3, 5]
    back = found["gathered, blocks (2, 2, 2) in order (0, 1, 2)"]
    assert index[back].tolist() == list(range(6))
