"""The eight Gaussians as the paper defines them."""

import numpy as np


def eight_gaussians(n, rng):
    """(n, 2): a mode is drawn for each point, then noise of standard deviation 0.1 is added."""
    angles = rng.integers(8, size=n) * (2 * np.pi / 8)
    centres = 5.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return centres + 0.1 * rng.standard_normal((n, 2))
