"""How two results that differ are related: a factor, a power, an order, an axis."""

from __future__ import annotations

import itertools
import math
from typing import Any, Iterator  # noqa: UP035 - Python 3.8 must be able to run this

from .arrays import np, relative

NEAR = 1e-4


def related(ours: Any, theirs: Any, sizes: dict[str, int]) -> str:
    """What turns their result into ours, in words; nothing when no simple thing does.

    Args:
        ours: Our numbers.
        theirs: The reference's.
        sizes: Lengths that a factor may be made of, by name, like {"N": 256, "D": 2}.
    """
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all() and ours.size and theirs.size):
        return ""
    if ours.shape != theirs.shape:
        return _by_shape(ours, theirs)
    for text, candidate in _candidates(theirs, sizes):
        if relative(ours, candidate) < NEAR:
            return text
    return ""


def _by_shape(ours: Any, theirs: Any) -> str:
    if ours.ndim == 2 and ours.T.shape == theirs.shape and relative(ours.T, theirs) < NEAR:
        return "it is the transpose"
    if ours.ndim > theirs.ndim == 0:
        for text, reduced in (("mean", ours.mean()), ("sum", ours.sum())):
            if relative(np.asarray(reduced), theirs) < NEAR:
                return f"it is not reduced: their value is its {text}"
    if sorted(ours.shape) == sorted(theirs.shape) and ours.ndim == 3:
        for order in ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)):
            moved = ours.transpose(order)
            if moved.shape == theirs.shape and relative(moved, theirs) < NEAR:
                return f"its axes are in another order: transpose{order}"
    return ""


def _candidates(theirs: Any, sizes: dict[str, int]) -> Iterator[tuple[str, Any]]:
    yield "it has the other sign", -theirs
    for text, factor in _factors(sizes):
        yield f"it is {text} of theirs", theirs * factor
    yield "it is their square", theirs**2
    yield "it is half of their square", theirs**2 / 2
    yield "it is 1 minus theirs", 1 - theirs
    if (theirs >= 0).all():
        yield "it is their square root", np.sqrt(theirs)
    if (theirs > 0).all():
        yield "it is their logarithm", np.log(theirs)
        yield "it is their inverse", 1 / theirs
    with np.errstate(all="ignore"):
        raised = np.exp(theirs)
    if np.isfinite(raised).all():
        yield "it is the exponential of theirs", raised
    yield from _orders(theirs)


def _factors(sizes: dict[str, int]) -> Iterator[tuple[str, float]]:
    plain = {
        "half": 0.5, "twice": 2.0, "1/255": 1 / 255, "255 times": 255.0, "100 times": 100.0, "1/100": 0.01,
        "ln 2 times (log2 against ln)": math.log(2), "1/ln 2 (ln against log2)": 1 / math.log(2),
        "180/π times (degrees)": 180 / math.pi, "π/180 (radians)": math.pi / 180, "√2 times": math.sqrt(2),
    }  # fmt: skip
    yield from plain.items()
    for name, size in sizes.items():
        if size > 1:
            yield f"{name} = {size} times (a sum against a mean)", float(size)
            yield f"1/{name} = 1/{size} (a mean against a sum)", 1.0 / size
            yield f"n/(n-1) with {name} = {size} (unbiased against biased)", size / (size - 1)
            yield f"(n-1)/n with {name} = {size} (biased against unbiased)", (size - 1) / size
            yield f"√(n/(n-1)) with {name} = {size} (unbiased against biased)", math.sqrt(size / (size - 1))
            yield f"√((n-1)/n) with {name} = {size} (biased against unbiased)", math.sqrt((size - 1) / size)
            yield f"√{name} = √{size} times", math.sqrt(size)
            yield f"1/√{name} = 1/√{size}", 1 / math.sqrt(size)


def _orders(theirs: Any) -> Iterator[tuple[str, Any]]:
    """The same numbers in other places."""
    if theirs.ndim == 2 and theirs.shape[0] == theirs.shape[1]:
        yield "it is the transpose", theirs.T
    for a, b in itertools.combinations(range(theirs.ndim), 2):
        if theirs.ndim > 2 and theirs.shape[a] == theirs.shape[b] > 1:
            yield f"axes {a} and {b} are exchanged", theirs.swapaxes(a, b)
    for axis in range(theirs.ndim):
        yield f"axis {axis} is reversed", np.flip(theirs, axis)
        yield f"axis {axis} is moved by one", np.roll(theirs, 1, axis)
        yield f"axis {axis} is moved by minus one", np.roll(theirs, -1, axis)
        yield f"axis {axis} is sorted", np.sort(theirs, axis)
