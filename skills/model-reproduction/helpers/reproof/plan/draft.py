"""Plans that are not finished: which required fields are still open. `{open: what to find}` marks one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from reproof import yamlio
from reproof.plan.places import at
from reproof.records import Record


class Open(Record):
    """A field that nobody has filled in yet."""

    path: str
    what: str
    candidates: int = 0


class Offered(Open):
    """An open field with what the paper offers for it."""

    offers: list[dict[str, Any]] = Field(default_factory=list)


def open_fields(data: object, path: str = "") -> Iterator[Open]:
    """Every `{open: ...}` below `data`, in document order."""
    if isinstance(data, dict):
        if "open" in data:
            found = data.get("candidates")
            yield Open(path=path, what=str(data["open"]), candidates=len(found) if isinstance(found, list) else 0)
            return
        for key, value in data.items():
            yield from open_fields(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            name = value.get("id") or value.get("name") or index if isinstance(value, dict) else index
            yield from open_fields(value, f"{path}.{name}")


def offered(data: object) -> list[Offered]:
    """The open fields with their candidates."""
    found = []
    for field in open_fields(data):
        candidates = at(data, field.path).get("candidates")
        rows = [row for row in candidates if isinstance(row, dict)] if isinstance(candidates, list) else []
        found.append(Offered(**field.model_dump(), offers=rows))
    return found


def quoted(data: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping below `data` that has a quote; a draft's quotes can be checked before it is complete."""
    if isinstance(data, dict):
        if isinstance(data.get("quote"), str):
            yield path, data
            return
        if "open" not in data:
            for key, value in data.items():
                yield from quoted(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            name = value.get("id") or value.get("name") or index if isinstance(value, dict) else index
            yield from quoted(value, f"{path}.{name}")


def loaded(path: Path) -> Any:
    """The plan file as plain data.

    Raises:
        PackError: it is not there, or not YAML.
    """
    return yamlio.load(path, "plan")
