"""Question and answer of `helpers/install.py`."""

from __future__ import annotations

from pydantic import Field

from reproof.records import Answer, Record


class SyncRequest(Record):
    """Make each skill folder complete by itself."""

    check: bool = Field(False, description="change nothing; answer whether the copies are up to date")


class SyncAnswer(Answer):
    """What was, or would be, changed."""

    changed: list[str]
    removed: list[str]
    files: int
