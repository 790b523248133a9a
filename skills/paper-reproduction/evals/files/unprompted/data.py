"""The data of the paper."""

import numpy as np


def eight_gaussians(n, rng):
    """(n, 2): a mode is drawn for each point, then noise of standard deviation 0.1 is added."""
    angles = rng.integers(8, size=n) * (2 * np.pi / 8)
    centres = 5.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return centres + 0.1 * rng.standard_normal((n, 2))


def moons(n, rng):
    """(n, 2): the upper or the lower half circle of each point is drawn, then noise of standard deviation 0.1 is added."""
    upper = rng.integers(2, size=n).astype(bool)
    angle = np.pi * rng.random(n)
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + 0.1 * rng.standard_normal((n, 2))


DATA = {"8gaussians": eight_gaussians, "moons": moons}
