"""Rungs of the ladder that look at the model: structure, weights' map, configuration, forward, loss, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .locating import first_divergence, modules
from .pair import KEEP, Pair
from .sizes import FORWARD, GRADIENT, ROOM, error, margin, matched, tolerance
from .transport import SideError

Rung = dict[str, Any]
LOCATE = 1e-12  # of an operation's values: a fault of 1e-9 in one of them may be drowned further on by a sum


def rung(ok: bool, says: str, **more: Any) -> Rung:
    """A rung that was climbed, or not."""
    return {"status": "pass" if ok else "fail", "says": says, **more}


def absent(says: str) -> Rung:
    """A rung that cannot be compared, and why."""
    return {"status": "not compared", "says": says}


def finding(what: str, reference: str = "", port: str = "") -> dict[str, str]:
    """One difference, with both places."""
    return {"what": what, "reference_line": reference, "port_line": port}


def given_at(pair: Pair, hook: str, word: str, lines: tuple[str, str]) -> tuple[str, str]:
    """Where a hook gives an argument of this name, else `lines`."""
    found = []
    for asked, line in zip((pair.reference, pair.port), lines, strict=True):
        try:
            found.append(asked.ask("named_line", hook=hook, word=word) or line)
        except SideError:  # a recording, or a framework whose optimizers are not looked into
            found.append(line)
    return found[0], found[1]


def structure(pair: Pair) -> Rung:
    """Parameter counts, what is trained, running statistics, tied weights, dtypes."""
    if pair.left["framework"] != pair.right["framework"]:
        return _across(pair)
    a, b = pair.reference.ask("structure"), pair.port.ask("structure")
    findings = []
    for key, what in (
        ("total", "parameters"),
        ("trainable", "trainable parameters"),
        ("statistics", "running statistics"),
    ):
        if a[key] != b[key]:
            findings.append(finding(f"{what}: {a[key]} in the reference, {b[key]} in the port{_missing(a, b)}"))
    if a["dtypes"] != b["dtypes"]:
        findings.append(finding(f"dtypes: {a['dtypes']} in the reference, {b['dtypes']} in the port"))
    pair.structures = (a, b)  # type: ignore[attr-defined]
    says = f"{a['total']} parameters, {a['trainable']} trained, {a['statistics']} running statistics"
    if a["tied"] != b["tied"]:  # one tensor that is read twice is tied as well, so this alone is no fault
        says += f"; tied by name: {a['tied_names'] or 'none'} in the reference, {b['tied_names'] or 'none'} in the port"
    return rung(not findings, says if not findings else findings[0]["what"], findings=findings)


def _across(pair: Pair) -> Rung:
    """Between frameworks only the number of elements can be compared; tied weights and dtypes follow the framework."""
    totals = [sum(int(np.prod(t["shape"])) for t in side["weights"]) for side in (pair.left, pair.right)]
    return rung(totals[0] == totals[1], f"{totals[0]} elements in the reference, {totals[1]} in the port")


def _missing(a: dict[str, Any], b: dict[str, Any]) -> str:
    left = {tuple(shape): count for shape, count in a["shapes"]}
    right = {tuple(shape): count for shape, count in b["shapes"]}
    only = [f"{n - right.get(s, 0)} x {list(s)}" for s, n in left.items() if n > right.get(s, 0)]
    more = [f"{n - left.get(s, 0)} x {list(s)}" for s, n in right.items() if n > left.get(s, 0)]
    return f"; only in the reference: {', '.join(only) or '-'}; only in the port: {', '.join(more) or '-'}"


def weight_map(pair: Pair) -> Rung:
    """Every element of the port's weights has its counterpart, found without names, held against fresh draws."""
    found = pair.make_map()
    missing = pair.unresolved()
    used_frac = pair.used_frac()
    findings = [finding(f"{name}: no counterpart found", *pair.lines.get(name, ("", ""))) for name in missing]
    for event in found.unmatched[0] if missing or used_frac < 1 else ():
        findings.append(
            finding(f"reference: {' '.join(pair.theirs.named(event))} is used and not matched", event.source, "")
        )
    for event in found.unmatched[1] if missing else ():
        findings.append(finding(f"port: {' '.join(pair.ours.named(event))} is used and not matched", "", event.source))
    ports = 1 - len(missing) / max(len(pair.ours.tensors), 1)
    says = (
        f"{len(pair.ours.tensors) - len(missing)} of {len(pair.ours.tensors)} tensors mapped, {found.runs} runs, "
        f"{'verified on fresh draws' if found.complete else 'outputs still differ'}"
    )
    result = rung(not missing and used_frac == 1.0, says, findings=findings, port_frac=ports, reference_frac=used_frac)
    if result["status"] == "fail" or not found.complete:
        result["first_divergence"] = where = locate(pair, pair.inputs(pair.cases()[0]))
        result["findings"] = _unused(missing, where) + findings
    return result


