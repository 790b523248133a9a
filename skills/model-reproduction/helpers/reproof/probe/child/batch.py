"""Does the output follow the batch: another size, another order, one half alone."""

from __future__ import annotations

from typing import Any

from .arrays import arrays, distance, np, relative
from .case import Case, Numbers
from .report import explained, number

MORE = 3  # B + 3 is rarely a size that anything else has
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
    return [[i for i in range(a.ndim) if b.shape[i] - a.shape[i] == MORE] for a, b in pairs]


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
        case.report.finding("batch_mixing", f"fails when the batch is in another order: {explained(error)}")
        return
    gap = distance(_taken(before, axes, order), after)
    if gap > LOOSE and distance(before, after) > LOOSE:  # a sorted batch comes out the same in every order
        case.report.finding(
            "batch_mixing",
            f"the batch in another order gives other numbers (difference {number(gap)} of their size): "
            "a wrong axis, a broadcast, or samples that are coupled by position",
        )


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
