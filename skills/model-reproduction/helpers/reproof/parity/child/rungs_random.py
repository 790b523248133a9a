"""Rungs about randomness: initial distributions, draws forced, draws counted, one seed twice."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from .nodes import Array
from .pair import Pair
from .rungs_model import Rung, absent, finding, rung
from .sampling import picked
from .sizes import error, margin

SEEDS, MOST = 24, 40_000
LARGEST_Z, SMALLEST_P = 5.5, 1e-6
LOW, HIGH = 1e-9, 1 - 1e-9
FORCED = 1e-6  # a schedule computed in float32 costs 2e-9; the smallest wrong probability seen, 5e-5


def initial(pair: Pair) -> Rung:
    """Initial values of every weight over independent seeds: constant, spread, mean, shape of the distribution."""
    sample, mine, theirs_at, spans = _picked(pair)
    mine, back = np.unique(mine, return_inverse=True)  # asked for in the order of the weights
    theirs = pair.reference.ask("initial", seeds=list(range(100, 100 + SEEDS)), elements=sample)[:, theirs_at]
    ours = pair.port.ask("initial", seeds=list(range(900, 900 + SEEDS)), elements=mine)[:, back]
    blind = [name for name, a, b in spans if np.isnan(theirs[:, a:b]).any() or np.isnan(ours[:, a:b]).any()]
    spans = [each for each in spans if each[0] not in blind]
    findings, worst, looked = [], 0.0, None
    for name, start, stop in spans:
        said, size = differs(theirs[:, start:stop].reshape(-1), ours[:, start:stop].reshape(-1))
        worst = max(worst, size)
        if said:
            looked = looked or (pair.reference.ask("initial_lines"), pair.port.ask("initial_lines"))
            lines = (looked[0].get(pair.name_in_reference(name), ""), looked[1].get(name, ""))
            findings.append(finding(f"{name}: {said}", *lines))
    findings += [finding(each) for each in _correlated(theirs, ours, spans)] if not findings else []
    if blind and not findings:
        return absent(f"{len(spans)} weights agree; not followed without the whole weight: {', '.join(blind[:8])}")
    exact = (
        ""
        if pair.streamed or not _aligned(pair, sample, mine, back, theirs_at)
        else "; the same seed gives the same values"
    )
    says = f"{len(spans)} weights over {SEEDS} seeds{exact}" if not findings else findings[0]["what"]
    return rung(not findings, says, findings=findings, observed=worst, tolerance=LARGEST_Z)


def _picked(pair: Pair) -> tuple[Array, Array, Array, list[tuple[str, int, int]]]:
    """(elements of the reference, elements of the port, where in the first each of the second is, spans by tensor).

    The sample of the reference depends on nothing of the port, so that it can be recorded.
    """
    assert pair.map is not None
    most = MOST // SEEDS
    if pair.streamed:
        lifted: Any = pair.map.elements
        return picked(lifted, most)
    parts = []
    for number in range(len(pair.theirs.tensors)):
        span = pair.theirs.span(number)
        every = np.arange(span.start, span.stop)
        rng = np.random.Generator(np.random.Philox(key=[23, number]))
        parts.append(np.sort(rng.choice(every, most, replace=False)) if every.size > most else every)
    sample = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    place = np.full(pair.theirs.total, -1, dtype=np.int64)
    place[sample] = np.arange(sample.size)
    mine, at, spans, end = [], [], [], 0
    for number, tensor in enumerate(pair.ours.tensors):
        span = pair.ours.span(number)
        elements = pair.map.elements[span]
        chosen = np.flatnonzero((elements >= 0) & (place[elements] >= 0))
        if chosen.size:
            mine.append(chosen + span.start)
            at.append(place[elements[chosen]])
            spans.append((tensor["name"], end, end + chosen.size))
            end += chosen.size
    empty = np.zeros(0, np.int64)
    return sample, np.concatenate(mine) if mine else empty, np.concatenate(at) if at else empty, spans


def differs(x: Array, y: Array) -> tuple[str, float]:
    """(what differs between two samples or nothing, the largest z): constants, standard deviation, mean, Kolmogorov-Smirnov."""  # noqa: E501
    constant = bool((x == x[0]).all()), bool((y == y[0]).all())
    if any(constant):
        if all(constant) and math.isclose(x[0], y[0], rel_tol=1e-6, abs_tol=1e-12):
            return "", 0.0
        words = [
            f"always {v[0]:.4g}" if c else f"random, standard deviation {v.std():.4g}"
            for v, c in zip((x, y), constant, strict=False)
        ]
        return f"{words[0]} in the reference, {words[1]} in the port", math.inf
    n, spread = len(x), float(x.std())
    kurtosis = float(((x - x.mean()) ** 4).mean() / x.var() ** 2)
    z_std = abs(math.log(max(float(y.std()), 1e-300) / spread)) / (
        math.sqrt(max(kurtosis - 1, 0.2) / (4 * n)) * math.sqrt(2)
    )
    z_mean = abs(float(x.mean() - y.mean())) / spread * math.sqrt(n / 2)
    points = np.sort(np.concatenate([x, y]))
    apart = (
        np.abs(np.searchsorted(np.sort(x), points, "right") - np.searchsorted(np.sort(y), points, "right")).max() / n
    )
    p = 2 * math.exp(-(apart**2) * n)
    size = max(z_std, z_mean)
    if size <= LARGEST_Z and p >= SMALLEST_P and not _beyond(x, y):
        return "", size
    said = f"standard deviation {spread:.4g} in the reference, {float(y.std()):.4g} in the port, mean {x.mean():.3g} / {y.mean():.3g}"  # noqa: E501
    return f"{said}, range {np.abs(x).max():.3g} / {np.abs(y).max():.3g}", max(size, 6.0)


def _beyond(x: Array, y: Array) -> bool:
    """A cut-off that one sample has and the other passes often: a truncated normal against a normal."""
    a, b = float(np.abs(x).max()), float(np.abs(y).max())
    narrow, wide = (x, y) if a < b else (y, x)
    return len(x) >= 2000 and int((np.abs(wide) > np.abs(narrow).max()).sum()) > 40


def _correlated(theirs: Array, ours: Array, spans: list[tuple[str, int, int]]) -> list[str]:
    """Weights that start as copies of each other, on one side only: like one initialised layer copied to all."""
    groups: list[set[tuple[str, ...]]] = []
    for sample in (theirs, ours):
        seen: dict[bytes, list[str]] = {}
        for name, start, stop in spans:
            block = sample[0, start:stop]
            if stop - start > 1 and block.std() > 0:
                seen.setdefault(np.sort(block).tobytes(), []).append(name)
        groups.append({tuple(names) for names in seen.values() if len(names) > 1})
    left, right = groups
    alone = [("the reference", each) for each in left - right] + [("the port", each) for each in right - left]
    return [f"{', '.join(names)} start as copies of each other in {side} only" for side, names in alone]


def _aligned(pair: Pair, sample: Array, mine: Array, back: Array, theirs_at: Array) -> bool:
    """Whether both sides draw the same initial values from the same seed."""
    if pair.left["framework"] != pair.right["framework"]:
        return False
    a = pair.reference.ask("initial", seeds=[7], elements=sample)[:, theirs_at]
    return bool(np.array_equal(a, pair.port.ask("initial", seeds=[7], elements=mine)[:, back]))


def choose_extremes(pair: Pair) -> None:
    """Whether a uniform draw near zero or near one keeps: `u < keep` and `floor(keep + u)` disagree on that."""
    batch = pair.batch(5)
    for side, weights in (("reference", pair.weights()[0]), ("port", pair.weights()[1])):
        asked = getattr(pair, side)
        results = {}
        for u in (LOW, HIGH):
            found = asked.ask(
                "gradients", weights=weights, batch=batch, mode="train", force={"mask": 1, "u": u, "sizes": None}
            )
            size = np.abs(found["gradients"])
            results[u] = float((size > 1e-14 * (size.max() + 1e-300)).mean()) + 1e-3 * float(size.max() > 0)
            uniform = any(draw[0] == "uniform" for draw in found["draws"])
            if not uniform:
                break
        pair.keep_u[side] = max(results, key=lambda u: results[u])


def forced(pair: Pair) -> Rung:
    """Training mode with every mask forced: all kept, all dropped, and those of one size dropped; loss and gradients."""  # noqa: E501
    if not pair.both("loss"):
        return absent("loss(model, batch) is not in both contracts")
    if pair.left["framework"] != pair.right["framework"]:
        return absent("draws can only be forced in PyTorch here")
    choose_extremes(pair)
    theirs, ours = pair.weights()
    batch = pair.batch(5)
    plans: list[tuple[str, int, list[int] | None]] = [("all kept", 1, None)]
    worst, at, draws = 0.0, "", None
    while plans:
        name, mask, sizes = plans.pop(0)
        a = pair.reference.ask("gradients", weights=theirs, batch=batch, force=pair.force("reference", mask, sizes))
        b = pair.port.ask("gradients", weights=ours, batch=batch, force=pair.force("port", mask, sizes))
        size = max(error(np.array([a["loss"]]), np.array([b["loss"]])), _overall(pair, a["gradients"], b["gradients"]))
        if size > worst:
            worst, at = size, name
        if draws is None:
            draws = (a["draws"], b["draws"])
            masks = sorted({d[1] for d in a["draws"] if d[0] in ("mask", "uniform")})
            if masks:
                plans.append(("all dropped", 0, None))
            if len(masks) > 1:
                plans += [(f"masks of {n} elements dropped", 0, [n]) for n in masks[:6]]
        if worst > FORCED:
            break
    pair.draws = draws  # type: ignore[attr-defined]
    ok = worst <= FORCED
    result = rung(ok, f"largest relative error {worst:.1e}" + (f" with {at}" if at else ""), observed=worst, tolerance=FORCED,  # noqa: E501
                  margin_decades=margin(worst, FORCED))  # fmt: skip
    if not ok:
        from .rungs_model import locate

        result["findings"] = _probabilities(*draws) if draws else []
        result["first_divergence"] = locate(pair, batch, "loss", "train", 1e-7)
    return result


def _overall(pair: Pair, theirs: Array, ours: Array) -> float:
    assert pair.map is not None
    known = pair.map.elements >= 0
    a, b = theirs[pair.map.elements[known]], ours[known]
    if not np.isfinite(a).all() or not np.isfinite(b).all():
        return 0.0 if np.array_equal(np.isfinite(a), np.isfinite(b)) else math.inf
    return float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12))


def _probabilities(theirs: list[Any], ours: list[Any]) -> list[dict[str, str]]:
    """Masks whose probabilities differ, in the order they are drawn."""
    found = []
    for a, b in zip([d for d in theirs if d[0] != "normal"], [d for d in ours if d[0] != "normal"], strict=False):
        if a[1] == b[1] and a[2] is not None and b[2] is not None and a[2] != b[2]:
            found.append(finding(f"kept with probability {a[2]} in the reference, {b[2]} in the port", a[3], b[3]))
    return found or _census(theirs, ours)


def _census(theirs: list[Any], ours: list[Any]) -> list[dict[str, str]]:
    """Draws by size that one side makes and the other does not."""
    sides: list[Counter[int]] = [Counter(d[1] for d in each if d[0] in ("mask", "uniform")) for each in (theirs, ours)]
    noises: list[Counter[int]] = [
        Counter(d[1] for d in each if d[0] in ("normal", "integer")) for each in (theirs, ours)
    ]
    found = []
    for (left, right), what in ((sides, "random masks"), (noises, "random values")):
        for size in sorted(set(left) | set(right)):
            if left[size] != right[size]:
                lines = [next((d[3] for d in reversed(each) if d[1] == size), "") for each in (theirs, ours)]
                found.append(
                    finding(
                        f"{what} of {size} elements: {left[size]} in the reference, {right[size]} in the port", *lines
                    )
                )
    return found


def draws(pair: Pair) -> Rung:
    """How many masks and values of which size are drawn in training mode: channels or elements, once or per layer."""
    held = getattr(pair, "draws", None)
    if held is None:
        return absent("no draws were watched")
    findings = _probabilities(*held) if any(d[0] == "mask" for d in held[0]) else _census(*held)
    says = findings[0]["what"] if findings else f"{len(held[0])} draws, the same sizes on both sides"
    return rung(not findings, says, findings=findings)


def repeat(pair: Pair) -> Rung:
    """Evaluation twice is equal, and one seed gives one start and one training-mode output."""
    theirs, ours = pair.weights()
    inputs = pair.inputs(pair.cases()[0])
    found = {}
    for side, weights in (("reference", theirs), ("port", ours)):
        asked = getattr(pair, side)
        twice = asked.ask("outputs", weights=weights, inputs=inputs, repeats=3)
        evaluation = all(
            np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for other in twice["repeated"]
            for a, b in zip(twice["outputs"], other, strict=False)
        )
        found[side] = {"evaluation": evaluation, **asked.ask("twice", inputs=inputs)}
    bad = [key for key in found["reference"] if found["reference"][key] and not found["port"][key]]
    both = [key for key in found["reference"] if not found["reference"][key]]
    names = {
        "evaluation": "evaluation twice",
        "initial": "the same seed's initial weights",
        "outputs": "the same seed's training outputs",
    }
    findings = [finding(f"{names[key]}: equal in the reference, not in the port") for key in bad]
    says = (
        findings[0]["what"]
        if bad
        else "equal when repeated" + (f", except {', '.join(names[k] for k in both)}, on both sides" if both else "")
    )
    return rung(not bad, says, findings=findings)
