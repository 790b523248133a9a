"""Initial values of weights that are never held: a sample is initialised as the whole would be."""

from pathlib import Path

import numpy as np
import pytest

from reproof.parity.child.grids import Lifted, Piece, Side
from reproof.parity.child.sampling import inside, picked, sampled

torch_only = pytest.mark.parametrize("_", [pytest.param("", marks=[pytest.mark.torch])])
pytestmark = pytest.mark.filterwarnings("ignore")
SIDES = Path(__file__).with_name("sides")


def test_a_large_weight_is_sampled_and_a_small_one_is_taken_whole():
    assert sampled(5, 5, 0).tolist() == [0, 1, 2, 3, 4]
    found = sampled(6_000_000_000, 100, 3)
    assert found.size == np.unique(found).size == 100 and (np.diff(found) > 0).all()
    assert found.max() > 4_000_000_000, "all over the weight"


def test_the_places_in_a_view_are_those_that_its_strides_reach():
    whole = np.arange(24).reshape(2, 3, 4)
    for view in (whole[1], whole[:, 1:, ::2], whole.transpose(2, 0, 1)[1:3], whole[1, 2, 3], whole[:, :, 2]):
        stride = [each // 8 for each in view.strides]
        found = inside(np.arange(24), view.shape, stride, int(view.reshape(-1)[0]))
        assert np.flatnonzero(found).tolist() == sorted(view.reshape(-1).tolist())


def test_sampled_elements_are_carried_through_the_map():
    left = Side([{"name": "w", "shape": [2, 3]}, {"name": "u", "shape": [2]}], np.array([0, 6, 8]))
    right = Side([{"name": "b", "shape": [2]}, {"name": "a", "shape": [3, 2]}], np.array([0, 2, 8]))
    lifted = Lifted(left, right)
    two, three, one = np.arange(2), np.arange(3), np.zeros(1, np.int64)
    lifted.pieces = [Piece(0, 1, two[::-1], one, two, one, False), Piece(1, 0, three, two, two, three, True)]
    sample, mine, at, spans = picked(lifted, 100)
    assert sample.tolist() == list(range(8))
    assert spans == [("b", 0, 2), ("a", 2, 8)]
    ours = dict(zip(mine.tolist(), sample[at].tolist(), strict=True))
    assert ours == {1: 6, 0: 7, 2: 0, 4: 1, 6: 2, 3: 3, 5: 4, 7: 5}, "u is reversed in b, w is transposed in a"


MODEL = """
import torch, torch.nn as nn, copy
class M(nn.Module):
    def __init__(s):
        super().__init__()
        s.t = nn.Embedding(20, 4, padding_idx=3)
        s.a = nn.Linear(4, 30)
        s.b = copy.deepcopy(s.a)
        s.g = nn.Parameter(torch.full((5,), 2.0))
        nn.init.trunc_normal_(s.a.weight, std=0.5, a=-0.6, b=0.6)
        nn.init.constant_(s.a.bias, 0.25)
        with torch.no_grad(): s.a.weight[:10] *= 3
        s.n = nn.BatchNorm1d(5)
        EXTRA
    def forward(s, x): return x
def build(): return M()
def inputs(case): return torch.zeros(1)
"""


@pytest.fixture
def initial(tmp_path):
    """Initial values, one row per seed, held whole and streamed; and the side."""
    from reproof.parity.child.serve import opened

    def run(streamed, extra="pass", seeds=range(30)):
        path = tmp_path / "side.py"
        path.write_text(MODEL.replace("EXTRA", extra), encoding="utf-8")
        side = opened({"file": str(path), "offline": False, "streamed": streamed})
        sizes = [int(np.prod(each["shape"])) for each in side.weights_meta]
        ends = np.cumsum([0, *sizes])
        values = side.initial(list(seeds), np.arange(ends[-1]))
        names = [each["name"] for each in side.weights_meta]
        return {name: values[:, a:b] for name, a, b in zip(names, ends, ends[1:], strict=False)}

    return run


@torch_only
def test_a_sample_starts_with_the_distribution_of_the_whole_weight(_, initial):
    from reproof.parity.child.rungs_random import differs

    whole, sample = initial(False), initial(True, seeds=range(100, 130))
    assert whole.keys() == sample.keys()
    for name in whole:
        assert differs(whole[name].reshape(-1), sample[name].reshape(-1))[0] == "", name
    assert (sample["t.weight"].reshape(30, 20, 4)[:, 3] == 0).all() and (sample["t.weight"] == 0).mean() == 0.05
    assert (sample["a.bias"] == 0.25).all() and (sample["g"] == 2).all() and (sample["n.running_var"] == 1).all()
    rows = sample["a.weight"].reshape(30, 30, 4)
    assert np.abs(rows[:, :10]).max() > 1.5 and np.abs(rows[:, 10:]).max() <= 0.6
    assert not np.allclose(sample["a.weight"], sample["b.weight"]), "a deep copy is a weight of its own"


@torch_only
def test_an_initialisation_that_needs_the_whole_weight_is_told_and_not_guessed(_, initial):
    sample = initial(True, "s.a.weight.data.cumsum_(0)", seeds=[1])
    assert np.isnan(sample["a.weight"]).all()
    assert not np.isnan(sample["a.bias"]).any()


@pytest.fixture
def climb(tmp_path):
    """Both sides streamed, the port edited."""
    from reproof.parity.child.judge import check

    def run(was, became):
        text = (SIDES / "port.py").read_text(encoding="utf-8")
        assert was in text
        (tmp_path / "port.py").write_text(text.replace(was, became, 1), encoding="utf-8")
        side = {"offline": False, "together": True, "streamed": True}
        job = {"reference": {"file": str(SIDES / "mini.py"), **side},
               "port": {"file": str(tmp_path / "port.py"), **side}, "only": ["init"]}  # fmt: skip
        return next(each for each in check(job)["rungs"] if each["id"] == "init")

    return run


@torch_only
def test_initial_values_of_a_streamed_pair_are_compared_at_full_size(_, climb):
    assert climb("return Tiny()", "return Tiny()")["status"] == "pass"
    found = climb("fan = d**-0.5", "fan = 0.7 * d**-0.5")
    assert found["status"] == "fail" and "q.weight: standard deviation" in found["says"]


@torch_only
def test_a_weight_whose_start_is_not_followed_leaves_the_rung_open_by_name(_, climb):
    found = climb("self.out.weight.data.zero_()", "self.out.weight.data.zero_().cumsum_(0)")
    assert found["status"] == "not compared"
    assert "not followed without the whole weight: out.weight" in found["says"]
