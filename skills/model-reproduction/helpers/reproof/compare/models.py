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
        description="results file, or a folder that is searched for records.jsonl, records.csv, records.json and files "
        "of TensorBoard, MLflow, W&B and trackio; may be repeated",
        json_schema_extra={"metavar": "PATH"},
    )
    claim: list[str] = Field(
        default_factory=list,
        description="show and count only this claim; may be repeated (all are judged and recorded)",
        json_schema_extra={"metavar": "ID"},
    )
    python: Path | None = Field(
        None, description="interpreter of the user's project, for floors that the plan asks for (default: this one)"
    )
    out: Path | None = Field(None, description="folder for compare.md, compare.html (with figures) and compare.json")

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
        """Nothing is wrong with it: the exit code is 0."""
        return self.verdict in ("MATCH", "CLOSE", "BETTER")

    @property
    def is_reproduced(self) -> bool:
        """Our number is the paper's; one that is BETTER is another number."""
        return self.verdict in ("MATCH", "CLOSE")


class PairResult(Record):
    """Two neighbours of a claimed order, in our runs."""

    better: str
    worse: str
    probability: float | None = Field(description="how often a run of `better` beats one of `worse`; ties count half")
    low: float | None = Field(description="95 % bootstrap interval")
    high: float | None
    state: Literal["held", "reversed", "open", "not run"]


class OrderResult(Record):
    """A claim that some methods do better than others."""

    id: str
    says: str
    verdict: Verdict
    reason: str
    tau: float | None = Field(None, description="Kendall's rank agreement of our means with the claimed order")
    tau_low: float | None = None
    tau_high: float | None = None
    pairs: list[PairResult] = Field(default_factory=list)
    means: dict[str, float] = Field(default_factory=dict)
    more_seeds: int | None = None


class CurveResult(Record):
    """A curve of a figure, and ours at its points."""

    id: str
    says: str
    verdict: Verdict
    reason: str
    x: list[float]
    paper: list[float]
    ours: list[float | None] = Field(default_factory=list, description="mean over seeds, interpolated at x")
    low: list[float | None] = Field(default_factory=list, description="95 % interval of the mean")
    high: list[float | None] = Field(default_factory=list)
    tolerance: list[float] = Field(default_factory=list)
    within_frac: float | None = Field(None, description="share of the paper's points that ours match")
    tau: float | None = Field(None, description="Kendall's rank agreement of the two curves' values")
    tau_low: float | None = None
    tau_high: float | None = None
    seeds: list[int] = Field(default_factory=list)
    x_label: str = ""
    y_label: str = ""
    y_log: bool = False


Standing = Literal["all reproduced", "some reproduced", "none reproduced", "undecided"]


class TableResult(Record):
    """One table of the paper."""

    table: str
    claims: int
    counts: dict[str, int]
    reproduced: int
    median_gap_frac: float | None = Field(description="median of |gap| / |paper| over the claims with runs of ours")
    standing: Standing = Field("undecided", description="the verdict on the whole")
    share_interval: list[float] | None = Field(None, description="95 % bootstrap interval of the reproduced share")
    iqm_gap_frac: float | None = Field(None, description="interquartile mean of |gap| / |paper|")
    interval_frac: list[float] | None = Field(None, description="its 95 % bootstrap interval")
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
    learning: str = Field("", description="slug of an entry of LEARNING.md about it")
    debug: str = Field("", description="checks of debug.py that see it")


class CompareAnswer(Answer):
    """What `compare.py` found. `ok`: every claim is MATCH, CLOSE or BETTER."""

    plan_sha256: str
    counts: dict[str, int]
    reproduced: int
    claims: list[ClaimResult]
    orders: list[OrderResult] = Field(default_factory=list)
    curves: list[CurveResult] = Field(default_factory=list)
    tables: list[TableResult]
    papers: list[TableResult] = Field(default_factory=list, description="all claims of the paper in one")
    shown: list[str] = Field(default_factory=list, description="claims asked for by --claim; empty: all")
    figures: list[str] = Field(default_factory=list, description="files written by --out")
    files: list[FileResult]
    notes: list[str]
    rule: str
    look_at: list[Cause]
