"""Relations that hold for a call that means what it seems to: asked with changed numbers, and of no library by name."""

from __future__ import annotations

import re
from typing import Any

from . import look
from .arrays import arrays, distance, is_tensor, np, torch
from .domain import documented
from .kinds import is_binary, simplex_axis
from .meaning import LOSS
from .report import explained, number
from .study import Study, is_floating, same_shapes

SAME = 1e-5
TWICE = 1e-3  # how near to 2 the ratio of a sum over twice the samples lies
REORDERED = 1e-3  # sums of float32 numbers in another order of memory
DIGITS_NOTED, DIGITS_TOLD = 1e-3, 1e-2  # what float32 may be off from float64: three digits are left, two are left
FEW_FRAC = 0.1  # of the numbers that may jump between the two, as a rounded one does
FLAT, FLAT_FRAC = 0.05, 0.5  # a column is flat below, an embedding of a number is when so many of its columns are
LIKELIHOOD = re.compile(r"log[- ]?likelihood|log[- ]?prob", re.IGNORECASE)
NEGATED = re.compile(r"negative|-\s*log|loss|energy", re.IGNORECASE)
ENTROPY = re.compile(r"entropy|perplex|information|kl_|kldiv|divergence|jensen", re.IGNORECASE)
OWN_SEED = re.compile(r"seed|random_state|generator|^rng$|projection|entropy$")
SEQUENCE = 3  # axes from which on axis 1 is a sequence; of whole numbers two are enough


def scalar(study: Study) -> float | None:
    """The output where it is one floating number, not zero."""
    if len(study.base) != 1 or study.base[0].size != 1 or not is_floating(study.base[0]):
        return None
    value = float(study.base[0].ravel()[0])
    return value if np.isfinite(value) and value else None


