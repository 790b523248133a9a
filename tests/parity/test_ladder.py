# ruff: noqa: E501
"""The ladder on a small pair: a port that is right climbs it, and one fault at a time stops it at its own rung."""

import json
from pathlib import Path

import pytest

SIDES = Path(__file__).with_name("sides")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture
def climb(recorded, tmp_path):
    """Climbs with an edited port; the reference answers from a recording that grows."""
    from reproof.parity.child.judge import check

    def run(was="", became="", **job):
        text = (SIDES / "port.py").read_text(encoding="utf-8")
        assert was in text, "the edit must change the port"
        port = tmp_path / "port.py"
        port.write_text(text.replace(was, became, 1) if was else text, encoding="utf-8")
        reference = {"file": str(SIDES / "mini.py"), "recording": str(recorded)}
        return check({"reference": reference, "port": {"file": str(port), "offline": False}, **job})

    return run


def failed(found):
    return next((each for each in found["rungs"] if each["status"] == "fail"), None)


def test_a_faithful_port_climbs_every_rung(climb):
    found = climb()
    assert failed(found) is None, failed(found)
    assert {each["level"]: each["status"] for each in found["claims"]} == {
        "static": "proven",
        "forward and gradients": "proven",
        "training dynamics": "proven",
        "data": "proven",
        "metric": "proven",
    }
    assert found["map"]["complete"]
    assert found["map"]["fresh_error"] < 1e-12
    ran = {name: {each["unit"] for each in found[name]} for name in ("executed", "reference_executed")}
    assert ran["reference_executed"] >= {"Mini.forward", "train_step", "preprocess", "tokenize", "metric"}
    assert ran["executed"] >= {"Tiny.forward", "tokenize"} and "Mini.forward" not in ran["executed"]
    entries = {each["port"]: each for each in found["map"]["entries"]}
    assert entries["q.weight"]["reference"] == ["qkv.weight"]
    assert entries["table.weight"]["transform"] == "copied"


FAULTS = [
    ("forward", "self.ln = nn.LayerNorm(d)", "self.ln = nn.LayerNorm(d, eps=1e-6)", "native_layer_norm"),
    ("forward", "is_causal=True", "is_causal=False", ""),
    ("forward", "x = x + F.dropout(z, self.rate, self.training)", "x = F.dropout(z, self.rate, self.training)", ""),
    ("structure", "self.out = nn.Linear(d, n)", "self.out = nn.Linear(d, n, bias=False)", ""),
    ("init", "self.out.weight.data.zero_()", "pass", ""),
    ("init", "fan = d**-0.5", "fan = 0.5 * d**-0.5", ""),
    ("loss", "[..., None]).mean()", "[..., None]).sum() / 11", ""),
    ("gradients", "y = self.ln(x)", "y = self.ln(x.detach())", ""),
    ("forced", "self.rate = h, rate", "self.rate = h, rate / 2", ""),
    ("forced", "F.dropout(z, self.rate, self.training)", "z", ""),
    ("optimizer", "weight_decay=0.1", "weight_decay=0.01", ""),
    ("lr", "0.5 + 0.5 * min(t, 3) / 3", "0.5 + 0.5 * min(t, 2) / 2", ""),
    ("stress", "model.parameters(), 0.5)", "model.parameters(), 50.0)", ""),
    ("ema", "0.9 * state[\"ema\"][k] + 0.1", "0.8 * state[\"ema\"][k] + 0.2", ""),
    ("data", "x = raw * (1 / 31)", "x = raw * (1 / 32)", ""),
    ("data", "torch.rand((), generator=g) >= 0.5", "torch.rand((), generator=g) >= 0.9", ""),
    ("tokenizer", "ord(c) % 17", "ord(c) % 16", ""),
    ("metric", "1 - (scores.round() - labels).abs().mean()", "1 - (scores - labels).abs().mean()", ""),
]  # fmt: skip


@pytest.mark.parametrize(("rung", "was", "became", "op"), FAULTS, ids=lambda v: str(v)[:24])
def test_a_fault_stops_at_its_rung(climb, rung, was, became, op):
    needs = {"forced": ["forced"], "ema": ["ema"], "stress": ["stress"], "lr": ["lr"], "optimizer": ["optimizer"]}
    only = needs.get(rung, [rung])
    found = climb(was, became, only=[*only, "structure"] if rung == "structure" else only)
    stopped = failed(found)
    assert stopped is not None, "the fault was not noticed"
    assert stopped["id"] == rung
    if op:
        assert stopped["first_divergence"]["port"]["op"] == op


def test_the_ladder_stops_at_the_first_failure_and_says_what_was_not_reached(climb):
    found = climb("is_causal=True", "is_causal=False")
    status = {each["id"]: each["status"] for each in found["rungs"]}
    assert status["forward"] == "fail"
    assert status["loss"] == status["update"] == "not reached"
    assert {each["level"]: each["status"] for each in found["claims"]}["training dynamics"] == "not compared"


def test_a_hook_that_is_missing_leaves_its_rung_uncompared(climb):
    found = climb("def optimizer(model):", "def no_optimizer(model):")
    status = {each["id"]: each["status"] for each in found["rungs"]}
    assert failed(found) is None
    assert status["update"] == status["lr"] == "not compared"
    assert {each["level"]: each["status"] for each in found["claims"]}["training dynamics"] == "not compared"


def test_the_divergent_line_is_the_line_of_the_users_file(climb):
    found = climb("z = F.scaled_dot_product_attention(q, k, v, is_causal=True)",
                  "z = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.4)", only=["forward"])  # fmt: skip
    divergence = failed(found)["first_divergence"]
    text = (SIDES / "port.py").read_text(encoding="utf-8").split("\n")
    line = int(divergence["port"]["line"].rpartition(":")[2])
    assert "scaled_dot_product_attention" in text[line - 1]
    assert divergence["reference"]["line"].startswith(str(SIDES / "mini.py"))


def test_the_command_line_reports_and_exits_four_on_a_fault(helper, tmp_path):
    port = tmp_path / "port.py"
    text = (SIDES / "port.py").read_text(encoding="utf-8")
    port.write_text(text.replace("nn.LayerNorm(d)", "nn.LayerNorm(d, eps=1e-3)"), encoding="utf-8")
    result = helper("parity", "check", "--reference", SIDES / "mini.py", "--port", port, "--only", "forward", "--json",
                    "--evidence", tmp_path / "evidence", "--save-map", tmp_path / "map.npz")  # fmt: skip
    assert result.returncode == 4, result.stderr
    answer = json.loads(result.stdout)
    assert "not faithful" in answer["headline"]
    rung = next(each for each in answer["rungs"] if each["id"] == "forward")
    assert rung["first_divergence"]["port"]["op"] == "native_layer_norm"
    assert any("epsilon" in each for each in rung["diagnosis"])
    assert rung["margin_decades"] < 0
    assert (tmp_path / "map.npz").exists()
    assert list((tmp_path / "evidence").iterdir())
