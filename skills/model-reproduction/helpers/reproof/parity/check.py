"""The answers of the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reproof.childproc import chosen
from reproof.errors import PackError
from reproof.parity import spec, verdicts
from reproof.parity.catalogue import diagnosis
from reproof.parity.judging import judged
from reproof.parity.models import (
    BisectAnswer,
    BisectRequest,
    CheckAnswer,
    CheckRequest,
    CompareAnswer,
    CompareRequest,
    ConvertRequest,
    Divergence,
    Fault,
    FilesAnswer,
    RecordRequest,
    SelftestAnswer,
    SelftestRequest,
    Sides,
    Step,
    TensorRow,
)


def check(request: CheckRequest) -> CheckAnswer:
    """Climb the ladder."""
    job = spec.sides(request)
    job["keep_going"], job["only"] = request.keep_going, request.only
    saved = request.save_map
    if saved is not None:
        job["save_map"] = str(saved.with_suffix(".npz").resolve())
    return verdicts.answered(judged(job, request.timeout_s, request.memory_gib), job, saved)


def bisect(request: BisectRequest) -> BisectAnswer:
    """Operations around the first divergence."""
    job = {**spec.sides(request), "what": request.what, "case": request.case, "around": request.around}
    data = judged(job, request.timeout_s, request.memory_gib, "bisect")
    divergence = Divergence.model_validate(data["divergence"]) if data["divergence"] else None
    where = (
        [
            f"{name} {op.op} at {verdicts.short(op.line)}"
            for name, op in (("port", divergence.port), ("reference", divergence.reference))
            if op
        ]
        if divergence
        else []
    )
    return BisectAnswer(
        ok=divergence is None,
        headline=f"the sides part at {', '.join(where)}"
        if divergence
        else f"every value of the {request.what} has its counterpart",
        divergence=divergence,
        diagnosis=diagnosis("", data["divergence"], None),
        reference=[Step(**each) for each in data["reference"]],
        port=[Step(**each) for each in data["port"]],
    )


def selftest(request: SelftestRequest) -> SelftestAnswer:
    """Faults injected into the port, and which rung notices each."""
    job = {**spec.sides(request), "faults": request.faults, "seed": request.seed}
    if not job["port"].get("file"):
        raise PackError(
            "no-source",
            "selftest changes the port's file",
            why="a recording or an installed class is not edited",
            fix="--port port.py",
        )
    data = judged(job, request.timeout_s, request.memory_gib, "selftest")
    faults = [Fault(**each) for each in data["faults"]]
    missed = [each for each in faults if not each.caught_by]
    caught = len(faults) - len(missed)
    return SelftestAnswer(
        ok=bool(faults) and not missed,
        headline=f"{caught} of {len(faults)} faults are noticed"
        + (f"; look at the others: {', '.join(f.line for f in missed)}" if missed else ""),
        injected=len(faults),
        caught=caught,
        not_run=data["not_run"],
        missed=missed,
        faults=faults,
        took_s=data["took_s"],
    )


def record(request: RecordRequest) -> FilesAnswer:
    """The reference's answers to every question of the ladder, in a folder."""
    job = {**spec.sides(request), "out": str(request.out.resolve())}
    data = judged(job, request.timeout_s, request.memory_gib, "recorded")
    return FilesAnswer(
        ok=True,
        headline=f"{data['questions']} answers recorded in {request.out}",
        written=[str(request.out)],
        notes=data["notes"],
    )


def convert(request: ConvertRequest) -> FilesAnswer:
    """Weights of the reference in the port's names and shapes."""
    for path in (request.map, request.weights):
        if not path.is_file():
            raise PackError("no-such-file", f"no file at {str(path)!r}", why="it is read", fix="check the path")
    job: dict[str, Any] = {
        "map": str(request.map.resolve()),
        "weights": str(request.weights.resolve()),
        "out": str(request.out.resolve()),
    }
    job["python"] = chosen(request.python, "the conversion needs NumPy")
    data = judged(job, 3600, None, "converting")
    if data["missing"]:
        raise PackError(
            "missing-weights",
            f"{request.weights} lacks {', '.join(data['missing'][:8])}",
            why="the map was made from a model with these weights",
            fix="the weights of that model; names as in its state_dict",
        )
    return FilesAnswer(
        ok=True,
        headline=f"{data['tensors']} tensors written to {request.out}",
        written=[str(request.out)],
        notes=data["notes"],
    )


def compare(request: CompareRequest) -> CompareAnswer:
    """Two recorded folders, tensor by tensor, by value."""
    for path in (request.reference, request.port):
        if not (Path(path) / "manifest.json").is_file():
            raise PackError(
                "no-recording",
                f"{path} has no manifest.json",
                why="both folders are written by a recorder",
                fix="helpers/reproof/parity/child/recorders.py shows how",
            )
    job: dict[str, Any] = {
        "reference": str(request.reference.resolve()),
        "port": str(request.port.resolve()),
        "tolerance": request.tolerance,
    }
    job["python"] = chosen(request.python, "the comparison needs NumPy")
    data = judged(job, 3600, None, "recorders")
    rows = [TensorRow(**each) for each in data["rows"]]
    first = next((each for each in rows if not each.same), None)
    head = (
        f"{len(rows)} tensors agree"
        if first is None
        else f"first difference: {first.name} ({'no counterpart' if first.error is None else f'{first.error:.1e}'})"
    )
    return CompareAnswer(ok=first is None and bool(rows), headline=head, rows=rows, first=first, weaker=data["weaker"])


def reads(request: Sides) -> list[Path]:
    """The contract files; modules they import are hashed in the answer, where they are known."""
    given = [request.spec, *(Path(each) for each in (request.reference, request.port) if each)]
    return [each for each in given if each is not None and each.exists()]
