"""Losses and arithmetic that mean something else than they seem to: asked through the numbers alone."""

from __future__ import annotations

import itertools
import re
from typing import Any

from .arrays import arrays, distance, np
from .kinds import NEAR, is_binary, is_labels, is_unit, simplex_axis
from .report import number
from .study import Study, is_floating, same_shapes

LOSS = re.compile(r"loss|entropy|nll|bce|diverg|kl_|criterion", re.IGNORECASE)
FLOOR_FRAC = 0.2  # of a random prediction's cost that a perfect one may cost
TIED_FRAC = 0.05  # of the numbers that may share the largest or smallest value
FEW = 10  # an output with fewer different values is made of classes, not clipped
SAME = 1e-5
RESCALED = 0.02  # of the size that the two may differ by beside the factor
ROUNDING = 1e-3  # of the size of a result; what a transform means to return is larger
SURE = 20.0  # logits from which on a prediction is certain


def check_dependence(study: Study) -> None:
    """Inputs whose numbers do not matter."""
    if not any(np.isfinite(array).all() and array.any() for array in study.base if array.dtype.kind in "fiuc"):
        return  # nothing but NaN or 0: that is told already
    other = study.case.numbers(seed=1)
    given = [name for name in study.passed if name in other and not np.array_equal(other[name], study.numbers[name])]
    ignored = []
    for name in given:
        after = study.ask({name: other[name]})
        if after is not None and distance(study.base, after) == 0.0:
            ignored.append(name)
        if after is not None and other[name].shape == study.numbers[name].shape and not same_shapes(study.base, after):
            shapes = [tuple(a.shape for a in found) for found in (study.base, after)]
            what = f"other numbers for {name} give outputs of other shapes: {shapes[0]} and {shapes[1]}"
            is_luck = study.case.expect["shapes"] is not None
            what += "; the plan's shape holds for these numbers only" if is_luck else ""
            code = "shape_by_luck" if is_luck else "shape_by_values"
            study.report.finding(code, what, "give the size, where the call takes one")
    if ignored and _is_random(study):
        return
    if ignored and len(ignored) == len(given):
        what = f"other numbers for {', '.join(ignored)} change nothing: the output does not depend on its input"
        study.report.finding("constant", what)
    elif ignored:
        study.report.finding("ignores_input", f"other numbers for {', '.join(ignored)} change nothing")


def _is_random(study: Study) -> bool:
    """Whether another seed gives another result, so that the numbers are drawn and not computed."""
    other = arrays(study.case.call(study.case.construct(), study.case.complete(study.numbers), 5, 5))
    return distance(study.base, other) > SAME


def check_perfect(study: Study) -> None:
    """A loss at the best prediction there is: it should cost next to nothing."""
    if not LOSS.search(study.case.spec["target"]) or not study.base or not is_floating(study.base[0]):
        return
    tensors = study.tensors()
    for guess, truth in itertools.permutations(tensors, 2):
        best = _best(tensors[guess], tensors[truth])
        if best is None:
            if _wants_probabilities(study, guess, tensors[guess], tensors[truth]):
                return
            continue
        at_best = study.ask({guess: best})
        if at_best is None:
            continue
        cost, usual = float(np.mean(at_best[0])), float(np.mean(study.base[0]))
        is_soft = not (is_binary(tensors[truth]) or tensors[truth].dtype.kind in "iu")
        if cost < -NEAR or (cost > usual if is_soft else cost > FLOOR_FRAC * abs(usual)):
            study.report.finding(
                "perfect",
                f"{guess} lies in [0, 1], and the perfect prediction there costs {number(cost)} where this one costs "
                f"{number(usual)}: it wants another scale (logits, or logarithms)",
                "give logits to a loss that has softmax or sigmoid inside, log_softmax to one that has none",
            )
            return


