"""Along which axes positions see each other, and along which their place counts: the layout that a call takes."""

from __future__ import annotations

import re
from typing import Any

from . import look
from .arrays import np, relative
from .study import Study, is_floating

LOOSE = 1e-4
COLOURS = (3, 4)
LAYOUT = 4  # axes of images and of attention heads, where two of them are easily exchanged
TOKENS = re.compile(r"(^|_)(tokens?|emb(edding)?s?|hidden(_states?)?|seq(uence)?s?|sentences?|words?)($|_)")
PICTURE = re.compile(r"(^|_)(images?|imgs?|pictures?|photos?|frames?|rgb)($|_)")
CHOOSERS = re.compile(r"^(dims?|axis|axes|channel_axis|multichannel|feature_axis|seq_dim)$")


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
    odd = "" if wanted is not None else _odd(study, name, array, mixing)
    if odd:
        study.report.finding(
            "layout_mixed", f"{text}: {odd}", "name the axis, or bring the axes into the order it takes"
        )
        return
    inner = [axis for axis in axes if axis]
    partly = bool(set(mixing) & set(inner)) and not set(inner) <= set(mixing)
    colours = array.ndim == 3 and array.shape[2] in COLOURS and 2 in mixing and 0 in mixing
    if wanted is None and ((array.ndim == LAYOUT and (partly or placed)) or colours):
        study.report.finding("axes_seen", text)


def _odd(study: Study, name: str, array: Any, mixing: list[int]) -> str:
    """What no call does that was given its axes in the right order; nothing where all may be well."""
    spatial, colours = _picture(name, array)
    if spatial:
        seen = [axis for axis in spatial if axis in mixing]
        if len(seen) == 1:
            return f"of the two sides of an image, {spatial[0]} and {spatial[1]}, only {seen[0]} is seen"
        if len(seen) == len(spatial) and colours == array.ndim - 1 and colours in mixing and _chooses(study):
            return f"the colours along axis {colours} are taken for a third side, and no axis was named"
    if array.ndim == 3 and TOKENS.search(name.lower()):
        if mixing == [1] and _chooses(study):
            return "the sequence is reduced or normalised, not the width, and no axis was named"
        if mixing == [0, 2]:
            return "samples and widths are put together, and the positions of the sequence kept apart"
    return ""


def _picture(name: str, array: Any) -> tuple[list[int], int | None]:
    """The two sides of an image and its colours, where the sizes or the name leave no doubt."""
    shape, last = array.shape, array.ndim - 1
    if array.ndim not in (3, LAYOUT):
        return [], None
    colours = last if shape[-1] in COLOURS and shape[-3] not in COLOURS else None
    colours = last - 2 if shape[-3] in (1, *COLOURS) and shape[-1] not in COLOURS else colours
    sides = [axis for axis in range(last - 2, last + 1) if axis != colours]
    if colours is None or not (shape[sides[0]] == shape[sides[1]] or PICTURE.search(name.lower())):
        return [], None
    if colours != last and not PICTURE.search(name.lower()):
        return [], None  # three heads of attention look like three colours
    return sides, colours


def _chooses(study: Study) -> bool:
    """Whether the call takes the axis as an argument, and was given none."""
    for owner, place in ((study.case.target, "init"), (study.callable_, "kwargs")):
        signature = look.signature(owner)
        given = study.case.spec[place] or {}
        names = [key for key in (signature.parameters if signature else ()) if CHOOSERS.match(key)]
        if names and not any(key in given for key in names):
            return True
    return False
