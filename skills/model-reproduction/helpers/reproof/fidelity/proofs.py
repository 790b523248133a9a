"""Which changed units a parity record covers: run in a green check of exactly this code, at the level they need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof import evidence
from reproof.fidelity.codebase import Code
from reproof.fidelity.models import Level, UnitReport

HELPER = "parity check"
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
            return read(file, record)
    return Proof(problems=[f"no record of {HELPER} in {records}"])


def read(file: str, record: evidence.Evidence) -> Proof:
    """What one record proves; a form that is not the expected proves nothing."""
    answer = record.answer
    claims = [c for c in _list(answer.get("claims")) if isinstance(c, dict)]
    port = answer.get("port")
    files = _list(port.get("files")) if isinstance(port, dict) else []
    return Proof(
        file=file,
        levels={str(c.get("level")) for c in claims if c.get("status") == "proven"},
        executed=[
            (str(e.get("file")), str(e.get("unit"))) for e in _list(answer.get("executed")) if isinstance(e, dict)
        ],
        digests={str(f.get("sha256")) for f in files if isinstance(f, dict)},
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def level_of(unit: str) -> Level:
    """The level of the claim that a changed unit needs.

    >>> level_of("model.py::Block.forward"), level_of("train.py::get_lr"), level_of("model.py::GPT._init_weights")
    ('forward and gradients', 'training dynamics', 'training dynamics')
    """
    name = unit.partition("::")[2]
    return next((level for words, level in _NEEDS if words.search(name)), "forward and gradients")


def proven(report: UnitReport, proof: Proof, port: Code) -> UnitReport:
    """`report`, proven where the record covers it; otherwise with the reason why not."""
    if report.status not in ("changed", "missing") or not proof.file:
        return report
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
    if not _ran(report, names):
        return "it did not run in that check"
    return ""


def _same_file(one: str, other: str) -> bool:
    one, other = one.replace("\\", "/"), other.replace("\\", "/")
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")


def _ran(report: UnitReport, names: set[str]) -> bool:
    """A function by itself; a class, a constant or a statement of the module through what ran around it."""
    name = report.unit.partition("::")[2].partition("#")[0]
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