def check_sum(study: Study) -> None:
    """Half of the samples once and twice: a mean stays, a sum doubles."""
    value, batch = scalar(study), study.case.batch
    given = {**study.case.spec["kwargs"], **(study.case.spec["init"] or {})}
    is_objective = any(study.case.inputs[name]["requires_grad"] for name in study.passed)
    is_objective = is_objective or bool(LOSS.search(study.case.spec["target"]))
    if (
        value is None
        or batch is None
        or not is_objective
        or "sum" in [item for item in given.values() if isinstance(item, str)]
    ):
        return
    half: dict[str, Any] = {}
    twice: dict[str, Any] = {}
    for name, array in study.tensors().items():
        spec, axes = study.case.inputs[name], study.case.axes.get(name) or []
        made = spec["shape"] is None and array.ndim and array.shape[0] == batch
        if spec["dist"] in ("weights", "equal_weights") and array.ndim == 1:
            return  # they would no longer sum to one
        if len(axes) == 1 or made:
            axis = axes[0] if axes else 0
            half[name] = np.take(array, np.arange(batch // 2), axis=axis)
            twice[name] = np.concatenate([half[name], half[name]], axis=axis)
    before, after = (study.ask(half), study.ask(twice)) if twice and batch > 1 else (None, None)
    if before is None or after is None or not same_shapes(before, after) or not before[0].any():
        return
    if abs(float(after[0].ravel()[0]) / float(before[0].ravel()[0]) - 2.0) < TWICE:
        study.report.finding("sum_over_batch", "every sample twice gives twice the value: it sums over the batch")


def check_direction(study: Study) -> None:
    """A similarity, or a likelihood: what is to be maximised, and a training minimises."""
    value = scalar(study)
    if value is None:
        return
    floats = {name: array for name, array in study.tensors().items() if is_floating(array)}
    said = LIKELIHOOD.search(text := documented(study.callable_))
    if said and value < 0 and not NEGATED.search(text[max(0, said.start() - 60) : said.end() + 60]):
        what = f"the value is {number(value)}, and its documentation speaks of a “{said[0]}”: the larger the better"
        study.report.finding("larger_is_better", what)
        return
    if len(floats) != 2 or len(study.tensors()) != 2 or len({array.shape for array in floats.values()}) != 1:
        return
    first, second = floats
    equal = []
    for changed in ({first: floats[second]}, {second: floats[first]}):
        equal.append(study.ask(changed))
        if equal[-1] is None or not same_shapes(study.base, equal[-1]) or not float(equal[-1][0].ravel()[0]) > value:
            break
    else:
        at_equal = number(float(equal[0][0].ravel()[0]))
        study.report.finding(
            "larger_is_better",
            f"{at_equal} where {first} and {second} are equal, {number(value)} where they are "
            "not: a similarity, the larger the better",
        )


def check_truncation(study: Study) -> None:
    """Fractions that have no effect: a float that is taken for an index or a whole number of steps."""
    for name, array in study.tensors().items():
        spec = study.case.inputs[name]
        if not is_floating(array) or array.ndim > 2 or spec["requires_grad"] or name not in study.numbers:
            continue
        whole = np.floor(array)
        if np.array_equal(whole, array) or len(np.unique(whole)) < 3:
            continue
        after = study.ask({name: whole})
        if after is None or distance(study.base, after) > 0:
            continue
        other = study.ask({name: whole + 1})
        if other is None or distance(study.base, other) == 0.0:
            continue
        study.report.finding(
            "truncates",
            f"{name} without its fractions gives the same result: it is taken for whole numbers",
            f"scale {name} to the whole numbers that are meant",
        )


def check_flat(study: Study) -> None:
    """One number per sample in, many out, and most of them nearly the same for all samples: made for another scale."""
    batch = study.case.batch
    wide = [out for out in study.base if out.ndim == 2 and out.shape[0] == batch and out.shape[1] >= 8]
    lists = {n: a for n, a in study.tensors().items() if is_floating(a) and a.shape == (batch,) and np.ptp(a) > 0}
    if not wide or len(lists) != 1 or len(study.tensors()) != 1 or not is_floating(wide[0]):
        return
    (name, array), = lists.items()  # fmt: skip
    spread = np.ptp(wide[0], axis=0)
    flat = float((spread < FLAT * np.abs(wide[0]).max()).mean())
    if np.isfinite(wide[0]).all() and flat > FLAT_FRAC:
        study.report.finding(
            "flat",
            f"{flat:.0%} of the numbers per sample are nearly the same for every {name} from {number(array.min())} to "
            f"{number(array.max())}: it is made for numbers of another size",
            f"scale {name} to the range that it is made for, like 0 to 1000 for a time step",
        )


def check_parts(study: Study) -> None:
    """The first or the last position of a sequence that changes nothing."""
    other = study.case.numbers(seed=1)
    for name, array in study.tensors().items():
        least = 2 if array.dtype.kind in "iu" else SEQUENCE
        if name not in study.numbers or array.ndim < least or array.shape[1] < 3 or name not in other:
            continue
        if other[name].shape != array.shape or not _matters(study, name, other[name]):
            continue
        for place, said in ((0, "first"), (-1, "last")):
            if any(
                mask.ndim == 2 and is_binary(mask) and not mask[:, place].any() for mask in study.tensors().values()
            ):
                continue  # left out by a mask
            changed = array.copy()
            changed[:, place] = other[name][:, place]
            after = None if np.array_equal(changed, array) else study.ask({name: changed})
            if after is not None and distance(study.base, after) == 0.0:
                study.report.finding(
                    "ignores_part",
                    f"the {said} position along axis 1 of {name} changes nothing: shifted or cut off inside?",
                    f"do not shift or cut {name} before the call",
                )


def _matters(study: Study, name: str, numbers: Any) -> bool:
    after = study.ask({name: numbers})
    return after is not None and distance(study.base, after) > 0


def check_digits(study: Study) -> None:
    """The same numbers in float64: how many digits float32 leaves."""
    given = {str(getattr(item, "dtype", "")).rpartition(".")[2] for item in study.ready.values()}
    if study.case.spec.get("seeded") != "fixed" or _draws(study):
        return  # other numbers are drawn in float64
    if "float32" not in given or not study.base or not any(is_tensor(item) for item in study.ready.values()):
        return
    try:
        ready = study.case.complete(study.numbers, "float64")
        exact = arrays(study.case.call(study.case.construct("float64", ready=ready), ready))
    except Exception:
        return  # told by the finite differences, or of no interest
    if not same_shapes(study.base, exact):
        return
    for place, (ours, theirs) in enumerate(zip(study.base, exact)):  # noqa: B905 - shapes were just compared
        if not is_floating(ours) or not np.isfinite(ours).all() or not np.isfinite(theirs).all() or not theirs.any():
            continue
        ours, theirs = ours.astype(float), theirs.astype(float)
        gap = np.minimum(np.abs(ours - theirs), np.abs(ours + theirs))  # the sign of an eigenvector is anybody's guess
        off = gap / float(np.abs(theirs).max())
        if float((off > DIGITS_NOTED).mean()) > FEW_FRAC:
            code = "cancellation" if float(np.median(off)) > DIGITS_TOLD else "few_digits"
            what = f"output {place} in float32 is off by up to {number(float(off.max()))} of its size from float64"
            study.report.finding(code, f"{what}: large numbers that nearly cancel, or a solver that stops early")
            return


def _draws(study: Study) -> bool:
    """Whether it has a seed or generator of its own."""
    signatures = [look.signature(owner) for owner in (study.case.target, study.callable_)]
    names = [name for signature in signatures if signature for name in signature.parameters]
    return any(OWN_SEED.search(name) for name in [*names, *study.case.spec["kwargs"], *(study.case.spec["init"] or {})])


def check_layout(study: Study) -> None:
    """The same numbers in another order of memory: reads of raw memory, and views that need one piece."""
    if study.case.spec.get("seeded") != "fixed" or not any(array.ndim > 1 for array in study.tensors().values()):
        return  # noise like x is drawn in the order of x's memory
    try:
        ready = {name: _turned(item) for name, item in study.case.complete(study.numbers).items()}
        after = arrays(study.case.call(study.case.construct(ready=ready), ready))
    except Exception as error:
        study.edges["not contiguous"] = f"raises {explained(error)}"
        return
    gap = distance(study.base, after)
    if gap > REORDERED:
        study.report.finding(
            "layout",
            f"the same numbers in another order of memory (transposed twice) give other results, by {number(gap)} of "
            "their size",
            ".contiguous()",
        )


def _turned(item: Any) -> Any:
    """The same numbers, with the axes in the opposite order in memory."""
    if is_tensor(item) and item.dim() > 1 and item.layout is torch().strided:
        turned = item.detach().permute(*reversed(range(item.dim()))).contiguous()
        turned = turned.permute(*reversed(range(item.dim())))
        return turned.requires_grad_() if item.requires_grad else turned
    return np.asfortranarray(item) if isinstance(item, np.ndarray) and item.ndim > 1 else item


def check_base(study: Study) -> None:
    """Entropies of an even distribution over K classes: ln K, log2 K, or 1."""
    if not ENTROPY.search(study.case.spec["target"]) or not study.base or not is_floating(study.base[0]):
        return
    lists = {n: a for n, a in study.tensors().items() if is_floating(a) and a.ndim and simplex_axis(a) is not None}
    if not lists or len(lists) != len(study.tensors()) or len(lists) > 2:
        return
    first = next(iter(lists))
    axis = simplex_axis(lists[first])
    classes = lists[first].shape[axis]
    even = {name: np.full(array.shape, 1.0 / classes) for name, array in lists.items()}
    if len(lists) == 2:  # from one certain class to an even distribution
        even[first] = np.zeros_like(even[first])
        np.moveaxis(even[first], axis, -1)[..., 0] = 1.0
    after = study.ask(even)
    if after is None or not after[0].size or classes < 3:
        return
    value = float(after[0].ravel()[0])
    for said, wanted in (("in bits (base 2)", np.log2(classes)), ("in base 10", np.log10(classes))):
        if abs(value - wanted) < TWICE * wanted:
            what = f"an even distribution over {classes} classes gives {number(value)}: {said}, not in nats"
            study.report.finding("log_base", what)


def check_edges(study: Study) -> None:
    """No sample at all, as facts."""
    if study.case.batch is None or not study.base:
        return
    none = {}
    for name, array in study.tensors().items():
        for axis in study.case.axes.get(name) or []:
            array = np.take(array, [], axis=axis)
        none[name] = array
    if any(array.size for array in none.values()):
        return
    after = study.ask(none)
    if after is not None and any(a.dtype.kind == "f" and a.size and not np.isfinite(a).all() for a in after):
        study.edges["no sample"] = "value is NaN or Inf, and nothing is raised"
