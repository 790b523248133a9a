"""The pre-flight list: what to know before anything dear is started. Each item is checked here, or names its command.

None of them is required for the gate unless it was checked and failed: the required forms of the same questions
(smoke-green, resume-tested, vram-known, libraries-probed, requirements-pinned) are items of their own.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from reproof.document import Plan
from reproof.evidence import Evidence
from reproof.paths import files_below
from reproof.selfcheck.chain import stale
from reproof.selfcheck.code import SMOKE
from reproof.selfcheck.gather import Project, RunFolder, json_lines, number_in, rows_in
from reproof.selfcheck.memory import VRAM
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed, many

STATUS_S = 30
FLAG_STEPS, FLAG_BATCHES = 7, 3
SLOWER_TIMES = 1.5  # a step that takes this much longer at the end than in the beginning grows with their number
LEAST_POINTS = 8
PARALLEL = re.compile(r"\b(DataParallel|DistributedDataParallel|FullyShardedDataParallel|fully_shard|accelerate|"
                      r"deepspeed|torch\.distributed|init_process_group)\b")  # fmt: skip


def items(project: Project, done: list[Item]) -> Iterator[Item]:
    """The list, in the order in which things are tried. `done`: the items that were judged before."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    states = {item.id: item for item in done}
    tests = _tests(project)
    yield _every(plan, tests, "experiment-types", "every experiment runs end to end in tiny", "every_phase_runs")
    yield phases(plan, tests)
    yield _same_as(
        states, "libraries-probed", "api-shapes", "every library call was made with every experiment's shapes"
    )
    yield shared_state(project)
    yield flags(project, plan, tests)
    yield vram_target(project, plan)
    yield _every(
        plan, tests, "save-resume-skip", "a finished run is skipped, a stopped one resumed", "resume", "training_again"
    )
    yield growth(project, plan)
    yield runtimes(project, plan)
    yield several_gpus(project, tests)
    yield _same_as(states, "requirements-pinned", "requirements-complete", "requirements.txt is complete and pinned")


def _item(name: str, what: str) -> Item:
    return Item(id=f"preflight/{name}", what=what, state="PASS", required=False)


def _tests(project: Project) -> list[dict[str, Any]] | None:
    """Rows of the project's own tests on this very source; None without a current record."""
    record: Evidence | None = project.latest("scaffold smoke")
    return None if record is None or stale(project, record) else rows_in(record.answer, "tests")


def _every(plan: Plan, tests: list[dict[str, Any]] | None, name: str, what: str, *words: str) -> Item:
    """Passed tests that have one of `words` in their name and, where they name experiments, name them all."""
    item = _item(name, what)
    if tests is None:
        return item.judged("MISSING", "no current record of the project's tests", SMOKE)
    rows = [row for row in tests if any(word in str(row.get("name")) for word in words)]
    named = {
        e
        for e in plan.experiments
        for row in rows
        if f"[{e}]" in str(row.get("name")) or f"[{e}-" in str(row.get("name"))
    }
    if not rows or (named and named != set(plan.experiments)):
        lacks = [e for e in plan.experiments if e not in named] if rows else list(plan.experiments)
        return item.judged("MISSING", f"no test of {listed(lacks)} with {' or '.join(words)} in its name", SMOKE)
    red = [str(row.get("name")) for row in rows if row.get("outcome") != "passed"]
    return item.judged("FAIL", listed(red), SMOKE) if red else item.judged("PASS", many(len(rows), "test"))


def phases(plan: Plan, tests: list[dict[str, Any]] | None) -> Item:
    """Every phase of every experiment ran in the tests."""
    item = _item("phases-end-to-end", "every phase runs, each on what the one before it made")
    count = sum(len(plan.settings_of(name).phases) for name in plan.experiments)
    found = _every(plan, tests, "phases-end-to-end", item.what, "phase")
    return found.judged("PASS", f"{found.why}, {many(count, 'phase')}") if found.state == "PASS" else found


def _same_as(states: dict[str, Item], other: str, name: str, what: str) -> Item:
    """What another item of the gate has answered already."""
    found = states.get(other)
    if found is None:
        return _item(name, what).judged("MISSING", f"{other} was not judged")
    return _item(name, what).judged(found.state, f"{other}: {found.why}", found.command)


