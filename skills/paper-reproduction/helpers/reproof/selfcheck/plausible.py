"""Clocks, signatures, logs and claims that cannot be as they are told. Each check needs nothing but the records."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from itertools import combinations
from statistics import median
from typing import Any

from reproof.document import Plan, sourced
from reproof.selfcheck.gather import Project, RunFolder, number_in, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.results import planned_amounts, train_command
from reproof.selfcheck.words import listed

SKEW = datetime.timedelta(minutes=10)  # clocks of two machines
AHEAD = datetime.timedelta(days=1)
FASTEST_STEPS_PER_S = 1e5  # one optimizer step in Python takes over ten microseconds
GAP_TIMES = 3.0  # a log with a hole of three usual intervals has lines missing
SAME_CURVE_FRAC = 1e-3  # losses of two seeds that agree this closely at every step are one log with noise on it
SAME_VALUE = 1e-9
NOBODY = re.compile(
    r"\b(claude|gpt|chatgpt|codex|gemini|copilot|cursor|llama|llm|model|agent|assistant|ai|bot|script|helper|system|"
    r"automatic(ally)?|todo|tbd|name|person|user|someone|somebody|anonymous|unknown|n/?a|none|xxx|test)\b",
    re.IGNORECASE,
)


def items(project: Project) -> Iterator[Item]:
    """Clocks, signatures, claims that were dropped, and the log of every run."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    yield timestamps(project)
    yield signatures(plan)
    yield kept(project, plan)
    for name in project.claimed:
        runs = project.runs_of(name)
        mine = [run for run in runs if run.seed in plan.settings_of(name).seeds and run.of_kind("result")]
        if mine:
            yield logs(name, mine)
            yield facts(plan, name, mine)
        yield strays(plan, name, runs)


def moment(text: object) -> datetime.datetime | None:
    """A time with its zone; None for what is none, or does not say where.

    >>> moment("2026-01-06T10:00:00+00:00") is not None, moment("2026-01-06T10:00:00"), moment(3)
    (True, None, None)
    """
    if not isinstance(text, str):
        return None
    try:
        found = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def timestamps(project: Project) -> Item:
    """Records are in the order of their clocks, none lies in the future, and no run is faster than a computer."""
    item = Item(id="timestamps", what="the times of records and runs are possible", state="PASS")
    wrong = [*_chain_times(project), *_result_times(project), *_speeds(project)]
    if wrong:
        return item.judged("FAIL", listed(wrong), "run the helpers and the runs named above again")
    return item.judged("PASS", f"{len(project.foreign)} records, {len(project.runs)} runs")


def _chain_times(project: Project) -> Iterator[str]:
    now = datetime.datetime.now(datetime.timezone.utc)
    for before, after in zip(project.records, project.records[1:]):  # noqa: B905 - pairs of neighbours
        if _aware(after.created) < _aware(before.created) - SKEW:
            yield f"record {after.number:04d} ({after.created:%Y-%m-%d %H:%M}) is older than record {before.number:04d}"
    for record in project.records:
        if _aware(record.created) > now + AHEAD:
            yield f"record {record.number:04d} is from the future ({record.created:%Y-%m-%d})"


def _aware(when: datetime.datetime) -> datetime.datetime:
    return when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)


def _result_times(project: Project) -> Iterator[str]:
    now = datetime.datetime.now(datetime.timezone.utc)
    compared = project.latest("compare")
    for run in project.runs:
        for record in run.of_kind("result"):
            made = moment(record.get("created"))
            if made and made > now + AHEAD:
                yield f"{run.name}: a result from the future ({made:%Y-%m-%d})"
            elif made and compared and made > _aware(compared.created) + SKEW and _was_read(compared.inputs, run):
                yield f"{run.name}: a result made after the comparison that read it"


def _was_read(inputs: dict[str, str], run: RunFolder) -> bool:
    return f"{run.name}/records.jsonl" in inputs


