"""An honest project, small and complete: real plan check, configs and compare, runs that agree with themselves."""

from __future__ import annotations

import datetime
import hashlib
import json
import random
import shutil
import struct
from pathlib import Path

import pytest
import yaml

from reproof import evidence
from reproof.compare.command import main as compare
from reproof.document import load_plan
from reproof.paths import hash_path, sha256
from reproof.plan.command import main as plan
from reproof.scaffold.configs import config_text
from reproof.selfcheck.command import main as selfcheck
from reproof.selfcheck.gate import gate
from reproof.selfcheck.models import GateRequest

PAPER = """# A Small Paper

## 3 Training

We train the network for 200 steps with batch size 16.

## Table 1

Ours 0.285 0.144
"""
TRAINED = "We train the network for 200 steps with batch size 16."
CORE = '''"""The algorithm."""

import torch


def loss(model, batch):
    """Mean squared error."""
    return torch.mean((model(batch) - batch) ** 2)
'''
FLOOR = [0.24, 0.25, 0.26, 0.27, 0.28, 0.29, 0.3, 0.31, 0.32, 0.33] * 2
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8ffff3f0005fe02fe"
    "dccc59e70000000049454e44ae426082"
)


def quoted(value: object) -> dict:
    return {"value": value, "quote": TRAINED, "where": "3"}


def signed(value: object) -> dict:
    return {"value": value, "inferred": "not stated", "signed": {"by": "Ada Lovelace", "on": "2026-01-05"}}


def plan_data() -> dict:
    """A plan that the paper and a person vouch for, value by value."""
    return {
        "schema_version": 1,
        "name": "small",
        "paper": {"title": "A Small Paper", "arxiv": "0000.00000"},
        "problem": "Is the small number small?",
        "contribution": "It shows a number that is small.",
        "libraries": [
            {
                "name": "torch",
                "distribution": "torch",
                "version": signed("2.13.0"),
                "calls": [
                    {
                        "id": "mean_toy",
                        "target": "torch.mean",
                        "args": ["x"],
                        "inputs": {"x": {"shape": [16, 2]}},
                        "experiments": ["toy"],
                    }
                ],
            }
        ],
        "experiments": {
            "toy": {
                "summary": "a toy",
                "seeds": [0, 1, 2],
                "data": {"name": signed("toy")},
                "model": {"hidden": signed([8, 8])},
                "phases": {
                    "fit": {
                        "kind": "train",
                        "steps": quoted(200),
                        "batch_size": quoted(16),
                        "optimizer": signed("adam"),
                        "lr": signed(1e-3),
                    }
                },
                "evaluation": {
                    "metric": signed("w2"),
                    "n_test": signed(64),
                    "n_samples": signed(64),
                    "sampling_steps": signed([10]),
                },
            }
        },
        "claims": [
            {
                "id": "table1/toy",
                "table": "Table 1",
                "method": "Ours",
                "experiment": "toy",
                "metric": "w2",
                "condition": {"sampling_steps": 10},
                "printed": "0.285",
                "direction": "lower",
                "quote": "Ours 0.285 0.144",
                "where": "Table 1",
            }
        ],
    }


