"""The cause of a difference is looked for in the source beside the line where the values part."""

import pytest

from reproof.parity.child import origins
from reproof.parity.child.hints import hints
from reproof.parity.child.locating import beside, first_divergence, frontier, left_out

MODEL = """\
import math
CONFIG = {"eps": 1e-6, "name": "x"}
TABLE = [0.1, 0.9]
class Norm:
    def __init__(self, n, eps=1e-5):
        self.n = n
        self.eps = eps
        self.scale = n**-0.5
    def forward(self, x):
        x = x / (x.var() + self.eps)
        return x * self.scale
class Net:
    def __init__(self, depth):
        small = 0.02 / math.sqrt(2 * depth)
        self.norm = Norm(4, eps=1e-3)
        init(self.norm, std=small)
    def forward(self, x):
        table = TABLE[0]
        y = x + CONFIG["eps"]
        y = y * table
        y = call(y)
        return y
def other(x):
    return x * x.value
"""


@pytest.fixture
def line(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODEL, encoding="utf-8")
    return lambda number: f"{path}:{number}"


def test_an_attribute_is_followed_to_the_default_and_to_the_call_that_gives_another(line):
    assert origins.given(line(10)) == [("Norm(eps)", line(15))]


def test_a_default_counts_where_a_call_leaves_it(tmp_path, line):  # noqa: ARG001
    path = tmp_path / "model.py"
    path.write_text(MODEL.replace("Norm(4, eps=1e-3)", "Norm(4)"), encoding="utf-8")
    origins.tree_of.cache_clear()
    assert origins.given(f"{path}:10") == [("default of eps", f"{path}:5")]


def test_an_attribute_made_of_numbers_and_a_local_name_and_a_constant_are_found(line):
    assert ("self.scale", line(8)) in origins.given(line(11))
    assert origins.given(line(16)) == [("small", line(14))]
    assert origins.given(line(19)) == [("CONFIG['eps']", line(2))]
    assert ("table", line(18)) in origins.given(line(20))
    assert origins.given(line(18)) == [("TABLE", line(3))]
    assert origins.given(line(24)) == []
    assert origins.given("absent.py:3") == []


def test_the_statement_beside_is_of_the_same_block(line):
    assert origins.beside(line(20), 1) == line(21)
    assert origins.beside(line(20), -1) == line(19)
    assert origins.beside(line(22), 1) == ""
    assert origins.beside(line(18), -1) == ""


