"""Do the results of an experiment come from complete runs of this code with these settings?

Records are believed only as far as what lies beside them agrees: the log, run.json, the checkpoints, the config.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from reproof.document import Claim, Plan
from reproof.selfcheck.digests import (
    NOT_INPUTS,
    can_read_weights,
    checkpoint_damage,
    config_digest,
    filled,
    tree_digest,
    weights_digest,
)
from reproof.selfcheck.gather import Project, RunFolder
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed, many

WRITTEN_BY_A_RUN = ("run_id", "config_hash", "core_hash", "checkpoints", "steps_done", "steps_planned", "created")
# distances between two sets of samples: two draws of the truth are not 0 apart
SAMPLE_METRIC = re.compile(r"w[12](_|$)|wasserstein|emd|sliced|swd|mmd|fid|kid|sinkhorn|energy|chamfer", re.IGNORECASE)
LONG = 8  # digits of a value that two seeds do not share by chance
CAN_READ_WEIGHTS = can_read_weights()


def items(project: Project) -> Iterator[Item]:
    """All experiments that a claim rests on."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    for name in project.claimed:
        runs = [run for run in project.runs_of(name) if run.seed in plan.settings_of(name).seeds]
        yield present(plan, name, runs)
        if any(run.of_kind("result") for run in runs):
            yield complete(plan, name, runs)
            yield same_settings(project, name, runs)
            yield by_a_run(plan, name, runs)
            yield seeds(plan, name, runs)
            yield checkpoints(name, runs)
            yield learned(plan, name, runs)
        yield from floors(plan, name, runs, tree_digest(project.core))


def train_command(name: str, seed: int) -> str:
    """How the results of one run are made."""
    return f"cd PROJECT && python run.py train {name} --seed {seed} && python run.py evaluate {name} --seed {seed}"


def answers(claim: Claim, record: dict[str, Any]) -> bool:
    """Whether a result is the number that the claim is about, under the protocol as stated."""
    condition = record.get("condition")
    held = condition if isinstance(condition, dict) else {}
    return (
        record.get("metric") == claim.metric
        and record.get("reading") == "as_stated"
        and all(held.get(key) == value for key, value in claim.condition.items())
    )


def claims_of(plan: Plan, name: str) -> list[Claim]:
    """The plan's claims on this experiment."""
    return [claim for claim in plan.claims if claim.experiment == name]


