"""Floors that the plan asks compare to compute: a metric between draws of the truth, built in or the user's code."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, model_validator

from reproof.records import Record

BuiltIn = Literal["w1", "w2", "w2_squared", "sinkhorn", "mmd", "fid", "kid", "accuracy"]


class FloorCall(Record):
    """What a perfect model would score, computed at the sample sizes of the protocol."""

    experiment: str
    metric: str = Field(description="as the claims call it")
    by: BuiltIn | None = Field(None, description="a built-in; fid and kid work on features")
    call: str = Field("", description="FILE.py:FUNCTION of the project, f(n_test, n_generated, seed) -> the metric")
    truth: str = Field("", description="FILE.py:FUNCTION of the project, f(n, seed) -> array; or FILE.npy of samples")
    draws: int = Field(100, ge=2, le=100_000)
    reading: str = "as_stated"
    label_noise_frac: float | None = Field(
        None, ge=0, le=1, description="accuracy: share of test labels that are wrong"
    )
    settings: dict[str, float] = Field(default_factory=dict, description="blur of sinkhorn, bandwidth of mmd")

    @model_validator(mode="after")
    def _one_way_to_compute(self) -> FloorCall:
        if (self.by is None) == (not self.call):
            raise ValueError("needs exactly one of by (a built-in) and call (FILE.py:FUNCTION)")
        if self.by == "accuracy" and self.label_noise_frac is None:
            raise ValueError("accuracy needs label_noise_frac")
        if self.by not in (None, "accuracy") and not self.truth:
            raise ValueError(f"{self.by} needs truth: FILE.py:FUNCTION or FILE.npy")
        for text in (self.call, self.truth):
            place = PurePosixPath(text.rpartition(":")[0] or text)
            if place.is_absolute() or ".." in place.parts:
                raise ValueError(f"{text!r} leads out of the project")
        return self
