"""Verdicts on units: what is renamed, allowed, proven, missing; freezing; optimisations; placeholders."""

import datetime
import json

import pytest

from reproof import evidence
from reproof.errors import PackError
from reproof.fidelity.answers import compare, placeholders
from reproof.fidelity.frozen import check, freeze, optimise
from reproof.fidelity.models import CheckRequest, CompareRequest, FreezeRequest, OptimiseRequest, PlaceholdersRequest
from reproof.paths import sha256

NET = """import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        h = self.norm(x)
        return self.out(torch.relu(h))


def loss_fn(x, y):
    return (x - y).pow(2).mean()


def get_lr(step):
    return 1e-3 * min(step / 100, 1.0)
"""
LEVELS = ("forward and gradients", "training dynamics")


@pytest.fixture
def sides(tmp_path):
    (tmp_path / "ref").mkdir()
    (tmp_path / "port").mkdir()
    (tmp_path / "ref" / "net.py").write_text(NET)

    def port(text=NET, name="net.py"):
        for old in (tmp_path / "port").glob("*.py"):
            old.unlink()
        (tmp_path / "port" / name).write_text(text)
        return CompareRequest(reference=tmp_path / "ref", port=tmp_path / "port", records=tmp_path / "evidence")

    return port


def record(folder, port, units, levels=LEVELS, text=None, helper="parity check"):
    """A record as parity writes it."""
    file = port / "net.py"
    answer = {
        "claims": [{"level": level, "status": "proven"} for level in levels],
        "port": {"files": [{"path": str(file), "sha256": sha256(text or file.read_bytes())}]},
        "executed": [{"file": str(file), "unit": unit, "line": 1} for unit in units],
    }
    now = datetime.datetime.now(datetime.timezone.utc)
    made = evidence.Evidence(
        number=1,
        helper=helper,
        argv=[],
        created=now,
        seconds=0,
        ok=True,
        headline="",
        inputs={},
        versions={},
        answer=answer,
        previous=evidence.FIRST,
    )
    return evidence.append(folder, made).name


def status(answer, unit):
    return next(u.status for u in answer.units if u.unit.endswith(unit))


def test_a_copy_is_verbatim_unit_by_unit(sides):
    answer = compare(sides())
    assert answer.ok
    assert answer.counts == {"verbatim": 5}


def test_a_file_of_another_name_and_another_class_name_is_renamed(sides):
    answer = compare(sides(NET.replace("class Net", "class MyNet"), "model.py"))
    assert answer.ok
    assert status(answer, "::Net") == "renamed"


def test_attributes_that_swap_their_roles_are_no_renaming(sides):
    swapped = NET.replace("self.norm(x)", "self.out(x)").replace("self.out(torch", "self.norm(torch")
    assert status(compare(sides(swapped)), "Net.forward") == "changed"


def test_a_missing_function_is_said_with_the_line_of_the_reference(sides):
    answer = compare(sides(NET[: NET.index("def get_lr")]))
    unit = next(u for u in answer.units if u.status == "missing")
    assert (unit.unit, unit.reference) == ("net.py::get_lr", "net.py:20")
    assert next(r for r in answer.rules if r.id == "phases").state == "broken"


def test_both_places_of_a_difference_are_named(sides):
    answer = compare(sides("# one line more\n" + NET.replace("eps=1e-5", "eps=1e-6")))
    [difference] = [d for u in answer.units for d in u.differences]
    assert (difference.what, difference.was, difference.became) == ("nn.LayerNorm(eps=…)", "1e-05", "1e-06")
    assert (difference.reference, difference.port) == ("net.py:8", "net.py:9")


def test_an_import_from_elsewhere_is_not_the_same_name(sides):
    port = NET.replace("import torch.nn as nn", "import mytorch.nn as nn")
    assert not compare(sides(port)).ok


def test_statements_at_import_that_change_a_library_are_flagged(sides):
    answer = compare(sides(NET + "\n\ntorch.backends.cuda.matmul.allow_tf32 = True\n"))
    assert status(answer, "<module>") == "changed"


