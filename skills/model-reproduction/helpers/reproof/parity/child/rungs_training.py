"""Rungs about training: optimizer, learning rates as used, updates under scaled losses, averaged weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import origins
from .nodes import Array
from .pair import Pair
from .rungs_model import Rung, absent, finding, given_at, locate, rung
from .sizes import UPDATE, margin, one_ulp, tolerance
from .transport import SideError

STRESS = (300.0, 1e-5)
SNAPS = [0, 1, 2, 4]
LONGEST = 40  # real steps; a longer horizon of the schedule is run dry


def _recipe(pair: Pair) -> str:
    if not (pair.both("loss") or pair.both("train_step")):
        return "loss(model, batch) is not in both contracts"
    return "" if pair.both("optimizer") else "optimizer(model) is not in both contracts"


def optimizer(pair: Pair) -> Rung:
    """Kind and settings of the optimizer for every weight, through the map."""
    if not pair.both("optimizer"):
        return absent("optimizer(model) is not in both contracts")
    a, b = pair.reference.ask("optimizer"), pair.port.ask("optimizer")
    pair.recipe_lines = (a["lines"], b["lines"])  # type: ignore[attr-defined]
    lines = (a["lines"].get("optimizer", ""), b["lines"].get("optimizer", ""))
    findings = []
    words: dict[str, tuple[str, str]] = {}
    for tensor in pair.ours.tensors:
        theirs, ours = a["settings"].get(pair.name_in_reference(tensor["name"])), b["settings"].get(tensor["name"])
        said = _settings(theirs, ours)
        if said:
            word = said.split(" ")[0]
            words.setdefault(word, given_at(pair, "optimizer", word, lines))
            findings.append(finding(f"{tensor['name']}: {said}", *words[word]))
    findings = _which(a["settings"], b["settings"], lines) + findings if findings else []
    says = (
        findings[-1]["what"]
        if findings
        else f"{len(b['settings'])} weights, {', '.join(sorted({v['kind'] for v in b['settings'].values()}))}"
    )
    return rung(not findings, says, findings=findings[:20])


def _which(theirs: dict[str, Any], ours: dict[str, Any], lines: tuple[str, str]) -> list[dict[str, str]]:
    """The same settings on other weights: the lines that choose the weights."""
    kinds = [{str(sorted(each.items())) for each in side.values()} for side in (theirs, ours)]
    at = [origins.chosen(line) for line in lines]
    if not (kinds[0] <= kinds[1] or kinds[1] <= kinds[0]) or max(len(each) for each in kinds) < 2 or not at[1]:
        return []
    return [finding("the same settings for other weights: these lines choose them", *at)]


def _settings(theirs: dict[str, Any] | None, ours: dict[str, Any] | None) -> str:
    """What differs in the settings of one weight."""
    if theirs is None or ours is None:
        return (
            ""
            if theirs == ours
            else f"{'not ' if theirs is None else ''}optimized in the reference, {'not ' if ours is None else ''}in the port"  # noqa: E501
        )
    different = [key for key in theirs.keys() & ours.keys() if not _equal(theirs[key], ours[key])]
    if "kind" in different and not _same_rule(theirs, ours):
        return f"{theirs['kind']} in the reference, {ours['kind']} in the port"
    return ", ".join(
        f"{key} {theirs[key]} in the reference, {ours[key]} in the port" for key in sorted(set(different) - {"kind"})
    )


def _same_rule(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    """An optimizer written by hand is named otherwise: left to the update. Two of torch's own are not the same."""
    library = {
        "SGD",
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Rprop",
        "LBFGS",
        "Adafactor",
    }
    return not {theirs["kind"], ours["kind"]} <= library


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=False))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-15)
    return bool(a == b)