def pair(tmp_path, reference, port):
    found = []
    for name, text in (("ref.py", reference), ("port.py", port)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        found.append(f"{tmp_path / name}:2")
    return origins.apart(*found)


def test_a_number_that_one_function_alone_has_is_named_on_both_sides(tmp_path):
    found = pair(
        tmp_path, "def f(x):\n    y = x * 50\n    return y + 7\n", "def g(x):\n    y = 7 + x\n    return y * 51\n"
    )
    assert [(what, a[-1], b[-1]) for what, a, b in found] == [
        ("51 stands in the port alone; in the reference alone: 50", "2", "3")
    ]


@pytest.mark.parametrize(("extra", "says"), [("+ 31 + 32 + 33", 3), ("+ 31 + 32 + 33 + 34", 0)])
def test_functions_that_are_written_otherwise_are_not_compared_number_by_number(tmp_path, extra, says):
    found = pair(tmp_path, "def f(x):\n    return x\n", f"def g(x):\n    return x {extra}\n")
    assert len(found) == says


def test_a_step_of_a_chain_that_is_missing_is_named_at_its_neighbour(tmp_path):
    found = pair(tmp_path, "def f(t):\n    return t.lower().strip()\n", "def g(t):\n    u = 1\n    return t.lower()\n")
    assert [(what, b[-1]) for what, _, b in found] == [(".strip() is called in the reference alone", "3")]


def test_the_line_that_chooses_which_weights_decay_is_found(tmp_path):
    path = tmp_path / "recipe.py"
    loop = "def optimizer(m):\n    a = 1\n    for p in m.parameters():\n        groups[p.ndim >= 2].append(p)\n"
    comprehension = "    return a\ndef plain(m):\n    return {p for p in m.parameters()\n            if p.ndim == 1}\n"
    path.write_text(loop + comprehension, encoding="utf-8")
    assert origins.chosen(f"{path}:5") == f"{path}:4"
    assert origins.chosen(f"{path}:7") == f"{path}:8"


def node(i, value, preds=(), op="mul", weights=True, **more):
    prints = [8.0, value, value, value**2, value, value]
    return {"i": i, "op": op, "print": prints, "preds": list(preds), "from_weights": weights, "source": f"m.py:{i + 1}",
            "module": "", "shape": [], "attrs": [], **more}  # fmt: skip


def test_a_step_that_the_port_leaves_out_is_placed_after_the_last_that_agrees():
    reference = [node(0, 1.0), node(1, 2.0, [0], "add"), node(2, 3.0, [1], "native_layer_norm")]
    port = [node(0, 1.0), node(1, 9.0, [0], "native_layer_norm")]
    assert first_divergence(reference, port)["left_out"] == ["m.py:1", "", ""]


def test_a_wrong_operation_in_the_same_place_is_not_called_left_out():
    reference, port = [node(0, 1.0), node(1, 2.0, [0], "gelu")], [node(0, 1.0), node(1, 9.0, [0], "silu")]
    assert left_out(reference[1], reference[1], [reference[1]], [port[1]], port) is None
    other = [node(0, 1.0), node(1, 2.0, [0], "native_group_norm")]
    assert first_divergence(other, port)["left_out"] is None


def test_before_an_operation_that_reads_nothing_the_step_stands_before_it():
    reference = [node(0, 2.0, [], "_foreach_norm")]
    port = [node(0, 9.0, [], "lerp")]
    assert first_divergence(reference, port)["left_out"] == ["", "", "m.py:1"]


def test_what_autograd_does_on_the_way_is_no_cause_where_the_gradients_agree():
    reference = [node(0, 1.0), node(1, 4.0, [0], "mm", backward=True), node(2, 5.0, [0], "clamp")]
    port = [node(0, 1.0), node(1, 7.0, [0], "mm", backward=True), node(2, 8.0, [0], "clamp")]
    assert [each["i"] for each in frontier(port, reference)] == [1, 2]
    assert [each["i"] for each in frontier(port, reference, gradients=True)] == [2]
    alone = port[:2]
    assert [each["i"] for each in frontier(alone, reference, gradients=True)] == [1], "nothing else is left to blame"


def test_a_second_use_of_the_operands_is_shown():
    reference = [node(0, 1.0), node(1, 2.0, [0], "mm"), node(2, 3.0, [1], "split")]
    port = [node(0, 1.0), node(1, 2.0, [0], "mm"), node(2, 8.0, [0], "add")]
    assert beside(reference[2], reference, port, 1e-9) == ["m.py:2"]


def test_a_hint_names_no_line_twice_and_none_that_is_the_place_already(line):
    op = {"line": line(10), "made": line(15), "op": "div"}
    rung = {"first_divergence": {"port": op, "reference": {**op, "line": ""}}, "findings": []}
    assert hints(rung) == [], "the call that gives the number is where the module was made"
    rung["first_divergence"]["port"]["made"] = ""
    assert [each["port_line"] for each in hints(rung)] == [line(15)]


@pytest.mark.torch
def test_the_parts_of_a_projection_heal_with_what_is_made_of_them():
    import torch

    from reproof.parity.child.torch_mode import Look

    w = torch.randn(4, 6)
    with Look(record=True, weights=[(w, 0)]) as look:
        a, b = (torch.randn(3, 4) @ w).chunk(2, -1)
        b.reshape(1, 3, 3).relu() + a
    ops = [each.op for each in look.nodes if each.from_weights]
    part = next(each for each in look.nodes if each.op == "split" and each.out_shape == (3, 3) and each.i > 2)
    relu = next(each for each in look.nodes if each.op == "relu")
    assert part.i in relu.preds, ops