def test_only_differences_in_engineering_are_allowed_and_asked_for_a_reason(sides):
    answer = compare(
        sides(
            NET.replace(
                "    def forward(self, x):\n",
                "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n        x = x.cuda()\n",
            )
        )
    )
    assert answer.ok
    assert status(answer, "Net.forward") == "allowed"
    assert answer.missing_reasons == ["net.py::Net.forward"]


FUSED = NET.replace(
    "        h = self.norm(x)\n        return self.out(torch.relu(h))\n",
    "        return self.out(self.norm(x).relu())\n",
)


def test_a_rewritten_unit_is_proven_by_a_green_record_of_this_file(sides, tmp_path):
    ask = sides(FUSED)
    assert status(compare(ask), "Net.forward") == "changed"
    name = record(tmp_path / "evidence", tmp_path / "port", ["Net.forward"])
    answer = compare(ask)
    assert answer.ok
    unit = next(u for u in answer.units if u.status == "proven")
    assert (unit.unit, unit.proof) == ("net.py::Net.forward", name)


@pytest.mark.parametrize(
    ("units", "levels", "text", "why"),
    [
        (["loss_fn"], LEVELS, None, "did not run"),
        (["Net.forward"], ("training dynamics",), None, "level"),
        (["Net.forward"], LEVELS, "an older file", "not the file"),
    ],
)
def test_a_record_of_something_else_proves_nothing(sides, tmp_path, units, levels, text, why):
    ask = sides(FUSED)
    record(tmp_path / "evidence", tmp_path / "port", units, levels, text)
    answer = compare(ask)
    assert not answer.ok
    assert why in next(u.note for u in answer.units if u.status == "changed")


def test_a_record_that_was_edited_proves_nothing(sides, tmp_path):
    ask = sides(FUSED)
    name = record(tmp_path / "evidence", tmp_path / "port", ["Net.forward"], levels=())
    file = tmp_path / "evidence" / name
    data = json.loads(file.read_text())
    data["answer"]["claims"] = [{"level": level, "status": "proven"} for level in LEVELS]
    file.write_text(json.dumps(data))
    assert not compare(ask).ok


def test_a_schedule_needs_more_than_a_forward(sides, tmp_path):
    ask = sides(NET.replace("min(step / 100, 1.0)", "min(1.0, step / 100)"))
    record(tmp_path / "evidence", tmp_path / "port", ["get_lr"], ("forward and gradients",))
    assert not compare(ask).ok
    record(tmp_path / "evidence", tmp_path / "port", ["get_lr"], ("training dynamics",))
    assert compare(ask).ok


def test_a_pair_may_be_named_by_hand(sides):
    port = NET.replace(
        "def loss_fn(x, y):\n    return (x - y).pow(2).mean()",
        "def criterion(a, b):\n    d = a - b\n    return torch.mean(d * d)",
    )
    ask = sides(port).model_copy(update={"unit": ["loss_fn=criterion"]})
    assert status(compare(ask), "loss_fn") == "changed"
    with pytest.raises(PackError, match="loss_fm"):
        compare(ask.model_copy(update={"unit": ["loss_fm=criterion"]}))


def test_a_port_that_does_not_parse_is_no_yes(sides):
    answer = compare(sides(NET + "\ndef broken(:\n"))
    assert not answer.ok
    assert any("does not parse" in line for line in answer.weaker)


def test_a_reference_without_an_algorithm_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("def log(x):\n    print(x)\n")
    with pytest.raises(PackError, match="algorithm core"):
        compare(CompareRequest(reference=tmp_path / "a.py", port=tmp_path / "a.py"))


def frozen(tmp_path, text=NET):
    core = tmp_path / "core"
    core.mkdir(exist_ok=True)
    (core / "net.py").write_text(text)
    freeze(FreezeRequest(core=core, out=tmp_path / "core.lock.json"))
    return CheckRequest(manifest=tmp_path / "core.lock.json", core=core, records=tmp_path / "evidence")


