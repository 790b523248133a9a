"""What several tests need: a small valid plan, and a way to call a launcher as a user does."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
# mark: (whether its tests can run here, why not)
NEEDS = {
    "torch": (importlib.util.find_spec("torch") is not None, "torch is not installed"),
    "linux": (sys.platform == "linux", "tracing is built for Linux"),
}


def pytest_collection_modifyitems(items):
    for item in items:
        for mark, (is_here, why_not) in NEEDS.items():
            if not is_here and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=why_not))


PAPER = """# A Small Paper

## 3 Training

We train the network for 200 steps with batch size 16 and no weight decay.
We used the Adam optimizer with β 1 = 0.9, β 2 = 0.999 and a learning rate of 10 −4 .

## Table 1

Ours 0.285 0.144
"""


def small_plan() -> dict:
    """A plan with every kind of provenance, as data."""
    where = "3"
    trained = "We train the network for 200 steps with batch size 16 and no weight decay."
    adam = "We used the Adam optimizer with β1 = 0.9, β2 = 0.999"
    return {
        "schema_version": 1,
        "name": "small",
        "paper": {"title": "A Small Paper", "arxiv": "0000.00000"},
        "problem": "Is the small number small?",
        "contribution": "It shows a number that is small.",
        "experiments": {
            "toy": {
                "summary": "a toy",
                "data": {"name": {"value": "toy", "inferred": "any name will do"}},
                "model": {"hidden": {"value": [8, 8], "inferred": "not stated", "alternatives": [[16, 16]]}},
                "phases": {
                    "fit": {
                        "kind": "train",
                        "loss": "Eq. 1",
                        "steps": {"value": 200, "quote": trained, "where": where},
                        "batch_size": {"value": 16, "quote": trained, "where": where},
                        "weight_decay": {"value": 0.0, "quote": trained, "where": where},
                        "optimizer": {"value": "adam", "quote": adam, "where": where},
                        "betas": {"value": [0.9, 0.999], "quote": adam, "where": where},
                        "lr": {
                            "value": 1e-4,
                            "quote": "and a learning rate of 10 −4",
                            "where": where,
                            "read_as": {"10 −4": "10^-4"},
                        },
                    }
                },
                "evaluation": {
                    "metric": {"value": "w2", "inferred": "not stated"},
                    "n_test": {"value": 64, "inferred": "not stated"},
                    "n_samples": {"value": 64, "inferred": "not stated"},
                    "sampling_steps": {"value": [10], "inferred": "not stated"},
                },
            }
        },
        "claims": [
            {
                "id": "table1/toy/10",
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


@pytest.fixture
def plan_data() -> dict:
    return small_plan()


@pytest.fixture
def write_plan(tmp_path: Path) -> Callable[[dict], Path]:
    def write(data: dict) -> Path:
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    return write


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "paper.md"
    path.write_text(PAPER, encoding="utf-8")
    return path


def call(helper: str, *words: object, cwd: Path | None = None, python: str = sys.executable, **env: str):
    """Run a launcher the way an agent does; returns the finished process."""
    command = [python, str(ROOT / "helpers" / f"{helper}.py"), *map(str, words)]
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**clean, **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@pytest.fixture
def helper() -> Callable:
    return call
