"""The field's checklists, each item answered by a record of this project, or "not answered"; nothing is filled in.

Items are told in our words and short. Sources: Pineau et al., JMLR 22 (2021), the NeurIPS paper checklist; the ML Code
Completeness checklist (Papers with Code); ACM Artifact Review and Badging 1.1; Kapoor et al., REFORMS, Science Advances
10 (2024), 32 items in 8 modules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reproof.document import Plan, sourced
from reproof.selfcheck.gather import Project, number_in, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.report_models import Checklist, ChecklistRow
from reproof.selfcheck.verdicts import verdict_of
from reproof.selfcheck.words import listed, many

Answer = tuple[str, str] | None
"""What is the case, and the record or file that says so; None where nothing does."""

# (item, fact); a fact of "" is one that only words of a person could answer, and no record holds them
LISTS: dict[str, list[tuple[str, str]]] = {
    "NeurIPS and ML Reproducibility Checklist (Pineau)": [
        ("claims match what was done", "verdicts"),
        ("mathematical setting and algorithm are described", "equations"),
        ("assumptions are stated", "inferred"),
        ("complexity, in time and memory", "memory"),
        ("number of samples, and how they are split", "samples"),
        ("preprocessing and data that was left out", "data"),
        ("a link to data that can be downloaded", ""),
        ("how new data was collected", ""),
        ("dependencies are given", "requirements"),
        ("training code", "train"),
        ("evaluation code", "evaluate"),
        ("trained models", "checkpoints"),
        ("a README with the command for each result", "readme"),
        ("range of hyperparameters, how they were chosen, final values", "hyperparameters"),
        ("exact number of training and evaluation runs", "runs"),
        ("definition of the metric", "metric"),
        ("central tendency and variation", "intervals"),
        ("average runtime or energy", "runtime"),
        ("computing infrastructure", "hardware"),
        ("limitations", "limits"),
        ("licences of what is used", "licences"),
        ("broader impact", ""),
    ],
    "ML Code Completeness": [
        ("dependencies", "requirements"),
        ("training code", "train"),
        ("evaluation code", "evaluate"),
        ("trained models", "checkpoints"),
        ("README with a table of results and the command for each", "readme"),
    ],
    "ACM badges": [
        ("Artifacts Available: in a public archive with an identifier", ""),
        ("Artifacts Evaluated, Functional: documented, consistent, complete, exercisable", "smoke"),
        ("Artifacts Evaluated, Reusable: well structured for reuse", "overrides"),
        ("Results Reproduced: by another team, with the authors' artifacts", "port"),
        ("Results Replicated: by another team, without them", "replicated"),
    ],
    "REFORMS": [
        ("1a population or distribution the claims are about", "data"),
        ("1b why this population", ""),
        ("1c why machine learning", "contribution"),
        ("2a data set", "data"),
        ("2b code", "train"),
        ("2c computing environment", "environment"),
        ("2d documentation", "readme"),
        ("2e a script that makes the results", "commands"),
        ("3a source of the data", "data"),
        ("3b sampling frame", ""),
        ("3c why this data answers the question", ""),
        ("3d outcome variable", "metric"),
        ("3e sample size", "samples"),
        ("3f missing data", "finite"),
        ("3g does the evaluation data represent the population", "floor"),
        ("4a excluded data and why", ""),
        ("4b impossible or corrupt samples", "finite"),
        ("4c transformations", "preparation"),
        ("5a every model that was trained", "models"),
        ("5b why these models", ""),
        ("5c evaluation method", "evaluate"),
        ("5d model selection", ""),
        ("5e hyperparameter selection", "hyperparameters"),
        ("5f baselines", "baselines"),
        ("6a train and test are apart", "leakage"),
        ("6b duplicates and dependencies between them", "overlap"),
        ("6c every feature is legitimate", ""),
        ("7a metrics", "metric"),
        ("7b uncertainty of the metrics", "intervals"),
        ("7c statistical tests", "rule"),
        ("8a evidence of validity elsewhere", ""),
        ("8b where the findings are not expected to hold", "limits"),
    ],
}


def checklists(project: Project, plan: Plan, items: list[Item]) -> list[Checklist]:
    """Every list with its answers."""
    known = {name: fact() for name, fact in facts(project, plan, {item.id: item for item in items}).items()}
    found = []
    for name, questions in LISTS.items():
        rows = [_row(item, known.get(fact) if fact else None) for item, fact in questions]
        found.append(Checklist(name=name, answered=sum(bool(row.answer) for row in rows), rows=rows))
    return found


def _row(item: str, answer: Answer) -> ChecklistRow:
    return ChecklistRow(item=item, answer=answer[0] if answer else "", source=answer[1] if answer else "")


def facts(project: Project, plan: Plan, items: dict[str, Item]) -> dict[str, Callable[[], Answer]]:
    """Fact -> how to look it up in the records."""
    by_item = {
        "requirements": "requirements-pinned", "equations": "equations-implemented", "memory": "vram-known",
        "smoke": "smoke-green", "leakage": "test-data-apart", "overrides": "preflight/flags-reach-phases",
    }  # fmt: skip
    found: dict[str, Callable[[], Answer]] = {name: partial(_passed, items, item) for name, item in by_item.items()}
    found |= {
        name: partial(_debugged, project, check)
        for name, check in {
            "finite": "data-train-finite",
            "overlap": "data-overlap",
            "preparation": "data-same-preparation",
        }.items()
    }
    looked_up: dict[str, Callable[[Project, Plan], Answer]] = {
        "verdicts": _verdicts, "inferred": _inferred, "samples": _samples, "data": _data, "train": _train,
        "evaluate": _evaluate, "checkpoints": _checkpoints, "readme": _readme, "hyperparameters": _hyper, "runs": _runs,
        "metric": _metric, "intervals": _intervals, "runtime": _runtime, "hardware": _hardware, "limits": _limits,
        "licences": _licences, "port": _port, "replicated": _replicated, "contribution": _contribution,
        "environment": _environment, "commands": _commands, "floor": _floor, "models": _models, "baselines": _baselines,
        "rule": _rule,
    }  # fmt: skip
    return found | {name: partial(look, project, plan) for name, look in looked_up.items()}


def _passed(items: dict[str, Item], name: str) -> Answer:
    item = items.get(name)
    return (item.why or item.what, f"gate, {name}") if item and item.state in ("PASS", "SIGNED") else None


def _debugged(project: Project, check: str) -> Answer:
    record = project.latest("debug")
    for one in rows_in(record.answer, "looked") if record else []:
        for row in rows_in(one, "checks"):
            if row.get("id") == check and row.get("state") == "PASS":
                return str(row.get("why")), f"debug, record {record.number:04d}" if record else ""
    return None


def _results(project: Project) -> list[dict[str, Any]]:
    return [record for run in project.runs for record in run.of_kind("result")]


def _verdicts(project: Project, _: Plan) -> Answer:
    record = project.latest("compare")
    return (record.headline, f"compare, record {record.number:04d}") if record else None


def _inferred(_: Project, plan: Plan) -> Answer:
    values = [value for _, value in sourced(plan) if value.inferred]
    return (
        (f"{len(values)} inferred values, each with its reason; {sum(v.open for v in values)} open", "plan.yaml")
        if values
        else None
    )


def _samples(_: Project, plan: Plan) -> Answer:
    sizes = {(e.n_test.value, e.n_samples.value) for n in plan.experiments if (e := plan.settings_of(n).evaluation)}
    return ", ".join(f"{a} test and {b} generated" for a, b in sorted(sizes)), "plan.yaml"


def _data(_: Project, plan: Plan) -> Answer:
    said = sorted({f"{key} {item.value}" for n in plan.experiments for key, item in plan.settings_of(n).data.items()})
    return (listed(said), "plan.yaml") if said else None


def _train(project: Project, _: Plan) -> Answer:
    there = (project.folder / "run.py").is_file() and project.package.is_dir()
    return (f"run.py train, {project.package.relative_to(project.folder).as_posix()}", "run.py") if there else None


def _evaluate(project: Project, plan: Plan) -> Answer:
    found = _train(project, plan)
    return ("run.py evaluate", found[1]) if found else None


def _checkpoints(project: Project, _: Plan) -> Answer:
    there = sorted((project.folder / "results").glob("*/seed*/checkpoints/*.ckpt"))
    return (many(len(there), "checkpoint"), "results/") if there else None


def _readme(project: Project, _: Plan) -> Answer:
    path = project.folder / "README.md"
    told = path.is_file() and "run.py train" in path.read_text(encoding="utf-8", errors="replace")
    return ("README.md, and a command per claim in this report", "README.md") if told else None


def _hyper(_: Project, plan: Plan) -> Answer:
    values = [value for path, value in sourced(plan) if "phases" in path]
    quoted = sum(bool(value.quote or value.source) for value in values)
    return (
        (f"{len(values)} values, {quoted} quoted, the rest inferred; no range was searched here", "plan.yaml")
        if values
        else None
    )


def _runs(project: Project, _: Plan) -> Answer:
    ran = [run for run in project.runs if run.of_kind("result")]
    return (f"{many(len(ran), 'run')}, {many(len(_results(project)), 'evaluation')}", "results/") if ran else None


def _metric(_: Project, plan: Plan) -> Answer:
    names = sorted({claim.metric for claim in plan.claims})
    return (f"{', '.join(names)}; readings of the protocol are listed", "plan.yaml") if names else None


def _intervals(project: Project, _: Plan) -> Answer:
    record = project.latest("compare")
    rows = [row for row in verdict_of(record).values() if number_in(row, "ours", "low") is not None]
    return (
        (f"95 % interval for {many(len(rows), 'claim')}", f"compare, record {record.number:04d}")
        if rows and record
        else None
    )


def _runtime(project: Project, _: Plan) -> Answer:
    times = [
        t for run in project.runs for row in rows_in(run.about, "phases") if (t := number_in(row, "time_s")) is not None
    ]
    return (f"{sum(times) / 3600:.2f} h in {many(len(times), 'phase')}", "run.json") if times else None


def _hardware(project: Project, _: Plan) -> Answer:
    devices = sorted({str(record["device"]) for record in _results(project) if record.get("device")})
    return (", ".join(devices), "records.jsonl") if devices else None


def _limits(_: Project, plan: Plan) -> Answer:
    count = len(plan.missing) + len(plan.deviations) + len(plan.risks)
    return (
        (
            f"{len(plan.missing)} gaps of the paper, {len(plan.deviations)} deviations, {len(plan.risks)} risks",
            "plan.yaml",
        )
        if count
        else None
    )


def _licences(project: Project, plan: Plan) -> Answer:
    said = [f"paper {plan.paper.licence}"] if plan.paper.licence else []
    said += [f"{path.name}" for path in sorted(project.folder.glob("LICEN[CS]E*"))]
    return (", ".join(said), "plan.yaml") if said else None


def _port(project: Project, plan: Plan) -> Answer:
    record = project.latest("parity check")
    return (
        (record.headline, f"parity, record {record.number:04d}")
        if plan.kind == "port" and record and record.ok
        else None
    )


def _replicated(project: Project, plan: Plan) -> Answer:
    record = project.latest("compare")
    good = record and rows_in(record.answer, "claims") and record.ok
    return (
        (record.headline, f"compare, record {record.number:04d}") if plan.kind == "paper" and good and record else None
    )


def _contribution(_: Project, plan: Plan) -> Answer:
    return plan.contribution, "plan.yaml"


def _environment(project: Project, _: Plan) -> Answer:
    seen = [record["versions"] for record in _results(project) if isinstance(record.get("versions"), dict)]
    return (
        (listed([f"{name} {version}" for name, version in sorted(seen[0].items())]), "records.jsonl") if seen else None
    )


def _commands(project: Project, plan: Plan) -> Answer:
    return (
        (many(len(plan.claims), "command") + " in this report", "run.py")
        if plan.claims and _train(project, plan)
        else None
    )


def _floor(project: Project, _: Plan) -> Answer:
    floors = [record for run in project.runs for record in run.of_kind("floor")]
    return (f"what the truth itself scores, {many(len(floors), 'record')}", "records.jsonl") if floors else None


def _models(project: Project, _: Plan) -> Answer:
    names = sorted({run.experiment for run in project.runs if run.of_kind("result")})
    return (f"trained: {', '.join(names)}", "results/") if names else None


def _baselines(_: Project, plan: Plan) -> Answer:
    methods = sorted({claim.method for claim in plan.claims})
    return (f"claims about {', '.join(methods)}", "plan.yaml") if len(methods) > 1 else None


def _rule(project: Project, _: Plan) -> Answer:
    record = project.latest("compare")
    rule = record.answer.get("rule") if record else None
    return (str(rule), f"compare, record {record.number:04d}") if rule and record else None