def tree_hash(folder: Path) -> str:
    """As the engine writes it; spelled out again, so that the gate is not checked against itself."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def config_hash(config: dict) -> str:
    ignored = {"experiment", "device", "checkpoint_every_steps", "keep_checkpoints", "log_every_steps", "evaluation"}
    kept = {key: value for key, value in config.items() if key not in ignored | {"seed"}}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


class Workshop:
    """A project and what people do to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def lines(self, name: str, rows: list[dict]) -> Path:
        return self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def rows(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.folder / name).read_text(encoding="utf-8").splitlines()]

    def change(self, name: str, old: str, new: str) -> None:
        """Edit a file by hand."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def record(self, helper: str, inputs: tuple[str, ...], answer: dict, ok: bool = True) -> Path:
        """What a helper would leave in the evidence."""
        now = datetime.datetime.now(datetime.timezone.utc)
        paths = [self.folder / name for name in inputs]
        return evidence.append(
            self.folder / "evidence",
            evidence.Evidence(
                number=1,
                helper=helper,
                argv=[],
                created=now,
                seconds=1.0,
                ok=ok,
                headline=f"{helper} is done",
                inputs=evidence.hashed_inputs(paths, self.folder),
                versions=evidence.versions("torch"),
                answer={"ok": ok, "headline": f"{helper} is done", **answer},
                previous=evidence.FIRST,
            ),
        )

    def found(self, name: str) -> Path:
        """The one evidence file of a helper."""
        return next((self.folder / "evidence").glob(f"*-{name}.json"))

    def plan(self, data: dict) -> None:
        self.write("plan.yaml", yaml.safe_dump(data, sort_keys=False))

    def check(self) -> int:
        paper = self.write("paper.md", PAPER)
        return plan(["check", str(self.folder / "plan.yaml"), "--paper", str(paper)])

    def probe(self, ok: bool = True) -> None:
        case = {"id": "mean_toy", "experiments": ["toy"], "outcome": "pass" if ok else "fail", "findings": []}
        library = {"name": "torch", "distribution": "torch", "wanted": "2.13.0", "installed": "2.13.0+cpu"}
        self.record("probe run", ("plan.yaml",), {"cases": [case], "libraries": [library]}, ok)

    def vram(self) -> None:
        phase = {"name": "fit", "budget": {"allocated_bytes": 2**20}, "gpus": [{"gpu": "T4", "verdict": "fits"}]}
        self.record("vram plan", ("plan.yaml",), {"experiments": [{"name": "toy", "phases": [phase]}]})

    def smoke(self, **outcomes: str) -> None:
        tests = {"test_all_phases": "passed", "test_resume_gives_the_same_numbers": "passed"} | outcomes
        rows = [{"name": name, "outcome": outcome, "seconds": 0.1} for name, outcome in tests.items()]
        inputs = ("src", "configs", "tests", "plan.yaml", "requirements.txt")
        self.record("scaffold smoke", inputs, {"tests": rows}, ok="failed" not in outcomes.values())

    def code(self) -> None:
        self.write("src/small/__init__.py", "")
        self.write("src/small/core/__init__.py", CORE)
        self.write("src/small/engine/__init__.py", "import json\n")
        self.write("requirements.txt", "torch==2.13.0\n")
        test = self.write("tests/test_smoke.py", "def test_all_phases():\n    assert True\n")
        self.write("configs/toy.yaml", config_text(load_plan(self.folder / "plan.yaml"), "toy"))
        manifest = {"files": {"tests/test_smoke.py": hash_path(test)}}
        self.write(".scaffold/manifest.json", json.dumps(manifest))

    def result(self, seed: int, **other: object) -> dict:
        """The record of one evaluation."""
        config = yaml.safe_load((self.folder / "configs/toy.yaml").read_text(encoding="utf-8"))
        common = {
            "experiment": "toy",
            "seed": seed,
            "metric": "w2",
            "reading": "as_stated",
            "n_test": 64,
            "n_generated": 64,
            "core_hash": tree_hash(self.folder / "src/small/core"),
            "engine_hash": "e" * 16,
            "data_hash": "d" * 16,
            "versions": {"torch": "2.13.0"},
            "created": f"2026-01-06T1{seed}:00:00+00:00",
            "device": "cpu",
        }
        weights = f"sha256:{sha256(f'weights {seed}')}"
        return common | {
            "kind": "result",
            "run_id": f"toy-seed{seed}",
            "condition": {"sampling_steps": 10},
            "value": 0.2851 + 0.001 * seed,
            "steps_done": {"fit": 200},
            "steps_planned": {"fit": 200},
            "config_hash": config_hash(config),
            "checkpoints": {"fit": weights},
            **other,
        }

    def run(self, seed: int, **other: object) -> None:
        """A complete run with its log and records."""
        folder, noise = f"results/toy/seed{seed}", random.Random(seed)
        result = self.result(seed, **other)
        steps = result["steps_done"]["fit"]
        logged = [{"phase": "fit", "step": s, "loss": noise.random()} for s in range(50, steps + 1, 50)]
        self.lines(f"{folder}/metrics.jsonl", logged)
        floor = {k: v for k, v in result.items() if k not in ("value", "condition", "steps_done", "checkpoints")}
        depends = {k: result[k] for k in ("experiment", "seed", "metric", "core_hash", "checkpoints")}
        depends |= {"kind": "dependence", "differs": True, "all_zero": False, "rms_difference": 0.7}
        rows = [floor | {"kind": "floor", "values": FLOOR}, depends, result]
        self.lines(f"{folder}/records.jsonl", rows)
        config = yaml.safe_load((self.folder / "configs/toy.yaml").read_text(encoding="utf-8")) | {"seed": seed}
        facts = {"fit": {"time_s": 12.0, "device": "cpu", "digest": result["checkpoints"]["fit"]}}
        self.write(f"{folder}/run.json", json.dumps({"config": config, "phases": facts}))
        figure = self.write(f"{folder}/figures/trajectories_10.png", "")
        figure.write_bytes(PIXEL)

    def compare(self) -> int:
        return compare([str(self.folder)])

    def report(self) -> int:
        return selfcheck(["report", str(self.folder)])

    def gate(self) -> int:
        return selfcheck(["gate", str(self.folder)])

    def items(self) -> dict:
        """Item id -> item, as the gate sees the project now."""
        return {item.id: item for item in gate(GateRequest(project=self.folder)).items}

    def red(self) -> dict[str, str]:
        """Item id -> state, of what keeps the gate shut."""
        return {name: item.state for name, item in self.items().items() if item.blocks}

    def checkpoint(self, seed: int, payload: bytes) -> Path:
        """A file with the engine's header around `payload`."""
        path = self.write(f"results/toy/seed{seed}/checkpoints/fit.ckpt", "")
        head = struct.pack("<8sQ32s", b"CHECKPT1", len(payload), hashlib.sha256(payload).digest())
        path.write_bytes(head + payload)
        return path


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The honest project, made once."""
    work = Workshop(tmp_path_factory.mktemp("honest") / "project")
    work.plan(plan_data())
    work.code()
    work.check()  # what it says of the quotes is an item of the gate
    work.probe()
    work.vram()
    work.smoke()
    for seed in (0, 1, 2):
        work.run(seed)
    assert work.compare() == 0
    assert work.report() == 0
    return work.folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Workshop:
    """A copy of the honest project, to be spoiled."""
    folder = tmp_path / "project"
    shutil.copytree(built, folder)
    return Workshop(folder)
