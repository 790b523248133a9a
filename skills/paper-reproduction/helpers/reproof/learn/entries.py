"""LEARNING.md as data: read it, write it, and say what is wrong with it. Pure.

An entry is `## Title  `slug`` and one line or paragraph per field, `**Symptom** ...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator

from reproof.records import Record

FIELDS = {
    "what": "What",
    "symptom": "Symptom",
    "impact": "Impact",
    "cause": "Root cause",
    "prevention": "Prevention",
    "shown_by": "Shown by",
    "caught_by": "Now caught by",
}
HEAD = re.compile(r"^## (?P<title>.+?)\s+`(?P<slug>[^`]*)`(?P<kind> \(principle\))?\s*$")
FIELD = re.compile(rf"^\*\*(?P<name>{'|'.join(FIELDS.values())})\*\*\s*(?P<text>.*)$")
KEY = {title: key for key, title in FIELDS.items()}


class Entry(Record):
    """One mistake or principle, in the fixed form."""

    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60, description="stable name, like metric-floor")
    title: str = Field(min_length=8, max_length=100)
    kind: Literal["mistake", "principle"] = "mistake"
    what: str = Field(min_length=12, description="what happens, in one sentence")
    symptom: str = Field(min_length=8, description="what one sees: this is what a search meets")
    impact: str = Field(min_length=4)
    cause: str = Field(min_length=8, description="root cause")
    prevention: str = Field(min_length=8)
    shown_by: str = Field(min_length=4, description="the command or test that shows it")
    caught_by: str = Field(min_length=4, description="what catches it now, or 'nothing yet'")

    @field_validator("title", *FIELDS)
    @classmethod
    def _is_one_paragraph(cls, text: str) -> str:
        flat = " ".join(text.split())
        if flat.startswith("#"):
            raise ValueError("must not begin with '#': it would become a heading")
        return flat

    @field_validator("title")
    @classmethod
    def _has_no_backtick(cls, text: str) -> str:
        if "`" in text:
            raise ValueError("must not hold a backtick: the slug stands in one")
        return text


def written(entry: Entry) -> str:
    """An entry as Markdown."""
    mark = " (principle)" if entry.kind == "principle" else ""
    lines = [f"## {entry.title}  `{entry.slug}`{mark}", ""]
    lines += [f"**{title}** {getattr(entry, key)}" for key, title in FIELDS.items()]
    return "\n".join(lines) + "\n"


class Raw(Record):
    """A section of the file as it stands, before it is held to the form."""

    line: int
    title: str
    slug: str
    kind: Literal["mistake", "principle"]
    fields: dict[str, str]
    doubled: list[str]


def sections(text: str) -> Iterator[Raw]:
    """Every `## ...` section of a LEARNING.md; text inside code fences is never a heading."""
    head: re.Match[str] | str | None = None
    start, key, fenced = 0, "", False
    fields: dict[str, str] = {}
    doubled: list[str] = []
    for number, line in enumerate([*text.splitlines(), "## end"], start=1):
        fenced ^= line.lstrip().startswith("```")
        if line.startswith("## ") and not fenced:
            if head is not None:
                yield _raw(head, start, fields, doubled)
            head, start, key, fields, doubled = HEAD.match(line) or line[3:], number, "", {}, []
        elif found := FIELD.match(line):
            key = KEY[found["name"]]
            doubled += [found["name"]] if key in fields else []
            fields[key] = found["text"].strip()
        elif key and line.strip():
            fields[key] += " " + line.strip()


def _raw(head: re.Match[str] | str, line: int, fields: dict[str, str], doubled: list[str]) -> Raw:
    if isinstance(head, str):
        return Raw(line=line, title=head.strip(), slug="", kind="mistake", fields=fields, doubled=doubled)
    kind: Literal["mistake", "principle"] = "principle" if head["kind"] else "mistake"
    return Raw(line=line, title=head["title"], slug=head["slug"], kind=kind, fields=fields, doubled=doubled)