def _wants_probabilities(study: Study, name: str, guess: Any, truth: Any) -> bool:
    """Unbounded numbers against zeros and ones: right probabilities cost nothing, and sure logits do."""
    is_pair = guess.shape == truth.shape and is_floating(guess) and is_binary(truth)
    if not is_pair or not ((guess < -NEAR).any() and (guess > 1 + NEAR).any()):
        return False
    ones, sure = truth.astype(guess.dtype), SURE * (2 * truth.astype(guess.dtype) - 1)
    costs = [study.ask({name: numbers}) for numbers in (ones, sure)]
    if any(cost is None or not cost[0].size for cost in costs):
        return False
    at_ones, at_sure = (float(np.mean(cost[0])) for cost in costs)
    usual = float(np.abs(study.base[0]).mean())
    # a squared error of targets 0 and 1 is a regression: only its size grows with the numbers
    is_regression = at_sure > usual and at_sure > at_ones + SURE
    if abs(at_ones) > 0.02 * max(usual, NEAR) or is_regression or abs(at_sure) < FLOOR_FRAC * max(usual, NEAR):
        return False
    study.report.finding(
        "perfect",
        f"{name} reaches from {number(float(guess.min()))} to {number(float(guess.max()))}; the right answer as 0 "
        f"and 1 costs {number(at_ones)}, as logits of {number(SURE)} it {number(at_sure)}: it wants probabilities",
        f"the switch that puts a sigmoid or softmax inside, or {name}.sigmoid()",
    )
    return True


def _best(guess: Any, truth: Any) -> Any:
    """The prediction that is right, in the range that `guess` has; None where the two are no such pair."""
    if not (is_unit(guess) or simplex_axis(guess) is not None):
        return None
    if guess.shape == truth.shape:
        both = guess.ndim > 1 and simplex_axis(guess) is not None and simplex_axis(truth) is not None
        return truth.astype(guess.dtype) if is_binary(truth) or both else None
    axis = min(1, guess.ndim - 1)
    without = guess.shape[:axis] + guess.shape[axis + 1 :]
    if guess.ndim != truth.ndim + 1 or truth.shape != without or not is_labels(truth, guess.shape[axis]):
        return None
    return np.moveaxis(np.eye(guess.shape[axis])[truth], -1, axis).astype(guess.dtype)


def check_pairing(study: Study) -> None:
    """(N, 1) against (N,): does the call compare every one with every other one?"""
    tensors = study.tensors()
    for first, second in itertools.combinations(tensors, 2):
        a, b = tensors[first], tensors[second]
        if a.ndim == b.ndim or _squeezed(a) != _squeezed(b) or a.shape[0] < 3 or a.shape[0] != b.shape[0]:
            continue
        name, array = (second, b) if b.ndim < a.ndim else (first, a)
        order = np.roll(np.arange(len(array)), 1)
        shuffled = study.ask({name: array[order]})
        if shuffled is None or np.array_equal(array, array[order]):
            continue
        paired = all(out.shape[:1] == array.shape[:1] and out.ndim <= array.ndim for out in study.base)
        alike = distance(study.base, shuffled) < SAME and not paired
        if alike or _is_square(study, len(array)) or _only_follows(study, array, shuffled):
            study.report.finding(
                "broadcast_warning",
                f"{first} {a.shape} meets {second} {b.shape} and becomes every one against every other one: "
                f"the order of {name} alone does not matter",
                f"{first}.reshape({second}.shape)",
            )


def _squeezed(array: Any) -> tuple[int, ...]:
    return tuple(size for size in array.shape if size > 1)


def _only_follows(study: Study, array: Any, shuffled: Any) -> bool:
    """Whether a list of results only changes its order with the one input: every result comes from all of the other."""
    if not same_shapes(study.base, shuffled) or any(out.shape != (len(array),) for out in study.base):
        return False
    return distance([np.sort(out) for out in study.base], [np.sort(out) for out in shuffled]) < SAME


def _is_square(study: Study, size: int) -> bool:
    """Whether an output has the batch on two axes."""
    return any(list(out.shape).count(size) >= 2 for out in study.base)


def check_integers(study: Study) -> None:
    """The same whole numbers as floats: other results mean truncation or overflow."""
    whole = {name: array for name, array in study.tensors().items() if array.dtype.kind in "iu"}
    if not whole:
        return

    def as_float(item: Any) -> Any:
        kind = str(getattr(item, "dtype", ""))
        if "int" not in kind:
            return item
        return item.double() if hasattr(item, "double") else item.astype(float)

    after = study.ask(convert=as_float)
    if after is None or not same_shapes(study.base, after):
        return
    for ours, theirs in zip(study.base, after):  # noqa: B905 - shapes were just compared
        room = 1.0 if ours.dtype.kind in "iu" else 1e-3 * float(np.abs(theirs).max(initial=0.0))
        gap = float(np.abs(ours.astype(float) - theirs.astype(float)).max(initial=0.0))
        if ours.dtype.kind in "iuf" and theirs.dtype.kind in "iuf" and gap > room:
            if _is_rescaled(study, ours, theirs):
                return
            study.report.finding(
                "integer_arithmetic",
                f"the same numbers as floats give other results (by up to {number(gap)}): "
                f"{', '.join(f'{name} is {array.dtype}' for name, array in whole.items())}, which wraps or truncates",
                f"{', '.join(f'{name}.float()' for name in whole)}",
            )
            return


