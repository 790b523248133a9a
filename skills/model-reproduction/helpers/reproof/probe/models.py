"""The questions and the answers of probe, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from reproof.records import Answer, How, Record
from reproof.units import Bytes

Severity = Literal["fail", "warn", "note"]
Outcome = Literal["pass", "warn", "fail"]


class InterpreterRequest(Record):
    """Whose Python, and how far a case may go in it."""

    python: Path | None = Field(None, description="the project's interpreter (default: the running one)")
    path: list[Path] = Field(
        default_factory=list,
        description="a folder with modules that the calls name; may be repeated",
        json_schema_extra={"input": True},
    )
    timeout_s: float = Field(120.0, gt=0, le=3600, description="seconds that one case may take")
    memory: Bytes = Field(8 * 2**30, gt=0, description="memory that one case may take, like 8GiB")
    cold: bool = Field(False, description="a new interpreter for every case, for a library that cannot be forked")


class RunRequest(InterpreterRequest):
    """Probe the calls of a plan, or of a YAML that holds only `libraries`."""

    plan: Path = Field(
        description="plan.yaml, or a YAML with `libraries:` alone",
        json_schema_extra={"positional": True, "input": True},
    )
    experiment: str | None = Field(None, description="only the calls of this experiment")
    only: list[str] = Field(default_factory=list, description="only the call with this id; may be repeated")
    write_tests: Path | None = Field(
        None,
        description="write test_library_api.py into this folder: one short test per call, for the project's own CI",
        json_schema_extra={"metavar": "DIR"},
    )


class DiffRequest(RunRequest):
    """Probe the same calls in two interpreters."""

    against: Path = Field(description="the other interpreter")


class ScanRequest(InterpreterRequest):
    """Find the third-party calls in existing code."""

    folder: Path = Field(
        description="folder with the code", json_schema_extra={"positional": True, "input": True, "metavar": "DIR"}
    )
    plan: Path | None = Field(
        None,
        description="plan.yaml, or a YAML with `libraries:`, whose calls count as probed",
        json_schema_extra={"input": True},
    )


class LookRequest(InterpreterRequest):
    """Look one name up."""

    target: str = Field(description="dotted name, like geomloss.SamplesLoss", json_schema_extra={"positional": True})


class Finding(Record):
    """One thing to know about a call."""

    code: str
    severity: Severity
    what: str = Field(description="with the values that were seen")
    fix: str = ""
    trap: str = Field("", description="slug of the entry in LEARNING.md")


class Growth(Record):
    """Time and peak memory of inputs, call and backward, against the batch."""

    batches: list[int]
    seconds: list[float]
    peaks_bytes: list[int]
    counted: str = Field(description="what the bytes are: torch's allocator, or the growth of the process")
    how: How = "measured"
    batch_ahead: int
    peak_ahead_bytes: int | None = Field(description="expected at batch_ahead; none when too little was taken to tell")
    seconds_ahead: float = Field(description="rough: as if time went on growing as between the last two batches")
    how_ahead: How = "computed"


class Reference(Record):
    """The `equals` oracle: mean of the first output, ours and theirs."""

    ours: float
    theirs: float
    gap: float = Field(description="largest difference, relative to the larger magnitude")


class CaseReport(Record):
    """One call, and what was found."""

    library: str
    id: str
    experiments: list[str]
    call: str = Field(description="as code")
    inputs: list[str]
    outcome: Outcome
    findings: list[Finding]
    outputs: list[str] = Field(default_factory=list)
    means: list[float | None] = Field(default_factory=list, description="of each output, for the same inputs")
    modules: dict[str, str] = Field(default_factory=dict, description="what to import for each name of the call")
    call_s: float | None = Field(None, description="the first call, one CPU thread")
    growth: Growth | None = None
    reference: Reference | None = None
    took_s: float = 0.0
    because: str = ""

    @property
    def peak_bytes(self) -> int | None:
        """Peak at the batch of the plan, where there is enough of it to be seen."""
        if self.growth is None or self.growth.peak_ahead_bytes is None:
            return None
        own = self.growth.batch_ahead // 8
        return self.growth.peaks_bytes[self.growth.batches.index(own)]


class LibraryReport(Record):
    """The library that was found, against the one that the plan names."""

    name: str
    distribution: str
    wanted: str
    installed: str | None
    import_s: float


class RunAnswer(Answer):
    """What probing the calls found."""

    python: str
    executable: str
    libraries: list[LibraryReport]
    cases: list[CaseReport]
    uncovered: list[str] = Field(description="experiments of the plan that no call was probed for")
    tests: str | None = Field(None, description="the test file that was written")
    took_s: float


class LookAnswer(Answer):
    """What a name stands for in an environment."""

    target: str
    executable: str
    distribution: str | None = None
    version: str | None = None
    kind: str = ""
    module: str = ""
    file: str | None = None
    line: int = 0
    signature: str | None = None
    doc: str = ""
    finding: Finding | None = None


class Difference(Record):
    """One thing about a call, or a library, that is not the same in both interpreters."""

    where: str = Field(description="id of the call, or distribution")
    what: str
    here: str
    there: str


class DiffAnswer(Answer):
    """The same calls in two environments."""

    here: str = Field(description="the interpreter of --python")
    there: str = Field(description="the interpreter of --against")
    calls: int
    differences: list[Difference]


class Use(Record):
    """A third-party name that the code calls or imports."""

    target: str
    places: list[str] = Field(description="file:line")
    keywords: list[str] = Field(description="that it is given anywhere")
    probed: bool = Field(description="a call of the plan names it")
    finding: Finding | None = None


class ScanAnswer(Answer):
    """What the code calls, whether it exists, and whether it is probed."""

    executable: str
    files: int
    unreadable: list[str]
    uses: list[Use]
