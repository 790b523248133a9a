"""The core's manifest: frozen once it is accepted, checked wherever it is adapted."""

from __future__ import annotations

import ast
from pathlib import Path

from reproof import evidence
from reproof.errors import PackError
from reproof.fidelity.codebase import MODULE, Code, from_texts, loaded
from reproof.fidelity.compared import reports
from reproof.fidelity.matching import matched
from reproof.fidelity.models import (
    CheckAnswer,
    CheckRequest,
    FreezeAnswer,
    FreezeRequest,
    FrozenUnit,
    Manifest,
    OptimiseAnswer,
    OptimiseRequest,
    UnitReport,
)
from reproof.fidelity.normal import core
from reproof.fidelity.proofs import HELPER, Proof, read
from reproof.paths import files_below, read_text, sha256, write_atomically
from reproof.records import validated

OPTIMISE = "fidelity optimise"


def freeze(request: FreezeRequest) -> FreezeAnswer:
    """Answer `fidelity.py freeze`."""
    code = loaded(request.core, request.tags)
    units = frozen_units(code)
    if not units:
        raise PackError(
            "no-core", f"no unit of {request.core} is algorithm core", why="nothing to freeze", fix="inventory.py tag"
        )
    manifest = Manifest(units=units, files=_texts(code), sha256=_whole(units))
    write_atomically(request.out, manifest.model_dump_json(indent=1) + "\n")
    return FreezeAnswer(
        ok=True, headline=f"{len(units)} core units frozen as {manifest.sha256[:12]}", manifest=str(request.out),
        sha256=manifest.sha256, units=units,
    )  # fmt: skip


def frozen_units(code: Code) -> list[FrozenUnit]:
    """Every core unit with the digest of its normal form: engineering edits keep it, everything else changes it."""
    return [
        FrozenUnit(unit=key, line=unit.unit.line, hash=sha256(ast.dump(core(unit.unit.node, unit.context))))
        for key, unit in code.units.items()
        if unit.tag == "core"
    ]


def _whole(units: list[FrozenUnit]) -> str:
    return sha256("".join(f"{unit.unit}\0{unit.hash}\n" for unit in sorted(units, key=lambda u: u.unit)))


def _texts(code: Code) -> dict[str, str]:
    files = {unit.file for unit in code.units.values() if unit.tag == "core"}
    return {name: code.sources[name].text for name in sorted(files)}


def _manifest(path: Path) -> Manifest:
    import json

    try:
        data = json.loads(read_text(path, "manifest"))
    except ValueError as error:
        raise PackError(
            "bad-manifest", f"{path} is not JSON", why="it says what was frozen", fix="fidelity.py freeze"
        ) from error
    return validated(
        Manifest, data, slug="bad-manifest", name=str(path), why="it says what was frozen", fix="fidelity.py freeze"
    )


def check(request: CheckRequest) -> CheckAnswer:
    """Answer `fidelity.py check`."""
    manifest = _manifest(request.manifest)
    if _whole(manifest.units) != manifest.sha256:
        raise PackError(
            "bad-manifest",
            "its units do not have its digest",
            why="it was edited by hand",
            fix="freeze the accepted core again",
        )
    now = loaded(_held_in(request.core, list(manifest.files)))
    units = {unit.unit: unit.hash for unit in frozen_units(now)}
    then = {unit.unit: unit.hash for unit in manifest.units}
    missing = sorted(name for name in then if name not in now.units)
    differ = {name for name, digest in then.items() if name in now.units and units.get(name) != digest}
    changed = _named(manifest, now, differ)
    logged = _logged(request.records)
    optimised = [report for report in changed if _is_logged(report, logged, now)]
    changed = [report for report in changed if report not in optimised]
    added = sorted(name for name in units if name not in then)
    return CheckAnswer(
        ok=not changed and not missing,
        headline=_headline(len(then), len(changed), len(missing), len(optimised)),
        sha256=manifest.sha256,
        now_sha256=_whole(frozen_units(now)),
        changed=changed,
        optimised=optimised,
        missing=missing,
        added=added,
    )


