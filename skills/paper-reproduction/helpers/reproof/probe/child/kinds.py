"""What numbers look like: probabilities, labels, log-probabilities, signs, masks."""

from __future__ import annotations

from typing import Any

from .arrays import np

NEAR = 1e-4
ENOUGH = 16  # fewer numbers between 0 and 1 may be there by chance


def simplex_axis(array: Any) -> int | None:
    """The axis along which non-negative numbers sum to one, or None."""
    if array.dtype.kind != "f" or array.size < 2 or not np.isfinite(array).all() or (array < -NEAR).any():
        return None
    for axis in reversed(range(array.ndim)):
        if array.shape[axis] > 1 and np.abs(array.sum(axis=axis) - 1.0).max() < 1e-3:
            return axis
    return None


def is_unit(array: Any) -> bool:
    """Fractions between 0 and 1 that are not all whole numbers."""
    if array.dtype.kind != "f" or array.size < ENOUGH or not np.isfinite(array).all():
        return False
    return bool((array >= 0).all() and (array <= 1).all() and (array != np.round(array)).any())


def is_binary(array: Any) -> bool:
    """Zeros and ones, both of them."""
    if array.dtype.kind not in "fiub" or array.size < 2:
        return False
    ones = array == 1
    return bool(((array == 0) | ones).all() and ones.any() and not ones.all())


def is_labels(array: Any, classes: int) -> bool:
    """Whole numbers from 0 to classes - 1, in an integer type."""
    return array.dtype.kind in "iu" and bool((array >= 0).all() and (array < classes).all())


def is_log_probabilities(array: Any) -> bool:
    """Numbers that are at most 0, as logarithms of probabilities are."""
    return array.dtype.kind == "f" and bool((array <= NEAR).all())


def described(array: Any) -> str:
    """What the numbers look like, in words."""
    axis = simplex_axis(array)
    if axis is not None:
        return f"numbers that sum to one along axis {axis}, like probabilities"
    if is_binary(array):
        return "zeros and ones"
    return f"numbers from {array.min():.4g} to {array.max():.4g}"
