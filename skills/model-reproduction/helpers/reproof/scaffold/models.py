"""Questions and answers of `helpers/scaffold.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from reproof.records import Answer, Record


class NewRequest(Record):
    """Generate a project from a plan."""

    plan: Path = Field(description="plan.yaml", json_schema_extra={"positional": True, "input": True})
    out: Path = Field(description="folder of the project; new, empty, or generated before from the same sources")
    core: Path | None = Field(
        None,
        description="folder with the algorithm; without it a skeleton is written",
        json_schema_extra={"input": True},
    )
    update: bool = Field(False, description="regenerate files that nobody edited; edited files and results stay")


class SmokeRequest(Record):
    """Run the project's own tests."""

    project: Path = Field(description="generated project", json_schema_extra={"positional": True})
    python: str = Field("", description="interpreter of the project (default: the running one)")
    timeout_s: int = Field(900, gt=0, description="seconds until the tests are stopped")


class ConfigDefault(Record):
    """A training setting that the plan leaves out."""

    experiment: str
    path: str
    value: object


class NewAnswer(Answer):
    """What was generated."""

    project: str
    written: list[str]
    kept: list[str] = Field(description="files that were edited since they were generated, and stay as they are")
    unchanged: int
    experiments: list[str]
    defaults: list[ConfigDefault]
    core: Literal["given", "skeleton"]
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
    tail: str = Field("", description="last lines of the output when something failed")
