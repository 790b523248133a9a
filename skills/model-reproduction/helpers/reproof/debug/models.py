"""Questions and answers of `helpers/debug.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.records import Answer, Record

State = Literal["PASS", "WARN", "FAIL", "SKIPPED"]


class DebugRequest(Record):
    """Does this model compute what it should, and can it learn at all?"""

    target: str = Field(
        description="FILE.py:FUNCTION that returns model, step and batch; or the folder of a scaffolded project",
        json_schema_extra={"positional": True},
    )
    experiment: str = Field("", description="experiment of the project (default: its first)")
    phase: str = Field("", description="training phase (default: every training phase of the experiment)")
    full: bool = Field(False, description="a project's real settings and data, instead of its smoke settings")
    python: Path | None = Field(None, description="interpreter of the user's project (default: the one that runs this)")
    device: str = Field("cpu", description="torch device", json_schema_extra={"metavar": "NAME"})
    steps: int = Field(200, ge=10, le=100_000, description="steps to learn one batch by heart")
    seed: int = Field(0, description="torch seed; every call is made with the same random numbers")
    timeout_s: float = Field(300.0, gt=0, description="wall-clock limit in seconds")
    memory_gib: float = Field(16.0, gt=0, description="limit of private memory in GiB")
    path: list[Path] = Field(
        default_factory=list, description="folder to put on sys.path of the child; may be repeated"
    )
    out: Path | None = Field(
        None, description="folder for debug.md, debug.html and debug.json (default: debug/ of a project, else none)"
    )

    @model_validator(mode="after")
    def _one_kind_of_target(self) -> DebugRequest:
        if (self.experiment or self.phase or self.full) and ":" in Path(self.target).name:
            raise ValueError("--experiment, --phase and --full belong to a project, not to FILE.py:FUNCTION")
        return self

    @property
    def is_project(self) -> bool:
        """Whether the target is a folder."""
        return Path(self.target).is_dir()

    @property
    def file(self) -> Path:
        """The file or folder that is looked at."""
        return Path(self.target) if self.is_project else Path(self.target.rpartition(":")[0])


class Check(Record):
    """One question and its answer."""

    id: str
    what: str = Field(description="the statement that is judged")
    state: State
    why: str
    look_at: str = Field("", description="where to look first, when it is not so")
    numbers: dict[str, Any] = Field(default_factory=dict)


class Looked(Record):
    """Everything about one subject: a function's model, or one phase of a project."""

    subject: dict[str, Any]
    checks: list[Check]
    measured: dict[str, Any] = Field(description="what the child measured, as it said it")
    ended: str = Field("", description="how the process ended, when not by itself")


class DebugAnswer(Answer):
    """What `debug.py` found. `ok`: no check is FAIL."""

    interpreter: str
    looked: list[Looked]
    files: list[str] = Field(default_factory=list)
    limits: dict[str, float]
