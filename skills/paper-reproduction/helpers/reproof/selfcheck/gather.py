"""A project read once, tolerantly: what is missing or broken is kept as such, for the checks to judge."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reproof import evidence, yamlio
from reproof.document import Plan, load_plan
from reproof.errors import PackError
from reproof.paths import hash_path

MANIFEST = ".scaffold/manifest.json"


@dataclass(frozen=True)
class RunFolder:
    """results/<experiment>/seed<k>: what one run left behind."""

    experiment: str
    seed: int
    folder: Path
    records: list[dict[str, Any]]
    about: dict[str, Any]
    last_step: dict[str, int] = field(default_factory=dict)
    losses: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Relative to the project."""
        return f"results/{self.experiment}/{self.folder.name}"

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The last record of each question; an older answer to the same question is superseded."""
        latest: dict[str, dict[str, Any]] = {}
        for record in self.records:
            if record.get("kind") == kind:
                key = [record.get(name) for name in ("metric", "reading", "condition")]
                latest[json.dumps(key, sort_keys=True)] = record
        return list(latest.values())


@dataclass(frozen=True)
class Project:
    """A project as it lies on disk."""

    folder: Path
    plan: Plan | None
    plan_problem: str
    plan_sha256: str
    records: list[evidence.Evidence]
    findings: list[evidence.Finding]
    runs: list[RunFolder]

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What scaffold generated here; empty when it did not."""
        return _json(self.folder / MANIFEST)

    @property
    def package(self) -> Path:
        """src/<name>, the generated package."""
        return self.folder / "src" / (self.plan.name if self.plan else "project")

    @property
    def core(self) -> Path:
        """The algorithm."""
        return self.package / "core"

    @property
    def foreign(self) -> list[evidence.Evidence]:
        """Records of other helpers: what the report shows must not change when the gate itself is recorded."""
        return [record for record in self.records if not record.helper.startswith("selfcheck")]

    @cached_property
    def newest(self) -> dict[str, evidence.Evidence]:
        """Helper -> its newest record whose content is what was sealed."""
        found: dict[str, evidence.Evidence] = {}
        for record in reversed(self.records):
            if record.helper not in found and record.fingerprint() == record.digest:
                found[record.helper] = record
        return found

    def latest(self, helper: str) -> evidence.Evidence | None:
        """The newest intact record of `helper`."""
        return self.newest.get(helper)

    def runs_of(self, experiment: str) -> list[RunFolder]:
        """Runs of one experiment, by seed."""
        return [run for run in self.runs if run.experiment == experiment]

    def config(self, experiment: str) -> dict[str, Any] | None:
        """configs/<experiment>.yaml, or None when it is not there or not a mapping."""
        try:
            values = yamlio.load(self.folder / "configs" / f"{experiment}.yaml", "config")
        except PackError:
            return None
        return values if isinstance(values, dict) else None

    @property
    def claimed(self) -> list[str]:
        """Experiments that a claim rests on, in the plan's order."""
        assert self.plan is not None, "asked only once the plan is known to be valid"
        wanted = {claim.experiment for claim in self.plan.claims}
        return [name for name in self.plan.experiments if name in wanted]


def gather(folder: Path) -> Project:
    """Read a project.

    Raises:
        PackError: there is no such folder.
    """
    if not folder.is_dir():
        raise PackError(
            "no-project",
            f"PROJECT {str(folder)!r} is not a folder",
            why="the gate reads plan.yaml, src/, configs/, results/ and evidence/ of a project",
            fix="pass the folder that scaffold.py new wrote",
        )
    plan, problem, digest = _plan(folder / "plan.yaml")
    records, findings = evidence.audit(folder / "evidence")
    return Project(folder, plan, problem, digest, records, findings, list(_runs(folder / "results")))


def _plan(path: Path) -> tuple[Plan | None, str, str]:
    try:
        return load_plan(path), "", hash_path(path)
    except PackError as error:
        return None, error.what, ""


def _runs(results: Path) -> Iterator[RunFolder]:
    for folder in sorted(results.glob("*/seed*")):
        number = folder.name.removeprefix("seed")
        if folder.is_dir() and number.isdecimal():
            yield read_run(folder.parent.name, int(number), folder)


def read_run(experiment: str, seed: int, folder: Path) -> RunFolder:
    """One run's records, log and run.json."""
    problems: list[str] = []
    records = list(json_lines(folder / "records.jsonl", problems))
    losses: dict[str, dict[int, float]] = {}
    for row in json_lines(folder / "metrics.jsonl", problems):
        step, loss = row.get("step"), row.get("loss")
        if isinstance(step, int) and isinstance(loss, (int, float)):
            losses.setdefault(str(row.get("phase")), {})[step] = float(loss)  # a resumed run repeats steps
    series = {phase: sorted(by_step.items()) for phase, by_step in losses.items()}
    last = {phase: rows[-1][0] for phase, rows in series.items()}
    return RunFolder(experiment, seed, folder, records, _json(folder / "run.json"), last, series, problems)


def json_lines(path: Path, problems: list[str]) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file; what is not one is named in `problems` and left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield row
            elif line.strip():
                problems.append(f"{path.name} line {number} is not a JSON object (a killed run cuts the last line)")


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def number_in(data: object, *path: str) -> float | None:
    """A finite number below `path` of nested mappings, or None.

    >>> number_in({"a": {"b": 2}}, "a", "b"), number_in({"a": "x"}, "a"), number_in({"a": float("nan")}, "a")
    (2.0, None, None)
    """
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    is_number = isinstance(data, (int, float)) and not isinstance(data, bool) and math.isfinite(data)
    return float(data) if is_number and isinstance(data, (int, float)) else None


def rows_in(data: object, *keys: str) -> list[dict[str, Any]]:
    """The first list of mappings (or mapping of mappings) found under one of `keys`; else empty."""
    for key in keys:
        value = data.get(key) if isinstance(data, dict) else None
        if isinstance(value, dict):
            value = [{"name": name, **row} for name, row in value.items() if isinstance(row, dict)]
        if isinstance(value, list):
            return [row for row in value if isinstance(row, dict)]
    return []