def _unused(missing: list[str], where: Any) -> list[dict[str, str]]:
    """A weight of the port that is never read: where its module stands, and where the values go past it."""
    running = (where or {}).get("port") or {}
    found = []
    for name in missing[:1]:
        module = name.rpartition(".")[0]
        owner = module.rpartition(".")[0]
        lines = [line for line, of in running.get("calls", []) if of == owner and module]
        lines += [line for line in (where or {}).get("beside", [])[:1] if line not in lines]
        found += [finding(f"{name} is not used: what it is for goes past it here", "", line) for line in lines[:2]]
    return found


def locate(pair: Pair, inputs: Any, what: str = "forward", mode: str = "eval", limit: float = LOCATE) -> Any:
    """The first divergent operation of a run, on both sides; looked for more sharply than the outputs are judged."""
    theirs, ours = pair.weights()
    try:
        a = pair.reference.ask("trace", weights=theirs, inputs=inputs, what=what, mode=mode,
                               force=pair.force("reference") if mode == "train" else KEEP)  # fmt: skip
        b = pair.port.ask("trace", weights=ours, inputs=inputs, what=what, mode=mode,
                          force=pair.force("port") if mode == "train" else KEEP)  # fmt: skip
    except SideError:
        return None
    pair.last_traces = (a, b)  # type: ignore[attr-defined]
    pair.ran_there.update(dict.fromkeys(tuple(each) for each in a["units"]))
    pair.units.update(dict.fromkeys(tuple(each) for each in b["units"]))
    held: tuple[Rung, Rung] = getattr(pair, "backward", ({}, {}))
    proven = what == "step" and held[1].get("status") == "pass"
    return first_divergence(a["nodes"], b["nodes"], limit, proven)


def configuration(pair: Pair) -> Rung:
    """Declared values of equal names, defaults of equally named functions, attributes of library modules of one kind."""  # noqa: E501
    if pair.left["framework"] != pair.right["framework"]:
        return absent("the frameworks name their attributes differently; values are compared by the forward rung")
    a, b = pair.reference.ask("configuration"), pair.port.ask("configuration")
    findings = []
    for name in a["config"].keys() & b["config"].keys():
        if a["config"][name] != b["config"][name]:
            findings.append(
                finding(f"config {name}: {a['config'][name]} in the reference, {b['config'][name]} in the port")
            )
    for name in a["defaults"].keys() & b["defaults"].keys():
        for key in a["defaults"][name].keys() & b["defaults"][name].keys():
            x, y = a["defaults"][name][key], b["defaults"][name][key]
            if x != y:
                places = (a["places"].get(name, ""), b["places"].get(name, ""))
                findings.append(finding(f"default of {name}({key}): {x} in the reference, {y} in the port", *places))
    notes = _attributes(pair)
    shared = len(a["config"].keys() & b["config"].keys())
    says = findings[0]["what"] if findings else f"{shared} declared values agree"
    says += f"; attributes that differ: {'; '.join(notes)}" if notes else ""
    return rung(not findings, says, findings=findings, notes=notes)


def _attributes(pair: Pair) -> list[str]:
    """Attributes of torch modules that differ as multisets; only told, because another spelling is no fault."""
    counts: list[dict[str, dict[str, int]]] = []
    for side in getattr(pair, "structures", ()):
        held: dict[str, dict[str, int]] = {}
        for _, kind, attributes in side["modules"]:
            for key, value in attributes.items():
                inner = held.setdefault(f"{kind}.{key}", {})
                inner[str(value)] = inner.get(str(value), 0) + 1
        counts.append(held)
    if len(counts) != 2:
        return []
    return [
        f"{key} {counts[0][key]} / {counts[1][key]}"
        for key in counts[0]
        if key in counts[1]
        and counts[0][key] != counts[1][key]
        and sum(counts[0][key].values()) == sum(counts[1][key].values())
    ]


