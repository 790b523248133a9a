"""Overrides of the core and engineering tags: who decided, and why. The rule's own tag is kept beside them."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydantic import Field

from reproof import yamlio
from reproof.errors import PackError, near
from reproof.inventory.models import TagAnswer, TagRequest, UnitInfo
from reproof.paths import write_atomically
from reproof.records import Record, validated
from reproof.signs import Tag

DEFAULT = Path("inventory.tags.yaml")
WHY = "an override decides whether a unit is compared at all"


class Override(Record):
    """One decision."""

    unit: str
    tag: Tag
    reason: str = Field(min_length=8)
    by: str = Field(min_length=2)
    on: datetime.date


class Overrides(Record):
    """inventory.tags.yaml."""

    overrides: list[Override] = Field(default_factory=list)


def loaded(path: Path | None) -> list[Override]:
    """The overrides in `path`, or in the default file where there is one.

    Raises:
        PackError: the file is not there although it was named, or is not in the form.
    """
    if path is None and not DEFAULT.is_file():
        return []
    file = path or DEFAULT
    data = yamlio.load(file, "tags file")
    fix = "write it with `inventory.py tag`"
    return validated(Overrides, data or {}, slug="bad-tags", name=str(file), why=WHY, fix=fix).overrides


def applied(units: list[UnitInfo], overrides: list[Override]) -> list[UnitInfo]:
    """`units` with the overrides on top; one of a class counts for its methods unless they have their own.

    Raises:
        PackError: an override names a unit that is not there.
    """
    known = {unit.id for unit in units}
    unknown = [override.unit for override in overrides if override.unit not in known]
    if unknown:
        raise _no_unit(unknown[0], known)
    by_id = {override.unit: override for override in overrides}
    return [_with(unit, by_id) for unit in units]


def _with(unit: UnitInfo, by_id: dict[str, Override]) -> UnitInfo:
    name = unit.id
    while name not in by_id and "." in name.partition("::")[2]:
        name = name.rpartition(".")[0]
    override = by_id.get(name)
    if override is None:
        return unit
    return unit.model_copy(update={"tag": override.tag, "reason": override.reason, "by": override.by})


def _no_unit(unit: str, known: set[str]) -> PackError:
    return PackError(
        "no-such-unit",
        f"no unit {unit!r}{near(unit, known)}",
        why=WHY,
        fix="units are listed by `inventory.py read --json`",
    )


def tag(request: TagRequest, units: list[UnitInfo]) -> TagAnswer:
    """Write one override; a later one of the same unit replaces the earlier.

    Raises:
        PackError: there is no such unit.
    """
    by_id = {unit.id: unit for unit in units}
    if request.unit not in by_id:
        raise _no_unit(request.unit, set(by_id))
    kept = loaded(request.tags) if request.tags.is_file() else []
    new = Override(unit=request.unit, tag=request.tag, reason=request.reason, by=request.by, on=datetime.date.today())
    whole = Overrides(overrides=[item for item in kept if item.unit != request.unit] + [new])
    write_atomically(request.tags, yamlio.dump(whole.model_dump(mode="json")))
    was = by_id[request.unit].rule_tag
    return TagAnswer(
        ok=True,
        headline=f"{request.unit} is {request.tag}; the rule says {was}",
        file=str(request.tags),
        unit=request.unit,
        tag=request.tag,
        was=was,
    )
