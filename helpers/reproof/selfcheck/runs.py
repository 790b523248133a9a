"""The report's sections that come from the runs: pictures, cost, environment, what was not attempted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reproof.document import Plan
from reproof.paths import sha256
from reproof.selfcheck.gather import Project, RunFolder, number_in, rows_in
from reproof.selfcheck.report_models import BudgetRow, CostRow, Environment, ExperimentView, Figure, Totals
from reproof.selfcheck.results import planned_amounts
from reproof.selfcheck.words import many

PNG = b"\x89PNG\r\n\x1a\n"
MAX_PNG_BYTES = 4 * 2**20
KINDS = (("trajector", 0), ("sample", 1), ("learning", 2), ("loss", 2))


def experiment_views(project: Project, plan: Plan) -> list[ExperimentView]:
    """Every experiment that left something, with its pictures."""
    views = []
    for name in plan.experiments:
        runs = project.runs_of(name)
        pictures = [list(figures(project, run)) for run in runs]
        if not any(run.of_kind("result") or run.losses for run in runs) and not any(pictures):
            continue  # a floor needs no run
        views.append(
            ExperimentView(
                name=name,
                summary=plan.experiments[name].summary.rstrip(".") + ".",
                seeds=[run.seed for run in runs],
                figures=pictures[0],
                more=[figure for found in pictures[1:] for figure in found],
            )
        )
    return views


def figures(project: Project, run: RunFolder) -> Iterator[Figure]:
    """PNG files of one run; links and files that only call themselves PNG are left out."""
    paths = sorted(run.folder.glob("figures/*.png"), key=lambda path: (_kind(path), _natural(path.stem)))
    for path in paths:
        if path.is_symlink() or path.stat().st_size > MAX_PNG_BYTES:
            continue
        data = path.read_bytes()
        if data.startswith(PNG):
            caption = f"{path.stem.replace('_', ' ')}, seed {run.seed}"
            yield Figure(path=path.relative_to(project.folder).as_posix(), caption=caption, sha256=sha256(data))


def _kind(path: Path) -> int:
    return next((rank for word, rank in KINDS if word in path.stem), 1)


def _natural(name: str) -> list[tuple[int, str]]:
    """Text with its numbers in order: 10 comes before 100 and after 9."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def cost_rows(project: Project, plan: Plan) -> list[CostRow]:
    """Wall-clock and memory of every phase, as the runs measured them."""
    found = []
    for run in project.runs:
        if run.experiment not in plan.experiments:
            continue
        phases = {str(row.get("name")): row for row in rows_in(run.about, "phases")}
        for phase, amount in planned_amounts(plan, run.experiment).items():
            facts = phases.get(phase)
            if facts is None:
                continue
            kind = plan.settings_of(run.experiment).phases[phase].kind
            peak = number_in(facts, "peak_memory_bytes")
            found.append(
                CostRow(
                    experiment=run.experiment,
                    seed=run.seed,
                    phase=phase,
                    amount=f"{facts.get('steps') or amount} {'steps' if kind == 'train' else 'batches'}",
                    time_s=number_in(facts, "time_s"),
                    device=str(facts.get("device") or run.about.get("device") or ""),
                    peak_bytes=None if peak is None else int(peak),
                )
            )
    return found


def totals(costs: list[CostRow], budgets: list[BudgetRow]) -> Totals:
    """Hours by kind of device, peaks measured and computed, and what the phases store."""
    on_gpu = [row.time_s or 0.0 for row in costs if row.device.startswith(("cuda", "NVIDIA", "gpu"))]
    on_cpu = [row.time_s or 0.0 for row in costs if row.device.startswith("cpu")]
    ran = {(row.experiment, row.phase) for row in costs}
    peaks = [row.peak_bytes for row in costs if row.peak_bytes]
    computed = [row.peak_bytes for row in budgets if row.peak_bytes and (row.experiment, row.phase) in ran]
    stored = [row.disk_bytes for row in budgets if row.disk_bytes and (row.experiment, row.phase) in ran]
    return Totals(
        gpu_hours=sum(on_gpu) / 3600,
        cpu_hours=sum(on_cpu) / 3600,
        peak_bytes=max(peaks, default=None),
        estimated_bytes=max(computed, default=None),
        disk_bytes=sum(stored),
    )


def environment(project: Project, plan: Plan) -> Environment:
    """Versions that the runs and the helpers saw, seeds, hashes."""
    records = [record for run in project.runs for record in run.of_kind("result")]
    seen: dict[str, set[str]] = {}
    for mapping in [*(record.get("versions") for record in records), *(r.versions for r in project.foreign)]:
        for name, version in (mapping if isinstance(mapping, dict) else {}).items():
            seen.setdefault(str(name), set()).add(str(version))
    hashes = {"plan.yaml": project.plan_sha256}
    hashes |= {f"algorithm ({key})": value for key, value in _distinct(records, "core_hash")}
    hashes |= {f"engine ({key})": value for key, value in _distinct(records, "engine_hash")}
    hashes |= {f"commit ({key})": value for key, value in _distinct(records, "commit")}
    if project.foreign:
        hashes[f"evidence up to record {project.foreign[-1].number:04d}"] = project.foreign[-1].digest
    return Environment(
        versions={name: ", ".join(sorted(found)) for name, found in sorted(seen.items())},
        seeds={name: plan.settings_of(name).seeds for name in plan.experiments},
        hashes=hashes,
    )


def _distinct(records: list[dict[str, Any]], key: str) -> list[tuple[str, str]]:
    """Experiments that share a value, and the value."""
    by_value: dict[str, list[str]] = {}
    for record in records:
        if record.get(key):
            names = by_value.setdefault(str(record[key]), [])
            names += [] if record.get("experiment") in names else [str(record.get("experiment"))]
    return [(", ".join(names), value) for value, names in by_value.items()]


def not_attempted(project: Project, plan: Plan) -> list[str]:
    """Experiments of the plan that have no result."""
    found = []
    for name, experiment in plan.experiments.items():
        runs = project.runs_of(name)
        if not any(run.of_kind("result") for run in runs):
            claims = sum(claim.experiment == name for claim in plan.claims)
            rests = f"{many(claims, 'claim')} {'rests' if claims == 1 else 'rest'} on it" if claims else "no claim"
            floor = "; only its floor was measured" if any(run.of_kind("floor") for run in runs) else ""
            found.append(f"{name}: {experiment.summary} ({rests}{floor})")
    return found


def newest(project: Project) -> str:
    """When the newest record was made; the report has no clock of its own, so that it can be rendered again."""
    results = [str(r.get("created") or "") for run in project.runs for r in run.records]
    stamps = [r.created.isoformat() for r in project.foreign] + results
    return max((stamp[:16].replace("T", " ") for stamp in stamps), default="")
