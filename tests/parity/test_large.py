"""Models too large to be held: the same answers from weights drawn one at a time, shown on a pair that is small."""

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
SIDES = Path(__file__).with_name("sides")
pytestmark = pytest.mark.filterwarnings("ignore")
needs_torch = [
    pytest.mark.torch,
]
torch_only = pytest.mark.parametrize("_", [pytest.param("", marks=needs_torch)])
SMALL = 'config = {"vocab": 17, "width": 8, "heads": 2, "p": 0.25}\nsmall = {"width": 4}\n'


@pytest.fixture
def streamed(tmp_path):
    """Climbs with both sides streamed, in this process; `small` adds a smaller configuration to both contracts."""
    from reproof.parity.child.judge import check

    def run(was="", became="", small=False, **job):
        text = (SIDES / "port.py").read_text(encoding="utf-8")
        assert was in text, "the edit must change the port"
        text = text.replace(was, became, 1) if was else text
        theirs = (SIDES / "mini.py").read_text(encoding="utf-8")
        if small:
            first = theirs.split("config = ")[1].split("\n")[0]
            theirs = theirs.replace(f"config = {first}\n", SMALL)
            text = text.replace(
                "def build():\n    return Tiny()", f"{SMALL}\ndef build(c):\n    return Tiny(d=c['width'])"
            )
        (tmp_path / "ref.py").write_text(theirs, encoding="utf-8")
        (tmp_path / "port.py").write_text(text, encoding="utf-8")
        side = {"offline": False, "together": True, "streamed": True}
        job = {
            "reference": {"file": str(tmp_path / "ref.py"), **side},
            "port": {"file": str(tmp_path / "port.py"), **side},
            **job,
        }
        return check(job)

    return run


def status(found):
    return {each["id"]: each["status"] for each in found["rungs"]}


@torch_only
def test_a_faithful_port_is_proven_without_its_weights_being_held(_, streamed):
    found = streamed()
    assert {each["level"]: each["status"] for each in found["claims"]} == {
        "static": "proven",
        "forward and gradients": "proven",
        "training dynamics": "not compared",
        "data": "proven",
        "metric": "proven",
    }
    assert status(found)["update"] == status(found)["forced"] == "not compared"
    assert status(found)["init"] == "pass"
    entries = {each["port"]: each for each in found["map"]["entries"]}
    assert entries["q.weight"] == {"port": "q.weight", "reference": ["qkv.weight"], "transform": "a part", "missing": 0}
    assert entries["table.weight"]["transform"] == "copied"
    assert found["map"]["fresh_error"] < 1e-12
    assert any("streamed" in each for each in found["weaker"])


FAULTS = [
    ("forward", "self.ln = nn.LayerNorm(d)", "self.ln = nn.LayerNorm(d, eps=1e-6)", "native_layer_norm"),
    ("loss", "[..., None]).mean()", "[..., None]).sum() / 11", ""),
    ("gradients", "y = self.ln(x)", "y = self.ln(x.detach())", ""),
    (
        "gradients",
        "for f in (self.q, self.k, self.v))",
        "for f in (self.q, self.k, lambda a: F.linear(a, self.v.weight.detach(), self.v.bias)))",
        "",
    ),
    ("optimizer", "weight_decay=0.1", "weight_decay=0.01", ""),
]


@torch_only
@pytest.mark.parametrize(("rung", "was", "became", "op"), FAULTS, ids=lambda v: str(v)[:24])
def test_a_fault_stops_at_the_same_rung(_, streamed, rung, was, became, op):
    found = streamed(was, became, only=[rung])
    failed = [each for each in found["rungs"] if each["status"] == "fail"]
    assert [each["id"] for each in failed] == [rung]
    if op:
        assert failed[0]["first_divergence"]["port"]["op"] == op


@torch_only
def test_what_needs_whole_models_is_shown_on_the_small_configuration_and_said(_, streamed):
    found = streamed(small=True)
    rungs = {each["id"]: each for each in found["rungs"]}
    assert rungs["update"]["at"] == rungs["forced"]["at"] == "small configuration"
    assert rungs["gradients"]["at"] == rungs["init"]["at"] == "full size, streamed"
    assert rungs["structure"]["says"].startswith("593 parameters"), "width 8, not 4"
    training = next(each for each in found["claims"] if each["level"] == "training dynamics")
    assert training["status"] == "proven"
    assert training["at"] == "small configuration"
    from reproof.parity.verdicts import headline

    assert "training dynamics (on the small configuration only)" in headline(
        [], ["training dynamics"], [], ["training dynamics"]
    )


