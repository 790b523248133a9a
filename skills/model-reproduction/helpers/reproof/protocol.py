"""Parts of the plan that say how exactly: data before training, the loss, the metric; and where a port comes from.

`missing_in` names what a reproduction cannot do without and a plan does not say; `plan check` lists it.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from reproof.records import Record, Signature, Sourced

SOURCE = re.compile(r"^(?P<file>[^:@\s][^:@]*):(?P<first>\d+)(?:-(?P<last>\d+))?@(?P<commit>[0-9a-f]{7,40})$")
"""`path/in/the/repository.py:12@commit` or `:12-15@commit`: where a value of a port stands. Paths are posix paths."""


class DataProtocol(Record):
    """What is done with the data before it reaches a model."""

    splits: dict[str, Sourced[int | float | str]] = Field(
        default_factory=dict, description="split to its size, share or definition: {train: 50000, test: 10000}"
    )
    preprocessing: Sourced[str | list[str]] | None = Field(
        None, description="range, padding, normalisation, tokens, in order; [] where the data is used as it is"
    )
    shapes: dict[str, Sourced[list[int]]] = Field(
        default_factory=dict, description="tensor to the shape of one sample: {image: [3, 32, 32]}"
    )


class Objective(Record):
    """What a phase minimises."""

    formula: Sourced[str] = Field(description="the loss as the paper prints it")
    equation: str = Field("", description="as the paper numbers it, like Eq. 12")
    reduction: Sourced[str] | None = Field(None, description="mean or sum, over batch and over dimensions")
    weights: dict[str, Sourced[float]] = Field(default_factory=dict, description="of the loss's terms")


class MetricDefinition(Record):
    """What the metric is, to the last convention that moves its number."""

    squared: Sourced[bool] | None = Field(None, description="of a distance: is it squared?")
    package: Sourced[str] | None = Field(None, description="which package and call computes it")
    formula: Sourced[str] | None = None
    against: Sourced[str] | None = Field(None, description="reference set, like the 10,000 test images")
    averaging: Sourced[str] | None = Field(None, description="over runs, classes or tokens, and what ± means")


class PortSource(Record):
    """The repository that a port comes from, pinned. `inventory` writes this part; a person may too.

    A value of a port has `source: file:line@commit` (see SOURCE); `plan check --source CLONE` looks each up in it.
    """

    repository: str = Field(min_length=3, description="address, like https://github.com/owner/name")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$", description="all 40 digits: a branch or a tag may move")
    licence: str = Field(description="SPDX identifier, or 'none' where the repository states none")
    folder: str = Field("", description="below the repository, where not all of it is ported")
    framework: str = Field("", description="with its version, like jax 0.4.30")
    weights: str = Field("", description="address of the reference's weights")
    weights_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")


class Note(Record):
    """What one of the three readings of the paper found, for a person."""

    reading: Literal[1, 2, 3]
    says: str = Field(min_length=3)
    where: str = ""


class Settled(Record):
    """A person's decision where the paper says two things about one value."""

    path: str = Field(description="the value, as plan check names it")
    over: float = Field(description="what the paper says elsewhere, and the plan does not follow")
    where: str = Field("", description="where it says so")
    signed: Signature


def missing_in(full: Any) -> list[tuple[str, str]]:
    """(path below the experiment, what to say there) of each part that a complete experiment has and this one lacks."""
    lacks: list[tuple[str, str]] = []
    said = full.protocol or DataProtocol()
    lacks += [("protocol.splits", "which samples train, validate and test")] if not said.splits else []
    lacks += [("protocol.preprocessing", "range, padding, normalisation, tokens")] if not said.preprocessing else []
    lacks += [("protocol.shapes", "the shape of one sample of each tensor")] if not said.shapes else []
    lacks += [("parameters", "the expected parameter count")] if full.parameters is None else []
    for name, phase in full.phases.items():
        if phase.kind == "train" and phase.objective is None:
            lacks.append((f"phases.{name}.objective", "the loss with its equation"))
    definition = full.evaluation.definition if full.evaluation else None
    if full.evaluation and (definition is None or definition.package is None):
        lacks.append(("evaluation.definition.package", "which package and call computes the metric"))
    distances = ("w1", "w2", "wasserstein", "distance", "mmd", "mse", "rmse", "kid")
    if full.evaluation and str(full.evaluation.metric.value).lower() in distances and (
            definition is None or definition.squared is None):  # fmt: skip
        lacks.append(("evaluation.definition.squared", "whether the distance is squared"))
    return lacks
