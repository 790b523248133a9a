"""Questions and answers of `helpers/compare.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from reproof.records import Answer, Record, Verdict

Direction = Literal["lower", "higher"]


class CompareRequest(Record):
    """Do our runs reproduce the paper's numbers?"""

    project: Path | None = Field(
        None, description="generated project with plan.yaml and results/", json_schema_extra={"positional": True}
    )
    plan: Path | None = Field(None, description="plan.yaml, instead of PROJECT", json_schema_extra={"metavar": "FILE"})
    results: list[Path] = Field(
        default_factory=list,
        description="records file, or a folder that is searched for records.jsonl; may be repeated",
        json_schema_extra={"metavar": "PATH"},
    )

    @model_validator(mode="after")
    def _one_way_to_name_files(self) -> CompareRequest:
        if (self.project is None) == (self.plan is None):
            raise ValueError("give PROJECT, or --plan FILE with --results PATH, and not both")
        if self.project and self.results:
            raise ValueError("PROJECT brings its own results/; use --plan FILE with --results PATH")
        return self


class Ours(Record):
    """What our complete runs gave, one value per seed."""

    mean: float
    sd: float | None = Field(description="standard deviation between seeds, n - 1 in the denominator")
    n: int = Field(description="distinct seeds")
    seeds: list[int]
    low: float | None = Field(description="95 % confidence interval of the mean")
    high: float | None


class Floor(Record):
    """The metric between independent draws of the truth, at the protocol's sample sizes."""

    mean: float
    sd: float
    q05: float
    q95: float
    n: int = Field(description="draws")
    reached: int = Field(description="draws that are as good as the paper's number or better")
    n_test: int
    n_generated: int


class ReadingResult(Record):
    """If the protocol was meant like this. It never becomes the claim's verdict."""

    name: str
    means: str
    floor: Floor | None
    ours: Ours | None
    attainable: bool | None = Field(description="None: no usable floor under this reading")
    would_be: Verdict = Field(description="what the rule would say under this reading")
    reason: str


class Used(Record):
    """One record that the verdict rests on."""

    file: str
    file_sha256: str
    line: int
    run_id: str
    seed: int | None
    value: float | None


class ClaimResult(Record):
    """One claim and what became of it."""

    id: str
    table: str
    method: str
    experiment: str
    metric: str
    condition: dict[str, int | float | str]
    direction: Direction
    printed: str
    paper: float | None = Field(description="the printed number; None when it is not finite")
    decimals: int = Field(description="digits to show: one more than the paper prints")
    ours: Ours | None
    floor: Floor | None
    gap: float | None = Field(None, description="ours - paper, in the paper's unit")
    gap_frac: float | None = Field(None, description="gap / |paper|")
    tolerance: float | None = Field(None, description="largest gap that is a MATCH")
    prediction: float | None = Field(None, description="half-width of the 95 % prediction interval")
    verdict: Verdict
    reason: str
    more_seeds: int | None = Field(None, description="how many more seeds would decide it")
    rule_of_thumb: str = Field("", description="what < 2 % good, > 5 % a bug would have said")
    readings: list[ReadingResult] = Field(default_factory=list)
    typed: list[float] = Field(default_factory=list, description="values without a run behind them; never judged")
    notes: list[str] = Field(default_factory=list, description="what was left out, and why")
    hints: list[str] = Field(default_factory=list)
    records: list[Used] = Field(default_factory=list)
    records_total: int = Field(0, description="records the verdict rests on; `records` lists the first of them")

    @property
    def is_positive(self) -> bool:
        """Counts as reproduced."""
        return self.verdict in ("MATCH", "CLOSE", "BETTER")


class TableResult(Record):
    """One table of the paper."""

    table: str
    claims: int
    counts: dict[str, int]
    reproduced: int
    median_gap_frac: float | None = Field(description="median of |gap| / |paper| over the claims with runs of ours")
    headline: str


class FileResult(Record):
    """One file of records."""

    path: str
    sha256: str
    lines: int
    kinds: dict[str, int]
    problems: list[str]
    problem_count: int


class Cause(Record):
    """Where to look when a number does not match."""

    look_at: str
    question: str
    cost: str


class CompareAnswer(Answer):
    """What `compare.py` found. `ok`: every claim is MATCH, CLOSE or BETTER."""

    plan_sha256: str
    counts: dict[str, int]
    reproduced: int
    claims: list[ClaimResult]
    tables: list[TableResult]
    files: list[FileResult]
    notes: list[str]
    rule: str
    look_at: list[Cause]
