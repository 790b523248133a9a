"""Weights in which nothing is zero, one or repeated: at their initial values zero heads and unit norms hide faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .nodes import Array


def shaken(tensors: list[dict[str, Any]], seed: int) -> Array:
    """Float64 values for all `tensors` (name, shape, kind), one after the other.

    Vectors lie in 0.4 to 1.2, because a norm's weight and a bias cannot be told apart by name; matrices are normal with
    variance 1 / fan-in; running variances lie in 0.5 to 1.5. The generator is NumPy's Philox: all sides draw the same.
    """
    parts = [shaken_one(tensor, seed, number) for number, tensor in enumerate(tensors)]
    return np.concatenate(parts) if parts else np.zeros(0)


def shaken_one(tensor: dict[str, Any], seed: int, number: int, most: int | None = None) -> Array:
    """Float64 values of tensor `number`, or the first `most` of them."""
    rng = np.random.Generator(np.random.Philox(key=[seed, number]))
    shape = tuple(tensor["shape"])
    size = math.prod(shape) if most is None else min(math.prod(shape), most)
    values: Array
    if tensor["kind"] == "variance":
        values = rng.random(size) + 0.5
    elif sum(n > 1 for n in shape) <= 1:
        values = (rng.random(size) * 0.8 + 0.4) * (0.5 if tensor["kind"] == "mean" else 1.0)
    else:
        fan = math.prod(shape[1:]) if len(shape) > 2 else max(shape)
        values = rng.standard_normal(size) * (0.5 if len(shape) == 3 else 1.0 / math.sqrt(fan))
    return values
