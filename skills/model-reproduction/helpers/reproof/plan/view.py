"""The plan laid out for a person: the reproduction plan, notes of three readings, the table of claims."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from reproof.document import Plan, load_plan, sourced
from reproof.errors import PackError
from reproof.paths import write_atomically
from reproof.plan.coverage import Place, coverage
from reproof.plan.judge import quoted_and_inferred
from reproof.plan.models import (
    ExperimentView,
    LibraryView,
    NoteRow,
    PhaseView,
    Reading,
    RenderAnswer,
    RenderRequest,
    Row,
)
from reproof.records import Sourced
from reproof.text.load import load
from reproof.text.quotes import text_from

DOCUMENTS = {"plan": "PLAN.md", "notes": "NOTES.md", "claims": "CLAIMS.md"}
MARK = "<!-- written by plan.py render; edits are lost, change the plan instead -->"
READINGS = {
    1: ("What is claimed", "Title, abstract, headings, tables, conclusion: what is claimed, on which data, in which "
                           "metric?"),
    2: ("How it works", "Method and experiments: which phases, which losses, what is frozen, what is handed on?"),
    3: ("Where settings hide", "Appendices, footnotes, captions, algorithm boxes: which settings stand only there, and "
                               "which nowhere?"),
}  # fmt: skip


def view(request: RenderRequest) -> RenderAnswer:
    """Answer `plan.py render`.

    Raises:
        PackError: with --out, a file of that name is there and is not of our making.
    """
    plan = load_plan(request.plan)
    inferred = [row(path, item) for path, item in sourced(plan) if item.inferred]
    places, lost = _places(plan, request.paper) if request.paper else ([], [])
    answer = RenderAnswer(
        ok=True,
        headline=f"{plan.paper.title}: {len(plan.experiments)} experiments, {_count(plan)}, "
        f"{len(inferred)} inferred values",
        plan=plan.model_dump(mode="json"),
        experiments=[_experiment(plan, name) for name in plan.experiments],
        inferred=inferred,
        libraries=[LibraryView(name=lib.name, version=lib.version.value, origin=lib.version.origin,
                               calls=len(lib.calls)) for lib in plan.libraries],
        compute=list(_compute(plan)),
        readings=[_reading(number, plan, places) for number in READINGS],
        paper=str(request.paper or ""),
        lost=lost,
    )  # fmt: skip
    return _written(answer, request) if request.out else answer


def _count(plan: Plan) -> str:
    return f"{len(plan.claims) + len(plan.orders) + len(plan.curves) or 'no'} claims"


def _written(answer: RenderAnswer, request: RenderRequest) -> RenderAnswer:
    """All three documents, as files."""
    assert request.out, "asked only with --out"
    paths = {document: request.out / name for document, name in DOCUMENTS.items()}
    foreign = [path for path in paths.values() if path.exists() and MARK not in path.read_text("utf-8", "replace")]
    if foreign:
        raise PackError(
            "file-exists", f"{', '.join(map(str, foreign))} is there and was not written by plan.py render",
            why="nothing of yours is written over", fix="choose another --out, or move it away",
        )  # fmt: skip
    request.out.mkdir(parents=True, exist_ok=True)
    for document, path in paths.items():
        from reproof.render import render  # jinja2 only when a document is laid out

        text = render(f"plan_render_{document}.md.jinja", a=answer, q=request)
        write_atomically(path, f"{MARK}\n{text.rstrip()}\n")
    return answer.model_copy(update={"written": [str(path) for path in paths.values()]})


def _experiment(plan: Plan, name: str) -> ExperimentView:
    full = plan.settings_of(name)
    phases = [
        PhaseView(
            name=phase_name, kind=phase.kind, loss=phase.loss, frozen=phase.frozen, hands_on=phase.hands_on,
            formula=str(phase.objective.formula.value) if phase.objective else "",
        )
        for phase_name, phase in full.phases.items()
    ]  # fmt: skip
    rows = [row(path, item) for path, item in sourced(full)]
    return ExperimentView(name=name, summary=full.summary, rows=rows, phases=phases)


def _compute(plan: Plan) -> Iterator[Row]:
    said = plan.compute
    for path, item in sourced(said):
        yield row(path.replace("_", " "), item)
    ours = {"ours gpu": said.ours_gpu, "ours hours": said.ours_hours, "budget hours": said.budget_hours,
            "tiers": ", ".join(said.tiers)}  # fmt: skip
    for name, value in ours.items():
        if value:
            yield Row(path=name, value=value, origin="", status="stated", alternatives=[])


def _places(plan: Plan, paper: Path) -> tuple[list[Place], list[str]]:
    text = text_from(load(paper))
    covered = coverage((item.quote for _, item in quoted_and_inferred(plan) if item.quote), text)
    return covered.places, covered.lost


def _reading(number: int, plan: Plan, places: list[Place]) -> Reading:
    title, asks = READINGS[number]
    rows = {1: _claimed, 2: _works, 3: _left_out}[number](plan)
    return Reading(
        number=number, title=title, asks=asks, notes=[note for note in plan.notes if note.reading == number],
        rows=list(rows), places=[place for place in places if _pass_of(place) == number],
    )  # fmt: skip


def _pass_of(place: Place) -> int:
    if place.kind in ("appendix", "footnote", "algorithm", "figure"):
        return 3
    frame = any(word in place.name.lower() for word in ("abstract", "introd", "conclusion", "discussion"))
    return 1 if place.kind == "table" or frame else 2


def _claimed(plan: Plan) -> Iterator[NoteRow]:
    yield NoteRow(what="problem", says=plan.problem.strip(), where="")
    yield NoteRow(what="contribution", says=plan.contribution.strip(), where="")
    tables: dict[str, list[str]] = {}
    for claim in plan.claims:
        tables.setdefault(claim.table, []).append(claim.metric)
    for table, metrics in tables.items():
        yield NoteRow(what=table, says=f"{len(metrics)} numbers: {', '.join(dict.fromkeys(metrics))}", where=table)
    for order in plan.orders:
        yield NoteRow(what=order.id, says=" > ".join(side.method for side in order.ranking), where=order.where)


def _works(plan: Plan) -> Iterator[NoteRow]:
    seen = set()
    for name in plan.experiments:
        for phase_name, phase in plan.settings_of(name).phases.items():
            frozen = f"; reads {', '.join(phase.frozen)}, frozen" if phase.frozen else ""
            formula = f": {phase.objective.formula.value}" if phase.objective else ""
            made = NoteRow(what=f"phase {phase_name}", says=f"{phase.kind}, {phase.loss}{formula}{frozen}", where="")
            if made not in seen:
                seen.add(made)
                yield made
    for equation in plan.equations:
        yield NoteRow(what=equation.id, says=equation.states, where=equation.implemented_by)


def _left_out(plan: Plan) -> Iterator[NoteRow]:
    for item in plan.missing:
        yield NoteRow(what=item.what.strip(), says=item.impact.strip(), where="")


def row(path: str, item: Sourced[Any]) -> Row:
    """One value with its origin."""
    status: Literal["stated", "inferred", "signed", "source"] = "stated" if item.quote else "source"
    if item.inferred:
        status = "signed" if item.signed else "inferred"
    return Row(path=path, value=item.value, origin=item.origin, status=status, alternatives=item.alternatives)
