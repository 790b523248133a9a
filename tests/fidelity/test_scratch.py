"""A port from scratch: no unit has the reference's name, and the record of what ran on both sides is what proves it."""

import datetime

import pytest

from reproof import evidence
from reproof.errors import PackError
from reproof.fidelity.answers import compare
from reproof.fidelity.models import CompareRequest
from reproof.paths import sha256

REFERENCE = """import torch
import torch.nn as nn

logger = logging.get_logger(__name__)


def scores(q, k):
    return torch.softmax(q @ k.transpose(-1, -2), -1)


class Base(nn.Module):
    def _init_weights(self, module):
        module.weight.normal_(std=0.02)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return scores(q, k) @ v

    def upcast(self, x):
        return x.float()


class Model(Base):
    def __init__(self, width):
        super().__init__()
        self.attention = Attention(width)

    def forward(self, x):
        return self.attention(x) + x


class Classifier(Base):
    def forward(self, x):
        return torch.argmax(x, -1)
"""
PORT = """from torch import einsum, nn, randn


class MixOfTokens(nn.Module):
    def __init__(self, features=64):
        nn.Module.__init__(self)
        self.matrices = nn.ParameterList([nn.Parameter(0.02 * randn(features, features)) for _ in "abc"])

    def forward(self, tokens):
        one, two, three = [einsum("btd,de->bte", tokens, matrix) for matrix in self.matrices]
        weights = einsum("bte,bse->bts", one, two).exp()
        mixed = einsum("bts,bse->bte", weights / weights.sum(2, keepdim=True), three)
        return mixed.add(tokens)
"""
RAN = ["scores", "Base._init_weights", "Attention.__init__", "Attention.forward", "Model.__init__", "Model.forward"]
LEVELS = ("forward and gradients", "training dynamics")


@pytest.fixture
def pair(tmp_path):
    (tmp_path / "ref").mkdir()
    (tmp_path / "ref" / "model.py").write_text(REFERENCE)
    (tmp_path / "port.py").write_text(PORT)

    def ask(**more):
        return compare(CompareRequest(reference=tmp_path / "ref", port=tmp_path / "port.py", **more))

    return ask


def record(tmp_path, levels=LEVELS, ran=RAN, modules=(), port=PORT, contract=""):
    """As parity writes it, with what ran on the reference's side."""
    answer = {
        "claims": [{"level": level, "status": "proven"} for level in levels],
        "port": {"files": [{"path": str(tmp_path / "port.py"), "sha256": sha256(port)}]},
        "reference": {"files": [{"path": "/x/contract.py", "sha256": contract}]},
        "executed": [{"file": str(tmp_path / "port.py"), "unit": "MixOfTokens.forward", "line": 9}],
        "reference_executed": [{"file": "/site/ref/model.py", "unit": unit, "line": 1} for unit in ran],
        "rungs": [{"id": "forward", "modules": [{"module": "m", "same": s, "line": p} for p, s in modules]}],
    }
    now = datetime.datetime.now(datetime.timezone.utc)
    made = evidence.Evidence(
        number=1, helper="parity check", argv=[], created=now, seconds=0, ok=True, headline="", inputs={}, versions={},
        answer=answer, previous=evidence.FIRST,
    )  # fmt: skip
    evidence.append(tmp_path / "evidence", made)
    return tmp_path / "evidence"


def export(tmp_path, contract, lines):
    """As `fidelity graphs` writes it: lines of the functions that the reference called, its digest."""
    answer = {
        "reference": {
            "files": [{"path": "/x/contract.py", "sha256": contract}],
            "ran": [f"/site/ref/model.py:{line}" for line in lines],
        }
    }
    now = datetime.datetime.now(datetime.timezone.utc)
    made = evidence.Evidence(
        number=1, helper="fidelity graphs", argv=[], created=now, seconds=0, ok=True, headline="", inputs={},
        versions={}, answer=answer, previous=evidence.FIRST,
    )  # fmt: skip
    evidence.append(tmp_path / "evidence", made)


def statuses(answer):
    return {unit.unit.partition("::")[2]: unit.status for unit in answer.units}


def test_without_a_record_every_unit_is_missing_and_scope_leaves_out_what_is_not_ported(pair):
    everything = pair()
    assert set(statuses(everything).values()) == {"missing"}
    assert "logger" not in statuses(everything)
    scoped = pair(scope=["Model"])
    assert sorted(set(statuses(everything)) - set(statuses(scoped))) == ["Classifier", "Classifier.forward"]
    assert scoped.outside == ["model.py::Classifier", "model.py::Classifier.forward"]
    assert not scoped.ok


def test_what_ran_on_the_references_side_of_a_green_check_is_proven_and_nothing_else(pair, tmp_path):
    answer = pair(scope=["Model"], records=record(tmp_path))
    found = statuses(answer)
    assert found.pop("Attention.upcast") == "missing"
    assert set(found.values()) == {"proven"}
    assert set(found) == {*RAN, "Base", "Attention", "Model"}
    note = next(unit.note for unit in answer.units if unit.unit.endswith("upcast"))
    assert "did not run on the reference's side" in note