@torch_only
def test_a_fault_on_the_small_configuration_ends_the_climb_there(_, streamed):
    found = streamed('0.9 * state["ema"][k] + 0.1', '0.8 * state["ema"][k] + 0.2', small=True)
    failed = [each for each in found["rungs"] if each["status"] == "fail"]
    assert [(each["id"], each["at"]) for each in failed] == [("ema", "small configuration")]
    assert found["rungs"][0]["says"].startswith("241 parameters"), "width 4, not 8"
    assert any("full size was not looked at" in each for each in found["weaker"])


@torch_only
@pytest.mark.parametrize("over", [0, 1])
def test_one_weight_more_than_are_held_is_streamed(_, monkeypatch, over):
    from reproof.parity.child import serve, torch_model

    monkeypatch.setattr(torch_model, "MOST_WEIGHTS", 593 - over)
    side = serve.opened({"file": str(SIDES / "port.py"), "offline": False})
    assert side.hello()["streamed"] is bool(over)


@torch_only
def test_the_pieces_carry_the_same_values_as_the_map_of_every_element(_, tmp_path):
    from reproof.parity.child.judge import paired
    from reproof.parity.child.streaming import Carried, Reference

    side = {"offline": False, "together": True}
    job = {"reference": {"file": str(SIDES / "mini.py"), **side}, "port": {"file": str(SIDES / "port.py"), **side}}
    whole = paired(job, tmp_path, [])
    whole.make_map()
    values = whole.weights(5)[1]
    pieces = paired({k: {**v, "streamed": True} for k, v in job.items()}, tmp_path, [])
    pieces.make_map()
    assert not whole.streamed and pieces.streamed
    lifted = pieces.map.elements
    carried = Carried(Reference(pieces.theirs.tensors, 5), Reference(pieces.ours.tensors, 1005), lifted)
    for number, tensor in enumerate(pieces.ours.tensors):
        out = np.empty(int(np.prod(tensor["shape"])))
        carried.fill(number, out)
        assert np.array_equal(out, values[whole.ours.span(number)]), tensor["name"]


@torch_only
def test_views_of_a_lazy_weight_know_their_elements(_):
    import torch

    from reproof.parity.child.torch_lazy import Lazy, Memory, lazy

    weight = lazy(torch.empty(6, 4), Memory(), None)
    weight.base.first = 100
    ids = torch.arange(100, 124).reshape(6, 4)
    for view in (
        lambda w: w.t(),
        lambda w: w[2:5].t(),
        lambda w: w.view(3, 2, 4),
        lambda w: w.chunk(3)[1],
        lambda w: w[3],
    ):
        found = view(weight)
        assert isinstance(found, Lazy)
        numbers = found.numbers()
        assert np.array_equal(numbers if isinstance(numbers, np.ndarray) else numbers.numbers(), view(ids).numpy())


class Values:
    """Weight k is made of the number k + 1."""

    @staticmethod
    def fill(number, out):
        out[:] = number + 1


@pytest.fixture
def two(monkeypatch):
    """Two weights of twelve elements, which are large here."""
    import torch

    from reproof.parity.child import torch_lazy

    monkeypatch.setattr(torch_lazy, "LARGE", 12)
    memory = torch_lazy.Memory()
    weights = [torch_lazy.lazy(torch.empty(3, 4), memory, torch.float64) for _ in range(2)]
    for number, each in enumerate(weights):
        each.base.number = number
    memory.set(Values())
    return memory, weights


@torch_only
def test_two_large_weights_in_one_operation_do_not_overwrite_each_other(_, two):
    memory, (a, b) = two
    assert (a + b).tolist() == [[3.0] * 4] * 3
    assert (b.t() * 2)[0, 0] == 4
    assert memory.place.numel() == 12
    memory.set(None)
    assert memory.place is None


@torch_only
def test_what_lies_in_the_memory_of_a_weight_survives_the_next_weight(_, two):
    import torch

    _memory, (a, b) = two
    parts = torch.unsafe_split(a, 2)
    assert (b * 1).sum() == 24
    assert parts[0].tolist() == [[1.0] * 4] * 2


