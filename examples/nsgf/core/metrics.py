"""The distance of table 1."""

import math

import numpy as np
import ot
from torch import Tensor


def w2(test: Tensor, generated: Tensor) -> float:
    """Exact 2-Wasserstein distance between two sets of points (n, *shape) and (m, *shape), uniform weights.

    The square root of the optimal mean squared Euclidean distance (eq. 1 with p = 2); for images in pixel space.
    `ot.emd2` returns the squared cost, and gives up silently after 100,000 pivots unless told otherwise.
    """
    cost = ot.dist(as_points(test), as_points(generated))  # squared Euclidean
    squared, log = ot.emd2([], [], cost, numItermax=10_000_000, log=True)
    if log["warning"] is not None:
        raise RuntimeError(f"the transport solver did not finish: {log['warning']}")
    return math.sqrt(max(float(squared), 0.0))


def as_points(samples: Tensor) -> np.ndarray:
    """(n, *shape) as (n, d) in float64: float32 loses the distance between near points."""
    return samples.detach().flatten(1).double().cpu().numpy()
