"""A generated project in miniature: a plan with one claim or more, and records as its runs would write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

FLOOR = [0.60 + 0.01 * i for i in range(20)]  # 0.60 ... 0.79; its 5 % quantile is 0.60 + 0.01 * 0.95 = 0.6095


def inferred(value: Any) -> dict:
    return {"value": value, "inferred": "not stated"}


class Project:
    """A folder with plan.yaml and results/; every record can be changed by keyword."""

    def __init__(self, folder: Path, plan: dict) -> None:
        self.folder, self.plan = folder, plan
        self.experiment["seeds"] = [0, 1, 2, 3, 4]
        self.claim.update({"printed": "1.00", "spread": ""})
        self.lines: list[str] = []

    @property
    def experiment(self) -> dict:
        return self.plan["experiments"]["toy"]

    @property
    def claim(self) -> dict:
        return self.plan["claims"][0]

    def result(self, value: Any, seed: Any = 0, **changes: Any) -> None:
        self.add(
            {
                "kind": "result",
                "run_id": f"toy-seed{seed}",
                "experiment": "toy",
                "seed": seed,
                "metric": "w2",
                "reading": "as_stated",
                "condition": {"sampling_steps": 10},
                "value": value,
                "n_test": 64,
                "n_generated": 64,
                "steps_done": {"fit": 200},
                "steps_planned": {"fit": 200},
                "config_hash": "c0",
                "core_hash": "k0",
                "checkpoints": {"fit": f"weights of seed {seed}"},
                "created": "2025-01-01T00:00:00+00:00",
            }
            | changes
        )

    def results(self, *values: Any, **changes: Any) -> None:
        for seed, value in enumerate(values):
            self.result(value, seed, **changes)

    def floor(self, values: list[Any] | None = None, **changes: Any) -> None:
        self.add(
            {
                "kind": "floor",
                "experiment": "toy",
                "metric": "w2",
                "reading": "as_stated",
                "values": FLOOR if values is None else values,
                "n_test": 64,
                "n_generated": 64,
                "config_hash": "c0",
                "core_hash": "k0",
            }
            | changes
        )

    def leakage_check(self, **changes: Any) -> None:
        self.add({"kind": "leakage_check", "experiment": "toy", "passed": True, "core_hash": "k0"} | changes)

    def reading(self, name: str, **settings: Any) -> None:
        said = {"name": name, "means": f"the reading called {name}"} | settings
        self.experiment["evaluation"].setdefault("readings", []).append(said)

    def add(self, record: dict) -> None:
        self.lines.append(json.dumps({k: v for k, v in record.items() if v is not ...}))

    def write(self) -> Path:
        results = self.folder / "results" / "toy" / "seed0" / "records.jsonl"
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text("".join(line + "\n" for line in self.lines), encoding="utf-8")
        (self.folder / "plan.yaml").write_text(
            yaml.safe_dump(json.loads(json.dumps(self.plan)), sort_keys=False), encoding="utf-8"
        )
        return self.folder

    def compare(self):
        from reproof.compare.command import compare
        from reproof.compare.models import CompareRequest

        return compare(CompareRequest(project=self.write()))

    def judged(self):
        """The only claim's result."""
        (claim,) = self.compare().claims
        return claim


@pytest.fixture
def project(tmp_path: Path, plan_data: dict) -> Project:
    return Project(tmp_path / "project", plan_data)
