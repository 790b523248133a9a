"""From the judge's data to the answer: causes named, levels told, nothing called faithful without evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reproof.parity.catalogue import diagnosis
from reproof.parity.models import CheckAnswer, Claim, Entry, Rung, SideInfo, SourceFile, Unit, WeightMap
from reproof.paths import hash_path

RUNG_KEYS = set(Rung.model_fields)


def answered(data: dict[str, Any], job: dict[str, Any], saved: Path | None) -> CheckAnswer:
    """The answer to `check`."""
    rungs = [rung(each) for each in data["rungs"]]
    claims = [Claim(**each) for each in data["claims"]]
    failed = [each for each in rungs if each.status == "fail"]
    proven = [each.level for each in claims if each.status == "proven"]
    rest = [each.level for each in claims if each.status == "not compared"]
    return CheckAnswer(
        ok=not failed and "forward and gradients" in proven,
        headline=headline(failed, proven, rest, [each.level for each in claims if each.at]),
        claims=claims,
        rungs=rungs,
        reference=side(data["reference"], job["reference"]),
        port=side(data["port"], job["port"]),
        map=weight_map(data["map"], saved),
        executed=[Unit(**each) for each in data["executed"]],
        reference_executed=[Unit(**each) for each in data["reference_executed"]],
        weaker=data["weaker"],
        inferred=inferred(data, job),
        took_s=data["took_s"],
    )


def headline(failed: list[Rung], proven: Sequence[str], rest: Sequence[str], small: Sequence[str] = ()) -> str:
    """One sentence that claims only the levels with evidence, and of `small` only what was shown there."""
    if failed:
        first = failed[0]
        at = place(first)
        where = " on the small configuration" if first.at == "small configuration" else ""
        return f"not faithful: {first.title} differ{'' if first.title.endswith('s') else 's'}{where}{f' at {at}' if at else ''}: {first.says}"  # noqa: E501
    if not proven:
        return "nothing is proven: no level has its evidence"
    left = f"; no claim is made about {', '.join(rest)}" if rest else ""
    words = [f"{each} (on the small configuration only)" if each in small else each for each in proven]
    return f"faithful in {', '.join(words)}{left}"


def place(rung: Rung) -> str:
    """The port's line of the first difference, or the reference's."""
    divergence = rung.first_divergence
    for operation in (divergence.port, divergence.reference) if divergence else ():
        if operation and operation.line:
            return short(operation.line)
    lines = [each.port_line or each.reference_line for each in rung.findings if each.port_line or each.reference_line]
    return short(lines[0]) if lines else ""


def short(line: str) -> str:
    """The file's own name and the line.

    >>> short("project/src/model.py:12")
    'model.py:12'
    """
    return line.rpartition("/")[2]


def rung(data: dict[str, Any]) -> Rung:
    """A rung as a record, with causes from the catalogue where it failed."""
    found = {key: finite(value) for key, value in data.items() if key in RUNG_KEYS}
    for case in found.get("cases") or []:
        case["error"] = finite(case["error"])
    if data["status"] == "fail":
        found["diagnosis"] = diagnosis(data["id"], data.get("first_divergence"), data.get("observed"))
    return Rung.model_validate(found)


def finite(value: Any) -> Any:
    """JSON knows no infinity: a number that has no finite value is told in words and left out."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def side(data: dict[str, Any], spec: dict[str, Any]) -> SideInfo:
    """What a side is, with hashes of its files."""
    what = spec.get("file") or spec.get("target") or spec.get("recording") or ""
    files = [SourceFile(path=each, sha256=hash_path(Path(each))) for each in data["files"] if Path(each).is_file()]
    framework = "recording" if spec.get("recording") else data["framework"]
    return SideInfo(what=what, files=files, python=data["python"], framework=framework, versions=data["versions"])


def weight_map(data: dict[str, Any] | None, saved: Path | None) -> WeightMap | None:
    """The map as a record."""
    if data is None:
        return None
    return WeightMap(
        complete=data["complete"],
        runs=data["runs"],
        entries=[Entry(**each) for each in data["entries"]],
        log=data["log"],
        fresh_error=finite(data["fresh_error"]),
        saved=str(saved) if saved else None,
    )


def inferred(data: dict[str, Any], job: dict[str, Any]) -> list[str]:
    """What nobody stated and was filled in."""
    found = []
    hooks = data["reference"]["hooks"]
    if job.get("inputs"):
        found.append("[INFERRED] inputs are random, of the declared shapes")
    if "loss" in hooks and "batch" not in hooks:
        found.append("[INFERRED] the loss is taken on the inputs of the first case: there is no batch(seed)")
    if "optimizer" in hooks and "steps" not in hooks:
        found.append("[INFERRED] the schedule is followed for 12 steps: there is no `steps`")
    if "optimizer" in hooks and "train_step" not in hooks:
        found.append("[INFERRED] a training step is zero_grad, backward, step, schedule: there is no train_step")
    return found
