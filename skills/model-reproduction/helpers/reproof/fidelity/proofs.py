"""Which changed units a parity record covers: run in a green check of exactly this code, at the level they need."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof import evidence
from reproof.fidelity.codebase import Code
from reproof.fidelity.models import Level, UnitReport

HELPER = "parity check"
GRAPHS = "fidelity graphs"
_NEEDS: list[tuple[re.Pattern[str], Level]] = [
    (
        re.compile(r"augment|transform|collate|dataset|preprocess|tokeni[sz]|loader|crop|flip|mixup|cutmix", re.I),
        "data",
    ),
    (re.compile(r"metric|accuracy|evaluat|(?:^|_)fid|bleu|rouge|perplexity", re.I), "metric"),
    (
        re.compile(
            r"optim|sched|(?:^|[_.])lr(?:$|_)|warmup|(?:^|[_.])ema|init|clip|train|(?:^|[_.])step|decay|"
            r"reset_parameters|drop|seed|grad_|backward",
            re.I,
        ),
        "training dynamics",
    ),
]


@dataclass
class Proof:
    """One green record, read once."""

    file: str = ""
    levels: set[str] = field(default_factory=set)
    executed: list[tuple[str, str]] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    reference_ran: list[tuple[str, str]] = field(default_factory=list)
    """(file, unit) of the reference, where the record tells."""
    reference_lines: list[tuple[str, int]] = field(default_factory=list)
    """(file, first line) of functions that an export of the same reference called."""
    reference_digests: set[str] = field(default_factory=set)
    modules: list[tuple[str, int, bool]] = field(default_factory=list)
    """(file, line, has its value a counterpart) of where each module of the reference ends."""
    problems: list[str] = field(default_factory=list)


def latest(records: Path | None) -> Proof:
    """The latest intact record of a parity check; what is wrong with the folder or the record is said."""
    if records is None:
        return Proof()
    if not records.is_dir():
        return Proof(problems=[f"no evidence folder {records}: nothing can be proven"])
    found, broken = evidence.audit(records)
    names = {finding.file for finding in broken}
    for record in reversed(found):
        if record.helper == HELPER:
            file = f"{record.number:04d}-parity-check.json"
            if file in names:
                return Proof(problems=[f"{file}: the chain of records is broken there; it proves nothing"])
            proof = read(file, record)
            proof.reference_lines = _called(found, proof.reference_digests)
            return proof
    return Proof(problems=[f"no record of {HELPER} in {records}"])


def _called(records: list[evidence.Evidence], digests: set[str]) -> list[tuple[str, int]]:
    """What the latest export of this very reference called; parity's record names only the port's functions."""
    for record in reversed(records):
        side = record.answer.get("reference") if record.helper == GRAPHS else None
        files = _list(side.get("files")) if isinstance(side, dict) else []
        its = {str(f.get("sha256")) for f in files if isinstance(f, dict)}
        if isinstance(side, dict) and its and its <= digests:
            return [_split(str(place)) for place in _list(side.get("ran"))]
    return []


def read(file: str, record: evidence.Evidence) -> Proof:
    """What one record proves; a form that is not the expected proves nothing."""
    answer = record.answer
    claims = [c for c in _list(answer.get("claims")) if isinstance(c, dict)]
    port = answer.get("port")
    files = _list(port.get("files")) if isinstance(port, dict) else []
    reference = answer.get("reference")
    theirs = _list(reference.get("files")) if isinstance(reference, dict) else []
    return Proof(
        reference_digests={str(f.get("sha256")) for f in theirs if isinstance(f, dict)},
        file=file,
        levels={str(c.get("level")) for c in claims if c.get("status") == "proven"},
        executed=[
            (str(e.get("file")), str(e.get("unit"))) for e in _list(answer.get("executed")) if isinstance(e, dict)
        ],
        digests={str(f.get("sha256")) for f in files if isinstance(f, dict)},
        reference_ran=[
            (str(e.get("file")), str(e.get("unit")))
            for e in _list(answer.get("reference_executed"))
            if isinstance(e, dict)
        ],
        modules=[
            (*_split(str(m.get("line"))), m.get("same") is True)
            for rung in _list(answer.get("rungs"))
            if isinstance(rung, dict)
            for m in _list(rung.get("modules"))
            if isinstance(m, dict)
        ],
    )


def _split(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line) if line.isdecimal() else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def level_of(unit: str) -> Level:
    """The level of the claim that a changed unit needs.

    >>> level_of("model.py::Block.forward"), level_of("train.py::get_lr"), level_of("model.py::GPT._init_weights")
    ('forward and gradients', 'training dynamics', 'training dynamics')
    """
    name = unit.partition("::")[2]
    return next((level for words, level in _NEEDS if words.search(name)), "forward and gradients")


def proven(report: UnitReport, proof: Proof, port: Code, reference: Code) -> UnitReport:
    """`report`, proven where the record covers it; otherwise with the reason why not.

    A unit without a counterpart by name is proven through what it does: it ran on the reference's side of a green check
    of exactly this port, and what came out of it came out of the port.
    """
    if report.status not in ("changed", "missing") or not proof.file:
        return report
    if report.status == "missing":
        why = _why_not_elsewhere(report, proof, port, reference)
        if not why:
            note = "no unit of that name; its part of the outputs is the port's as well"
            return report.model_copy(update={"status": "proven", "proof": proof.file, "note": note})
        return report.model_copy(update={"note": f"{proof.file} does not cover it: {why}"})
    why = _why_not(report, proof, port)
    if why:
        return report.model_copy(update={"note": f"{proof.file} does not cover it: {why}"})
    return report.model_copy(update={"status": "proven", "proof": proof.file})


def _why_not(report: UnitReport, proof: Proof, port: Code) -> str:
    file = report.port.rpartition(":")[0]
    level = level_of(report.unit)
    if level not in proof.levels:
        return f"its level, {level}, is not proven"
    if not file:
        return "no unit of the port answers it, so none can have run"
    if port.digests.get(file) not in proof.digests:
        return f"{file} is not the file that was compared"
    names = {unit for path, unit in proof.executed if _same_file(path, file)}
    if not _ran(report, names, port):
        return "it did not run in that check"
    return ""


def _why_not_elsewhere(report: UnitReport, proof: Proof, port: Code, reference: Code) -> str:
    level = level_of(report.unit)
    if level not in proof.levels:
        return f"its level, {level}, is not proven"
    if not set(port.digests.values()) & proof.digests:
        return "no file of this port is among those that were compared"
    if not _ran_in_reference(report.unit, proof, reference):
        return "it did not run on the reference's side, or the port has not its values"
    return ""


def _ran_in_reference(unit: str, proof: Proof, reference: Code) -> bool:
    """By the record's list of what ran, else by the places where the reference's modules end; a class by a method."""
    held = reference.units[unit]
    ran = {name for file, name in proof.reference_ran if _same_file(file, held.file)}
    lines = {line for file, line in proof.reference_lines if _same_file(file, held.file)}
    ran |= {name for line in lines for name in [_holding(line, held.file, reference)] if name}
    is_class = held.unit.kind == "class"
    if ran:
        is_used = held.unit.kind == "constant"  # by something of that file
        return is_used or held.name in ran or (is_class and any(name.startswith(f"{held.name}.") for name in ran))
    first, last = held.unit.line, held.unit.node.end_lineno or held.unit.line
    ends = [same for file, line, same in proof.modules if _same_file(file, held.file) and first <= line <= last]
    return bool(ends) and all(ends)


def _holding(line: int, file: str, reference: Code) -> str:
    """The innermost unit that holds a line; a decorated function begins at its decorator."""
    spans = [
        (unit.unit.node.end_lineno or 0, min([unit.unit.line, *_decorators(unit.unit.node)]), unit.name)
        for unit in reference.units.values()
        if unit.file == file and unit.unit.kind not in ("constant", "module", "class")
    ]
    inside = [(end - first, name) for end, first, name in spans if first <= line <= end]
    return min(inside)[1] if inside else ""


def _decorators(node: ast.AST) -> list[int]:
    """Lines of a function's decorators."""
    return [each.lineno for each in getattr(node, "decorator_list", [])]


def _same_file(one: str, other: str) -> bool:
    one, other = one.replace("\\", "/"), other.replace("\\", "/")
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")


def _ran(report: UnitReport, names: set[str], port: Code) -> bool:
    """A function by itself; a class, a constant or a statement of the module through what ran around it.

    What ran has the port's names, the report has the reference's.
    """
    own = next((unit.name for unit in port.units.values() if unit.place == report.port), "")
    name = own or report.unit.partition("::")[2].partition("#")[0]
    if name in names:
        return True
    if any(d.kind == "default" for d in report.differences) and name not in names:
        return False
    prefix = f"{name}."
    is_function = any(d.kind in ("parameter", "return") for d in report.differences)
    return (
        not is_function
        and ("." not in name)
        and (any(n.startswith(prefix) for n in names) or (name.isupper() and bool(names)))
    )
