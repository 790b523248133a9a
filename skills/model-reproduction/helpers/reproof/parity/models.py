# ruff: noqa: RUF012, E501
"""Questions and answers of parity, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from reproof.errors import near
from reproof.records import Answer, Record

Status = Literal["pass", "fail", "not compared", "not reached"]
Level = Literal["static", "forward and gradients", "training dynamics", "data", "metric"]
INPUT: dict[str, Any] = {"input": True}
RUNGS = ("structure", "map", "config", "init", "forward", "fp32", "loss", "gradients", "forced", "draws", "repeat", "optimizer",
         "lr", "update", "stress", "ema", "data", "tokenizer", "metric")  # fmt: skip


class Sides(Record):
    """The two sides, and the interpreters they live in."""

    spec: Path | None = Field(
        None,
        description="YAML with `reference`, `port` and `inputs`, instead of the two flags",
        json_schema_extra={"positional": True, "input": True},
    )
    reference: str | None = Field(None, description="ref.py with build(config), or a folder that `record` wrote")
    port: str | None = Field(None, description="port.py with build(config)")
    python: Path | None = Field(None, description="interpreter of both sides (default: this one)")
    reference_python: Path | None = Field(None, description="interpreter of the reference, where it is another")
    timeout_s: float = Field(900.0, gt=0, description="time limit of the whole comparison")
    memory_gib: float | None = Field(None, gt=0, description="memory limit of each side's process")

    @model_validator(mode="after")
    def _both(self) -> Sides:
        if self.spec is None and not (self.reference and (self.port or not self.needs_port())):
            raise ValueError("give --reference and --port, or a YAML file with both")
        return self

    @classmethod
    def needs_port(cls) -> bool:
        """Whether the question is about two sides."""
        return True


class CheckRequest(Sides):
    """Climb the ladder."""

    keep_going: bool = Field(False, description="climb on after a rung that failed")
    only: list[str] = Field(
        default_factory=list, description="climb only this rung and the weight map; may be repeated"
    )
    save_map: Path | None = Field(
        None, description="write the weight map here, for `convert`", json_schema_extra={"metavar": "FILE.npz"}
    )

    @model_validator(mode="after")
    def _known(self) -> CheckRequest:
        wrong = [each for each in self.only if each not in RUNGS]
        if wrong:
            raise ValueError(f"--only {wrong[0]!r} is no rung{near(wrong[0], RUNGS)}; the rungs are {', '.join(RUNGS)}")
        return self


class BisectRequest(Sides):
    """Narrow a divergence to one operation."""

    around: int = Field(6, ge=1, description="operations to show before and after")
    what: Literal["forward", "loss", "step"] = Field("forward", description="forward, loss, or one training step")
    case: str | None = Field(None, description="case of inputs to run (default: the first)")


class SelftestRequest(Sides):
    """Break the port on purpose and see whether the ladder notices."""

    faults: int = Field(12, ge=1, le=200, description="how many faults to inject")
    seed: int = Field(0, description="which faults are chosen")


class RecordRequest(Sides):
    """Record the reference, for a comparison on another machine."""

    out: Path = Field(description="folder to write")

    @classmethod
    def needs_port(cls) -> bool:
        """A recording is of one side."""
        return False


class ConvertRequest(Record):
    """Carry weights over with a saved map."""

    map: Path = Field(description="map written by check --save-map", json_schema_extra=INPUT)
    weights: Path = Field(description="weights of the reference: .safetensors or .npz", json_schema_extra=INPUT)
    out: Path = Field(description="file to write: .safetensors or .npz")
    python: Path | None = Field(None, description="an interpreter with NumPy (default: this one)")


class CompareRequest(Record):
    """Compare two folders of recorded tensors, whatever framework wrote them."""

    reference: Path = Field(description="folder with manifest.json, of the reference", json_schema_extra=INPUT)
    port: Path = Field(description="folder with manifest.json, of the port", json_schema_extra=INPUT)
    tolerance: float = Field(1e-5, gt=0, description="largest relative error that counts as equal")
    python: Path | None = Field(None, description="an interpreter with NumPy (default: this one)")


class Operation(Record):
    """One operation of a run."""

    op: str
    line: str
    module: str = ""
    attrs: list[Any] = []
    shape: list[int] = []
    reads: list[str] = []
    calls: list[list[str]] = []
    made: str = ""


class Divergence(Record):
    """Where the sides part: None where a side has no such operation."""

    reference: Operation | None = None
    port: Operation | None = None
    others: list[Operation] = []
    only_reference: bool = False
    only_port: bool = False
    left_out: list[str] | None = None
    beside: list[str] = []


class Finding(Record):
    """One difference, with both places."""

    what: str
    reference_line: str = ""
    port_line: str = ""


class Case(Record):
    """One set of inputs."""

    case: str
    error: float | None = None
    says: str = ""


class Module(Record):
    """A module of the reference, and whether the port has the value it ends with."""

    module: str
    same: bool
    line: str


class Rung(Record):
    """One rung of the ladder."""

    id: str
    title: str
    level: Level
    status: Status
    says: str
    observed: float | None = None
    noise_floor: float | None = None
    tolerance: float | None = None
    margin_decades: float | None = None
    cases: list[Case] = []
    findings: list[Finding] = []
    hints: list[Finding] = []
    first_divergence: Divergence | None = None
    diagnosis: list[str] = []
    modules: list[Module] = []
    notes: list[str] = []
    at: str = ""
    port_frac: float | None = None
    reference_frac: float | None = None
    took_s: float = 0.0


class Claim(Record):
    """One level of the claim. Faithful is only said of what is proven."""

    level: Level
    status: Literal["proven", "failed", "not compared"]
    rungs: list[str]
    says: str
    at: str = ""


class SourceFile(Record):
    """A file of the user's that ran."""

    path: str
    sha256: str


