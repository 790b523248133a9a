"""Sizes of errors, and tolerances from a measured noise floor instead of one constant."""

from __future__ import annotations

import math

import numpy as np

from .nodes import Array

MOST_WEIGHTS = 50_000_000  # held whole up to here: about 3 GiB of values in float64, their numbers, copies of both
ROOM = 1000.0  # tolerance over noise; correct ports stay near 1, the smallest fault seen lies at 1e8
FORWARD, GRADIENT, UPDATE = 1e-9, 1e-8, 1e-6


def error(x: Array, y: Array) -> float:
    """Largest difference over the largest magnitude of `x`; infinite where shapes or non-finite places differ."""
    if x.shape != y.shape:
        if x.size != y.size:
            return math.inf
        y = y.reshape(x.shape)
    if not x.size:
        return 0.0
    if x.dtype.kind != "f" or y.dtype.kind != "f":
        return 0.0 if np.array_equal(x, y) else math.inf
    finite = np.isfinite(x)
    if not np.array_equal(finite, np.isfinite(y)) or not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return math.inf
    if not finite.any():
        return 0.0
    a, b = x[finite], y[finite]
    return float(np.abs(a - b).max() / (np.abs(a).max() + 1e-12))


def matched(left: list[Array], right: list[Array]) -> list[tuple[int, int | None]]:
    """Outputs of the reference with those of the port: in order, or by size where the order or number differs."""
    if [each.size for each in left] == [each.size for each in right]:
        return [(k, k) for k in range(len(left))]
    free = list(range(len(right)))
    found: list[tuple[int, int | None]] = []
    for k, each in enumerate(left):
        fits = [j for j in free if right[j].size == each.size and right[j].dtype.kind == each.dtype.kind]
        best = min(fits, key=lambda j: error(each, right[j])) if fits else None
        found.append((k, best))
        if best is not None:
            free.remove(best)
    return found


def one_ulp(values: Array, seed: int = 5) -> Array:
    """Every value moved to its neighbour, up or down."""
    up = np.random.Generator(np.random.Philox(key=[seed, 0])).random(values.size) < 0.5
    moved: Array = np.nextafter(values, np.where(up, np.inf, -np.inf))
    return moved


def tolerance(promise: float, floor: float) -> float:
    """The promise, widened for a model that amplifies rounding itself."""
    return max(promise, ROOM * floor)


def margin(observed: float, limit: float) -> float | None:
    """Decades between what was seen and what is allowed; negative when it is too much."""
    if not math.isfinite(observed):
        return None
    return round(math.log10(limit / max(observed, 1e-17)), 1)
