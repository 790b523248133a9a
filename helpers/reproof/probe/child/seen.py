"""Along which axes positions see each other, and along which their place counts: the layout that a call takes."""

from __future__ import annotations

from typing import Any

from .arrays import np, relative
from .study import Study, is_floating

LOOSE = 1e-4
COLOURS = (3, 4)
LAYOUT = 4  # axes of images and of attention heads, where two of them are easily exchanged


def check_seen(study: Study) -> None:
    """Report the axes of the first input whose shape the output has, or leads with."""
    for name, array in study.tensors().items():
        if array.ndim < 3 or not is_floating(array) or name not in study.passed:
            continue
        kept = [axis for axis in range(array.ndim) if _follows(study, array, axis)]
        if len(kept) < array.ndim - 1:
            continue
        axes = [axis for axis in kept if array.shape[axis] > 1]
        mixing = [axis for axis in axes if _sees(study, name, array, axis)]
        placed = [a for a in axes if a not in mixing and _counts(study, name, array, a)]
        _tell(study, name, array, axes, mixing, placed)
        return


def _follows(study: Study, array: Any, axis: int) -> bool:
    out = study.base[0] if study.base else array[:0]
    return bool(out.ndim == array.ndim and out.shape[axis] == array.shape[axis])


def _sees(study: Study, name: str, array: Any, axis: int) -> bool:
    """Whether other positions along an axis change when the first one does."""
    changed = np.moveaxis(array.copy(), axis, 0)
    changed[0] = changed[0] + np.random.RandomState(13).standard_normal(changed[0].shape)
    after = study.ask({name: np.moveaxis(changed, 0, axis)})
    if after is None or after[0].shape != study.base[0].shape:
        return False
    rest = np.arange(1, array.shape[axis])
    return relative(np.take(study.base[0], rest, axis), np.take(after[0], rest, axis)) > LOOSE


def _counts(study: Study, name: str, array: Any, axis: int) -> bool:
    """Whether equal numbers at every position of an axis come out different."""
    equal = np.repeat(np.take(array, [0], axis), array.shape[axis], axis)
    after = study.ask({name: equal})
    if after is None or after[0].shape != study.base[0].shape:
        return False
    one = np.repeat(np.take(after[0], [0], axis), array.shape[axis], axis)
    return relative(one, after[0]) > LOOSE


def _tell(study: Study, name: str, array: Any, axes: list[int], mixing: list[int], placed: list[int]) -> None:
    def said(which: list[int]) -> str:
        return " and ".join(f"{axis} ({array.shape[axis]})" for axis in which)

    apart = [axis for axis in axes if axis not in mixing]
    text = f"positions of {name} see each other along axis {said(mixing)}" if mixing else "no position sees another one"
    text += f", not along {said(apart)}" if mixing and apart else ""
    text += f"; the place along axis {said(placed)} counts" if placed else ""
    study.report.fact("mixing", text)
    wanted = study.case.expect["mixes"]
    if wanted is not None and sorted(wanted) != [axis for axis in mixing if axis in axes]:
        study.report.finding(
            "wrong_axis", f"{text}; expected along {said(wanted) or 'none'}", "another layout of the axes"
        )
        return
    inner = [axis for axis in axes if axis]
    partly = bool(set(mixing) & set(inner)) and not set(inner) <= set(mixing)
    colours = array.ndim == 3 and array.shape[2] in COLOURS and 2 in mixing and 0 in mixing
    if wanted is None and ((array.ndim == LAYOUT and (partly or placed)) or colours):
        study.report.finding("axes_seen", text)
