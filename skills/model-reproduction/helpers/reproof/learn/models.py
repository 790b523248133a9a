"""Questions and answers of `helpers/learn.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.learn.entries import Entry
from reproof.records import Answer, Record, Slug

DIR: dict[str, Any] = {"metavar": "DIR"}
PROJECT = Field(None, description="the project whose LEARNING.md is meant", json_schema_extra={"metavar": "DIR"})


class FindRequest(Record):
    """Has somebody met this before?"""

    words: list[str] = Field(
        default_factory=list, description="the symptom in words", json_schema_extra={"positional": True}
    )
    error: Path | None = Field(
        None, description="a log or traceback; its last error is searched for", json_schema_extra={"metavar": "FILE"}
    )
    project: Path | None = PROJECT
    most: int = Field(3, ge=1, le=50, description="entries to show")

    @model_validator(mode="after")
    def _asks_something(self) -> FindRequest:
        if not self.words and self.error is None:
            raise ValueError("give the symptom in words, or a log with --error FILE")
        return self


class ShowRequest(Record):
    """One entry."""

    slug: str = Field(description="the entry's slug", json_schema_extra={"positional": True})
    project: Path | None = PROJECT


class Hit(Record):
    """One entry that fits, and where it stands."""

    entry: Entry
    file: str
    score: float = Field(ge=0, le=1, description="share of the query's weight that the entry covers")


class FindAnswer(Answer):
    """What fits, best first."""

    query: str
    searched: int
    hits: list[Hit]
    unreadable: list[str] = Field(default_factory=list, description="sections without the form, not searched")


class Draft(Entry):
    """An entry to add, and the check that would have caught it."""

    preflight: list[str] = Field(
        default_factory=list, description="a command as words, run in the project, that fails when the trap is met"
    )


class AddRequest(Record):
    """Write an entry into the project's LEARNING.md."""

    entry: Path = Field(description="YAML file with one entry", json_schema_extra={"positional": True})
    project: Path = Field(description="the project", json_schema_extra=DIR)


class PromoteRequest(Record):
    """Copy an entry of a project into a clone of the pack."""

    slug: str = Field(description="the entry's slug", json_schema_extra={"positional": True})
    project: Path = Field(description="the project it stands in", json_schema_extra=DIR)
    clone: Path = Field(description="a clone of the pack", json_schema_extra=DIR)
    skill: Slug = Field(description="paper-reproduction or model-reproduction")


class WriteAnswer(Answer):
    """What was written, and where."""

    file: str
    slug: str
    also: list[str]


class ValidateRequest(Record):
    """Is a LEARNING.md in the form?"""

    file: Path = Field(description="the LEARNING.md", json_schema_extra={"positional": True, "input": True})


class ValidateAnswer(Answer):
    """Everything that is wrong, with line numbers."""

    entries: int
    problems: list[str]


class PreflightRequest(Record):
    """Run the project's own checks."""

    project: Path = Field(description="the project", json_schema_extra=DIR)
    timeout_s: float = Field(300.0, gt=0, description="limit for each check")


class Check(Record):
    """One line of preflight.json."""

    slug: Slug
    says: str = Field(min_length=8)
    command: list[str] = Field(min_length=1)


class CheckRun(Record):
    """One check, run."""

    slug: str
    says: str
    command: list[str]
    status: Literal["passed", "failed", "could not start", "too slow"]
    seconds: float
    tail: str


class PreflightAnswer(Answer):
    """Every check with its outcome."""

    checks: list[CheckRun]