def _speeds(project: Project) -> Iterator[str]:
    assert project.plan is not None, "asked only once the plan is known to be valid"
    for run in project.runs:
        if run.experiment not in project.plan.experiments:
            continue
        amounts = planned_amounts(project.plan, run.experiment)
        for row in rows_in(run.about, "phases"):
            name, time_s = str(row.get("name")), number_in(row, "time_s")
            steps = number_in(row, "steps") or amounts.get(name, 0)
            kind = getattr(project.plan.settings_of(run.experiment).phases.get(name), "kind", "")
            if time_s is not None and kind == "train" and steps > FASTEST_STEPS_PER_S * max(time_s, 0.0):
                yield f"{run.name}: {name} did {steps:g} steps in {time_s:g} s"


def signatures(plan: Plan) -> Item:
    """Signatures are of people and of the past."""
    item = Item(id="signatures-human", what="signatures are people's, and none is of a day to come", state="PASS")
    tomorrow = datetime.date.today() + AHEAD
    signed = [(path, value.signed) for path, value in sourced(plan) if value.signed]
    wrong = [f"{path}: signed by {who.by!r}" for path, who in signed if NOBODY.search(who.by)]
    wrong += [f"{path}: signed on {who.on}, a day to come" for path, who in signed if who.on > tomorrow]
    if wrong:
        return item.judged("FAIL", listed(wrong), "a person signs, by their own name: plan.py signoff")
    return item.judged("PASS", f"{len(signed)} signatures")


def kept(project: Project, plan: Plan) -> Item:
    """What was once compared and missed is still claimed, or its absence is explained in the plan."""
    item = Item(id="claims-kept", what="no claim and no seed was dropped after it was judged", state="PASS")
    words = " ".join(text for d in plan.deviations for text in (d.what, d.why, d.impact))
    words += " ".join(text for m in plan.missing for text in (m.what, m.impact))
    claims = {claim.id: claim for claim in plan.claims}
    wrong: dict[str, None] = {}
    for record in project.records:
        if record.helper != "compare" or record.fingerprint() != record.digest:
            continue
        for row in rows_in(record.answer, "claims"):
            name = str(row.get("id"))
            if name not in claims and name not in words:
                wrong[f"{name} ({row.get('verdict')} in record {record.number:04d})"] = None
            elif name in claims:
                wrong |= dict.fromkeys(_dropped(project, plan, claims[name].experiment, row, words))
    if wrong:
        return item.judged("FAIL", f"dropped: {listed(list(wrong))}", "take it back in, or say in deviations why not")
    return item


def _dropped(project: Project, plan: Plan, experiment: str, row: dict[str, Any], words: str) -> Iterator[str]:
    """Seeds that an older comparison counted and that neither the plan nor results/ know any more."""
    ours = row.get("ours")
    before = ours.get("seeds") if isinstance(ours, dict) else None
    here = {run.seed for run in project.runs_of(experiment)} | set(plan.settings_of(experiment).seeds)
    for seed in before if isinstance(before, list) else []:
        if seed not in here and f"seed {seed}" not in words:
            yield f"seed {seed} of {experiment}"