def shared_state(project: Project) -> Item:
    """The algorithm keeps nothing in globals that one phase could leave behind for the next."""
    item = _item("shared-state", "phases share nothing but what the engine hands on")
    found = []
    for path in files_below(project.core) if project.core.is_dir() else ():
        if path.suffix == ".py":
            name = path.relative_to(project.core).as_posix()
            found += [f"{name}:{line} {reason}" for line, reason in written_globals(path.read_bytes())]
    if not project.core.is_dir():
        return item.judged(
            "MISSING", "there is no core", "python HELPERS/scaffold.py new PROJECT/plan.yaml --out PROJECT"
        )
    if found:
        return item.judged(
            "FAIL", f"written at module level by a function: {listed(found)}", "hand it on through `run`"
        )
    return item.judged("PASS", "no function of the core writes a global")


def written_globals(source: bytes) -> list[tuple[int, str]]:
    r"""Where functions change what belongs to the module.

    >>> written_globals(b"seen = []\ndef f(x):\n    seen.append(x)\n")
    [(3, 'seen')]
    >>> written_globals(b"NAMES = {}\ndef f(x):\n    mine = []\n    mine.append(x)\n")
    []
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    own = {t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)}
    found = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
        local = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        local |= {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found |= {(node.lineno, name) for name in node.names}
            name = _changed(node)
            if name in own and name not in local:
                found.add((getattr(node, "lineno", 0), name))
    return sorted(found)


def _changed(node: ast.AST) -> str:
    """The name whose content a node changes in place."""
    target: ast.expr | None = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("append", "extend", "add", "update", "setdefault", "insert", "pop", "clear"):
            target = node.func.value
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
        target = node.value
    return target.id if isinstance(target, ast.Name) else ""


def flags(project: Project, plan: Plan, tests: list[dict[str, Any]] | None) -> Item:
    """The command line's numbers arrive in every phase; asked of run.py itself, which needs no torch to say it."""
    item = _item("flags-reach-phases", "flags of the command line reach every phase")
    if not (project.folder / "run.py").is_file():
        return item.judged("MISSING", "there is no run.py", SMOKE)
    name = max(plan.experiments, key=lambda e: len(plan.settings_of(e).phases))
    wanted = {
        p: ("of 7 steps" if phase.kind == "train" else "of 3 batches")
        for p, phase in plan.settings_of(name).phases.items()
    }
    kinds = {phase.kind for phase in plan.settings_of(name).phases.values()}
    words = ["status", name] + ["--train-iters", str(FLAG_STEPS)] * ("train" in kinds)
    words += ["--pool-batches", str(FLAG_BATCHES)] * ("pool" in kinds)
    try:
        asked = subprocess.run(
            [sys.executable, "-B", "run.py", *words],
            cwd=project.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=STATUS_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return item.judged("MISSING", "run.py status does not answer", f"cd PROJECT && python run.py {' '.join(words)}")
    if asked.returncode != 0:
        said = (asked.stderr.strip().splitlines() or [""])[0][:160]
        return item.judged("MISSING", f"run.py status: {said}", f"cd PROJECT && python run.py {' '.join(words)}")
    lines = {line.split(":")[0].strip(): line for line in asked.stdout.splitlines()}
    deaf = [phase for phase, amount in wanted.items() if amount not in lines.get(phase, "")]
    if deaf:
        why = f"{name}: {' '.join(words[2:])} does not reach {listed(deaf)}"
        return item.judged("FAIL", why, f"cd PROJECT && python run.py {' '.join(words)}").model_copy(
            update={"required": True}
        )
    tested = [
        row for row in tests or [] if "overrides_reach" in str(row.get("name")) and row.get("outcome") == "passed"
    ]
    return item.judged(
        "PASS",
        f"{name}: {many(len(wanted), 'phase')} asked here" + (f"; {many(len(tested), 'test')}" if tested else ""),
    )


def vram_target(project: Project, plan: Plan) -> Item:
    """Memory was computed for the GPU that will be used."""
    item = _item("vram-target", "memory fits the GPU that will be used")
    record, target = project.latest("vram plan"), plan.compute.ours_gpu
    command = f"{VRAM} --gpu '{target or 'T4'}'"
    if record is None or stale(project, record):
        return item.judged("MISSING", "no current record of vram plan", command)
    grades: dict[str, list[str]] = {}
    for experiment in rows_in(record.answer, "experiments"):
        for phase in rows_in(experiment, "phases"):
            for gpu in rows_in(phase, "gpus"):
                grades.setdefault(str(gpu.get("gpu")), []).append(str(gpu.get("verdict")))
    if not grades or (target and target not in grades):
        return item.judged("MISSING", f"not computed for {target or 'any GPU'}", command)
    shown = target or next(iter(grades))
    bad = [verdict for verdict in grades[shown] if "not" in verdict or "never" in verdict]
    return item.judged(
        "FAIL" if bad else "PASS",
        f"{shown}: {len(grades[shown]) - len(bad)} of {len(grades[shown])} phases fit",
        command,
    )


def growth(project: Project, plan: Plan) -> Item:
    """Steps late in a phase take as long as early ones: nothing is done that grows with their number."""
    item = _item("no-growth", "no work per step grows with the number of steps")
    slow, looked = [], 0
    for run in project.runs:
        if run.experiment in plan.experiments:
            for phase, rates in _rates(run).items():
                if len(rates) >= LEAST_POINTS:
                    looked += 1
                    quarter = len(rates) // 4
                    times = median(rates[:quarter]) / max(median(rates[-quarter:]), 1e-12)
                    slow += (
                        [f"{run.name}: {phase} is {times:.1f} times slower at the end"] if times > SLOWER_TIMES else []
                    )
    if slow:
        return item.judged("FAIL", listed(slow), "look for lists that grow, full evaluations and plots inside the step")
    if not looked:
        return item.judged(
            "MISSING",
            f"no log with {LEAST_POINTS} speeds (steps_per_s)",
            "cd PROJECT && python run.py train EXPERIMENT",
        )
    return item.judged("PASS", f"{many(looked, 'phase')} of runs: as fast at the end as in the beginning")


def _rates(run: RunFolder) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in json_lines(run.folder / "metrics.jsonl", []):
        rate = number_in(row, "steps_per_s")
        if rate is not None and rate > 0:
            found.setdefault(str(row.get("phase")), []).append(rate)
    return found


def runtimes(project: Project, plan: Plan) -> Item:
    """Measured time per phase, and on which of the tiers."""
    item = _item("runtimes", "the time of every phase is known on every hardware tier")
    seen: dict[str, float] = {}
    for run in project.runs:
        for row in rows_in(run.about, "phases"):
            time_s, device = number_in(row, "time_s"), str(row.get("device_name") or row.get("device") or "unknown")
            if time_s is not None and run.experiment in plan.experiments:
                seen[device] = seen.get(device, 0.0) + time_s
    lacking = [tier for tier in plan.compute.tiers if not any(tier.lower() in device.lower() for device in seen)]
    measured = ", ".join(f"{device} {time_s / 3600:.2f} h" for device, time_s in seen.items())
    if lacking:
        why = f"measured: {measured or 'nothing'}; not measured on {listed(lacking)}"
        return item.judged(
            "MISSING", why, "cd PROJECT && python run.py train EXPERIMENT --max-hours 0.1 on that machine"
        )
    return item.judged("PASS", measured)


def several_gpus(project: Project, tests: list[dict[str, Any]] | None) -> Item:
    """Either nothing of the project uses several GPUs, or a test of that passed."""
    item = _item("multi-gpu", "the limits with several GPUs are known")
    using = []
    for path in files_below(project.folder / "src") if (project.folder / "src").is_dir() else ():
        if path.suffix == ".py" and PARALLEL.search(path.read_text(encoding="utf-8", errors="replace")):
            using.append(path.relative_to(project.folder).as_posix())
    if not using:
        return item.judged("PASS", "one process, one device: no code of it uses several GPUs")
    tested = [
        str(r.get("name"))
        for r in tests or []
        if re.search(r"multi|ddp|distributed|parallel", str(r.get("name"))) and r.get("outcome") == "passed"
    ]
    if tested:
        return item.judged("PASS", f"{listed(using)}; tested: {listed(tested)}")
    return item.judged(
        "MISSING", f"{listed(using)}: no passed test with ddp, distributed or parallel in its name", SMOKE
    )
