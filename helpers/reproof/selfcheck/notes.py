"""What was easy, what was hard, what was learned: words of a person, in notes.yaml of the project."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydantic import Field

from reproof import yamlio
from reproof.errors import PackError
from reproof.records import Record, validated

FILE = "notes.yaml"


class Notes(Record):
    """notes.yaml."""

    by: str = Field(min_length=2, description="who says so")
    on: datetime.date
    easy: list[str] = Field(default_factory=list)
    hard: list[str] = Field(default_factory=list)
    lessons: list[str] = Field(default_factory=list)


def notes_of(folder: Path) -> tuple[Notes | None, str]:
    """The notes, or why there are none to show."""
    path = folder / FILE
    if not path.is_file():
        return None, f"nobody has written it down ({FILE}: by, on, easy, hard, lessons)"
    try:
        data = yamlio.load(path, "notes")
        notes = validated(
            Notes,
            data,
            slug="bad-notes",
            name=FILE,
            why="they are shown with a name",
            fix="by, on, easy, hard, lessons",
        )
    except PackError as error:
        return None, f"{FILE} cannot be shown: {error.what}"
    return notes, ""
