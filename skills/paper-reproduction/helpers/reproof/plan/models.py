"""Questions and answers of `helpers/plan.py`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from reproof.plan.consistency import Finding
from reproof.plan.contradictions import Contradiction
from reproof.plan.coverage import Place
from reproof.plan.draft import Offered, Open
from reproof.protocol import Note
from reproof.records import Answer, Record
from reproof.text.candidates import Candidate

Status = Literal[
    "VERIFIED", "VOUCHED", "SIGNED", "OPEN", "UNCHECKED", "NOT_IN_PAPER", "VALUE_NOT_IN_QUOTE", "NOT_IN_SOURCE",
    "VALUE_NOT_IN_SOURCE",
]  # fmt: skip
"""VOUCHED: an earlier, intact record verified the same quote; the text itself is not here now."""

PLAN = Field(description="plan.yaml", json_schema_extra={"positional": True, "input": True})


class CheckRequest(Record):
    """Is every value of the plan verified or signed?"""

    plan: Path = PLAN
    paper: Path | None = Field(
        None,
        description="the paper: PDF, LaTeX, HTML, Markdown, text or s2orc JSON",
        json_schema_extra={"metavar": "FILE"},
    )
    source: Path | None = Field(
        None,
        description="of a port: a local clone of its repository; lines are read at the plan's commit, nothing is run",
        json_schema_extra={"metavar": "DIR"},
    )


class RenderRequest(Record):
    """Show the plan to a person."""

    plan: Path = PLAN
    document: Literal["plan", "notes", "claims"] = Field(
        "plan", description="plan: the reproduction plan; notes: three readings of the paper; claims: their table"
    )
    paper: Path | None = Field(
        None,
        description="the paper: the notes then say section by section what is cited and what is left",
        json_schema_extra={"metavar": "FILE"},
    )
    out: Path | None = Field(
        None,
        description="write PLAN.md, NOTES.md and CLAIMS.md into this folder instead of one of them to stdout",
        json_schema_extra={"metavar": "DIR"},
    )


class Item(Record):
    """One value or claim and what is known about it."""

    path: str
    value: Any
    status: Status
    where: str = ""
    section: str = Field("", description="heading of the paper that the quote was found below")
    reason: str = ""
    fingerprint: str = Field(description="sha256 of path, quote, value and reading; what an earlier record vouches for")


class Vouched(Record):
    """The earlier record that vouches for quotes when the text is not here."""

    record: str
    date: str
    text_sha256: str
    reading: str = Field(description="the sentence that the report prints")


class CheckAnswer(Answer):
    """What `plan.py check` found."""

    counts: dict[str, int]
    items: list[Item]
    text_sha256: str = ""
    text_source: str = Field("", description="where the quotes were looked up")
    source_commit: str = Field("", description="of the clone that a port's values were looked up in")
    vouched: Vouched | None = None
    plan_sha256: str
    findings: list[Finding] = Field(default_factory=list, description="fields that do not fit together")
    incomplete: list[Open] = Field(default_factory=list, description="what a complete plan says and this one does not")
    misplaced: list[Finding] = Field(default_factory=list, description="quotes that stand elsewhere than `where` says")
    contradictions: list[Contradiction] = Field(default_factory=list, description="that nobody has decided")
    settled: list[Contradiction] = Field(default_factory=list, description="that a person has decided")
    open_fields: list[Offered] = Field(default_factory=list, description="a draft's required fields without a value")
    untouched: list[Place] = Field(default_factory=list, description="parts of the paper that no quote stands in")
    lost: list[str] = Field(default_factory=list, description="what of the paper could not be read")


class Row(Record):
    """One setting, for the rendered plan."""

    path: str
    value: Any
    origin: str
    status: Literal["stated", "inferred", "signed", "source"]
    alternatives: list[Any]


class PhaseView(Record):
    """One phase, for the rendered plan."""

    name: str
    kind: str
    loss: str
    formula: str
    frozen: list[str]
    hands_on: str


class LibraryView(Record):
    """One library, for the rendered plan."""

    name: str
    version: str
    origin: str
    calls: int


class NoteRow(Record):
    """One line of the notes."""

    what: str
    says: str
    where: str


class Reading(Record):
    """One of the three readings of the paper."""

    number: int
    title: str
    asks: str
    notes: list[Note]
    rows: list[NoteRow]
    places: list[Place] = Field(description="parts of the paper that this reading goes through")


class ExperimentView(Record):
    """One experiment, complete, for the rendered plan."""

    name: str
    summary: str
    rows: list[Row]
    phases: list[PhaseView]


class RenderAnswer(Answer):
    """The plan, laid out."""

    plan: dict[str, Any]
    experiments: list[ExperimentView]
    inferred: list[Row]
    libraries: list[LibraryView]
    compute: list[Row]
    readings: list[Reading]
    paper: str = ""
    lost: list[str] = Field(default_factory=list)
    written: list[str] = Field(default_factory=list)


class CoverageRequest(Record):
    """What of the paper does the plan cite?"""

    plan: Path = PLAN
    paper: Path = Field(
        description="the paper: PDF, LaTeX, HTML, Markdown, text or s2orc JSON",
        json_schema_extra={"metavar": "FILE", "input": True},
    )


class CoverageAnswer(Answer):
    """The paper, part by part."""

    places: list[Place]
    unused: list[Candidate]
    lost: list[str]


class DiffRequest(Record):
    """What differs between two plans?"""

    before: Path = Field(description="the older plan", json_schema_extra={"positional": True, "input": True})
    after: Path = Field(description="the newer plan", json_schema_extra={"positional": True, "input": True})


class Difference(Record):
    """One value or claim that differs."""

    path: str
    kind: Literal["added", "removed", "value", "origin"]
    before: Any = None
    after: Any = None
    origin_before: str = ""
    origin_after: str = ""


class DiffAnswer(Answer):
    """All differences; `ok` when there are none."""

    differences: list[Difference]


class SignoffRequest(Record):
    """Record a person's decision."""

    plan: Path = PLAN
    path: list[str] = Field(
        min_length=1, description="values as plan check names them", json_schema_extra={"positional": True}
    )
    over: float | None = Field(
        None,
        description="the paper says two things: the value at PATH holds, this number of another place does not",
    )
    by: str = Field(description="the person's name; helpers and agents do not sign", min_length=1)
    on: datetime.date | None = Field(None, description="day of the decision, YYYY-MM-DD (default: today)")
    note: str = Field("", description="what the person said about it")