def forward(pair: Pair) -> Rung:
    """Every output on every case, float64, shaken weights, evaluation mode; the first divergent operation where not."""
    theirs, ours = pair.weights()
    worst, at, floor = 0.0, "", 0.0
    rows: list[dict[str, Any]] = []
    failing: Any = None
    for case, inputs in pair.variations():
        a = pair.reference_takes(theirs, inputs)
        if a is None:
            rows.append({"case": case, "error": None, "says": "the reference refuses these inputs"})
            continue
        if a["outputs"] and not np.isfinite(a["outputs"][0]).any():
            rows.append({"case": case, "error": None, "says": "the reference gives no finite value"})
            continue
        try:
            b = pair.port.ask("outputs", weights=ours, inputs=inputs, force=KEEP)
        except SideError as problem:
            where = finding(f"{case}: the port raises {problem.args[2]}", "", problem.args[3])
            return rung(
                False,
                where["what"],
                findings=[where],
                cases=rows,
                first_divergence={
                    "reference": None,
                    "port": {"op": "raise", "line": problem.args[3], "module": "", "attrs": []},
                },
            )
        if a["outputs"] and not b["outputs"]:
            return rung(
                False, "no tensor is found in what the port returns: output(returned) says where it is", cases=rows
            )
        size, said = _outputs(a["outputs"], b["outputs"])
        again = not (pair.streamed and len(rows))  # streamed, the noise is measured on the first case
        moved = pair.reference_takes(pair.moved(theirs), inputs) if again else None
        floor = max(floor, _outputs(a["outputs"], moved["outputs"])[0] if moved else 0.0)
        rows.append({"case": case, "error": size, "says": said})
        pair.said.update(dict.fromkeys(b["said"]))
        if size > worst or failing is None:
            worst, at, failing = max(size, worst), case, inputs
    if failing is None:
        return {**absent("no case gives a finite value in the reference"), "cases": rows}
    limit = tolerance(FORWARD, floor)
    ok = worst <= limit
    result = rung(ok, f"largest relative error {worst:.1e} ({at}), noise {floor:.1e}", observed=worst, noise_floor=floor,  # noqa: E501
                  tolerance=limit, margin_decades=margin(worst, limit), cases=rows)  # fmt: skip
    result["first_divergence"] = locate(pair, failing, limit=max(LOCATE, ROOM * floor)) if not ok else None
    if ok and not pair.streamed:  # a streamed pair keeps the runs that made its map
        locate(pair, pair.inputs(pair.cases()[0]))
    traces = getattr(pair, "last_traces", None)
    if traces:
        result["modules"] = modules(traces[0]["nodes"], traces[1]["nodes"], limit)
        casts = sorted({*traces[0]["casts"], *traces[1]["casts"]})
        result["notes"] = [f"float32 asked for at {line}, promoted here" for line in casts[:8]]
    return result


def _outputs(left: list[Any], right: list[Any]) -> tuple[float, str]:
    """Worst error over the outputs; what one side has more is told."""
    worst, alone = 0.0, 0
    for k, j in matched(left, right):
        if j is None:
            alone += 1
            worst = max(worst, np.inf if k == 0 else 0.0)
        else:
            worst = max(worst, error(left[k], right[j]))
    extra = len(right) - len(left) + alone
    said = f"{alone} outputs only in the reference, {extra} only in the port" if alone or extra else ""
    return float(worst), said


def fp32(pair: Pair) -> Rung:
    """The usual promise, 1e-5 in float32, and whether the port is as near to float64 as the reference is."""
    if not pair.thorough:
        return absent("not run beyond 1,000,000,000 weights: float64 is the evidence")
    theirs, ours = pair.weights()
    inputs = pair.inputs(pair.cases()[0])
    exact = pair.reference.ask("outputs", weights=theirs, inputs=inputs, force=KEEP)["outputs"][0]
    a = pair.reference.ask("outputs", weights=theirs, inputs=inputs, dtype="float32", force=KEEP)["outputs"][0]
    outputs = pair.port.ask("outputs", weights=ours, inputs=inputs, dtype="float32", force=KEEP)["outputs"]
    b = next((each for each in outputs if each.size == a.size), outputs[0])
    finite = np.isfinite(exact) & np.isfinite(a) & np.isfinite(b.reshape(a.shape)) if b.size == a.size else None
    if finite is None:
        return rung(False, "the outputs differ in size")
    absolute = float(np.abs(a - b.reshape(a.shape))[finite].max())
    mine, other = error(exact[finite], b.reshape(a.shape)[finite]), error(exact[finite], a[finite])
    limit = 4 * other + 1e-6  # rounding in another order costs correct ports up to 1e-6; float64 is the evidence
    ok = mine <= limit
    says = f"largest absolute difference {absolute:.1e} ({'within' if absolute < 1e-5 else 'beyond'} 1e-5); against float64 the reference is off by {other:.1e}, the port by {mine:.1e}"  # noqa: E501
    return rung(ok, says, observed=mine, noise_floor=other, tolerance=limit,
                margin_decades=margin(mine, limit))  # fmt: skip


