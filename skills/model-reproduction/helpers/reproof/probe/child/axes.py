"""Which axis the call takes for the batch, and sizes that coincide so that nobody can tell."""

from __future__ import annotations

from typing import Any

from . import look
from .arrays import distance, np, relative
from .kinds import simplex_axis
from .report import number
from .study import NOTHING, Study, same_shapes

LOOSE = 1e-3
OTHERS: dict[str, list[Any]] = {"batch_first": [True], "dim": [-1, 1], "axis": [-1, 1]}


def check_axis(study: Study) -> None:
    """Samples that see each other, and a setting under which they would not."""
    batch = study.case.batch
    if batch is None or batch < 2 or not study.base:
        return
    mixed = _mixing(study, batch)
    if mixed is None:
        _check_reduced(study, batch)
        return
    if mixed < LOOSE:
        return
    for key, value in _settings(study):
        apart = _mixing(study, batch, **{_place(study, key): {key: value}})
        if apart is not None and apart < LOOSE:
            known = study.case.spec["kwargs"].get(key, (study.case.spec["init"] or {}).get(key))
            study.report.finding(
                "wrong_axis" if key == "batch_first" or known is None else "batch_axis",
                f"samples see each other (a result changes by {number(mixed)} of its size when half of them are left "
                f"out); with {key}={value} they do not: axis 0 is not taken for the batch",
                f"{key}={value}",
            )
            return


def _settings(study: Study) -> list[tuple[str, Any]]:
    """Arguments that choose an axis, with other values than now."""
    found = []
    for key, values in OTHERS.items():
        owner = study.case.target if _place(study, key) == "init" else study.callable_
        signature = look.signature(owner)
        known = {} if signature is None else signature.parameters
        given = study.case.spec["kwargs"].get(key, (study.case.spec["init"] or {}).get(key))
        if given is not None or key in known or hasattr(study.callable_, key):
            found += [(key, value) for value in values if value != given]
    return found


def _place(study: Study, key: str) -> str:
    return "init" if study.case.spec["init"] is not None and key not in study.case.spec["kwargs"] else "kwargs"


def _mixing(study: Study, batch: int, init: Any = NOTHING, kwargs: Any = NOTHING) -> float | None:
    """How much the last half changes without the first, relative to its size; None where no output has a batch."""
    half = batch // 2
    whole = study.ask(init=init, kwargs=kwargs)
    fewer = study.ask(_halved(study, half), init=init, kwargs=kwargs)
    if whole is None or fewer is None or [a.ndim for a in whole] != [a.ndim for a in fewer]:
        return None
    gaps = []
    for a, b in zip(whole, fewer):  # noqa: B905 - one more output would have been told by the ranks
        along = [axis for axis in range(a.ndim) if (a.shape[axis], b.shape[axis]) == (batch, half)]
        if len(along) == 1:
            gaps.append(relative(np.take(a, np.arange(batch - half, batch), axis=along[0]), b))
    return max(gaps) if gaps else None


def _halved(study: Study, half: int) -> dict[str, Any]:
    """Every input that has the batch, cut to its last half: what runs along an axis depends on what came before."""
    found = {}
    for name, array in {**study.built(), **study.tensors()}.items():
        axes = study.case.axes.get(name) or ([0] if array.ndim and array.shape[0] == study.case.batch else [])
        for axis in axes:
            array = np.take(array, np.arange(array.shape[axis] - half, array.shape[axis]), axis=axis)
        if axes:
            found[name] = array
    return found


def _check_reduced(study: Study, batch: int) -> None:
    """The batch is gone and the rest is left: an axis too early."""
    for name, array in study.tensors().items():
        shapes = [list(out.shape) for out in study.base]
        own = array.ndim - 1
        if array.ndim < 2 or array.shape[0] != batch:
            continue
        if list(array.shape[1:]) in shapes and simplex_axis(array) == own:
            study.report.finding(
                "wrong_axis",
                f"{name} {array.shape} sums to one along its last axis, and the call goes along axis 0: "
                f"its output {tuple(shapes[0])} has lost the batch",
                "axis=-1 or dim=-1",
            )
            return


def check_pairs(study: Study) -> None:
    """One input, and an output with one number for each pair of samples: rows may have been taken for variables."""
    tensors = study.tensors()
    batch = study.case.batch
    if len(tensors) != 1 or batch is None:
        return
    (name, array), = tensors.items()  # fmt: skip
    if array.ndim == 2 and array.shape[0] != array.shape[1] and [o.shape for o in study.base] == [(batch, batch)]:
        study.report.finding(
            "pairs_of_samples",
            f"{name} {array.shape} gives {study.base[0].shape}: one number for each pair of samples, not of columns",
            f"{name}.T where columns are the variables",
        )


def check_square(study: Study) -> None:
    """A square table beside other inputs: transposed it would go through as well."""
    for name, array in study.tensors().items():
        spec = study.case.inputs[name]
        is_square = array.ndim == 2 and 1 < array.shape[0] == array.shape[1] and spec["made_by"] is None
        if not is_square or len(study.case.axes.get(name) or []) == 2 or len(study.tensors()) < 2:
            continue
        after = study.ask({name: np.ascontiguousarray(array.T)})
        if after is not None and same_shapes(study.base, after) and distance(study.base, after) > LOOSE:
            study.report.finding(
                "same_sizes",
                f"{name} is {array.shape[0]} x {array.shape[1]}, and its transpose goes through with another result: "
                "rows taken for columns would not be noticed",
                f"check which axis of {name} is which, with lengths that differ",
            )


def check_sizes(study: Study) -> None:
    """Axes of one length, which hide an exchange of the two."""
    said = [value for value in (study.case.spec["init"] or {}).values() if type(value) is int]
    for name, array in study.tensors().items():
        spec = study.case.inputs[name]
        if spec["shape"] is None or array.ndim < 2:
            continue
        sizes = [size for size in array.shape if size > 1]
        twice = sorted({size for size in sizes[:3] if sizes.count(size) > 1 and size in said})
        if twice:
            places = [axis for axis, size in enumerate(array.shape) if size == twice[0]]
            study.report.finding(
                "same_sizes",
                f"axes {' and '.join(map(str, places))} of {name} are both {twice[0]}, the number the object was made "
                "with: exchanged axes would not be noticed",
                f"probe it with another length on axis {places[0] if places[0] else places[-1]}",
            )
