"""Computation graphs: what is exported, what is equal, where the first difference is, and that none is a fault."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.fidelity import graphs
from reproof.fidelity.models import GraphsRequest
from reproof.fidelity.proofs import Proof
from reproof.paths import HELPERS, sha256

torch = pytest.importorskip("torch")

CHILD = HELPERS / "reproof" / "fidelity" / "child" / "graph.py"
TOY = """import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8, eps=1e-5)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


def build():
    return Net()


def inputs(case):
    return {"x": torch.zeros(2, 3, 8)}
"""
# by hand: the norm, a matrix product and a bias for each linear layer, the activation, the residual
OPERATORS = ["layer_norm", "mm", "add", "gelu", "mm", "add", "add"]
ATTENTION = """import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def forward(self, q, k, v):
        {body}


def build():
    return Net()


def inputs(case):
    return tuple(torch.zeros(1, 2, 4, 16) for _ in range(3))
"""
FUSED = "return F.scaled_dot_product_attention(q, k, v, is_causal=True)"
WRITTEN = """scores = q @ k.transpose(-1, -2) / math.sqrt(16)
        future = torch.ones(4, 4, dtype=torch.bool).triu({diagonal})
        return scores.masked_fill(future, {fill}).softmax(-1) @ v"""


@pytest.fixture(scope="module")
def child():
    spec = importlib.util.spec_from_file_location("_graph", CHILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def exported(child, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(text, inputs=None, how=("torch.export",), modes=("eval",)):
        file = tmp_path / f"side{len(list(tmp_path.iterdir()))}.py"
        file.write_text(text)
        ask = {"inputs": inputs, "how": list(how), "modes": list(modes), "ran": False}
        answer = child.main({"file": str(file), "case": "", **ask})
        assert answer["error"] is None
        return answer

    return run


def compared(one, other, mode=0):
    return graphs.compared(one["graphs"][mode], other["graphs"][mode])


@pytest.fixture
def toy(exported):
    return exported(TOY)


def test_the_operators_of_a_small_net_are_those_counted_by_hand_and_carry_module_and_line(toy):
    graph = toy["graphs"][0]
    assert graph["weights"] == "fake"
    computing = [op for op in graph["core"] if op["kind"] == "computes"]
    assert [op["op"] for op in computing] == OPERATORS
    assert computing[0]["constants"] == {"eps": 1e-5}
    assert computing[0]["module"] == "norm"
    assert computing[0]["line"].endswith(".py:14")
    assert computing[1]["shape"] == [6, 16]


def test_the_same_net_has_the_same_graph_and_another_epsilon_is_named_with_both_lines(toy, exported):
    assert compared(toy, exported(TOY)).verdict == "equal"
    found = compared(toy, exported(TOY.replace("eps=1e-5", "eps=1e-6")))
    assert (found.verdict, len(found.changes)) == ("different", 1)
    change = found.changes[0]
    assert (change.kind, change.reference_at) == ("constant", 0)
    assert (change.reference[0].constants, change.port[0].constants) == ("eps=1e-05", "eps=1e-06")
    assert "as many of each operator" in found.says


def test_a_gelu_that_is_written_out_is_equal_only_when_decomposed_further(toy, exported):
    written = "(lambda h: 0.5 * h * (1 + torch.erf(h * math.sqrt(0.5))))(self.up(self.norm(x)))"
    found = compared(toy, exported(TOY.replace("F.gelu(self.up(self.norm(x)))", written)))
    assert found.verdict == "equal when decomposed further"
    assert found.operators == [7, 11]
    tanh = TOY.replace("F.gelu(self.up(self.norm(x)))", 'F.gelu(self.up(self.norm(x)), approximate="tanh")')
    assert compared(toy, exported(tanh)).verdict == "different"


def test_attention_by_a_kernel_and_by_its_formula_are_equal(exported):
    fused = exported(ATTENTION.format(body=FUSED))
    plain = exported(ATTENTION.format(body=WRITTEN.format(diagonal=1, fill='float("-inf")')))
    assert compared(fused, plain).verdict == "equal"
    assert [op["op"] for op in fused["graphs"][0]["core"] if op["kind"] == "computes"] == [
        "mm", "mul", "where", "softmax", "mm",
    ]  # fmt: skip


def test_a_mask_that_hides_the_present_too_is_a_difference_though_every_computing_operator_is_equal(exported):
    right = exported(ATTENTION.format(body=WRITTEN.format(diagonal=1, fill="-1e9")))
    wrong = exported(ATTENTION.format(body=WRITTEN.format(diagonal=0, fill="-1e9")))
    found = compared(right, wrong)
    assert found.verdict == "different"
    assert "computing operators are equal, integers or masks differ" in found.says
    low = exported(ATTENTION.format(body=WRITTEN.format(diagonal=1, fill="-1e4")))
    assert compared(right, low).changes[0].port[0].constants == "fill=-10000.0"


def test_dropout_shows_in_training_mode_only(exported):
    dropped = exported(TOY.replace("return x + self.down(", "return x + F.dropout(self.down(").replace(
        "(x))))", "(x)))), 0.1, self.training)"
    ), modes=("eval", "train"))  # fmt: skip
    plain = exported(TOY, modes=("eval", "train"))
    assert compared(plain, dropped, mode=0).verdict == "equal"
    train = compared(plain, dropped, mode=1)
    assert train.changes[0].port[0].op == "dropout"
    assert train.changes[0].port[0].constants == "p=0.1, train=True"


def test_make_fx_takes_what_torch_export_does_and_finds_the_same_operators(toy, exported):
    made = exported(TOY, how=("make_fx",))
    assert made["graphs"][0]["how"] == "make_fx"
    assert compared(toy, made).verdict == "equal"


def test_a_model_that_looks_at_its_numbers_cannot_be_exported_and_its_line_is_told(exported):
    text = TOY.replace("        return x +", "        if x.sum() > 0:\n            x = 2 * x\n        return x +")
    graph = exported(text, how=("torch.export", "make_fx"))["graphs"][0]
    assert graph["core"] == []
    assert "data-dependent" in graph["error"].lower() or "DataDependent" in graph["error"]
    assert graph["error"].endswith(".py:14")
    assert set(graph["said"]) == {
        "torch.export, fake weights", "make_fx, fake weights", "torch.export, real weights", "make_fx, real weights",
    }  # fmt: skip


def test_a_model_that_is_built_from_numbers_is_exported_with_real_weights(exported):
    text = TOY.replace("nn.Linear(8, 16)", "nn.Linear(8, int(torch.linspace(0, 16, 2)[1].item()))")
    graph = exported(text)["graphs"][0]
    assert graph["weights"] == "real"
    assert [op["op"] for op in graph["core"] if op["kind"] == "computes"] == OPERATORS


def test_inputs_reach_the_port_by_shape_and_type_and_its_adapt_and_call_are_used(exported):
    reference = exported(TOY)
    assert reference["inputs"] == {"dict": {"x": {"tensor": [2, 3, 8], "dtype": "float32"}}}
    port = TOY.replace("def forward(self, x)", "def forward(self, x, scale)") + (
        "\ndef adapt(batch):\n    return batch['x'], 1\n\n\ndef call(model, inputs):\n    return model(*inputs)\n"
    )
    assert compared(reference, exported(port, inputs=reference["inputs"])).verdict == "equal"


def op(name, **constants):
    return {"op": name, "kind": "computes", "constants": constants, "shape": [], "module": "", "line": ""}


def test_a_constant_may_differ_by_rounding_and_no_more():
    one = op("mul", other=0.7978845608028654)
    assert graphs.changes([one], [op("mul", other=0.797884561)]) == []
    assert len(graphs.changes([one], [op("mul", other=0.79789)])) == 1
    assert graphs.changes([op("where", fill=float("-inf"))], [op("where", fill=float("-inf"))]) == []
    assert len(graphs.changes([op("add")], [op("add", alpha=2)])) == 1
    assert len(graphs.changes([op("sum", dim=[1])], [op("sum", dim=[1, 2])])) == 1


def test_the_layout_is_the_ports_own_and_the_size_is_not():
    one, turned, wider = ({**op("mm"), "shape": shape} for shape in ([2, 3], [3, 2], [2, 4]))
    assert graphs.changes([one], [turned]) == []
    assert [change.kind for change in graphs.changes([one], [wider])] == ["size"]


def test_each_stretch_that_differs_is_told_with_its_place_on_either_side():
    left = [op(n) for n in ("mm", "add", "relu", "mm", "add")]
    right = [op(n) for n in ("mm", "add", "gelu", "mm", "tanh", "add")]
    found = graphs.changes(left, right)
    assert [(c.reference_at, c.port_at, [o.op for o in c.reference], [o.op for o in c.port]) for c in found] == [
        (2, 2, ["relu"], ["gelu"]), (4, 4, [], ["tanh"]),
    ]  # fmt: skip


def test_very_long_graphs_are_compared_from_both_ends(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_ALIGNED", 2)
    left = [op(n) for n in ("mm", "relu", "add", "tanh", "mm")]
    right = [op(n) for n in ("mm", "gelu", "add", "sin", "mm")]
    assert [(c.reference_at, len(c.reference)) for c in graphs.changes(left, right)] == [(1, 3)]


def test_a_green_record_of_these_files_says_that_the_outputs_are_proven(tmp_path):
    file = tmp_path / "port.py"
    file.write_text(TOY)
    side = {"files": [str(file)]}
    proof = Proof(file="0002-parity-check.json", levels={"forward and gradients"}, digests={sha256(file.read_bytes())})
    assert graphs._proven(proof, side) == "0002-parity-check.json"
    file.write_text(TOY + "\n")
    assert graphs._proven(proof, side) == ""
    assert graphs._proven(Proof(), {"files": []}) == ""


def test_from_the_command_line_a_different_graph_is_an_answer_and_no_failure(tmp_path):
    (tmp_path / "ref.py").write_text(TOY)
    (tmp_path / "port.py").write_text(TOY.replace("F.gelu", "F.relu"))
    launcher = HELPERS / "fidelity.py"
    command = [sys.executable, launcher, "graphs", "ref.py", "port.py", "--json", "--evidence", "evidence"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert [mode["verdict"] for mode in answer["modes"]] == ["different", "different"]
    first = answer["modes"][0]["changes"][0]
    assert (first["reference"][0]["op"], first["port"][0]["op"]) == ("gelu", "relu")
    assert first["port"][0]["line"].endswith("port.py:14")
    called = [place.rpartition(":")[2] for place in answer["reference"]["ran"]]
    assert {"8", "13", "17"} <= set(called)  # __init__, forward, build
    assert Path(tmp_path / "evidence" / "0001-fidelity-graphs.json").is_file()


def test_a_side_that_ends_early_is_told_as_the_reason(tmp_path):
    (tmp_path / "ref.py").write_text("raise SystemExit('no model here')\n")
    (tmp_path / "port.py").write_text(TOY)
    answer = graphs.graphs(GraphsRequest(reference=tmp_path / "ref.py", port=tmp_path / "port.py"))
    assert answer.ok
    assert {mode.verdict for mode in answer.modes} == {"not exported"}
    assert "no model here" in answer.modes[0].says
