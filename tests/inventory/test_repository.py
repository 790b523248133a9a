"""A whole repository, friendly or not: roles, tags, origin, the plan's part."""

import json
import os

import pytest
import yaml

from reproof.document import Plan
from reproof.errors import PackError
from reproof.inventory.answers import decide, read
from reproof.inventory.compared import compare
from reproof.inventory.dependencies import dependencies
from reproof.inventory.models import CompareRequest, ReadRequest, TagRequest
from reproof.roles import file_role

NET = """import torch
import torch.nn as nn
from .utils import log_it, scale

EPS = 1e-5


class Net(nn.Module):
    def __init__(self, width=8, dropout=0.1):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        return scale(self.drop(self.norm(x)))

    def extra_repr(self):
        return "net"
"""
UTILS = "def log_it(x):\n    print(x)\n\n\ndef scale(x):\n    return twice(x)\n\n\ndef twice(x):\n    return x * 2.0\n"
TRAIN = """import argparse
import torch


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--batch-size", type=int, default=16)
    p.add_argument("--max-steps", type=int, default=100)
    p.add_argument("--optimizer", default="adamw")
    return p.parse_args()


def train(model, args):
    torch.manual_seed(0)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr)
    loss = model(torch.randn(2, 8)).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
"""
MIT = "MIT License\n\nPermission is hereby granted, free of charge, ...\nWITHOUT WARRANTY OF ANY KIND\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "repo"
    files = {
        "net/model.py": NET,
        "net/utils.py": UTILS,
        "train.py": TRAIN,
        "LICENSE": MIT,
        "requirements.txt": "torch==2.1.0\nnumpy>=1\n",
        "run.sh": "python train.py --lr 3e-4\n",
        "tests/test_net.py": "def test_it():\n    assert 0.123 < 1\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/packed-refs": f"# pack\n{COMMIT} refs/heads/main\n",
        ".git/config": '[remote "origin"]\n\turl = https://user:secret@example.org/a/net.git\n',
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def tags_of(answer):
    return {unit.id: unit.tag for unit in answer.units}


def test_the_algorithm_is_told_from_engineering_with_a_reason(repo):
    answer = read(ReadRequest(source=repo))
    tags = tags_of(answer)
    core = [
        "net/model.py::Net",
        "net/model.py::Net.forward",
        "net/model.py::EPS",
        "net/utils.py::scale",
        "net/utils.py::twice",
        "train.py::train",
    ]
    assert {name: tags[name] for name in core} == dict.fromkeys(core, "core")
    engineering = [
        "net/model.py::Net.extra_repr",
        "net/utils.py::log_it",
        "train.py::parse_args",
        "tests/test_net.py::test_it",
    ]
    assert {name: tags[name] for name in engineering} == dict.fromkeys(engineering, "engineering")
    assert all(unit.reason for unit in answer.units)


def test_the_origin_is_read_from_files(repo):
    source = read(ReadRequest(source=repo)).source
    assert (source.commit, source.revision, source.licence) == (COMMIT, COMMIT, "MIT")
    assert source.repository == "https://example.org/a/net.git"


def test_a_default_that_a_command_line_overrides_is_a_conflict(repo):
    [conflict] = read(ReadRequest(source=repo)).conflicts
    assert conflict.name == "lr"
    assert {(p.value, p.file, p.line) for p in conflict.places} == {(1e-3, "train.py", 7), (3e-4, "run.sh", 1)}


def test_a_default_of_none_contradicts_nothing(repo):
    (repo / "config.yaml").write_text("wd: 0.1\n")
    (repo / "more.py").write_text("def optimizer(wd=None):\n    return wd\n")
    assert [conflict.name for conflict in read(ReadRequest(source=repo)).conflicts] == ["lr"]


def test_details_and_calls_have_places(repo):
    answer = read(ReadRequest(source=repo))
    details = {(d.topic, d.file, d.line) for d in answer.details}
    wanted = {
        ("normalisation", "net/model.py", 11),
        ("regularisation", "net/model.py", 12),
        ("seed", "train.py", 15),
        ("clipping", "train.py", 19),
    }
    assert wanted <= details
    assert {call.name for call in answer.calls} >= {"torch.optim.AdamW", "torch.nn.LayerNorm"}
    assert [(d.name, d.pinned) for d in answer.dependencies] == [("torch", True), ("numpy", False)]


def test_the_plan_part_is_a_draft_that_becomes_a_plan(repo, tmp_path, helper):
    out = tmp_path / "plan.yaml"
    read(ReadRequest(source=repo, plan=out))
    data = yaml.safe_load(out.read_text(encoding="utf-8"))
    phase = data["experiments"]["reference"]["phases"]["train"]
    assert phase["batch_size"] == {"value": 16, "source": f"train.py:8@{COMMIT}"}
    assert phase["lr"]["open"] == "lr has several values"
    result = helper("plan", "check", out)
    assert result.returncode == 4, result.stderr
    assert "fields are open" in result.stdout
    phase["lr"] = {"value": 1e-3, "source": f"train.py:7@{COMMIT}"}
    data["problem"], data["contribution"] = "what it is for", "another framework"
    data["experiments"]["reference"].update(data={}, model={})
    plan = Plan.model_validate(data)
    assert plan.inventory is not None
    assert plan.inventory.hyperparameters["net.model:Net.__init__(width)"].source == f"net/model.py:9@{COMMIT}"


def test_a_plan_that_is_there_is_not_written_over(repo, tmp_path):
    (tmp_path / "plan.yaml").write_text("mine")
    with pytest.raises(PackError, match="is there already"):
        read(ReadRequest(source=repo, plan=tmp_path / "plan.yaml"))


def test_an_override_counts_and_keeps_what_the_rule_said(repo, tmp_path):
    tags = tmp_path / "tags.yaml"
    ask = TagRequest(
        unit="net/utils.py::log_it", tag="core", source=repo, reason="its print feeds a parser", by="Ada", tags=tags
    )
    assert decide(ask).was == "engineering"
    unit = next(u for u in read(ReadRequest(source=repo, tags=tags)).units if u.id == "net/utils.py::log_it")
    assert (unit.tag, unit.rule_tag, unit.by, unit.reason) == ("core", "engineering", "Ada", "its print feeds a parser")


def test_an_override_of_a_class_counts_for_its_methods(repo, tmp_path):
    tags = tmp_path / "tags.yaml"
    decide(
        TagRequest(
            unit="net/model.py::Net", tag="engineering", source=repo, reason="only a wrapper", by="Ada", tags=tags
        )
    )
    assert tags_of(read(ReadRequest(source=repo, tags=tags)))["net/model.py::Net.forward"] == "engineering"


def test_an_override_of_nothing_is_refused_with_a_near_name(repo, tmp_path):
    ask = TagRequest(
        unit="net/utils.py::log_i", tag="core", source=repo, reason="long enough", by="Ada", tags=tmp_path / "t.yaml"
    )
    with pytest.raises(PackError, match="did you mean net/utils"):
        decide(ask)


def test_two_repositories_are_compared_by_name_and_value(repo, tmp_path):
    port = tmp_path / "port"
    port.mkdir()
    (port / "net.py").write_text(NET.replace("dropout=0.1", "dropout=0.2").replace("width=8", "width=8, depth=3"))
    answer = compare(CompareRequest(reference=repo / "net" / "model.py", port=port / "net.py"))
    assert [(p.name, p.reference.value, p.port[0].value) for p in answer.different] == [("dropout", 0.1, 0.2)]
    assert not answer.ok


def test_links_that_lead_out_and_large_files_are_said_and_not_read(repo, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("PASSWORD = 12345\n")
    (repo / "link.py").symlink_to(secret)
    (repo / "loop").symlink_to(repo)
    (repo / "big.json").write_text("[" + "1," * 2**20 + "1]")
    (repo / ".gitmodules").write_text('[submodule "a"]\n\tpath = third/part\n')
    answer = read(ReadRequest(source=repo))
    unread = {item.file: item.why for item in answer.unread}
    assert "leads out" in unread["link.py"]
    assert "link" in unread["loop"]
    assert "over" in unread["big.json"]
    assert "not checked out" in unread["third/part"]
    assert not any(item.name == "PASSWORD" for item in answer.hyperparameters)


HOSTILE = {
    "latin1.py": "# -*- coding: latin-1 -*-\nname = 'é'\nLR = 0.1\n".encode("latin-1"),
    "wrong_coding.py": b"# -*- coding: nonsense -*-\nLR = 0.1\n",
    "null.py": b"LR = 0.1\x00\n",
    "deep.py": b"x = " + b"(" * 5000 + b")" * 5000 + b"\n",
    "unary.py": b"x = " + b"-" * 20000 + b"1\n",
    "empty.py": b"",
    "broken.yaml": b"a: [1\n",
    "book.ipynb": b"[]",
    "bytes.json": b"\xff\xfe{}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_stops_the_reading(repo, name):
    (repo / name).write_bytes(HOSTILE[name])
    answer = read(ReadRequest(source=repo))
    assert any(file.path == name for file in answer.files)
    assert any(item.name == "lr" for item in answer.hyperparameters)


def test_the_number_of_files_is_bounded(repo):
    for index in range(30):
        (repo / f"m{index}.py").write_text("X = 3\n")
    answer = read(ReadRequest(source=repo, most_files=10))
    assert len(answer.files) == 10
    assert "limit" in answer.unread[-1].why


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_what_may_not_be_read_is_said(repo):
    (repo / "train.py").chmod(0)
    assert any(item.file == "train.py" and "not readable" in item.why for item in read(ReadRequest(source=repo)).unread)


REQUIREMENTS = {
    "requirements.txt": (
        b"torch==2.1\nnumpy>=1,<2 ; python_version<'4'\n-r x.txt\ngit+https://h/a/b.git@v1\n",
        [("torch", True), ("numpy", False), ("b", True)],
    ),
    "setup.py": (
        b"setup(install_requires=['einops>=0.6', 'torch==2'], extras_require={'dev': ['pytest']})",
        [("einops", False), ("torch", True), ("pytest", False)],
    ),
    "setup.cfg": (b"[options]\ninstall_requires =\n    jax==0.4\n    flax\n[x]\n", [("jax", True), ("flax", False)]),
    "pyproject.toml": (
        b'[project]\ndependencies = [\n "a==1",\n "b[x]>2",\n]\n[tool.poetry.dependencies]\npython = "^3"\nc = "1.2"\n',
        [("a", True), ("b", False), ("c", True)],
    ),
    "environment.yml": (
        b"dependencies:\n  - python=3.8\n  - pytorch=1.7.1\n  - pip:\n    - lpips==0.1\n",
        [("pytorch", True), ("lpips", True)],
    ),
    "PKG-INFO": (b"Name: x\nRequires-Dist: torch (>=1.6)\n\nbody\n", [("torch", False)]),
}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_are_declared_and_pinned_or_not(name):
    data, expected = REQUIREMENTS[name]
    assert [(d.name, d.pinned) for d in dependencies(name, data)] == expected


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("src/unet.py", "model"),
        ("losses.py", "loss"),
        ("a/train.py", "training"),
        ("setup.py", "packaging"),
        ("README.md", "docs"),
        ("configs/a.yaml", "config"),
        ("nb.ipynb", "notebook"),
        ("run.sh", "script"),
        ("pkg/test_x.py", "test"),
    ],
)
def test_files_have_roles(path, role):
    assert file_role(path) == role


def test_the_command_prints_markdown_and_json_and_keeps_evidence(repo, tmp_path, helper):
    result = helper("inventory", "read", repo, "--json", "--evidence", tmp_path / "evidence", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["source"]["commit"] == COMMIT
    assert (tmp_path / "evidence" / "0001-inventory-read.json").is_file()
    shown = helper("inventory", "read", repo, cwd=tmp_path)
    assert "train.py:7" in shown.stdout
    assert "Names with several values" in shown.stdout


def test_a_path_that_is_not_there_is_an_error_of_three_lines(tmp_path, helper):
    result = helper("inventory", "read", tmp_path / "no")
    assert result.returncode == 2
    assert result.stderr.startswith("error[no-such-path]")


def test_values_in_env_files_and_jsonnet_are_read(tmp_path):
    (tmp_path / ".env").write_text("LR=0.1\nexport MODE=fast\n")
    (tmp_path / ".env.example").write_text("WD=0.2\n")
    (tmp_path / "run.libsonnet").write_text("{ }\nlocal n = 3;\n")
    found = {(i.file, i.name): i.value for i in read(ReadRequest(source=tmp_path)).hyperparameters}
    assert found == {
        (".env", "LR"): 0.1,
        (".env", "MODE"): "fast",
        (".env.example", "WD"): 0.2,
        ("run.libsonnet", "n"): 3,
    }
