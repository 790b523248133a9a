"""Questions and answers of `helpers/inventory.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from reproof.records import Answer, Record
from reproof.roles import Role
from reproof.signs import Tag

Topic = Literal[
    "initialisation",
    "regularisation",
    "precision",
    "schedule",
    "clipping",
    "ema",
    "seed",
    "augmentation",
    "normalisation",
    "activation",
    "optimiser",
    "loss",
    "detach",
    "attention",
    "sampling",
]
DIR: dict[str, Any] = {"metavar": "DIR"}
FILE: dict[str, Any] = {"metavar": "FILE"}


class ReadRequest(Record):
    """What does this repository or package hold?"""

    source: Path = Field(
        description="the repository, package folder or single file", json_schema_extra={"positional": True}
    )
    tags: Path | None = Field(
        None,
        description="overrides written by `tag`; default: inventory.tags.yaml here, if any",
        json_schema_extra=FILE,
    )
    plan: Path | None = Field(
        None, description="write the plan's model-reproduction part here, as a draft", json_schema_extra=FILE
    )
    only: str = Field(
        "", description="read only files whose path begins with this", json_schema_extra={"metavar": "PATH"}
    )
    revision: str = Field(
        "", description="what to write after @, when the folder does not say", json_schema_extra={"metavar": "WORD"}
    )
    most_files: int = Field(20_000, gt=0, description="files to read at most")
    everything: bool = Field(False, description="list inline constants and tests' values in the Markdown too")


class TagRequest(Record):
    """Record that a unit is core or engineering, against the rule."""

    unit: str = Field(description="like pkg/model.py::Net.forward", json_schema_extra={"positional": True})
    tag: Tag = Field(description="core or engineering", json_schema_extra={"positional": True})
    source: Path = Field(description="the repository it stands in", json_schema_extra=DIR)
    reason: str = Field(min_length=8, description="why the rule is wrong here", json_schema_extra={"metavar": "TEXT"})
    by: str = Field(
        min_length=2, description="who decides: a person's name, or agent", json_schema_extra={"metavar": "NAME"}
    )
    tags: Path = Field(Path("inventory.tags.yaml"), description="file to write to", json_schema_extra=FILE)


class CompareRequest(Record):
    """Do two repositories have the same hyperparameters?"""

    reference: Path = Field(
        description="the repository copied from", json_schema_extra={"positional": True, "input": True}
    )
    port: Path = Field(description="ours", json_schema_extra={"positional": True, "input": True})


class SourceInfo(Record):
    """Which code this is."""

    path: str
    name: str
    version: str
    commit: str
    repository: str = Field("", description="address that the checkout was cloned from")
    revision: str = Field(description="what stands behind @ in file:line@revision")
    sha256: str
    licence: str
    licence_file: str
    files: int
    lines: int


class FileInfo(Record):
    """One file and what it is for."""

    path: str
    role: Role
    language: str
    lines: int
    note: str = ""


class UnitInfo(Record):
    """One class, function or constant, and whether it may change."""

    id: str
    file: str
    line: int
    end_line: int
    kind: str
    tag: Tag
    reason: str
    by: str = "rule"
    rule_tag: Tag
    idle: str = Field("", description="lines of a core unit that only report or check: they may change")


class Hyperparameter(Record):
    """One value that shapes the result, and where it stands."""

    name: str
    value: Any = None
    text: str = Field("", description="the source, when it is no literal")
    written: str = Field("", description="the source of a value that was calculated from it, like 2 ** -15")
    kind: str
    file: str
    line: int
    last_line: int = Field(0, description="where the value ends, when that is another line")
    scope: str = ""
    core: bool = Field(True, description="false in tests, docs and engineering files")

    @property
    def place(self) -> str:
        """file:line."""
        return f"{self.file}:{self.line}"

    @property
    def key(self) -> str:
        """The name without its path, lower case, as one would compare it with another's."""
        word = self.name.rpartition("(")[2].rstrip(")").rpartition(".")[2]
        return word.lower().replace("-", "_").strip("_")


class Place(Record):
    """One of several values of a name."""

    file: str
    line: int
    value: Any
    kind: str


class Conflict(Record):
    """One name with several values."""

    name: str
    places: list[Place]
    says: str


class Detail(Record):
    """One of the small things that break ports."""

    topic: Topic
    what: str
    file: str
    line: int
    unit: str = ""


class LibraryCall(Record):
    """A third-party function that the code calls."""

    library: str
    name: str
    times: int
    places: list[str]


class Dependency(Record):
    """A requirement as declared."""

    name: str
    declared: str
    pinned: bool
    file: str
    line: int


class Unread(Record):
    """What was not read, or only in part, and why."""

    file: str
    why: str


class ReadAnswer(Answer):
    """The inventory."""

    source: SourceInfo
    files: list[FileInfo]
    units: list[UnitInfo]
    hyperparameters: list[Hyperparameter]
    conflicts: list[Conflict]
    details: list[Detail]
    calls: list[LibraryCall]
    dependencies: list[Dependency]
    unread: list[Unread]
    plan: str = Field("", description="the plan part that was written")
    kinds: dict[str, int] = Field(description="hyperparameters by kind")


class TagAnswer(Answer):
    """The override, as recorded."""

    file: str
    unit: str
    tag: Tag
    was: Tag


class Pair(Record):
    """One hyperparameter of the reference and what the port has."""

    name: str
    reference: Place
    port: list[Place]
    says: str


class CompareAnswer(Answer):
    """Hyperparameters that differ, by name."""

    equal: int
    different: list[Pair]
    absent: list[Pair] = Field(description="declared in the reference, no value of that name in the port")