def test_a_frozen_core_keeps_its_hash_through_engineering_edits(tmp_path):
    ask = frozen(tmp_path)
    (ask.core / "net.py").write_text(
        NET.replace("        h = self", "        # normalise\n        print(x.shape)\n        h = self")
    )
    (ask.core / "adapter.py").write_text("import net\n\n\ndef wrap(x):\n    return net.Net().forward(x)\n")
    answer = check(ask)
    assert answer.ok
    assert answer.sha256


def test_a_change_of_a_frozen_core_is_named(tmp_path):
    ask = frozen(tmp_path)
    (ask.core / "net.py").write_text(NET.replace("/ 100", "/ 10"))
    answer = check(ask)
    [unit] = answer.changed
    assert (unit.unit, unit.differences[0].was, unit.differences[0].became) == ("net.py::get_lr", "100", "10")


def test_a_unit_that_is_gone_is_named(tmp_path):
    ask = frozen(tmp_path)
    (ask.core / "net.py").write_text(NET[: NET.index("def get_lr")])
    assert check(ask).missing == ["net.py::get_lr"]


def test_several_cores_in_one_agent_keep_their_own_hashes(tmp_path):
    agent = tmp_path / "agent"
    for name, text in (("one", NET), ("two", NET.replace("class Net", "class Other"))):
        (agent / name).mkdir(parents=True)
        (agent / name / f"{name}.py").write_text(text)
        freeze(FreezeRequest(core=agent / name, out=tmp_path / f"{name}.lock.json"))
    (agent / "adapter.py").write_text("from .one.one import Net\n\n\ndef act(model, x):\n    return model(x)\n")
    (agent / "one" / "one.py").write_text("import logging\n" + NET)

    def checked(name, core=agent):
        return check(CheckRequest(manifest=tmp_path / f"{name}.lock.json", core=core))

    assert checked("one").ok
    assert checked("two").ok
    assert checked("one", agent / "one").sha256 == checked("one").now_sha256
    (agent / "one" / "one.py").write_text(NET.replace("1e-5", "1e-6"))
    assert not checked("one").ok
    assert checked("two").ok
    (agent / "copy").mkdir()
    (agent / "copy" / "two.py").write_text(NET)
    assert len(checked("two").missing) == 5  # two folders could be meant: none is guessed


def test_a_manifest_that_was_edited_is_refused(tmp_path):
    ask = frozen(tmp_path)
    data = json.loads(ask.manifest.read_text())
    data["units"][0]["hash"] = "0" * 64
    ask.manifest.write_text(json.dumps(data))
    with pytest.raises(PackError, match="do not have its digest"):
        check(ask)


def optimised(tmp_path):
    ask = frozen(tmp_path)
    records = tmp_path / "evidence"
    before = record(records, ask.core, ["Net.forward"])
    (ask.core / "net.py").write_text(FUSED)
    after = record(records, ask.core, ["Net.forward"])
    return ask, OptimiseRequest(
        what="norm and relu fused",
        why="1.4 times faster",
        core=ask.core,
        unit=["net.py::Net.forward"],
        records=records,
        before=before,
        after=after,
    )


def test_an_optimisation_needs_parity_before_and_after(tmp_path, helper):
    ask, request = optimised(tmp_path)
    assert not check(ask).ok
    words = ["--core", ask.core, "--unit", "net.py::Net.forward", "--what", request.what, "--why", request.why]
    words += ["--records", ask.records, "--before", request.before, "--after", request.after, "--evidence", ask.records]
    result = helper("fidelity", "optimise", *words)
    assert result.returncode == 0, result.stderr + result.stdout
    answer = check(ask)
    assert answer.ok
    assert [unit.unit for unit in answer.optimised] == ["net.py::Net.forward"]


@pytest.mark.parametrize("change", [{"before": "0009-parity-check.json"}, {"unit": ["net.py::Net.backward"]}])
def test_an_optimisation_without_its_records_is_refused(tmp_path, change):
    _, request = optimised(tmp_path)
    assert not optimise(request.model_copy(update=change)).ok


