"""The plan's model-reproduction part: what is ported, from where, and what may not change. Written by the inventory."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.records import Record, Sourced

PLACE = r"^.+:\d+@\S+$"


class PortUnit(Record):
    """A class or function of the reference, and whether the port may change it."""

    id: str = Field(description="file::Class.method in the reference")
    tag: Literal["core", "engineering"]
    source: str = Field(pattern=PLACE, description="file:line@revision")
    reason: str = Field(min_length=3)
    by: str = Field("rule", description="rule, or who overrode it")


class PortConflict(Record):
    """One name with several values in the reference; somebody has to say which one the port takes."""

    name: str
    values: list[Any]
    places: list[str]
    decision: str = Field("", description="which value the port takes, and why")


class PortDependency(Record):
    """A package that the reference was built on, as its files declare it."""

    name: str
    declared: str = ""
    version: str = Field("", description="the version that the comparison ran with")


class Inventory(Record):
    """What the code of a port's `port.repository` holds: its units, its hyperparameters, what it says twice."""

    revision: str = Field(min_length=1, description="commit, version or digest that file:line refers to")
    sha256: str = ""
    units: list[PortUnit] = Field(default_factory=list)
    hyperparameters: dict[str, Sourced[Any]] = Field(default_factory=dict)
    conflicts: list[PortConflict] = Field(default_factory=list)
    dependencies: list[PortDependency] = Field(default_factory=list)
    details: list[str] = Field(
        default_factory=list, description="file:line@revision topic: what; small things that break ports"
    )

    @model_validator(mode="after")
    def _once(self) -> Inventory:
        doubled = [name for name, times in Counter(unit.id for unit in self.units).items() if times > 1]
        if doubled:
            raise ValueError(f"units: id used twice: {', '.join(sorted(doubled)[:5])}")
        return self