def _is_rescaled(study: Study, ours: Any, theirs: Any) -> bool:
    """Whether the two are one factor apart: the type decides over the range, as where bytes become [0, 1]."""
    if ours.dtype.kind != "f" or not np.isfinite(theirs).all() or not ours.any():
        return False
    ratio = float((theirs * ours).sum() / (ours.astype(float) ** 2).sum())
    if float(np.abs(ratio * ours - theirs).max()) > RESCALED * float(np.abs(theirs).max()):
        return False
    study.report.finding(
        "rescaled",
        f"the same numbers as floats give {number(ratio)} times the result: the type decides over the range, and whole "
        f"numbers come back as {number(float(ours.min()))} to {number(float(ours.max()))}",
        "convert and scale before the call, so that the range is what the code says",
    )
    return True


def check_clipped(study: Study) -> None:
    """Numbers of the output that pile up at one largest or smallest value, while the input goes beyond it."""
    floats = [array for array in study.tensors().values() if is_floating(array)]
    reach = max((float(np.abs(array).max()) for array in floats), default=0.0)
    for place, array in enumerate(study.base):
        if not is_floating(array) or array.size < 20 or not np.isfinite(array).all():
            continue
        if not _is_spread(array):
            continue
        for bound in (float(array.max()), float(array.min())):
            tied = float((array == bound).mean())
            if bound != 0.0 and tied > TIED_FRAC and reach > 1.05 * abs(bound):
                study.report.finding(
                    "clipped",
                    f"{tied:.0%} of output {place} are exactly {number(bound)}, and the inputs reach {number(reach)}: "
                    "it clips, or wants data of another scale",
                    "switch the clipping off, or scale the data to the range that it holds to",
                )
                return


def _is_spread(array: Any) -> bool:
    """Whether the numbers are measured ones, not classes or signs: many values, or a rest between two equal ends."""
    different = np.unique(array)
    between = different[(different > array.min()) & (different < array.max())]
    inside = int(((array > array.min()) & (array < array.max())).sum())
    if len(between) < inside / 2:
        return False  # levels of a quantiser: what lies between the ends is tied, too
    ends = len(between) and array.max() == -array.min() and (between != np.round(between)).any()
    return len(different) >= FEW or bool(ends)


def _is_list(study: Study, array: Any) -> bool:
    """A number for each sample."""
    return is_floating(array) and array.ndim == 1 and 1 < array.size == study.case.batch


def check_complex(study: Study) -> None:
    """Real numbers in, and complex ones out whose imaginary part is next to nothing."""
    if any(array.dtype.kind == "c" for array in study.tensors().values()):
        return
    for place, array in enumerate(study.base):
        if array.dtype.kind != "c" or not np.isfinite(array).all() or not array.any():
            continue
        size, imaginary = float(np.abs(array).max()), float(np.abs(array.imag).max())
        if 0 < imaginary < ROUNDING * size:
            study.report.finding(
                "complex_result",
                f"output {place} is {array.dtype}, and its imaginary part is at most {number(imaginary / size)} of its "
                "size: a real result that rounding made complex",
            )


def check_weights(study: Study) -> None:
    """Positive lists that scale the whole result, and do not sum to one."""
    tensors = study.tensors()
    longest = max((array.ndim for array in tensors.values()), default=0)
    lists = {n: a for n, a in tensors.items() if _is_list(study, a) and longest > 1 and (a > 0).all()}
    off = {name: float(array.sum()) for name, array in lists.items() if abs(float(array.sum()) - 1.0) > 1e-2}
    if not off or not study.base or not is_floating(study.base[0]):
        return
    doubled = study.ask({name: 2 * lists[name] for name in off})
    if doubled is None or distance([2 * a for a in study.base], doubled) > 1e-3 or not np.any(study.base[0]):
        return
    moved = study.ask({name: lists[name] + 0.5 for name in off})
    if moved is not None and distance(study.base, moved) < SAME:
        return  # places, not weights: only how far they are apart matters
    shown = ", ".join(f"{name} sums to {number(total)}" for name, total in off.items())
    study.report.finding(
        "unnormalised", f"{shown}, and twice the weights give twice the result: nothing normalises them",
        ", ".join(f"{name} / {name}.sum()" for name in off),
    )  # fmt: skip