class SignedValue(Record):
    """One value that a person accepted."""

    path: str
    value: Any
    inferred: str


class SignoffAnswer(Answer):
    """What was signed."""

    by: str
    signed: list[SignedValue]
    still_open: int


class TakeRequest(Record):
    """Fill open fields."""

    plan: Path = PLAN
    pick: list[str] = Field(
        min_length=1,
        description="FIELD=@N (candidate N), FIELD=VALUE@N (its quote), FIELD=VALUE@words of the paper (with --paper), "
        "FIELD=VALUE?reason (inferred), FIELD=- (does not apply); FIELD is the path or its last parts",
        json_schema_extra={"positional": True},
    )
    paper: Path | None = Field(None, description="the paper, for quotes of your own", json_schema_extra={"input": True})


class TakenField(Record):
    """What now stands at a field; null where it was removed."""

    path: str
    data: Any


class TakeAnswer(Answer):
    """What was filled, and what is left."""

    taken: list[TakenField]
    open_fields: list[Offered]


class InitRequest(Record):
    """Begin a plan from a paper."""

    paper: Path = Field(
        description="the paper: PDF, LaTeX, HTML, Markdown, text or s2orc JSON",
        json_schema_extra={"positional": True, "input": True},
    )
    out: Path = Field(Path("plan.yaml"), description="where to write it; a file that is there is never overwritten")
    name: str = Field("", description="Python identifier for the project; by default from the title")
    group: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]] = Field(
        default=[], description="experiments that share their settings; once per such group (default: shared)"
    )


class InitAnswer(Answer):
    """The plan that was begun."""

    out: str
    open_fields: list[Offered]
    claims: int
    candidates: int
    lost: list[str]
