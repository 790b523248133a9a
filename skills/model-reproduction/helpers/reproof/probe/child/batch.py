"""Does the output follow the batch: another size, another order, one half alone."""

from __future__ import annotations

import warnings
from typing import Any

from .arrays import arrays, distance, np, relative
from .case import Case, Numbers
from .report import explained, number

MORE = 3  # B + 3 is rarely a size that anything else has
SEVERAL = {
    **dict.fromkeys(["images", "imgs", "pictures", "photos", "frames", "masks", "slices", "volumes"], 3),
    **dict.fromkeys(["signals", "waves", "waveforms", "series", "spectra", "traces", "curves", "sequences", "rows",
                     "samples", "batch", "clips"], 2),
}  # fmt: skip
LOOSE = 1e-3  # sums in another order differ; mixed samples differ by their whole size


def check_batch(case: Case, numbers: Numbers, before: list[Any], seeded: str) -> None:
    """All three, for a call that has a batch; `before` is what it returned for `numbers`."""
    batch = case.batch
    if batch is None or batch < 2:
        return
    if _is_fixed(case, batch):
        return  # an input of a fixed length would not follow
    axes = _grown_axes(case, batch, before)
    if axes is None or seeded != "fixed":
        return  # random numbers are drawn by position: another order is another draw
    if _is_pointed_into(case, numbers, batch):
        return  # edges and offsets name samples by their place: another order is another graph
    _check_one(case, numbers, before)
    _check_order(case, batch, numbers, before, axes)
    _check_half(case, batch, numbers, before, axes)


def _is_fixed(case: Case, batch: int) -> bool:
    """Whether an input that is given or made by another call has the batch's length and keeps it at another batch."""
    made = [name for name in case.passed() if case.inputs[name]["shape"] is None]
    if not made:
        return False
    now, more = (case.complete(case.numbers(size)) for size in (batch, batch + MORE))
    return any(_length(now[name]) == _length(more[name]) == batch for name in made)


def _length(item: object) -> int:
    shape = getattr(item, "shape", None)
    return int(shape[0]) if shape else 0


def _grown_axes(case: Case, batch: int, before: list[Any]) -> list[list[int]] | None:
    """Per output, the axes that grew when the batch did; None when B + 3 fails."""
    case.report.stage(f"batch of {batch + MORE}")
    try:
        grown = arrays(case.again(batch=batch + MORE))
    except Exception as error:
        case.report.finding(
            "fails_at_other_batch",
            f"a batch of {batch} works and one of {batch + MORE} does not: {explained(error)}",
            "two sizes coincide here, or the size is written into an argument; the last batch of an epoch will fail",
        )
        return None
    if [a.ndim for a in before] != [a.ndim for a in grown]:
        shapes = [a.shape for a in before], [a.shape for a in grown]
        case.report.finding("rank_changes", f"shapes {shapes[0]} at {batch}, {shapes[1]} at {batch + MORE}")
        return None
    pairs = zip(before, grown)  # noqa: B905 - both have as many outputs as ranks compared above
    sizes = batch, batch + MORE
    return [[i for i in range(a.ndim) if (a.shape[i], b.shape[i]) == sizes] for a, b in pairs]


def _take(case: Case, numbers: dict[str, Any], index: Any) -> dict[str, Any]:
    """The samples at `index` of every input that has a batch."""
    taken = dict(numbers)
    for name, axes in case.axes.items():
        for axis in axes:
            taken[name] = np.take(taken[name], index, axis=axis)
    return taken


def _taken(output: list[Any], axes: list[list[int]], index: Any) -> list[Any]:
    picked = []
    for array, along in zip(output, axes):  # noqa: B905 - one list of axes per output
        for axis in along:
            array = np.take(array, index, axis=axis)
        picked.append(array)
    return picked


def _check_order(case: Case, batch: int, numbers: Any, before: list[Any], axes: list[list[int]]) -> None:
    """Samples in another order must give the same results in that order."""
    case.report.stage("batch in another order")
    order = np.random.RandomState(3).permutation(batch)
    try:
        after = arrays(case.again(_take(case, numbers, order)))
    except Exception as error:
        case.report.finding("order_error", f"fails when the batch is in another order: {explained(error)}")
        return
    gap = distance(_taken(before, axes, order), after)
    is_mixed = gap > LOOSE and distance(before, after) > LOOSE
    if is_mixed and not _is_image(case, numbers, before):  # a sorted batch comes out the same in every order
        is_series = [array.ndim for name, array in numbers.items() if case.axes[name]] == [1]
        case.report.finding(
            "order_counts" if is_series else "batch_mixing",
            f"the batch in another order gives other numbers (difference {number(gap)} of their size): "
            f"{_how(case, batch, numbers, before, axes)}",
        )