def test_an_optimisation_whose_records_are_swapped_is_refused(tmp_path):
    _, request = optimised(tmp_path)
    answer = optimise(request.model_copy(update={"before": request.after, "after": request.before}))
    assert len(answer.problems) == 2


HOLES = {
    "identity": ("class A:\n    def forward(self, x):\n        return x\n", "returns its input"),
    "noise": ("class A:\n    def sample(self, x):\n        return torch.randn_like(x)\n", "whatever its input"),
    "branch": ("def f(x):\n    if x:\n        pass\n    return x + 1\n", "does nothing"),
    "simplified": ("def f(x):\n    return x + 1  # simplified\n", "simplified"),
    "linear attention by name only": (
        "class Attention(M):\n    def forward(self, x):\n        return F.linear(x, self.w)\n",
        "no attention",
    ),
    "linear as attention": (
        "class B(M):\n    def __init__(self):\n        self.attn = nn.Linear(3, 3)\n",
        "says attention",
    ),
}
FINE = {
    "identity by name": "class Identity:\n    def forward(self, x):\n        return x\n",
    "attention": "class Attention(M):\n    def forward(self, x):\n"
    "        return self.o(F.softmax(self.q(x) @ self.k(x), -1))\n",
    "wrapped attention": "class Attention(M):\n    def forward(self, x):\n"
    "        return nn.Linear(3, 3)(self.inner_attention(x))\n",
    "dropout off": "def drop(x, p):\n    if p == 0:\n        return x\n    return x * p\n",
}


@pytest.mark.parametrize(("text", "reason"), HOLES.values(), ids=HOLES)
def test_a_placeholder_in_algorithm_code_is_found(tmp_path, text, reason):
    (tmp_path / "a.py").write_text(text)
    assert any(reason in hole.reason for hole in placeholders(PlaceholdersRequest(code=tmp_path)).found)


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_finished_algorithm_code_raises_no_alarm(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    assert placeholders(PlaceholdersRequest(code=tmp_path)).ok


def test_generated_skeletons_are_looked_through(tmp_path):
    (tmp_path / "core.py.jinja").write_text("def {{ name }}(x):\n    raise Unfinished('{{ name }}')\n")
    (tmp_path / "kernel.cu").write_text("// TODO: the backward pass\n")
    assert {(h.file, h.line) for h in placeholders(PlaceholdersRequest(code=tmp_path)).found} == {
        ("core.py.jinja", 2),
        ("kernel.cu", 1),
    }


def test_what_the_reference_has_as_well_is_no_placeholder_of_the_port(sides, tmp_path):
    stub = NET + "\n\ndef forward_hook(x):\n    # for now\n    return x + 1\n"
    (tmp_path / "ref" / "net.py").write_text(stub)
    assert compare(sides(stub)).ok


def test_the_command_says_no_with_four_and_prints_both_lines(sides, tmp_path, helper):
    sides(NET.replace("eps=1e-5", "eps=1e-6"))
    result = helper("fidelity", "compare", tmp_path / "ref", tmp_path / "port", "--evidence", tmp_path / "kept")
    assert result.returncode == 4, result.stderr
    assert "nn.LayerNorm(eps=…)" in result.stdout
    assert "reference net.py:8, port net.py:8" in result.stdout
    assert (tmp_path / "kept" / "0001-fidelity-compare.json").is_file()


def test_layers_built_in_another_order_draw_other_numbers(sides, tmp_path):
    two = NET.replace(
        "        self.out = nn.Linear(width, 1)\n",
        "        self.a = nn.Linear(8, 8)\n        self.b = nn.Linear(8, 8)\n",
    )
    two = two.replace("self.out(", "self.a(").replace("h = self.norm(x)", "h = self.b(self.norm(x))")
    (tmp_path / "ref" / "net.py").write_text(two)
    swapped = (
        two.replace("self.a = nn", "self.c = nn")
        .replace("self.b = nn", "self.a = nn")
        .replace("self.c = nn", "self.b = nn")
    )
    assert status(compare(sides(swapped)), "Net.__init__") == "changed"