def present(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """Every planned seed has a result for every claim."""
    what = f"{name}: every claim has a result for every planned seed"
    item = Item(id=f"results/{name}", what=what, state="PASS")
    planned = plan.settings_of(name).seeds
    lacking = [s for s in planned if not _answers_all(plan, name, [run for run in runs if run.seed == s])]
    if lacking:
        done = len(planned) - len(lacking)
        seeds_left = listed([str(seed) for seed in lacking])
        why = f"{done} of {len(planned)} seeds done, seed {seeds_left} not" if done else "not run"
        unmeasured = not_measured(plan, name)
        why += f"; the project measures {measured(plan, name)}, not {listed(unmeasured)}" if unmeasured else ""
        return item.judged("MISSING", why, train_command(name, lacking[0]))
    return item.judged("PASS", f"{many(len(claims_of(plan, name)), 'claim')}, {many(len(planned), 'seed')}")


def measured(plan: Plan, name: str) -> str:
    """The metric that the experiment's evaluation computes."""
    evaluation = plan.settings_of(name).evaluation
    return evaluation.metric.value if evaluation else "nothing"


def not_measured(plan: Plan, name: str) -> list[str]:
    """Metrics that claims name and the experiment's evaluation does not compute."""
    wanted = dict.fromkeys(claim.metric for claim in claims_of(plan, name))
    return [metric for metric in wanted if metric != measured(plan, name)]


def _answers_all(plan: Plan, name: str, runs: list[RunFolder]) -> bool:
    results = [record for run in runs for record in run.of_kind("result")]
    return all(any(answers(claim, record) for record in results) for claim in claims_of(plan, name))


def planned_amounts(plan: Plan, name: str) -> dict[str, int]:
    """Steps or batches of each phase, as the plan says."""
    phases = plan.settings_of(name).phases
    amounts = {phase_name: phase.steps or phase.batches for phase_name, phase in phases.items()}
    return {phase_name: amount.value for phase_name, amount in amounts.items() if amount}


def complete(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """No result comes from a run with fewer steps than the plan says."""
    item = Item(id=f"results/{name}/complete", what=f"{name}: no run was shortened", state="PASS")
    planned, short = planned_amounts(plan, name), []
    for run in runs:
        for record in run.of_kind("result"):
            done = record.get("steps_done")
            short += _short(run.name, done if isinstance(done, dict) else {}, planned)
            if record.get("smoke"):
                short.append(f"{run.name}: a smoke run")
    if short:
        return item.judged("FAIL", listed(list(dict.fromkeys(short))), train_command(name, runs[0].seed))
    return item.judged("PASS", ", ".join(f"{phase} {amount}" for phase, amount in planned.items()))


def _short(where: str, done: dict[str, Any], planned: dict[str, int]) -> list[str]:
    return [
        f"{where}: {phase} {done.get(phase, 'not recorded')} of {amount} steps"
        for phase, amount in planned.items()
        if not isinstance(done.get(phase), int) or done[phase] < amount
    ]


def same_settings(project: Project, name: str, runs: list[RunFolder]) -> Item:
    """The settings and the algorithm of the results are those that lie here."""
    what = f"{name}: results are of the config and the algorithm that lie here"
    item = Item(id=f"results/{name}/config", what=what, state="PASS")
    config, core, wrong = project.config(name), tree_digest(project.core), []
    for run in runs:
        here = filled(config, run.about.get("config")) if config else {}
        wanted = [config_digest(here, run.seed), config_digest(here, None)]
        for record in run.of_kind("result"):
            if record.get("config_hash") not in wanted:
                other = differing(here, run.about.get("config"))
                wrong.append(f"{run.name}: {listed(other) or 'other settings'}")
            if record.get("core_hash") != core:
                wrong.append(f"{run.name}: algorithm {record.get('core_hash')}, here {core}")
    if wrong:
        return item.judged("STALE", listed(list(dict.fromkeys(wrong))), train_command(name, runs[0].seed))
    return item.judged("PASS", f"algorithm {core}")


def differing(here: Any, there: Any, path: str = "") -> list[str]:
    """Each setting of a run that is not the config's.

    >>> differing({"lr": 1, "p": {"steps": 9}}, {"lr": 1, "p": {"steps": 2}, "seed": 3})
    ['p.steps 2, here 9']
    """
    if not (isinstance(here, dict) and isinstance(there, dict)):
        return [] if here == there else [f"{path} {there}, here {here}"]
    keys = [key for key in here if key in there and (path or key not in NOT_INPUTS | {"seed"})]
    return [text for key in keys for text in differing(here[key], there[key], f"{path}.{key}".strip("."))]


def by_a_run(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """What a run leaves beside its results is there and agrees; a typed number has none of it."""
    what = f"{name}: results were written by a run, none by hand"
    item = Item(id=f"results/{name}/own", what=what, state="PASS")
    wrong = [f"{run.name}: {reason}" for run in runs for reason in _not_by_a_run(plan, run)]
    if wrong:
        return item.judged("FAIL", listed(list(dict.fromkeys(wrong))), train_command(name, runs[0].seed))
    return item.judged("PASS", "log, run.json and records agree")


def _not_by_a_run(plan: Plan, run: RunFolder) -> Iterator[str]:
    yield from run.problems
    trained = {p: a for p, a in planned_amounts(plan, run.experiment).items() if _trains(plan, run.experiment, p)}
    for record in run.of_kind("result"):
        lacks = [key for key in WRITTEN_BY_A_RUN if not record.get(key)]
        if lacks or record.get("typed"):
            yield f"a record without {listed(lacks)}" if lacks else "a record marked as typed"
            continue
        value = record.get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            yield f"value {value!r} is not a finite number"
        if (record.get("experiment"), record.get("seed")) != (run.experiment, run.seed):
            yield f"a record of {record.get('experiment')}, seed {record.get('seed')}"
        for phase in trained:
            done, logged = record["steps_done"].get(phase, 0), run.last_step.get(phase, 0)
            if logged < done:
                yield f"the log of {phase} ends at step {logged}, the record says {done}"
    if not run.about and run.of_kind("result"):
        yield "no run.json"


def _trains(plan: Plan, name: str, phase: str) -> bool:
    return plan.settings_of(name).phases[phase].kind == "train"


def seeds(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """Runs of different seeds are different runs."""
    item = Item(id=f"results/{name}/seeds", what=f"{name}: each seed is a run of its own", state="PASS")
    same = [text for a, b in combinations(runs, 2) if (text := _copied(a, b))]
    if same:
        return item.judged("FAIL", listed(same), train_command(name, runs[-1].seed))
    planned = many(len(plan.settings_of(name).seeds), "planned seed")
    return item.judged("PASS", f"{len(runs)} of {planned}")


def _copied(a: RunFolder, b: RunFolder) -> str:
    """How two runs show that one is a copy of the other, or an empty string."""
    names = f"{a.folder.name} and {b.folder.name}"
    weights = [{d for r in run.of_kind("result") for d in _digests(r).values()} for run in (a, b)]
    if weights[0] & weights[1]:
        return f"{names} have the same weights"
    if a.losses and any(a.losses[phase] == b.losses.get(phase) for phase in a.losses):
        return f"{names} have the same log"
    values = [[r.get("value") for r in run.of_kind("result")] for run in (a, b)]
    long = [v for v in values[0] if isinstance(v, float) and len(f"{v!r}") > LONG]
    return f"{names} have the same values" if len(long) > 1 and values[0] == values[1] else ""


def _digests(record: dict[str, Any]) -> dict[str, str]:
    found = record.get("checkpoints")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def checkpoints(name: str, runs: list[RunFolder]) -> Item:
    """Checkpoints that lie here are whole and are the ones that were evaluated."""
    item = Item(id=f"results/{name}/checkpoints", what=f"{name}: checkpoints are those evaluated", state="PASS")
    looked, absent, wrong = 0, 0, []
    for run in runs:
        recorded = {phase: digest for record in run.of_kind("result") for phase, digest in _digests(record).items()}
        for phase, digest in recorded.items():
            path = run.folder / "checkpoints" / f"{phase}.ckpt"
            if not path.is_file():
                absent += 1
                continue
            looked += 1
            damage = checkpoint_damage(path) or _other_weights(path, digest)
            wrong += [f"{run.name}/checkpoints/{phase}.ckpt: {damage}"] if damage else []
    if wrong:
        return item.judged("FAIL", listed(wrong), train_command(name, runs[0].seed))
    depth = "weights compared" if CAN_READ_WEIGHTS else "whole; weights not compared, there is no torch here"
    why = f"{many(looked, 'checkpoint')}, {depth}" if looked else "none kept here"
    return item.judged("PASS", why + (f"; {absent} not kept here" if looked and absent else ""))


def _other_weights(path: Path, digest: str) -> str:
    if not CAN_READ_WEIGHTS:
        return ""
    try:
        return "" if weights_digest(path) == digest else "other weights than those evaluated"
    except Exception as error:  # whatever torch says about a file that is not one of ours
        return f"cannot be read: {str(error).splitlines()[0][:80]}"


def learned(plan: Plan, name: str, runs: list[RunFolder]) -> Item:
    """Initial weights give another result: samples that are draws of the truth, say, do not depend on any weights."""
    item = Item(id=f"results/{name}/learned", what=f"{name}: the result depends on what was learned", state="PASS")
    if not any(_trains(plan, name, phase) for phase in plan.settings_of(name).phases):
        return item.judged("PASS", "nothing is trained")
    same, unknown = [], []
    for run in runs:
        evaluated = [(r.get("core_hash"), _digests(r)) for r in run.of_kind("result")]
        found = [r for r in run.of_kind("dependence") if (r.get("core_hash"), _digests(r)) in evaluated]
        same += [run.name] if any(r.get("differs") is not True and r.get("all_zero") is not True for r in found) else []
        unknown += [run.name] if evaluated and not found else []
    command = f"cd PROJECT && python run.py evaluate {name} --seed {runs[0].seed}"
    if same:
        why = f"{listed(same)}: initial weights give the same to the last bit"
        return item.judged("FAIL", why, "let `sample`, or the score, use run.models; then evaluate again")
    if unknown:
        return item.judged("MISSING", f"{listed(unknown)}: not measured with initial weights", command)
    return item.judged("PASS", f"initial weights give another result in {many(len(runs), 'run')}")


def floors(plan: Plan, name: str, runs: list[RunFolder], core: str) -> Iterator[Item]:
    """The metric between independent draws of the truth is known for every sample-based metric."""
    for metric in dict.fromkeys(claim.metric for claim in claims_of(plan, name) if SAMPLE_METRIC.match(claim.metric)):
        what = f"{name}: the floor of {metric} is known"
        item = Item(id=f"results/{name}/floor", what=what, state="PASS")
        values, command = floor_values(runs, metric), f"cd PROJECT && python run.py evaluate {name} --floor"
        drawn_by = {str(r.get("core_hash")) for run in runs for r in run.of_kind("floor") if r.get("metric") == metric}
        if len(values) < 2 and metric in not_measured(plan, name):
            why = f"the project measures {measured(plan, name)} here"
            yield item.judged("MISSING", why, "add it to METRICS in the core, and to the plan's evaluation")
        elif len(values) < 2:
            yield item.judged("MISSING", "not computed", command)
        elif drawn_by != {core}:
            yield item.judged("STALE", f"drawn by algorithm {', '.join(sorted(drawn_by))}, here {core}", command)
        else:
            yield item.judged("PASS", f"{len(values)} pairs of draws, mean {sum(values) / len(values):.4f}")


def floor_values(runs: list[RunFolder], metric: str, reading: str = "as_stated") -> list[float]:
    """Floor draws of the runs, pooled; each seed draws its own."""
    found: list[float] = []
    for run in runs:
        for record in run.of_kind("floor"):
            values = record.get("values")
            if (record.get("metric"), record.get("reading")) == (metric, reading) and isinstance(values, list):
                found += [float(v) for v in values if isinstance(v, (int, float)) and math.isfinite(v)]
    return found