def test_a_scope_without_dead_ends_is_a_yes(pair, tmp_path):
    assert pair(scope=["Base", "scores"], records=record(tmp_path)).ok


def test_initialisation_is_not_proven_by_equal_outputs(pair, tmp_path):
    answer = pair(scope=["Model"], records=record(tmp_path, levels=("forward and gradients",)))
    assert statuses(answer)["Attention.forward"] == "proven"
    assert statuses(answer)["Base._init_weights"] == statuses(answer)["Model.__init__"] == "missing"


def test_a_record_of_another_port_proves_nothing(pair, tmp_path):
    answer = pair(records=record(tmp_path, port=PORT + "\n"))
    assert set(statuses(answer).values()) == {"missing"}
    assert "no file of this port" in answer.units[0].note


def test_an_older_record_proves_by_the_lines_where_modules_end_if_all_of_them_agree(pair, tmp_path):
    line = REFERENCE.split("\n").index("        return scores(q, k) @ v") + 1
    place = f"/site/ref/model.py:{line}"
    found = statuses(pair(records=record(tmp_path, ran=(), modules=[(place, True)])))
    assert (found["Attention.forward"], found["Model.forward"]) == ("proven", "missing")
    both = record(tmp_path / "two", ran=(), modules=[(place, True), (place, False)])
    (tmp_path / "two" / "port.py").write_text(PORT)
    assert statuses(pair(records=both))["Attention.forward"] == "missing"


@pytest.mark.parametrize(("digest", "expected"), [("c1", "proven"), ("c2", "missing")])
def test_what_an_export_of_the_same_reference_called_has_run(pair, tmp_path, digest, expected):
    line = REFERENCE.split("\n").index("def scores(q, k):") + 1
    folder = record(tmp_path, ran=(), contract="c1")
    export(tmp_path, digest, [line])
    found = statuses(pair(records=folder))
    assert (found["scores"], found["Attention.forward"]) == (expected, "missing")


def test_a_scope_that_is_no_unit_is_refused_with_the_nearest(pair):
    with pytest.raises(PackError, match="did you mean"):
        pair(scope=["Modell"])


def test_reasons_come_from_a_plan_that_is_still_a_draft(tmp_path):
    (tmp_path / "a.py").write_text(REFERENCE)
    (tmp_path / "b.py").write_text(REFERENCE.replace("        q, k, v =", "        x = x.cuda()\n        q, k, v ="))
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "problem: {open: say it}\nengineering:\n- {what: Attention.forward moves x, why: it runs on a GPU}\n"
    )
    answer = compare(CompareRequest(reference=tmp_path / "a.py", port=tmp_path / "b.py", plan=plan))
    reasons = {change.unit: change.reason for change in answer.engineering}
    assert reasons["a.py::Attention.forward"] == "it runs on a GPU"
    plan.write_text("engineering:\n- {what: Attention.forward}\n")
    with pytest.raises(PackError, match="engineering"):
        compare(CompareRequest(reference=tmp_path / "a.py", port=tmp_path / "b.py", plan=plan))


def test_a_unit_that_was_renamed_and_rewritten_is_proven_under_the_name_that_ran(tmp_path):
    reference, port = tmp_path / "ref.py", tmp_path / "port.py"
    reference.write_text(REFERENCE)
    renamed = REFERENCE.replace("Attention", "Mixing").replace("scores(q, k) @ v", "torch.matmul(scores(q, k), v)")
    port.write_text(renamed)
    folder = record(tmp_path, ran=(), port=renamed)
    ask = CompareRequest(reference=reference, port=port, records=folder)
    assert statuses(compare(ask))["Attention.forward"] == "changed"
    path = folder / "0001-parity-check.json"
    again = evidence.read(path).answer
    again["executed"][0]["unit"] = "Mixing.forward"
    path.write_text(evidence.read(path).model_copy(update={"answer": again}).sealed().model_dump_json())
    assert statuses(compare(ask))["Attention.forward"] == "proven"


def test_statements_at_import_count_where_they_touch_what_is_ported(pair, tmp_path):
    more = "\nTABLE = {}\nTABLE['c'] = Classifier\ntorch.backends.cuda.matmul.allow_tf32 = True\n"
    (tmp_path / "ref" / "model.py").write_text(REFERENCE + more)

    def told(**scope):
        unit = next(u for u in pair(**scope).units if u.unit.endswith("<module>"))
        return [d.was.partition(" ")[0] for d in unit.differences]

    assert told() == ["TABLE['c']", "torch.backends.cuda.matmul.allow_tf32"]
    assert told(scope=["Classifier"]) == told()
    assert told(scope=["Model"]) == ["torch.backends.cuda.matmul.allow_tf32"]
    (tmp_path / "port.py").write_text(PORT + "\nTABLE = {}\nTABLE['d'] = 1\n")
    assert told(scope=["Model"]) == ["torch.backends.cuda.matmul.allow_tf32", "nothing"]