@torch_only
def test_a_weight_that_two_modules_share_stays_one(_):
    import torch

    from reproof.parity.child.torch_lazy import Memory, empty_weights

    with empty_weights(Memory(), torch.float64):
        model = torch.nn.ModuleList([torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5, bias=False)])
        model[1].weight = model[0].weight
        other, raw = torch.nn.Module(), torch.nn.Parameter(torch.ones(4))
        other.a, other.b = raw, raw
    assert len(list(model.parameters())) == 1
    assert len(list(other.parameters())) == 1
    assert other.a is other.b
    assert other.a.dtype == torch.float64


def test_no_finite_value_on_both_sides_is_no_evidence():
    from reproof.parity.child import rungs_model

    class Both:
        streamed = False

        def weights(self):
            return None, None

        def variations(self):
            return [("default", None)]

        def reference_takes(self, *_):
            return {"outputs": [np.full(3, np.nan)]}

    found = rungs_model.forward(Both())
    assert found["status"] == "not compared"
    assert "finite" in found["says"]


@torch_only
def test_a_model_that_computes_with_its_weights_when_it_is_built_is_refused_by_name(_, streamed):
    found = streamed("self.out.weight.data.zero_()", "self.register_buffer('norm', self.out.weight.norm())")
    assert found["error"]["slug"] == "needs-weights"
    assert found["error"]["line"].endswith(".py:21")


@torch_only
def test_a_map_in_pieces_converts_like_one_of_elements(_, streamed, helper, tmp_path):
    rng = np.random.default_rng(0)
    found = streamed(only=["structure"], save_map=str(tmp_path / "pieces.npz"))
    shapes = {each["name"]: each["shape"] for each in about(tmp_path / "pieces.npz")["reference"]}
    np.savez(tmp_path / "w.npz", **{name: rng.standard_normal(shape) for name, shape in shapes.items()})
    convert = ["parity", "convert", "--map", tmp_path / "pieces.npz", "--weights", tmp_path / "w.npz"]
    result = helper(*convert, "--out", tmp_path / "out.npz")
    assert result.returncode == 0, result.stderr
    with np.load(tmp_path / "w.npz") as left, np.load(tmp_path / "out.npz") as right:
        assert np.array_equal(right["k.weight"], left["qkv.weight"][8:16])
        assert np.array_equal(right["v.bias"], left["qkv.bias"][16:])
        assert np.array_equal(right["table.weight"], left["emb.weight"])
        assert len(right.files) == len(found["map"]["entries"])


def about(path):
    import json

    with np.load(path) as held:
        assert "elements" not in held.files
        return json.loads(held["about"].tobytes().decode())


def test_a_repeated_tensor_goes_on_where_its_period_ends():
    from reproof.parity.child.streaming import repeated

    out = np.zeros(8)
    repeated(np.array([0.0, 1.0, 2.0]), 5, out)
    assert out.tolist() == [2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0]


def test_a_large_tensor_begins_as_the_small_one_and_repeats():
    from reproof.parity.child.shaking import shaken
    from reproof.parity.child.streaming import PERIOD, Reference

    small = {"name": "w", "shape": [5, 7], "kind": "parameter"}
    out = np.empty(35)
    Reference([small], 3).fill(0, out)
    assert np.array_equal(out, shaken([small], 3))
    large = {"name": "w", "shape": [2, PERIOD], "kind": "parameter"}
    out = np.empty(2 * PERIOD)
    Reference([large], 3).fill(0, out)
    assert np.array_equal(out[:PERIOD], out[PERIOD:])
    assert np.unique(out).size == PERIOD
    moved = np.empty(2 * PERIOD)
    Reference([large], 3, moved=True).fill(0, moved)
    assert 0 < np.abs(out - moved).max() < 1e-15


def quartered():
    """A map of one 6 x 8 weight into two of the port: left columns transposed, right ones permuted in two blocks."""
    from reproof.parity.child.grids import Lifted, Piece, Side

    left = Side([{"name": "whole", "shape": [6, 8]}], np.array([0, 48]))
    right = Side([{"name": "turned", "shape": [3, 6]}, {"name": "rest", "shape": [6, 5]}], np.array([0, 18, 48]))
    order = np.array([5, 3, 4, 7, 6])
    pieces = [Piece(0, 0, np.arange(3), np.arange(6), np.arange(6), np.arange(3), swapped=True)]
    for rows in (np.arange(4), np.arange(4, 6)):
        pieces.append(Piece(1, 0, rows, np.arange(5), rows, order, swapped=False))
    return Lifted(left, right, pieces), order


