"""The report's sections that come from the plan and from the helpers' answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reproof.document import Claim, Plan, sourced
from reproof.evidence import Evidence
from reproof.selfcheck.gather import Project, number_in, rows_in
from reproof.selfcheck.libraries import call_id, has_passed, probe_rows
from reproof.selfcheck.models import Item
from reproof.selfcheck.quotes import quoted_paths, reading
from reproof.selfcheck.report_models import (
    BudgetRow,
    ClaimRow,
    EvidenceRow,
    InferredRow,
    InferredScope,
    ProbeRow,
    ReadingRow,
    RerunRow,
    StatementRow,
    SummaryRow,
)
from reproof.selfcheck.verdicts import verdict_of

MOST_COMMANDS = 200


def claim_rows(project: Project, plan: Plan, items: list[Item]) -> list[ClaimRow]:
    """Every claim of the plan; compare's numbers where it has some, and what the gate says against them."""
    rows = verdict_of(project.latest("compare"))
    doubts = {item.id: f"{item.id} {item.state}: {item.why}" for item in items if item.blocks}
    found = []
    for claim in plan.claims:
        row = claim_row(claim, rows.get(claim.id, {}))
        against = [words for name, words in doubts.items() if name.startswith(f"results/{claim.experiment}/")]
        notes = row.notes + (against if row.ours_mean is not None else [])
        found.append(row.model_copy(update={"notes": notes}))
    return found


def claim_row(claim: Claim, row: dict[str, Any]) -> ClaimRow:
    """One claim; what compare does not say stays empty."""
    decimals = len(claim.printed.partition(".")[2]) if "e" not in claim.printed.lower() else 3
    return ClaimRow(
        id=claim.id,
        table=claim.table,
        method=claim.method,
        experiment=claim.experiment,
        metric=claim.metric,
        direction=claim.direction,
        condition=", ".join(f"{key.replace('_', ' ')} {value}" for key, value in claim.condition.items()),
        printed=claim.printed,
        paper=claim.value,
        digits=decimals + 1,
        ours_mean=number_in(row, "ours", "mean"),
        ours_low=number_in(row, "ours", "low"),
        ours_high=number_in(row, "ours", "high"),
        ours_n=int(number_in(row, "ours", "n") or 0),
        floor_mean=number_in(row, "floor", "mean"),
        floor_sd=number_in(row, "floor", "sd"),
        floor_n=int(number_in(row, "floor", "n") or 0),
        floor_reached=int(number_in(row, "floor", "reached") or 0),
        verdict=str(row.get("verdict") or "NOT_JUDGED"),
        reason=str(row.get("reason") or ""),
        notes=_texts(row, "notes"),
        hints=_texts(row, "hints"),
        readings=[_reading(r) for r in rows_in(row, "readings")],
    )


def _texts(row: dict[str, Any], key: str) -> list[str]:
    found = row.get(key)
    return [str(text) for text in found] if isinstance(found, list) else []


def _reading(row: dict[str, Any]) -> ReadingRow:
    attainable = row.get("attainable")
    return ReadingRow(
        name=str(row.get("name") or "?"),
        means=str(row.get("means") or ""),
        ours_mean=number_in(row, "ours", "mean"),
        floor_mean=number_in(row, "floor", "mean"),
        floor_sd=number_in(row, "floor", "sd"),
        attainable=attainable if isinstance(attainable, bool) else None,
        would_be=str(row.get("would_be") or ""),
    )


def quotes_sentence(project: Project, plan: Plan) -> str:
    """How many quotes, verified when, against which text."""
    record = project.latest("plan check")
    count = len(quoted_paths(plan))
    if record is None:
        return f"The {count} quotes of the plan have not been looked up in the paper's text."
    status = {row.get("path"): row.get("status") for row in rows_in(record.answer, "items")}
    good = sum(status.get(path) in ("VERIFIED", "VOUCHED") for path in quoted_paths(plan))
    return f"{good} of {count} quoted values and claims {reading(project, record)}."


def inferred_scopes(plan: Plan) -> list[InferredScope]:
    """Every value that the paper does not state, by the group, experiment or library that it belongs to."""
    scopes: dict[str, list[InferredRow]] = {}
    for path, item in sourced(plan):
        if item.inferred:
            parts = path.split(".")
            row = InferredRow(
                path=path,
                name=" ".join(part for part in parts[2:] if part not in ("phases", "settings")) or parts[-1],
                value=item.value,
                reason=item.inferred,
                alternatives=item.alternatives,
                state=f"signed by {item.signed.by} on {item.signed.on}" if item.signed else "open",
            )
            scopes.setdefault(_scope(parts), []).append(row)
    return [InferredScope(scope=scope, rows=rows) for scope, rows in scopes.items()]


