"""Compare a port with its reference; find placeholders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproof import yamlio
from reproof.errors import PackError
from reproof.fidelity.codebase import Code, loaded
from reproof.fidelity.compared import reports
from reproof.fidelity.matching import matched
from reproof.fidelity.models import (
    GOOD,
    CompareAnswer,
    CompareRequest,
    Engineering,
    PlaceholderFound,
    PlaceholdersAnswer,
    PlaceholdersRequest,
    Side,
    Status,
    UnitReport,
)
from reproof.fidelity.proofs import latest, proven
from reproof.fidelity.rules import judged
from reproof.fidelity.scope import narrowed, within
from reproof.paths import files_below
from reproof.placeholders import in_algorithm, in_source, in_text
from reproof.records import Change, validated

SKELETONS = (".jinja", ".tmpl", ".j2", ".cu", ".cuh", ".cpp", ".c", ".h", ".hpp")
ORDER: tuple[Status, ...] = ("verbatim", "renamed", "allowed", "proven", "changed", "missing", "added")


def compare(request: CompareRequest) -> CompareAnswer:
    """Answer `fidelity.py compare`."""
    reference, port = loaded(request.reference, request.tags), loaded(request.port)
    pairs = matched(reference, port, request.unit)
    proof = latest(request.records)
    inside = within(reference, request.scope)
    outside = [key for key, unit in reference.units.items() if unit.tag == "core" and key not in inside]
    found = [
        proven(report, proof, port, reference)
        for report in narrowed(reports(reference, port, pairs), reference, inside)
    ]
    if not any(report.status != "added" for report in found):
        raise PackError(
            "no-core", f"no unit of {request.reference} is algorithm core", why="nothing would be compared",
            fix="name the model's file or folder, or tag units: inventory.py tag",
        )  # fmt: skip
    own = {(hole.unit, hole.reason) for hole in _core_placeholders(request.reference, reference)}
    # what the reference has in the same unit is the algorithm's own
    holes = [hole for hole in _core_placeholders(request.port, port) if (hole.unit, hole.reason) not in own]
    changes = _reasons(request.plan) if request.plan else []
    engineering = list(_engineering(found, changes))
    counts = Counter(report.status for report in found)
    unread = [f"{side}: {text}" for side, code in (("reference", reference), ("port", port)) for text in code.unread]
    ok = all(report.status in GOOD for report in found) and not holes and not _no_tree(reference, port)
    return CompareAnswer(
        ok=ok,
        headline=_headline(counts, len(holes)),
        reference=_side(request.reference, reference),
        port=_side(request.port, port),
        units=found,
        counts={status: counts[status] for status in ORDER if counts[status]},
        placeholders=holes,
        rules=judged(found, holes),
        engineering=engineering,
        missing_reasons=sorted({change.unit for change in engineering if not change.reason}),
        outside=outside,
        weaker=[*unread, *proof.problems],
    )


def _reasons(plan: Path) -> list[Change]:
    """The plan's `engineering`. A port is compared long before its plan is complete, so the rest may still be open."""
    data = yamlio.load(plan, "plan")
    items = data.get("engineering") if isinstance(data, dict) else None
    options = {"why": "it gives the reasons for allowed changes", "fix": "engineering: [{what: ..., why: ...}]"}
    return [
        validated(Change, item, slug="bad-plan", name=f"{plan}: engineering.{index}", **options)
        for index, item in enumerate(items if isinstance(items, list) else [])
    ]


def _no_tree(*codes: Code) -> bool:
    return any(source.tree is None for code in codes for source in code.sources.values())


def _side(path: Path, code: Code) -> Side:
    return Side(path=str(path), sha256=code.sha256, files=len(code.sources))


def _headline(counts: Counter[Status], holes: int) -> str:
    total = sum(n for status, n in counts.items() if status != "added")
    parts = [f"{counts[status]} {status}" for status in ORDER if counts[status]]
    tail = f"; {holes} placeholders" if holes else ""
    return f"{total} core units: {', '.join(parts)}{tail}"


def _engineering(found: list[UnitReport], changes: list[Change]) -> Iterator[Engineering]:
    """Allowed differences; the plan's reason is the first `engineering` entry that names the unit or what changed."""
    for report in found:
        name = report.unit.partition("::")[2]
        for difference in report.differences:
            if difference.allowed:
                what = f"{difference.what}: {difference.was} -> {difference.became}"
                reason = next((c.why for c in changes if name in c.what or difference.what in c.what), "")
                yield Engineering(
                    unit=report.unit, what=what, reference=difference.reference, port=difference.port, reason=reason
                )


def _core_placeholders(root: Path, port: Code) -> list[PlaceholderFound]:
    """In files that hold core units."""
    files = {unit.file for unit in port.units.values() if unit.tag == "core"}
    found = []
    for file in sorted(files):
        data = (root / file if root.is_dir() else root).read_bytes()
        found += [_hole(file, line, reason, port) for line, reason in in_algorithm(data)]
    return found


def _hole(file: str, line: int, reason: str, code: Code) -> PlaceholderFound:
    inside = [u for u in code.units.values() if u.file == file and u.unit.line <= line <= (u.unit.node.end_lineno or 0)]
    unit = min(inside, key=lambda u: (u.unit.node.end_lineno or 0) - u.unit.line, default=None)
    return PlaceholderFound(file=file, line=line, unit=unit.name if unit else "", reason=reason)


def placeholders(request: PlaceholdersRequest) -> PlaceholdersAnswer:
    """Answer `fidelity.py placeholders`."""
    if not request.code.exists():
        raise PackError(
            "no-such-path",
            f"there is nothing at {request.code}",
            why="it is what is looked through",
            fix="check the path",
        )
    found = [hole for name, data in _files(request.code) for hole in _looked(name, data, loose=request.loose)]
    places = ", ".join(f"{hole.file}:{hole.line}" for hole in found[:5])
    return PlaceholdersAnswer(
        ok=not found,
        headline=f"{len(found)} places look unfinished: {places}" if found else "nothing looks unfinished",
        found=found,
    )


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in [path] if path.is_file() else files_below(path):
        if file.suffix == ".py" or file.name.endswith(SKELETONS):
            yield (file.name if path.is_file() else file.relative_to(path).as_posix()), file.read_bytes()


def _looked(name: str, data: bytes, *, loose: bool) -> list[PlaceholderFound]:
    if not name.endswith(".py"):
        found = in_text(data.decode("utf-8", errors="replace"))
    else:
        found = in_source(data) if loose else in_algorithm(data)
    return [PlaceholderFound(file=name, line=line, unit="", reason=reason) for line, reason in found]
