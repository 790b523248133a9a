"""Questions and answers of `helpers/fidelity.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from reproof.records import Answer, Record

Status = Literal["verbatim", "renamed", "allowed", "proven", "changed", "missing", "added"]
State = Literal["kept", "broken", "not checked"]
Level = Literal["forward and gradients", "training dynamics", "data", "metric"]
GOOD: tuple[Status, ...] = ("verbatim", "renamed", "allowed", "proven", "added")
DIR: dict[str, Any] = {"metavar": "DIR"}
FILE: dict[str, Any] = {"metavar": "FILE"}
CODE: dict[str, Any] = {"positional": True, "input": True}
RECORDS = Field(None, description="evidence folder with records of parity check", json_schema_extra=DIR)


class CompareRequest(Record):
    """Is the port's algorithm the reference's, unit by unit?"""

    reference: Path = Field(description="file or folder copied from", json_schema_extra=CODE)
    port: Path = Field(description="file or folder of the port", json_schema_extra=CODE)
    records: Path | None = RECORDS
    plan: Path | None = Field(
        None, description="plan.yaml, whose `engineering` gives reasons", json_schema_extra={**FILE, "input": True}
    )
    tags: Path | None = Field(
        None,
        description="overrides of core and engineering, from inventory.py tag",
        json_schema_extra={**FILE, "input": True},
    )
    scope: list[str] = Field(
        default_factory=list,
        description="reference unit that is ported, with what it uses (default: all); may be given several times",
        json_schema_extra={"metavar": "UNIT"},
    )
    unit: list[str] = Field(
        default_factory=list,
        description="REFERENCE=PORT names of a unit that was renamed and changed; may be given several times",
        json_schema_extra={"metavar": "A=B"},
    )


class Difference(Record):
    """One thing that differs, with both places."""

    kind: str = Field(description="constant, operator, default, name, call, argument, statement, branch, layer, ...")
    what: str = Field(description="the operation or setting that changed")
    was: str
    became: str
    reference: str = Field(description="file:line")
    port: str = Field(description="file:line")
    allowed: bool = False


class UnitReport(Record):
    """One unit of the algorithm core."""

    unit: str
    status: Status
    reference: str
    port: str = ""
    differences: list[Difference] = Field(default_factory=list)
    proof: str = Field("", description="the parity record that covers it")
    note: str = ""


class PlaceholderFound(Record):
    """Code that only looks finished."""

    file: str
    line: int
    unit: str
    reason: str


class Rule(Record):
    """One item of the do-not list."""

    id: str
    rule: str
    state: State
    says: str
    where: list[str] = Field(default_factory=list)


class Engineering(Record):
    """A change that is allowed, and the reason that the plan gives."""

    unit: str
    what: str
    reference: str
    port: str
    reason: str


class Side(Record):
    """Which code was compared."""

    path: str
    sha256: str
    files: int


class CompareAnswer(Answer):
    """Every core unit with its verdict."""

    reference: Side
    port: Side
    units: list[UnitReport]
    counts: dict[str, int]
    placeholders: list[PlaceholderFound]
    rules: list[Rule]
    engineering: list[Engineering]
    missing_reasons: list[str]
    outside: list[str] = Field(default_factory=list, description="core units of the reference outside of --scope")
    weaker: list[str] = Field(default_factory=list, description="what could not be compared, and what was done instead")


class FreezeRequest(Record):
    """Write down the algorithm core as it is."""

    core: Path = Field(description="the core's folder or file", json_schema_extra=CODE)
    out: Path = Field(Path("core.lock.json"), description="the manifest to write", json_schema_extra=FILE)
    tags: Path | None = Field(
        None, description="overrides of core and engineering", json_schema_extra={**FILE, "input": True}
    )


class FrozenUnit(Record):
    """One unit as frozen: the digest of its normalised tree, and its text, to name what changed."""

    unit: str
    line: int
    hash: str


class Manifest(Record):
    """core.lock.json."""

    schema_version: Literal[1] = 1
    units: list[FrozenUnit]
    files: dict[str, str] = Field(description="path to the text that was frozen")
    sha256: str = Field(description="of all units and their hashes")


class FreezeAnswer(Answer):
    """What was frozen."""

    manifest: str
    sha256: str
    units: list[FrozenUnit]


class CheckRequest(Record):
    """Is the core still what was frozen?"""

    manifest: Path = Field(description="core.lock.json", json_schema_extra=CODE)
    core: Path = Field(description="the core as it is now", json_schema_extra={**DIR, "input": True})
    records: Path | None = Field(
        None, description="evidence folder with records of fidelity optimise", json_schema_extra=DIR
    )


class CheckAnswer(Answer):
    """Units that no longer have their hash."""

    sha256: str
    now_sha256: str
    changed: list[UnitReport]
    optimised: list[UnitReport] = Field(description="changed, with a logged optimisation that parity covers")
    missing: list[str]
    added: list[str]


class OptimiseRequest(Record):
    """Log an optimisation with its reason and the parity records before and after."""

    what: str = Field(min_length=8, description="what was changed", json_schema_extra={"metavar": "TEXT"})
    why: str = Field(min_length=8, description="what it gains, measured", json_schema_extra={"metavar": "TEXT"})
    core: Path = Field(description="the core as it is now", json_schema_extra={**DIR, "input": True})
    unit: list[str] = Field(min_length=1, description="file::unit that was changed; may be given several times")
    records: Path = Field(description="evidence folder with the two records", json_schema_extra=DIR)
    before: str = Field(description="name of the parity record of the code before", json_schema_extra=FILE)
    after: str = Field(description="name of the parity record of the code now", json_schema_extra=FILE)


class OptimiseAnswer(Answer):
    """The optimisation, and whether its two records hold."""

    what: str
    why: str
    before: str
    after: str
    units: list[str]
    problems: list[str]
    digests: list[str] = Field(default_factory=list, description="of the files as the record after compared them")


class PlaceholdersRequest(Record):
    """Is every function finished?"""

    code: Path = Field(description="file or folder", json_schema_extra=CODE)
    loose: bool = Field(False, description="only what is no design anywhere; for code that is not all algorithm")


class PlaceholdersAnswer(Answer):
    """What only looks finished."""

    found: list[PlaceholderFound]


class GraphsRequest(Record):
    """Do reference and port compute with the same operators in the same order?"""

    reference: Path = Field(description="contract file with build(config) and inputs(case)", json_schema_extra=CODE)
    port: Path = Field(description="contract file of the port, with build(config)", json_schema_extra=CODE)
    case: str = Field("", description="case of inputs (default: the first)")
    records: Path | None = RECORDS
    python: Path | None = Field(None, description="interpreter of both sides (default: this one)")
    reference_python: Path | None = Field(None, description="interpreter of the reference, where it is another")
    timeout_s: float = Field(300.0, gt=0, description="time limit of each side")
    memory_gib: float = Field(8.0, gt=0, description="memory limit of each side")


class Operator(Record):
    """One operator of a graph."""

    op: str
    constants: str = Field("", description="numbers handed to it, like eps=1e-05")
    shape: list[int]
    module: str
    line: str = Field(description="file:line of the code that called it")


class GraphChange(Record):
    """A stretch of operators that only one side has, or one operator with other constants or of another size."""

    kind: Literal["constant", "size", "operators"]
    reference: list[Operator]
    port: list[Operator]
    reference_at: int = Field(description="position in the reference's sequence, from 0")
    port_at: int


class OperatorCount(Record):
    """How often each side calls an operator."""

    op: str
    kind: Literal["computes", "indexes", "makes", "moves"]
    reference: int
    port: int


GraphVerdict = Literal["equal", "equal when decomposed further", "different", "not exported"]


class GraphMode(Record):
    """The two graphs in one mode."""

    mode: Literal["eval", "train"]
    verdict: GraphVerdict
    says: str
    how: str = Field("", description="torch.export or make_fx, the same on both sides")
    weights: str = Field("", description="fake, or real where the model cannot be built without numbers")
    operators: list[int] = Field(default_factory=list, description="computing operators of reference and port")
    changes: list[GraphChange] = Field(default_factory=list, description="the first is where to look first")
    more_changes: int = 0
    counts: list[OperatorCount] = Field(default_factory=list, description="of every operator")


class GraphFile(Record):
    """A file of the user's that was imported."""

    path: str
    sha256: str


class GraphSide(Record):
    """One side that was exported."""

    path: str
    torch: str
    files: list[GraphFile]
    ran: list[str] = Field(default_factory=list, description="file:line of each function that was called")


class GraphsAnswer(Answer):
    """Computation graphs compared. A different graph is a place to look, and no verdict on the port."""

    reference: GraphSide
    port: GraphSide
    modes: list[GraphMode]
    proof: str = Field("", description="the parity record that proves the outputs equal, whatever the graphs")
    weaker: list[str] = Field(default_factory=list)
