"""Claims that are not one printed number, and the changes that a paper says it tried: parts of the plan.

An order says who beats whom, a curve is read off a figure, an ablation is an experiment with some settings changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from reproof.errors import near
from reproof.records import Record, Slug, Sourced

CLAIM_ID = r"^[a-z0-9_/.-]+$"


class Ablation(Record):
    """One experiment with some of its settings changed, as the paper (or the plan) tries it."""

    experiment: str
    overrides: dict[str, Sourced[Any]] = Field(
        min_length=1,
        description="setting below the experiment, like phases.fit.lr or model.width, to its value there",
    )
    why: str = Field(min_length=3, description="what it is to show")
    claims: list[str] = Field(default_factory=list, description="ids of the claims, orders and curves it bears on")
    seeds: list[int] = Field(default_factory=list, description="by default those of the experiment")

    @property
    def values(self) -> dict[str, Any]:
        """The changed settings, without their origins."""
        return {path: item.value for path, item in self.overrides.items()}


class Contender(Record):
    """One side of an order: an experiment of ours under a condition, or a method that only the paper has."""

    method: str = Field(description="as the paper calls it")
    experiment: str = Field("", description="of this plan; without one the side is not run here")
    ablation: str = Field("", description="of this plan: the experiment with those changes")
    condition: dict[str, int | float | str] = Field(default_factory=dict)
    printed: str = Field("", description="the number the paper prints for it, if any")


class OrderClaim(Record):
    """A statement of the paper that some methods or settings do better than others."""

    id: str = Field(pattern=CLAIM_ID)
    metric: str
    direction: Literal["lower", "higher"]
    ranking: list[Contender] = Field(min_length=2, description="best first")
    ties: bool = Field(False, description="neighbours in the ranking may be equal within their spread")
    dataset: str = ""
    quote: str
    where: str

    @property
    def runs(self) -> list[Contender]:
        """Those of the ranking that this plan can run."""
        return [side for side in self.ranking if side.experiment or side.ablation]


class CurveClaim(Record):
    """A curve of a figure, read off as points: x, y in the units of the axes (not their logarithms)."""

    id: str = Field(pattern=CLAIM_ID)
    figure: str
    experiment: str
    ablation: str = ""
    method: str = Field("", description="as the legend calls the curve")
    metric: str = Field(description="what y is")
    series: str = Field(description="what x is, as the results call it: step, epoch, sampling_steps, wall_s")
    direction: Literal["lower", "higher", "shape"] = Field(
        "shape", description="whether lower or higher is better, or only the course of the curve counts"
    )
    condition: dict[str, int | float | str] = Field(default_factory=dict)
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False
    points: list[tuple[float, float]] = Field(min_length=2)
    reading_error_x: float = Field(0.0, ge=0, description="how far x may be misread; decades where x_log")
    reading_error_y: float = Field(gt=0, description="how far y may be misread, in units of y; decades where y_log")
    quote: str = Field(description="words of the caption, or of the sentence that describes the curve")
    where: str

    @field_validator("points")
    @classmethod
    def _x_rises(cls, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        wrong = [points[at + 1][0] for at in range(len(points) - 1) if points[at + 1][0] <= points[at][0]]
        if wrong:
            raise ValueError(f"x must rise from point to point; {wrong[0]:g} does not")
        return points

    @model_validator(mode="after")
    def _logarithms_exist(self) -> CurveClaim:
        for axis, at, is_log in (("x", 0, self.x_log), ("y", 1, self.y_log)):
            below = [point[at] for point in self.points if point[at] <= 0]
            if is_log and below:
                raise ValueError(f"{axis}_log, and {axis} is {below[0]:g}")
        return self


def dangling(
    experiments: Collection[str],
    claims: list[str],
    orders: list[OrderClaim],
    curves: list[CurveClaim],
    ablations: dict[Slug, Ablation],
) -> Iterator[str]:
    """Ids used twice, and names of experiments, ablations and claims that point at nothing."""
    ids = [*claims, *(order.id for order in orders), *(curve.id for curve in curves)]
    doubled = sorted(name for name, times in Counter(ids).items() if times > 1)
    if doubled:
        yield f"claims: id used twice: {', '.join(doubled)}"
    uses = [(f"curves.{curve.id}", curve.experiment, curve.ablation) for curve in curves]
    uses += [(f"orders.{order.id}", side.experiment, side.ablation) for order in orders for side in order.ranking]
    uses += [(f"ablations.{name}", ablation.experiment, "") for name, ablation in ablations.items()]
    for path, experiment, ablation in uses:
        if experiment and experiment not in experiments:
            yield f"{path}: no experiment {experiment!r}{near(experiment, experiments)}"
        if ablation and ablation not in ablations:
            yield f"{path}: no ablation {ablation!r}{near(ablation, ablations)}"
    for name, given in ablations.items():
        for claim in given.claims:
            if claim not in ids:
                yield f"ablations.{name}: no claim {claim!r}{near(claim, ids)}"
