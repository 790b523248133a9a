"""What leaves the value as it is, how it grows with the scale of its inputs, and whether it is drawn at random."""

from __future__ import annotations

import re
from typing import Any

from .arrays import arrays, distance, np
from .report import number
from .study import Study, is_floating

SAME = 1e-3
DISTANCE = re.compile(r"dist|wasserstein|emd|sinkhorn|frechet|mmd|discrepancy|samplesloss", re.IGNORECASE)


def check_invariance(study: Study) -> None:
    """The invariances that the plan expects, and the power with which the value grows."""
    floats = {
        name: array
        for name, array in study.tensors().items()
        if is_floating(array) and study.case.inputs[name]["dist"] not in ("weights", "equal_weights", "grid", "ones")
    }
    expect = study.case.expect
    for kind in expect["invariant"]:
        after = study.ask(_moved(study, kind, floats))
        gap = float("inf") if after is None else distance(study.base, after)
        if gap > max(SAME, expect["rtol"]):
            what = "fails" if after is None else f"changes by {number(gap)} of its size"
            study.report.finding("not_invariant", f"under {_SAID[kind]} the value {what}")
    if expect["degree"] is not None or DISTANCE.search(study.case.spec["target"]):
        _check_degree(study, floats)


_SAID = {"shift": "a shift of all inputs", "scale": "inputs three times as large", "order": "another order of samples"}


def _moved(study: Study, kind: str, floats: dict[str, Any]) -> dict[str, Any]:
    if kind == "shift":
        return {name: array + 1.5 for name, array in floats.items()}
    if kind == "scale":
        return {name: array * 3.0 for name, array in floats.items()}
    moved, order = {}, np.random.RandomState(3).permutation(study.case.batch or 1)
    for name, array in study.tensors().items():
        for axis in study.case.axes.get(name, []):
            array = np.take(array, order, axis=axis)
        moved[name] = array
    return moved


def _check_degree(study: Study, floats: dict[str, Any]) -> None:
    """f(c x, c y) = c ** k f(x, y) for which k?"""
    after = study.ask({name: array * 2.0 for name, array in floats.items()})
    if after is None or not after or after[0].shape != study.base[0].shape or not is_floating(after[0]):
        return
    before, now = float(np.abs(study.base[0]).mean()), float(np.abs(after[0]).mean())
    if not before or not now or not np.isfinite(now):
        return
    degree = float(np.log2(now / before))
    study.report.fact("degree", round(degree, 3))
    wanted = study.case.expect["degree"]
    if wanted is not None and abs(degree - wanted) > 0.05:
        what = f"inputs twice as large give {number(now / before)} times the value: power {number(degree)}"
        study.report.finding("degree", f"{what}, expected {number(wanted)}")
    elif wanted is None and abs(degree - 2.0) < 0.02:
        study.report.finding("squared", "it grows with the square of its inputs: a squared distance, or a squared cost")


def check_random(study: Study) -> None:
    """Another seed, another result: dropout that is on, or sampling."""
    if study.case.spec.get("seeded") == "fixed":
        return  # the first job has asked
    after = arrays(study.case.call(study.case.construct(), study.case.complete(study.numbers), 5, 5))
    if distance(study.base, after) <= 1e-6:
        return
    owner = getattr(study.callable_, "__self__", study.callable_)
    training = getattr(owner, "training", None)
    why = "; the module is in training mode" if training else ""
    code = "not_deterministic" if study.case.expect["deterministic"] else "random"
    study.report.finding(code, f"another seed gives another result{why}")
