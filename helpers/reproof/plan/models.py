"""Questions and answers of `helpers/plan.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from reproof.records import Answer, Record

Status = Literal["VERIFIED", "VOUCHED", "SIGNED", "OPEN", "NOT_IN_PAPER", "VALUE_NOT_IN_QUOTE", "UNCHECKED"]
"""VOUCHED: an earlier, intact record verified the same quote; the text itself is not here now."""

PLAN = Field(description="plan.yaml", json_schema_extra={"positional": True, "input": True})


class CheckRequest(Record):
    """Is every value of the plan verified or signed?"""

    plan: Path = PLAN
    paper: Path | None = Field(
        None, description="text of the paper, .txt or .md", json_schema_extra={"metavar": "FILE"}
    )


class RenderRequest(Record):
    """Show the plan to a person."""

    plan: Path = PLAN


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
    vouched: Vouched | None = None
    plan_sha256: str


class Row(Record):
    """One setting, for the rendered plan."""

    path: str
    value: Any
    origin: str
    status: Literal["stated", "inferred", "signed", "source"]
    alternatives: list[Any]


class ExperimentView(Record):
    """One experiment, complete, for the rendered plan."""

    name: str
    summary: str
    rows: list[Row]


class RenderAnswer(Answer):
    """The plan, laid out."""

    plan: dict[str, Any]
    experiments: list[ExperimentView]
    inferred: list[Row]