def rates(pair: Pair) -> Rung:
    """The learning rate of every weight at every step of the whole horizon, as `step` sees it."""
    why = _recipe(pair)
    if why:
        return absent(why)
    steps = int(pair.left["steps"] or pair.right["steps"] or 30)
    a, b = runs(pair, 1.0)
    longer = steps > len(a["lrs"])
    found, number = _rates(pair, a["lrs"], b["lrs"])
    if not found and longer and not (pair.either("train_step")):
        long_a, long_b = (asked.ask("learning_rates", steps=steps) for asked in (pair.reference, pair.port))
        found, number = _rates(pair, long_a["lrs"], long_b["lrs"])
        a, b, covered = {**a, "lr_lines": long_a["lr_lines"]}, {**b, "lr_lines": long_b["lr_lines"]}, steps
    else:
        covered = len(a["lrs"])
    reported, key = ("", "") if found else _reported(a["reported"], b["reported"])
    lines = _rate_lines(pair, a, b, number) if found else _made_at(pair, "schedule")
    findings = [finding(found, *lines)] if found else []
    if reported:
        findings.append(finding(reported, *given_at(pair, "train_step", key, lines)))
    where = _first_step(pair) if reported else None
    steps_differ = pair.left["steps"] and pair.right["steps"] and pair.left["steps"] != pair.right["steps"]
    if steps_differ:
        findings.append(
            finding(f"horizon: {pair.left['steps']} steps in the reference, {pair.right['steps']} in the port")
        )
    says = findings[0]["what"] if findings else f"equal over {covered} of {steps} steps"
    return rung(
        not findings,
        says,
        findings=findings,
        cases=[{"case": f"{covered} of {steps} steps", "error": None, "says": ""}],
        first_divergence=where,
    )


def _rate_lines(pair: Pair, a: dict[str, Any], b: dict[str, Any], number: int) -> tuple[str, str]:
    """The user's lines that returned the learning rates of a step; else those that make the schedule or give `lr`."""
    made = _made_at(pair, "schedule")
    if not any(made):
        made = given_at(pair, "optimizer", "lr", _made_at(pair, "optimizer"))
    used = [side.get("lr_lines", [])[number : number + 1] for side in (a, b)]
    found = [(each[0] if each else "") or line for each, line in zip(used, made, strict=True)]
    return found[0], found[1]


def _made_at(pair: Pair, what: str) -> tuple[str, str]:
    """The lines that make the optimizer or the schedule, where they are known."""
    held: tuple[dict[str, str], dict[str, str]] = getattr(pair, "recipe_lines", ({}, {}))
    return held[0].get(what, ""), held[1].get(what, "")


def _rates(pair: Pair, theirs: list[dict[str, float]], ours: list[dict[str, float]]) -> tuple[str, int]:
    """(the first difference in words, its step)."""
    if len(theirs) != len(ours):
        return f"{len(theirs)} optimizer steps in the reference, {len(ours)} in the port", 0
    names = [(each["name"], pair.name_in_reference(each["name"])) for each in pair.ours.tensors]
    for number, (a, b) in enumerate(zip(theirs, ours, strict=False)):
        for name, other in names:
            if other in a and name in b and not math.isclose(a[other], b[name], rel_tol=1e-9, abs_tol=1e-15):
                values = f"{a[other]:.6g} in the reference, {b[name]:.6g} in the port"
                return f"step {number}: learning rate of {name} is {values}", number
    return "", 0


def _reported(theirs: list[dict[str, float]], ours: list[dict[str, float]]) -> tuple[str, str]:
    """(the first difference in what a step returns, in words; its key)."""
    for number, (a, b) in enumerate(zip(theirs, ours, strict=False)):
        for key in a.keys() & b.keys():
            if not math.isclose(a[key], b[key], rel_tol=1e-6, abs_tol=1e-12):
                values = f"{a[key]:.6g} in the reference, {b[key]:.6g} in the port"
                return f"step {number}: {key} is reported as {values}", key
    return "", ""