class SideInfo(Record):
    """What a side is."""

    what: str
    files: list[SourceFile]
    python: str
    framework: str
    versions: dict[str, str]


class Entry(Record):
    """One tensor of the port and what it is made of."""

    port: str
    reference: list[str]
    transform: str
    missing: int = 0


class WeightMap(Record):
    """The map between the weights."""

    complete: bool
    runs: int
    entries: list[Entry]
    log: list[str]
    fresh_error: float | None
    saved: str | None = None


class Unit(Record):
    """A function that ran."""

    file: str
    unit: str
    line: int


class CheckAnswer(Answer):
    """The ladder, climbed."""

    claims: list[Claim]
    rungs: list[Rung]
    reference: SideInfo
    port: SideInfo
    map: WeightMap | None
    executed: list[Unit]
    reference_executed: list[Unit] = []
    weaker: list[str]
    inferred: list[str]
    took_s: float


class Step(Record):
    """One operation near a divergence."""

    i: int
    op: str
    line: str
    module: str
    same: bool
    here: bool = False


class BisectAnswer(Answer):
    """Operations of both sides around the first divergence."""

    divergence: Divergence | None
    diagnosis: list[str]
    reference: list[Step]
    port: list[Step]


class Fault(Record):
    """One injected fault."""

    line: str
    was: str
    became: str
    caught_by: str
    says: str


class SelftestAnswer(Answer):
    """How many of the injected faults the ladder catches."""

    injected: int
    caught: int
    not_run: int
    missed: list[Fault]
    faults: list[Fault]
    took_s: float


class FilesAnswer(Answer):
    """What was written."""

    written: list[str]
    notes: list[str] = []


class TensorRow(Record):
    """One recorded tensor and its counterpart."""

    name: str
    other: str | None
    error: float | None
    same: bool


class CompareAnswer(Answer):
    """Recorded tensors compared by value."""

    rows: list[TensorRow]
    first: TensorRow | None
    weaker: list[str]
