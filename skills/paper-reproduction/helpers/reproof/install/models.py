"""Questions and answers of `helpers/install.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from reproof.errors import near
from reproof.install.agents import AGENTS
from reproof.install.skills import NAMES
from reproof.records import Answer, Record


class SyncRequest(Record):
    """Make each skill folder complete by itself."""

    check: bool = Field(False, description="change nothing; answer whether the copies are up to date")


class SyncAnswer(Answer):
    """What was, or would be, changed."""

    changed: list[str]
    removed: list[str]
    files: int


class Target(Record):
    """Which skills, for which agent, and where."""

    agent: str = Field("", description=f"one of {', '.join(AGENTS)}", json_schema_extra={"positional": True})
    user: bool = Field(False, description="for every project of yours (this is the default)")
    project: Path | None = Field(
        None, description="only for the project in this folder", json_schema_extra={"metavar": "DIR"}
    )
    to: Path | None = Field(
        None, description="into this folder, for an agent that is not in the list", json_schema_extra={"metavar": "DIR"}
    )
    skill: list[str] = Field(default_factory=list, description="only this skill; may be repeated (default: both)")

    @field_validator("agent")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name and name not in AGENTS:
            raise ValueError(f"no agent of that name{near(name, AGENTS)}; known: {', '.join(AGENTS)}; or give --to DIR")
        return name

    @field_validator("skill")
    @classmethod
    def _are_skills(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in NAMES:
                raise ValueError(f"no skill {name!r}{near(name, NAMES)}; there are {', '.join(NAMES)}")
        return names

    @model_validator(mode="after")
    def _one_place(self) -> Target:
        places = [
            name for name, given in (("--user", self.user), ("--project", self.project), ("--to", self.to)) if given
        ]
        if len(places) > 1:
            raise ValueError(f"{' and '.join(places)} exclude each other")
        if not self.agent and self.to is None:
            raise ValueError(f"name an agent ({', '.join(AGENTS)}) or a folder (--to DIR)")
        return self


class InstallRequest(Target):
    """Copy skills into an agent's folder."""

    replace: bool = Field(False, description="also files that were changed locally; each is kept as FILE.local first")
    dry_run: bool = Field(False, description="change nothing, only say what would happen")


class UninstallRequest(Target):
    """Remove what install wrote."""

    dry_run: bool = Field(False, description="change nothing, only say what would happen")


Fate = Literal["written", "unchanged", "kept", "replaced", "removed", "left"]


class FileFate(Record):
    """What happened, or would happen, to one file, and why."""

    file: str
    fate: Fate
    note: str = ""


class Placed(Record):
    """One skill in one folder."""

    skill: str
    folder: str
    version: str
    files: list[FileFate]

    def number(self, fate: Fate) -> int:
        """How many files had this fate."""
        return sum(file.fate == fate for file in self.files)

    @property
    def notable(self) -> list[FileFate]:
        """What a person wants to know about: everything but plain copies."""
        return [file for file in self.files if file.fate in ("kept", "replaced", "left")]


class InstallAnswer(Answer):
    """What install or uninstall did."""

    dry_run: bool
    placed: list[Placed]


class ListRequest(Record):
    """Where the skills are installed."""

    project: Path = Field(Path(), description="look into this project too", json_schema_extra={"metavar": "DIR"})


class Seat(Record):
    """One folder that an agent reads."""

    agent: str
    title: str
    scope: Literal["user", "project"]
    folder: str
    agent_seen: bool = Field(description="the agent's own folder exists there")
    skills: dict[str, str] = Field(description="skill and its state: absent, VERSION, VERSION changed, not ours")


class ListAnswer(Answer):
    """All folders, and what lies in them."""

    version: str
    seats: list[Seat]


class DoctorRequest(Record):
    """What works here."""

    python: Path | None = Field(
        None,
        description="the project's interpreter, which probe, trace and parity run in",
        json_schema_extra={"metavar": "PYTHON"},
    )


class Package(Record):
    """One distribution in one interpreter."""

    name: str
    version: str | None
    needed_for: str
    fits: bool = Field(description="installed, in a version that we accept")


class Interpreter(Record):
    """A Python and what it has."""

    role: Literal["helpers", "project"]
    path: str
    version: str
    packages: list[Package]
    gpus: list[str]
    driver: str
    note: str


class HelperState(Record):
    """Whether one helper works here."""

    name: str
    works: bool
    note: str


class DoctorAnswer(Answer):
    """Where the skill lies, what is missing, and the command to get it."""

    place: str
    kind: Literal["clone", "skill", "helpers only"]
    version: str
    damaged: list[str] = Field(description="bundled files that are missing or differ")
    interpreters: list[Interpreter]
    helpers: list[HelperState]
    commands: list[str]


class ZipRequest(Record):
    """Archives for upload."""

    out: Path = Field(Path("dist"), description="folder for the archives", json_schema_extra={"metavar": "DIR"})


class Archive(Record):
    """One archive."""

    path: str
    files: int
    size_bytes: int
    sha256: str


class ZipAnswer(Answer):
    """The archives."""

    archives: list[Archive]