def test_a_sketch_is_the_same_for_a_split_transposed_and_permuted_gradient_and_not_for_one_wrong_element():
    from reproof.parity.child.streaming import Sketch

    lifted, order = quartered()
    gradient = np.random.default_rng(0).standard_normal((6, 8))
    whole, parts, wrong = (Sketch(lifted.left.tensors) for _ in range(3))
    u, v = whole.vectors(0)
    whole.add(0, gradient)
    assert np.allclose(whole.rows[0], gradient @ v, atol=1e-14)
    assert np.allclose(whole.cols[0], u @ gradient, atol=1e-14)
    parts.add_port(0, gradient[:, :3].T, lifted)
    parts.add_port(1, gradient[:, order], lifted)
    assert np.allclose(whole.rows[0], parts.rows[0], atol=1e-14)
    assert np.allclose(whole.cols[0], parts.cols[0], atol=1e-14)
    assert whole.largest == parts.largest
    gradient[4, 5] += 1e-6
    wrong.add(0, gradient)
    assert np.flatnonzero(np.abs(whole.rows[0] - wrong.rows[0]) > 1e-9).tolist() == [4]
    assert np.flatnonzero(np.abs(whole.cols[0] - wrong.cols[0]) > 1e-9).tolist() == [5]


def test_gradients_are_compared_and_the_weight_used_last_is_blamed():
    from reproof.parity.child.automap import Found, Tensors
    from reproof.parity.child.streamed import StreamPair

    lifted, _order = quartered()
    pair = object.__new__(StreamPair)
    pair.map = Found(lifted, True, 1)
    pair.theirs = Tensors(lifted.left.tensors)
    pair.ours, pair.lines = Tensors(lifted.right.tensors), {"turned": ("", ""), "rest": ("", "")}
    theirs = {"0": {"rows": np.array([1.0, -2.0]), "cols": np.array([4.0])}}
    ours = {"0": {"rows": np.array([1.0, -2.0]), "cols": np.array([4.0 + 4e-9])}}
    assert pair.per_tensor(theirs, ours, 1e-8) == (pytest.approx(1e-9), "")
    assert pair.per_tensor(theirs, ours, 1e-10) == (pytest.approx(1e-9), "rest")
    assert pair.per_tensor(theirs, {}, 1e-8) == (np.inf, "rest")
    assert pair.without([0], [0, 1]) == ""
    assert pair.without([0], [1]).startswith("turned has no gradient in the port")
    assert pair.name_in_reference("rest") == "whole"


def test_a_grid_is_joined_cut_and_turned_like_the_numbers_it_stands_for():
    from reproof.parity.child.grids import Grid, as_grid

    a = np.arange(12).reshape(4, 3)
    b = a + 100
    other = Grid(as_grid(b).rows + 60, as_grid(b).cols - 60, (4, 3))
    grid = np.concatenate([as_grid(a), other], axis=1)
    assert isinstance(grid, Grid)
    numbers = np.concatenate([a, b], axis=1)
    for cut in (lambda x: x, lambda x: x.T, lambda x: x[:, [5, 0, 2]], lambda x: x[[2, 0]], lambda x: x[1:3]):
        assert np.array_equal(cut(grid).numbers(), cut(numbers))
        assert cut(grid).size == cut(numbers).size
    with pytest.raises(ValueError, match="no order"):
        as_grid(np.array([[0, 1], [2, 9]]))


def test_an_element_without_counterpart_is_counted():
    from reproof.parity.child.grids import Lifted, Side, as_grid

    side = Side([{"name": "w", "shape": [4, 3]}], np.array([0, 12]))
    found = Lifted(side, side)
    ids = np.arange(12).reshape(4, 3)
    found.add(as_grid(ids[:3]), as_grid(ids[:3]))
    assert found.missing(0) == 3
    assert found.used_frac() == 0.75
    assert found.words(0) == "incomplete"
    found.extend()
    assert found.missing(0) == 0
    assert found.words(0) == "copied"
    found = Lifted(side, side)
    for _ in range(2):
        found.add(as_grid(ids), as_grid(ids))
    assert found.missing(0) == 0
    assert found.words(0) == "copied"