def strays(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """No finished run is left out by leaving its seed out of the plan."""
    item = Item(id=f"results/{name}/all-seeds", what=f"{name}: no finished run is left out", state="PASS")
    planned = set(plan.settings_of(name).seeds)
    full = planned_amounts(plan, name)
    extra = [
        run.seed for run in runs if run.seed not in planned and any(_is_full(r, full) for r in run.of_kind("result"))
    ]
    if extra:
        why = f"seed {listed([str(seed) for seed in extra])} ran in full and is not in the plan: a selection"
        return item.judged("FAIL", why, f"add it to experiments.{name}.seeds, then compare again")
    return item


def _is_full(record: dict[str, Any], full: dict[str, int]) -> bool:
    done = record.get("steps_done")
    return isinstance(done, dict) and all((number_in(done, phase) or 0) >= amount for phase, amount in full.items())


def logs(name: str, runs: list[RunFolder]) -> Item:
    """Losses are numbers, they move, the log has no holes, and no two seeds share one."""
    item = Item(id=f"results/{name}/log", what=f"{name}: the logs are those of training", state="PASS")
    wrong = [f"{run.name}: {reason}" for run in runs for reason in _odd_log(run)]
    wrong += [text for a, b in combinations(runs, 2) if (text := _one_log(a, b))]
    if wrong:
        return item.judged("FAIL", listed(wrong), train_command(name, runs[0].seed))
    return item


def _odd_log(run: RunFolder) -> Iterator[str]:
    for phase, rows in run.losses.items():
        losses = [loss for _, loss in rows]
        bad = sum(not math.isfinite(loss) for loss in losses)
        if bad:
            yield f"{phase}: {bad} of {len(losses)} logged losses are not finite"
        elif len(losses) > 2 and max(losses) == min(losses):
            yield f"{phase}: the loss is {losses[0]:g} at every step: nothing was learned"
        gaps = [b - a for a, b in zip([0, *(s for s, _ in rows)], [s for s, _ in rows])]  # noqa: B905
        every = number_in(run.about, "config", "log_every_steps")
        usual = every if every and every > 0 else median(gaps)
        hole = max(gaps)
        if hole > GAP_TIMES * max(usual, 1):
            at = rows[gaps.index(hole)][0]
            yield f"{phase}: nothing is logged between step {at - hole} and {at}"


def _one_log(a: RunFolder, b: RunFolder) -> str:
    """Whether two logs are one with a little noise on it."""
    for phase in a.losses:
        left, right = dict(a.losses[phase]), dict(b.losses.get(phase, []))
        common = [(left[step], right[step]) for step in left if step in right]
        if len(common) > 3 and all(
            math.isfinite(x) and math.isfinite(y) and abs(x - y) <= SAME_CURVE_FRAC * max(abs(x), abs(y))
            for x, y in common
        ):
            return (
                f"{a.folder.name} and {b.folder.name} have one log: losses of {phase} agree to a thousandth throughout"
            )
    return ""


def facts(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """run.json, the record of the evaluation, and its own numbers agree."""
    item = Item(id=f"results/{name}/facts", what=f"{name}: run.json and the records tell the same", state="PASS")
    wrong = [f"{run.name}: {reason}" for run in runs for reason in _contradictions(plan, run)]
    if wrong:
        return item.judged("FAIL", listed(list(dict.fromkeys(wrong))), train_command(name, runs[0].seed))
    return item


def _contradictions(plan: Plan, run: RunFolder) -> Iterator[str]:
    about = {str(row.get("name")): row for row in rows_in(run.about, "phases")}
    phases = plan.settings_of(run.experiment).phases
    seed = number_in(run.about, "config", "seed")
    if seed is not None and seed != run.seed:
        yield f"run.json is of seed {seed:g}"
    if run.about:
        gone = [p for p, phase in phases.items() if phase.kind == "train" and p not in about]
        yield from (f"run.json knows no phase {phase}" for phase in gone)
    for record in run.of_kind("result"):
        yield from _own_numbers(record)
        kept_digests = record.get("checkpoints")
        for phase, digest in kept_digests.items() if isinstance(kept_digests, dict) else ():
            told = about.get(str(phase), {}).get("digest")
            if told and told != digest:
                yield f"{phase}: the weights of run.json are not those evaluated"
    for floor in run.of_kind("floor"):
        draws, values = floor.get("floor_draws"), floor.get("values")
        if isinstance(draws, int) and isinstance(values, list) and len(values) != draws:
            yield f"the floor holds {len(values)} of {draws} draws"


def _own_numbers(record: dict[str, Any]) -> Iterator[str]:
    """`value` is the mean of `values`, and there is one of them per test set."""
    values, value = record.get("values"), number_in(record, "value")
    if not isinstance(values, list) or value is None:
        return
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) != len(values) or not numbers:
        yield "its values are not numbers"
    elif abs(math.fsum(numbers) / len(numbers) - value) > SAME_VALUE * max(1.0, abs(value)):
        yield f"value {value:g} is not the mean of its {len(numbers)} values"
    draws = record.get("test_draws")
    if isinstance(draws, int) and draws != len(values):
        yield f"{len(values)} of {draws} test sets are on record"
