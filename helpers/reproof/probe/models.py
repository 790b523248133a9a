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
    fix_hints: bool = Field(False, description="the adapter that makes a call right, as code")
    write_tests: Path | None = Field(
        None,
        description="write test_library_api.py into this folder: one short test per call, for the project's own CI",
        json_schema_extra={"metavar": "DIR"},
    )


class CallRequest(InterpreterRequest):
    """Probe one call that is described on the command line."""

    target: str = Field(description="dotted name, like ot.emd2", json_schema_extra={"positional": True})
    input: list[str] = Field(
        min_length=1,
        description="NAME=256x2[,float64][,uniform][,0..1][,grad][,numpy][,cuda], passed by position in this order",
        json_schema_extra={"positional": True},
    )
    init: list[str] = Field(default_factory=list, description="NAME=VALUE for the constructor; may be repeated")
    kwarg: list[str] = Field(default_factory=list, description="NAME=VALUE for the call; may be repeated")
    by_name: list[str] = Field(default_factory=list, description="an input that is passed by its name instead")
    method: str | None = Field(None, description="called on the constructed object instead of the object itself")
    output: list[str] = Field(default_factory=list, description="shape that must come out, like 256x2 or scalar")
    equals: str | None = Field(None, description="another target that must agree on the same inputs")
    fix_hints: bool = Field(False, description="the adapter that makes a call right, as code")


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
    adapter: str = Field("", description="code to write instead (with --fix-hints)")


class Growth(Record):
    """Time and peak memory of inputs, call and backward, against one size: the batch, or the last axis."""

    own: int = Field(description="the size in the plan")
    batches: list[int] = Field(description="the sizes that were measured")
    seconds: list[float]
    peaks_bytes: list[int]
    counted: str = Field(description="what the bytes are: torch's allocator, or the growth of the process")
    how: How = "measured"
    batch_ahead: int
    peak_ahead_bytes: int | None = Field(
        description="expected at batch_ahead (8 times its own where the plan is silent); none if too little was taken"
    )
    seconds_ahead: float = Field(description="rough: as if time went on growing as between the last two batches")
    how_ahead: How = "computed"


class Studied(Record):
    """What was seen when the call was asked again, and is no fault in itself."""

    precision: dict[str, str] = Field(default_factory=dict, description="in 16 bits and under autocast")
    scales: dict[str, str] = Field(default_factory=dict, description="what goes wrong far from the plan's numbers")
    gpu: str = Field("", description="on fake CUDA tensors")
    mask: str = Field("", description="what True means")
    schedule: dict[str, float] = Field(default_factory=dict, description="learning rates")
    parameters: int | None = Field(None, description="numbers that a module trains")
    degree: float | None = Field(None, description="inputs times c give c to this power")
    mixing: str = Field("", description="axes along which positions see each other")
    edges: dict[str, str] = Field(default_factory=dict, description="without a sample, in another order of memory")


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
    signature: str = Field("", description="of the target, as this version has it")
    call_s: float | None = Field(None, description="the first call, one CPU thread")
    growth: Growth | None = None
    width_growth: Growth | None = Field(None, description="the same against the last axis")
    studied: Studied = Studied()
    reference: Reference | None = None
    took_s: float = 0.0
    because: str = ""

    @property
    def seen(self) -> list[str]:
        """What was seen and is no fault in itself, one line each."""
        found = self.studied
        wrong = {
            name: said for name, said in {**found.precision, **found.scales, **found.edges}.items() if said != "agrees"
        }
        lines = [f"{name}: {said}" for name, said in wrong.items()]
        agrees = [name for name, said in found.precision.items() if said == "agrees"]
        lines += [f"within 5 % in {', '.join(agrees)}"] if agrees else []
        lines += [f"on a GPU: {found.gpu}"] if found.gpu else []
        lines += [f"in the mask {found.mask}"] if found.mask else []
        lines += [found.mixing] if found.mixing else []
        lines += [f"{found.parameters:,} parameters"] if found.parameters else []
        if found.schedule:
            lines.append("learning rate " + ", ".join(f"{name} {value:g}" for name, value in found.schedule.items()))
        return lines

    @property
    def peak_bytes(self) -> int | None:
        """Peak at the batch of the plan, where there is enough of it to be seen."""
        if self.growth is None or self.growth.peak_ahead_bytes is None:
            return None
        return self.growth.peaks_bytes[self.growth.batches.index(self.growth.own)]


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


class CallAnswer(RunAnswer):
    """What a run says, and the call as a plan would hold it."""

    libraries_yaml: str


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