def _is_pointed_into(case: Case, numbers: Any, batch: int) -> bool:
    """Whether whole numbers without a batch of their own name samples: at least half of them, and none beyond."""
    for name, array in numbers.items():
        is_whole = "int" in case.inputs[name]["dtype"] and not case.axes[name] and array.size > 1
        if is_whole and array.min() >= 0 and batch // 2 <= array.max() < batch:
            return True
    return False


def _is_image(case: Case, numbers: Any, before: list[Any]) -> bool:
    """Whether the call takes axis 1 for the same as axis 0: then neither is a batch, as in one image."""
    drawn = [name for name, axes in case.axes.items() if axes == [0]]
    if len(drawn) != 1 or numbers[drawn[0]].ndim < 2 or any(array.ndim < 2 for array in before):
        return False
    if numbers[drawn[0]].ndim >= said_several(drawn[0]):
        return False
    turned = {**numbers, drawn[0]: np.ascontiguousarray(numbers[drawn[0]].swapaxes(0, 1))}
    try:
        after = [array.swapaxes(0, 1) for array in arrays(case.again(turned))]
    except Exception:
        return False
    return distance(before, after) < LOOSE


def said_several(name: str) -> int:
    """The number of axes from which on axis 0 lists samples: a name in the plural says so, four axes do anyway.

    >>> said_several("images"), said_several("noisy_signals"), said_several("image")
    (3, 2, 4)
    """
    return SEVERAL.get(name.lower().rpartition("_")[2], 4)


def _how(case: Case, batch: int, numbers: Any, before: list[Any], axes: list[list[int]]) -> str:
    """Whom a change of one sample reaches: itself, those after it, or others."""
    along = next(((place, axis[0]) for place, axis in enumerate(axes) if len(axis) == 1), None)
    if along is None:
        return "samples are paired or weighted by their place in the batch"
    other, middle = case.numbers(seed=1), batch // 2
    changed = dict(numbers)
    for name, own in case.axes.items():
        if len(own) == 1 and changed[name].shape == other[name].shape:
            changed[name] = np.moveaxis(changed[name].copy(), own[0], 0)
            changed[name][middle] = np.moveaxis(other[name], own[0], 0)[middle]
            changed[name] = np.moveaxis(changed[name], 0, own[0])
    try:
        after = np.moveaxis(arrays(case.again(changed))[along[0]], along[1], 0)
    except Exception:
        return "samples are coupled"
    was = np.moveaxis(before[along[0]], along[1], 0)
    reached = [place for place in range(batch) if relative(was[place], after[place]) > LOOSE]
    if reached == [middle]:
        return "each sample stays by itself, and its place in the batch counts (an index or a table along axis 0)"
    if reached == list(range(middle, batch)):
        return f"sample {middle} reaches the samples after it and none before: axis 0 is taken for time"
    return f"sample {middle} reaches {len(reached)} of {batch} samples: they are paired by their place, or mixed"


def _check_one(case: Case, numbers: Any, before: list[Any]) -> None:
    """One sample alone, as at the end of an epoch or when a model is used."""
    case.report.stage("a batch of one")
    try:
        with warnings.catch_warnings():  # what it warns of with one sample is not what it warns of in the plan
            warnings.simplefilter("ignore")
            alone = arrays(case.again(_take(case, numbers, np.arange(1))))
    except Exception as error:
        case.report.finding("fails_at_one", f"a batch of one fails: {explained(error)}")
        return
    if [a.ndim for a in alone] != [b.ndim for b in before]:
        shapes = [a.shape for a in before], [a.shape for a in alone]
        case.report.finding("rank_changes", f"shapes {shapes[0]} as planned, {shapes[1]} for a batch of one")
        return
    pairs = zip(before, alone)  # noqa: B905 - as many, by their ranks
    if any(np.isfinite(a).all() and not np.isfinite(b).all() for a, b in pairs if a.dtype.kind in "fc"):
        case.report.finding("fails_at_one", "a batch of one gives NaN or Inf, as a spread of one sample does")


def _check_half(case: Case, batch: int, numbers: Any, before: list[Any], axes: list[list[int]]) -> None:
    """The first half alone: the same results, or samples that depend on each other."""
    if not any(len(along) == 1 for along in axes):
        return  # a reduction, or a matrix between samples
    case.report.stage("half the batch")
    index = np.arange(batch // 2)
    try:
        alone = arrays(case.again(_take(case, numbers, index)))
    except Exception:
        return  # B + 3 worked; a size it does not like is then its own affair
    together = _taken(before, axes, index)
    if [a.shape for a in alone] != [b.shape for b in together]:
        return
    gap = max(relative(a, b) for a, b in zip(alone, together))  # noqa: B905 - shapes were just compared
    if gap > LOOSE:
        case.report.finding(
            "batch_dependent", f"a sample's result depends on the rest of its batch (by {number(gap)} of its size)"
        )