def _scope(parts: list[str]) -> str:
    """What a value belongs to, as a heading.

    >>> _scope(["experiments", "moons", "data"]), _scope(["compute", "authors_gpu"])
    ('experiment moons', 'compute')
    """
    one = {"experiments": "experiment", "groups": "group", "libraries": "library"}
    return f"{one[parts[0]]} {parts[1]}" if parts[0] in one else parts[0]


def probe_table(project: Project, plan: Plan) -> list[ProbeRow]:
    """Every probed call, with the plan's words for it."""
    calls = {call.id: call for library in plan.libraries for call in library.calls}
    found = []
    for row in probe_rows(project.latest("probe run")):
        call = calls.get(call_id(row))
        said = [str(finding.get("what") or "") for finding in rows_in(row, "findings")]
        found.append(
            ProbeRow(
                call=call_id(row),
                target=call.target if call else "not in the plan",
                inputs="; ".join(_texts(row, "inputs")),
                experiments=", ".join(_texts(row, "experiments")),
                outcome=str(row.get("outcome") or "unknown"),
                passed=has_passed(row),
                words="; ".join(said) or (call.because if call else ""),
            )
        )
    return found


def budget_table(project: Project) -> tuple[list[str], list[BudgetRow]]:
    """GPUs, and memory and disk per phase."""
    record = project.latest("vram plan")
    rows = list(_budgets(record.answer)) if record else []
    return list(dict.fromkeys(gpu for row in rows for gpu in row.grades)), rows


def _budgets(answer: dict[str, Any]) -> Iterator[BudgetRow]:
    for experiment in rows_in(answer, "experiments"):
        for phase in rows_in(experiment, "phases"):
            peak, disk = number_in(phase, "budget", "allocated_bytes"), number_in(phase, "pool", "disk_bytes")
            lacks = _texts(phase, "missing")
            yield BudgetRow(
                experiment=str(experiment.get("name") or "?"),
                phase=str(phase.get("name") or "?"),
                peak_bytes=None if peak is None else int(peak),
                disk_bytes=None if disk is None else int(disk),
                grades={str(g.get("gpu")): _grade(g) for g in rows_in(phase, "gpus")},
                note=f"not estimated: no {', '.join(lacks)}" if lacks else "; ".join(_texts(phase, "notes")),
            )


def _grade(gpu: dict[str, Any]) -> str:
    """`fits`, or what has to change until it does."""
    verdict, micro, times = str(gpu.get("verdict") or "?"), gpu.get("micro_batch"), gpu.get("accumulate")
    split = isinstance(micro, int) and isinstance(times, int) and times > 1
    return f"{verdict}, as {times} × {micro}" if split else verdict


def rerun_rows(plan: Plan) -> list[RerunRow]:
    """One command per number: its runs, which are skipped where they are done, and its verdict."""
    rows = []
    for claim in plan.claims[:MOST_COMMANDS]:
        seeds, name = plan.settings_of(claim.experiment).seeds, claim.experiment
        each, names = "$seed" if len(seeds) > 1 else str(seeds[0]), " ".join(map(str, seeds))
        run = f"python run.py train {name} --seed {each} && python run.py evaluate {name} --seed {each}"
        command = f"for seed in {names}; do {run}; done" if len(seeds) > 1 else run
        rows.append(
            RerunRow(
                claims=[claim.id],
                command=f"{command}{' &&' if len(seeds) == 1 else ';'} python helpers/compare.py . --claim {claim.id}",
            )
        )
    return rows


def statements(record: Evidence | None, kind: str) -> list[StatementRow]:
    """Claims about an order or a curve, in compare's words."""
    return [
        StatementRow(id=str(row.get("id")), says=str(row.get("says") or ""), verdict=str(row.get("verdict")),
                     reason=str(row.get("reason") or ""))
        for row in (rows_in(record.answer, kind) if record else [])
    ]  # fmt: skip


def summaries(record: Evidence | None) -> list[SummaryRow]:
    """Each table of the paper in one line, and the paper."""
    found = []
    for row in [*rows_in(record.answer, "tables"), *rows_in(record.answer, "papers")] if record else []:
        interval = row.get("interval_frac")
        low, high = interval if isinstance(interval, list) and len(interval) == 2 else (None, None)
        found.append(
            SummaryRow(
                name=str(row.get("table")),
                claims=int(number_in(row, "claims") or 0),
                low_frac=low,
                high_frac=high,
                reproduced=int(number_in(row, "reproduced") or 0),
                headline=str(row.get("headline") or ""),
            )
        )
    return found


def evidence_rows(project: Project) -> list[EvidenceRow]:
    """The chain, one line per record."""
    return [
        EvidenceRow(
            number=r.number,
            helper=r.helper,
            created=f"{r.created:%Y-%m-%d %H:%M}",
            ok=r.ok,
            headline=r.headline,
        )
        for r in project.foreign
    ]