def runs(pair: Pair, scale: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both recipes on the same weights and batches, the loss scaled; asked once."""
    held = pair._cache
    if ("train", scale) not in held:
        steps = min(int(pair.left["steps"] or pair.right["steps"] or 12), LONGEST) if scale == 1.0 else 6
        micro = int(pair.left["micro"])
        batches = [[pair.batch(100 + step * micro + k) for k in range(micro)] for step in range(max(steps, 5))]
        theirs, ours = pair.weights()
        held["train", scale] = (
            pair.reference.ask(
                "train", weights=theirs, batches=batches, scale=scale, force=pair.force("reference"), snaps=SNAPS
            ),
            pair.port.ask("train", weights=ours, batches=batches, scale=scale, force=pair.force("port"), snaps=SNAPS),
        )
    found: tuple[dict[str, Any], dict[str, Any]] = held["train", scale]
    return found


def compared(pair: Pair, scale: float) -> tuple[float, float, float, str]:
    """(loss curve, worst update error, the same over what is allowed there, which tensor) of one scale."""
    a, b = runs(pair, scale)
    theirs, ours = pair.weights()
    curve = max(
        (abs(x - y) / (abs(x) + 1e-12) for x, y in zip(a["losses"][:12], b["losses"][:12], strict=False)), default=0.0
    )
    curve = math.inf if math.isnan(curve) or len(a["losses"]) != len(b["losses"]) else curve
    floors = _floors(pair, scale)
    worst, beyond, what = 0.0, 0.0, ""
    for number, x, y in zip(SNAPS, a["snaps"], b["snaps"], strict=False):
        for name, size in _increments(pair, x - theirs, y - ours).items():
            worst = max(worst, size)
            share = size / min(tolerance(UPDATE, floors.get(name, 0.0)), 0.05)
            if share > beyond:
                beyond, what = share, f"{name} after step {number + 1}"
    return curve, worst, beyond, what


def _increments(pair: Pair, theirs: Array, ours: Array) -> dict[str, float]:
    """Update error of every tensor of the port, against the largest update; running statistics against their own."""
    assert pair.map is not None
    largest = float(np.abs(theirs).max()) + 1e-30 if theirs.size else 1.0
    found = {}
    for number, tensor in enumerate(pair.ours.tensors):
        span = pair.ours.span(number)
        known = pair.map.elements[span] >= 0
        a, b = theirs[pair.map.elements[span][known]], ours[span][known]
        if a.size:
            own = float(np.abs(a).max()) + 1e-30 if tensor["kind"] != "parameter" else largest
            size = float(np.abs(a - b).max()) / own
            found[tensor["name"]] = math.inf if math.isnan(size) else size
    return found


def _floors(pair: Pair, scale: float) -> dict[str, float]:
    """What one ulp in the start does to the updates of the reference, for every tensor of the port.

    A weight without gradient makes Adam step by rounding noise: its floor is high, and says so.
    """
    if ("floors", scale) not in pair._cache:
        assert pair.map is not None
        theirs, _ = pair.weights()
        a, _ = runs(pair, scale)
        micro = int(pair.left["micro"])
        batches = [[pair.batch(100 + step * micro + k) for k in range(micro)] for step in range(5)]
        start = one_ulp(theirs)
        force = pair.force("reference")
        moved = pair.reference.ask("train", weights=start, batches=batches, scale=scale, force=force, snaps=SNAPS)
        found: dict[str, float] = {}
        known = pair.map.elements >= 0
        for x, y in zip(a["snaps"], moved["snaps"], strict=False):
            again = np.zeros(pair.ours.total)
            again[known] = (y - start)[pair.map.elements[known]]
            for name, size in _increments(pair, x - theirs, again).items():
                found[name] = max(found.get(name, 0.0), size)
        pair._cache["floors", scale] = found
    held: dict[str, float] = pair._cache["floors", scale]
    return held


def update(pair: Pair) -> Rung:
    """Steps on the same batches: updates, running statistics, loss curve."""
    why = _recipe(pair)
    if why:
        return absent(why)
    try:
        curve, size, beyond, what = compared(pair, 1.0)
    except SideError as problem:
        return rung(
            False, f"{problem.args[0]}: {problem.args[2]}", findings=[finding(problem.args[2], "", problem.args[3])]
        )
    floor = float(np.median(list(_floors(pair, 1.0).values()) or [0.0]))
    ok = beyond <= 1 and curve <= 1e-7
    worst = max(size, curve)
    result = rung(ok, f"updates {size:.1e}{f' ({what})' if what else ''}, loss curve {curve:.1e}", observed=worst,
                  noise_floor=floor, tolerance=UPDATE, margin_decades=margin(worst, UPDATE))  # fmt: skip
    return result if ok else _explained(pair, result, what)


def stress(pair: Pair) -> Rung:
    """The same with the loss times 300 and times 1e-5: clipping, epsilons and decay come to light."""
    why = _recipe(pair)
    if why:
        return absent(why)
    worst, most, said, blamed = 0.0, 0.0, [], ""
    for scale in STRESS:
        curve, size, beyond, what = compared(pair, scale)
        said.append(f"times {scale:g}: updates {size:.1e}, losses {curve:.1e}")
        worst = max(worst, size, curve)
        if max(beyond, curve / UPDATE) > most:
            most, blamed = max(beyond, curve / UPDATE), what
    ok = most <= 1
    result = rung(ok, "; ".join(said), observed=worst, tolerance=UPDATE, margin_decades=margin(worst, UPDATE))
    return result if ok else _explained(pair, result, blamed)


def _explained(pair: Pair, result: Rung, what: str) -> Rung:
    """Where an update parts: the first operation of one training step, else the line that makes the optimizer."""
    name = what.split(" after ")[0]
    lines = _made_at(pair, "optimizer")
    kinds = {each["name"]: each["kind"] for each in pair.ours.tensors}
    if kinds.get(name) in ("mean", "variance"):
        said = f"running statistics {name} differ: momentum (the other convention is 1 - momentum), biased variance, or frozen"  # noqa: E501
        result["findings"] = [finding(said, *pair.lines.get(name, ("", ""))), *_constructed(pair, name)]
        return result
    result["findings"] = [finding(f"update of {name} differs" if name else "the loss curve differs", *lines)]
    result["first_divergence"] = _first_step(pair)
    return result


def _constructed(pair: Pair, name: str) -> list[dict[str, str]]:
    """The line that makes the module of a running statistic: its momentum stands there."""
    traces, module = getattr(pair, "last_traces", None), name.rpartition(".")[0]
    nodes = traces[1]["nodes"] if traces else []
    line = next((each["made"] for each in nodes if each["module"] == module and each["made"]), "")
    return [finding(f"{module} is made here", "", line)] if line else []


def _first_step(pair: Pair) -> Any:
    """The first operation in which a training step differs."""
    batches = [pair.batch(100 + k) for k in range(int(pair.left["micro"]))]
    return locate(pair, batches, "step", "train", 1e-7)


def _averaged_at(pair: Pair, name: str) -> tuple[str, str]:
    """The lines that wrote the averaged weight last; else where the training step begins."""
    a, b = runs(pair, 1.0)
    begin = [asked.ask("places").get("train_step", "") for asked in (pair.reference, pair.port)]
    found = []
    for side, names, one, line in (
        (a, pair.theirs.names, pair.name_in_reference(name), begin[0]),
        (b, pair.ours.names, name, begin[1]),
    ):
        lines = side.get("ema_lines") or []
        at = names.index(one) if one in names else -1
        found.append((lines[at] if 0 <= at < len(lines) else "") or line)
    return found[0], found[1]


def average(pair: Pair) -> Rung:
    """Averaged weights after the steps."""
    why = _recipe(pair)
    if why:
        return absent(why)
    worst = most = 0.0
    wrong = ""
    theirs, ours = pair.weights()
    for scale in (1.0, *STRESS):
        a, b = runs(pair, scale)
        if a["ema"] is None and b["ema"] is None:
            return absent("no averaged weights: state(model)['ema'] is in neither contract")
        if a["ema"] is None or b["ema"] is None:
            side = "port" if b["ema"] is None else "reference"
            return rung(
                False, f"averaged weights are missing in the {side}", findings=[finding(f"no average in the {side}")]
            )
        for name, size in _increments(pair, a["ema"] - theirs, b["ema"] - ours).items():
            worst = max(worst, size)
            share = size / min(tolerance(UPDATE, _floors(pair, scale).get(name, 0.0)), 0.05)
            wrong = name if share > max(most, 1) else wrong
            most = max(most, share)
    ok = most <= 1
    places = ("", "") if ok else _averaged_at(pair, wrong)
    result = rung(ok, f"largest error {worst:.1e}", observed=worst, tolerance=UPDATE, margin_decades=margin(worst, UPDATE),  # noqa: E501
                  findings=[] if ok else [finding("averaged weights differ: decay, order or start", *places)])  # fmt: skip  # noqa: E501
    return result if ok else {**result, "first_divergence": _explained(pair, dict(result), "")["first_divergence"]}