def _held_in(core: Path, files: list[str]) -> Path:
    """The folder with the frozen files: the one given, or the only one below it, as in an agent of several cores."""

    def holds(folder: Path) -> bool:
        return all((folder / file).is_file() for file in files)

    if not core.is_dir() or holds(core):
        return core
    below = sorted({parent for path in files_below(core) for parent in path.parents if core in parent.parents})
    found = [folder for folder in below if holds(folder)]
    return found[0] if len(found) == 1 else core


def _headline(total: int, changed: int, missing: int, optimised: int) -> str:
    if not changed and not missing:
        tail = f", {optimised} of them optimised with parity before and after" if optimised else ""
        return f"all {total} core units are as frozen{tail}"
    return f"of {total} core units {changed} changed and {missing} are missing"


def _named(manifest: Manifest, now: Code, differ: set[str]) -> list[UnitReport]:
    """What differs in each unit: the frozen text is in the manifest."""
    then = from_texts(manifest.files)
    named = {report.unit: report for report in reports(then, now, matched(then, now, []))}
    found = []
    for name in sorted(differ):
        place = now.units[name].place
        plain = UnitReport(
            unit=name, status="changed", reference=place, port=place, note="its normal form has another digest"
        )
        report = named.get(name, plain)
        found.append(report if report.status == "changed" else plain)
        if name.endswith(MODULE):
            found[-1] = next((r for r in named.values() if r.unit.endswith(MODULE)), plain)
    return found


def _logged(records: Path | None) -> list[evidence.Evidence]:
    if records is None or not records.is_dir():
        return []
    found, broken = evidence.audit(records)
    return [] if broken else [record for record in found if record.helper == OPTIMISE and record.ok]


def _is_logged(report: UnitReport, logged: list[evidence.Evidence], now: Code) -> bool:
    """A logged optimisation names the unit, and its last parity record is of the file as it is now."""
    digest = now.digests.get(report.port.rpartition(":")[0], "")
    return any(
        report.unit in record.answer.get("units", []) and digest in record.answer.get("digests", [])
        for record in logged
    )


def optimise(request: OptimiseRequest) -> OptimiseAnswer:
    """Answer `fidelity.py optimise`: two green records, of the code before and of the code now."""
    code = loaded(request.core)
    proofs, problems = _two(request)
    unknown = [unit for unit in request.unit if unit not in code.units]
    problems += [f"no unit {unit} in {request.core}" for unit in unknown]
    before, after = proofs
    files = {unit.partition("::")[0] for unit in request.unit if unit not in unknown}
    for file in sorted(files):
        digest = code.digests[file]
        if digest not in after.digests:
            problems.append(f"{request.after} is not a record of {file} as it is now")
        if digest in before.digests:
            problems.append(f"{request.before} is a record of {file} as it is now, not of the code before")
    lost = before.levels - after.levels
    problems += [f"proven before and not after: {level}" for level in sorted(lost)]
    return OptimiseAnswer(
        ok=not problems,
        headline="logged: parity holds before and after" if not problems else "; ".join(problems),
        what=request.what,
        why=request.why,
        before=request.before,
        after=request.after,
        units=request.unit,
        problems=problems,
        digests=[code.digests[file] for file in sorted(files)],
    )


def _two(request: OptimiseRequest) -> tuple[tuple[Proof, Proof], list[str]]:
    found, broken = evidence.audit(request.records) if request.records.is_dir() else ([], [])
    problems = [f"{finding.file}: {finding.problem}" for finding in broken]
    proofs = []
    for name in (request.before, request.after):
        record = next((r for r in found if name.startswith(f"{r.number:04d}-")), None)
        if record is None or record.helper != HELPER:
            problems.append(f"{name} is no record of {HELPER} in {request.records}")
            proofs.append(Proof())
            continue
        proof = read(name, record)
        problems += [] if proof.levels else [f"{name} proves nothing"]
        proofs.append(proof)
    return (proofs[0], proofs[1]), problems