def loss(pair: Pair) -> Rung:
    """The loss on two batches, evaluation mode; the training mode has a rung of its own."""
    return _backward(pair)[0]


def gradients(pair: Pair) -> Rung:
    """The gradient of every weight and of the inputs, and which weights have none."""
    return _backward(pair)[1]


def _backward(pair: Pair) -> tuple[Rung, Rung]:
    if hasattr(pair, "backward"):
        return pair.backward  # type: ignore[no-any-return]
    if not pair.both("loss"):
        missing = absent("loss(model, batch) is not in both contracts")
        return missing, missing
    theirs, ours = pair.weights()
    losses, worst, who, floor, sets, inputs_error = 0.0, 0.0, "", 0.0, "", 0.0
    bad_batch = pair.batch(3)
    mode = "eval"
    for seed in pair.batches:
        batch = pair.batch(seed)
        a = pair.reference.ask("gradients", weights=theirs, batch=batch, mode=mode, force=KEEP)
        b = pair.port.ask("gradients", weights=ours, batch=batch, mode=mode, force=KEEP)
        moved = (
            pair.reference.ask("gradients", weights=pair.moved(theirs), batch=batch, mode=mode, force=KEEP)
            if pair.thorough
            else a
        )
        floor = max(floor, abs(moved["loss"] - a["loss"]) / (abs(a["loss"]) + 1e-12))
        gap = error(np.array([a["loss"]]), np.array([b["loss"]]))
        bad_batch = batch if gap > losses else bad_batch
        losses = max(losses, gap)
        size, name = pair.per_tensor(a["gradients"], b["gradients"], GRADIENT)
        sets = sets or pair.without(a["has"], b["has"])
        worst, who = (size, name) if size > worst else (worst, who)
        inputs_error = max(
            [inputs_error, *(error(x, y) for x, y in zip(a["inputs"], b["inputs"], strict=False) if x.size and y.size)]
        )
        pair.statistics = (a["statistics"], b["statistics"])  # type: ignore[attr-defined]
    limit = tolerance(FORWARD, floor)
    ok = losses <= limit
    first = rung(ok, f"relative difference {losses:.1e}", observed=losses, noise_floor=floor, tolerance=limit,
                 margin_decades=margin(losses, limit))  # fmt: skip
    if not ok:
        first["first_divergence"] = locate(pair, bad_batch, "loss")
    second = _gradient_rung(pair, worst, who, sets, inputs_error, floor)
    pair.backward = (first, second)  # type: ignore[attr-defined]
    return pair.backward  # type: ignore[attr-defined, no-any-return]


def _gradient_rung(pair: Pair, worst: float, who: str, sets: str, inputs_error: float, floor: float) -> Rung:
    limit = tolerance(GRADIENT, floor)
    ok = worst <= limit and not sets and inputs_error <= limit
    says = f"largest relative error {worst:.1e}" + (f" in {who}" if who else "") + (f"; {sets}" if sets else "")
    says += f"; to the inputs {inputs_error:.1e}" if inputs_error else ""
    result = rung(ok, says, observed=max(worst, inputs_error), noise_floor=floor, tolerance=limit,
                  margin_decades=margin(max(worst, inputs_error), limit))  # fmt: skip
    if not ok:
        name = sets.split(" ")[0] if sets else who
        result["findings"] = [
            finding(
                f"gradient of {name} differs" if name else "gradient of the inputs differs",
                *pair.lines.get(name, ("", "")),
            )
        ]
        result["first_divergence"] = locate(pair, [pair.batch(3)], "step", "train")
    return result
