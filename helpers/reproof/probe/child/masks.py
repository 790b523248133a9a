"""What True means in a mask: this one counts, or this one is left out."""

from __future__ import annotations

from typing import Any

from .arrays import np, relative
from .kinds import is_binary
from .study import Study

CHANGED = 1e-4


def check_masks(study: Study) -> None:
    """Change the data where a mask is True, then where it is False, and see which of the two matters."""
    tensors = study.tensors()
    for name, mask in tensors.items():
        if mask.dtype.kind not in "bf" and mask.ndim < 2:
            continue
        if not _is_mask(mask):
            continue
        data = {
            n: a for n, a in tensors.items() if a.dtype.kind == "f" and a.shape[: mask.ndim] == mask.shape and n != name
        }
        if data:
            _tell(study, name, mask.astype(bool), data)


def _is_mask(array: Any) -> bool:
    return array.ndim == 2 and array.dtype.kind in "biu" and is_binary(array)


def _tell(study: Study, name: str, mask: Any, data: dict[str, Any]) -> None:
    heard_true, heard_false = _influence(study, mask, data), _influence(study, ~mask, data)
    if heard_true and heard_false and study.case.inputs[name]["dist"] == "valid":
        study.report.finding(
            "mask_leaks",
            f"the data counts where {name} is True and where it is False: what the mask leaves out still reaches the "
            "result",
            "leave it out of every sum, mean and norm as well, or fill it before",
        )
    if heard_true == heard_false:
        return  # neither, or both: it is no mask of these data
    keeps = heard_true
    means = "counts" if keeps else "is left out"
    wants_keep = study.case.inputs[name]["dist"] == "valid"
    looks_like_keep = bool(mask[:, 0].all()) and not bool(mask[:, -1].all())
    if not keeps and (wants_keep or looks_like_keep):
        study.report.finding(
            "mask_inverted",
            f"where {name} is True the data {means}; this mask is True at the start of every sequence and False at "
            "the ends, as if True meant a real token",
            f"~{name}",
        )
    elif keeps and not wants_keep and bool(mask[:, -1].any()) and not bool(mask[:, 0].any()):
        study.report.finding(
            "mask_inverted",
            f"where {name} is True the data counts; this mask is True only towards the ends, as if True meant padding",
            f"~{name}",
        )
    else:
        study.report.fact("mask", f"{name}: True {means}")


def _influence(study: Study, where: Any, data: dict[str, Any]) -> bool:
    """Whether the results at the other places change when the data changes at these."""
    noise = np.random.RandomState(11)
    change = {}
    for name, array in data.items():
        spread = where.reshape(where.shape + (1,) * (array.ndim - where.ndim))
        change[name] = np.where(spread, noise.standard_normal(array.shape) * 3.0, array)
    after = study.ask(change)
    if after is None:
        return False
    for a, b in zip(study.base, after):  # noqa: B905 - the same call
        if a.dtype.kind != "f" or a.shape != b.shape:
            continue
        if a.shape[:1] == where.shape[:1]:  # a row without one or the other is a case of its own: nothing is left of it
            both = where.any(axis=1) & ~where.all(axis=1)
            a, b, here = a[both], b[both], where[both]
            if a.shape[:2] == here.shape:
                a, b = a[~here], b[~here]
        known = np.isfinite(a) & np.isfinite(b)
        if known.any() and relative(a[known], b[known]) > CHANGED:
            return True
    return False
