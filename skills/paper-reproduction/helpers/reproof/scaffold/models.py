"""Questions and answers of `helpers/scaffold.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from reproof.records import Answer, Record
from reproof.units import Bytes

Fate = Literal["new", "updated", "same", "yours", "merged", "conflict", "beside", "deleted", "gone", "kept"]
"""What becomes of a file when its project is generated again."""


class FromVram(Record):
    """What the vram helper found, for the project's README."""

    estimate: Path | None = Field(
        None,
        description="what vram.py plan --json printed, for the README (default: the newest such record in evidence/)",
        json_schema_extra={"input": True},
    )
    overrides: list[str] = Field(
        default_factory=list,
        description="EXPERIMENT=FILE with what vram.py fit --write FILE found, as flags for the README; repeatable",
        json_schema_extra={"metavar": "EXPERIMENT=FILE"},
    )


class NewRequest(FromVram):
    """Generate a project from a plan."""

    plan: Path = Field(description="plan.yaml", json_schema_extra={"positional": True, "input": True})
    out: Path = Field(description="folder of the project; new, empty, or generated before from the same sources")
    core: Path | None = Field(
        None,
        description="folder with the algorithm; without it a skeleton is written",
        json_schema_extra={"input": True},
    )
    update: bool = Field(False, description="where a project is already: the same as scaffold.py update")


class UpdateRequest(FromVram):
    """Generate a project again and merge what is new into what the user made of it."""

    project: Path = Field(description="generated project", json_schema_extra={"positional": True})
    plan: Path | None = Field(
        None, description="another plan (default: plan.yaml of the project)", json_schema_extra={"input": True}
    )
    core: Path | None = Field(
        None,
        description="a newer version of the algorithm, merged too (default: the project's core stays as it is)",
        json_schema_extra={"input": True},
    )
    dry_run: bool = Field(False, description="only say what would become of each file")


class SmokeRequest(Record):
    """Run the project's own tests."""

    project: Path = Field(description="generated project", json_schema_extra={"positional": True})
    python: str = Field("", description="interpreter of the project (default: the running one)")
    timeout_s: int = Field(900, gt=0, description="seconds until the tests are stopped")
    memory: Bytes = Field(16 * 2**30, ge=2**28, description="private memory that each process of the tests may take")


class ConfigDefault(Record):
    """A training setting that the plan leaves out."""

    experiment: str
    path: str
    value: object


class Change(Record):
    """One file of a project that is generated again."""

    path: str
    fate: Fate
    conflicts: int = 0
    note: str = ""


class UpdateAnswer(Answer):
    """What became of each file; `same` is only counted."""

    project: str
    dry_run: bool
    changes: list[Change]
    unchanged: int
    backup: str = Field("", description="folder with the files as they were before the update")
    open_inferences: int


class NewAnswer(Answer):
    """What was generated."""

    project: str
    written: list[str]
    kept: list[str] = Field(description="files that were edited since they were generated, and stay as they are")
    conflicts: list[str] = Field(default_factory=list, description="files with places for a person to decide")
    unchanged: int
    experiments: list[str]
    defaults: list[ConfigDefault]
    core: Literal["given", "skeleton"]
    estimated_from: str = Field("", description="where the README's memory figures are from")
    unpinned: list[str] = Field(default_factory=list, description="imports of the core without a known version")
    open_inferences: int


class TestOutcome(Record):
    """One test of the project."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    message: str = ""


class SmokeAnswer(Answer):
    """What the project's tests said."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    tests: list[TestOutcome]
    python: str
    installed: dict[str, str] = Field(default_factory=dict, description="distributions in that interpreter")
    tail: str = Field("", description="last lines of the output when something failed")
