"""Questions and answers of `helpers/selfcheck.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from reproof.records import Answer, Record

State = Literal["PASS", "FAIL", "STALE", "MISSING", "SIGNED"]
GREEN: tuple[State, ...] = ("PASS", "SIGNED")

PROJECT = Field(
    description="folder of a scaffolded project: plan.yaml, src/, configs/, results/, evidence/",
    json_schema_extra={"positional": True},
)


class GateRequest(Record):
    """Is everything that this project claims backed by evidence that still holds?"""

    project: Path = PROJECT


class ReportRequest(Record):
    """Lay the evidence out for a person."""

    project: Path = PROJECT
    out: Path | None = Field(None, description="folder for the three files (default: the project)")


class BundleRequest(Record):
    """One archive that a stranger can check and run again."""

    project: Path = PROJECT
    out: Path | None = Field(None, description="archive to write (default: PROJECT-NAME.zip beside the project)")
    with_checkpoints: bool = Field(False, description="put checkpoints in, not only their hashes")


class StopRequest(Record):
    """What an agent's stop hook calls: refuse to stop while the gate is red. Reads the hook's JSON from stdin."""

    project: Path = PROJECT


class HookRequest(Record):
    """Switch the stop hook on or off in an agent's settings; other settings stay as they are."""

    switch: Literal["on", "off", "status"] = Field(
        description="on, off or status", json_schema_extra={"positional": True}
    )
    project: Path = PROJECT
    agent: Literal["claude"] = Field("claude", description="whose hooks: claude (Claude Code)")
    settings: Path | None = Field(
        None,
        description="folder that holds .claude/, or a settings.json (default: the project)",
        json_schema_extra={"metavar": "PATH"},
    )


class HookAnswer(Answer):
    """How the hook stands."""

    is_on: bool
    changed: bool
    settings: str
    command: str


class StopAnswer(Answer):
    """Whether the agent may stop. `ok`: it may."""

    open: list[str] = Field(default_factory=list, description="what keeps the gate shut")


class BundleAnswer(Answer):
    """The archive and what is in it."""

    archive: str
    sha256: str
    files: int
    size_bytes: int
    left_out: list[str] = Field(default_factory=list)
    rerun: str


class Item(Record):
    """One thing that the gate looked at."""

    id: str = Field(description="stable slug, like results/moons/seeds")
    what: str = Field(description="the statement that is judged")
    state: State
    why: str = ""
    command: str = Field("", description="what to run next; HELPERS is the pack's, PROJECT this project's folder")
    required: bool = True

    def judged(self, state: State, why: str, command: str = "") -> Item:
        """This item with another outcome."""
        return self.model_copy(update={"state": state, "why": why, "command": command})

    @property
    def blocks(self) -> bool:
        """Whether this item keeps the gate shut."""
        return self.required and self.state not in GREEN


class SelfcheckAnswer(Answer):
    """The state of the gate and, after `report`, the files that were written."""

    items: list[Item]
    counts: dict[str, int]
    files: list[str] = Field(default_factory=list)
