"""Metrics between two samples, one row each: W1, W2, Sinkhorn divergence, MMD, FID, KID; and the best accuracy.

Equal weights throughout. W1 and W2 are exact. All in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any  # numpy of the user's project, whose stubs are not ours


def squared_distances(x: Array, y: Array) -> Array:
    """|x_i - y_j|^2, (n, m)."""
    found = (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T
    return np.maximum(found, 0.0)


def transport(cost: Array) -> float:
    """The cheapest way to carry equal weights on the rows to equal weights on the columns, exact."""
    n, m = cost.shape
    if n == m:
        from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

        rows, columns = linear_sum_assignment(cost)
        return float(cost[rows, columns].mean())
    import ot  # type: ignore[import-untyped] # POT: sides of different size

    return float(ot.emd2(np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=10_000_000))


def _on_a_line(x: Array, y: Array, power: int) -> float:
    """The same in one dimension: quantiles against quantiles, at every place where either jumps."""
    a, b = np.sort(x[:, 0]), np.sort(y[:, 0])
    n, m = len(a), len(b)
    jumps = np.unique(np.concatenate([np.arange(1, n + 1) * m, np.arange(1, m + 1) * n]))  # in units of 1 / (n m)
    widths = np.diff(np.concatenate([[0], jumps])) / (n * m)
    left, right = a[(jumps - 1) // m], b[(jumps - 1) // n]
    return float((np.abs(left - right) ** power * widths).sum())


def w1(x: Array, y: Array) -> float:
    """1-Wasserstein distance with the Euclidean ground metric."""
    return _on_a_line(x, y, 1) if x.shape[1] == 1 else transport(np.sqrt(squared_distances(x, y)))


def w2_squared(x: Array, y: Array) -> float:
    """The square of the 2-Wasserstein distance."""
    return _on_a_line(x, y, 2) if x.shape[1] == 1 else transport(squared_distances(x, y))


def w2(x: Array, y: Array) -> float:
    """2-Wasserstein distance."""
    return math.sqrt(w2_squared(x, y))


def _entropic(cost: Array, eps: float, most: int = 2000, tolerance: float = 1e-7) -> float:
    """Entropic transport in its dual form, by Sinkhorn's iteration on logarithms."""
    n, m = cost.shape
    f, g = np.zeros(n), np.zeros(m)
    for _ in range(most):
        new_f = -eps * (_logsumexp((g[None] - cost) / eps, 1) - math.log(m))
        new_g = -eps * (_logsumexp((new_f[:, None] - cost) / eps, 0) - math.log(n))
        change = np.abs(new_f - f).max()
        f, g = new_f, new_g
        if change <= tolerance * max(cost.max(), 1e-300):
            break
    return float(f.mean() + g.mean())


def _logsumexp(values: Array, axis: int) -> Array:
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


def sinkhorn(x: Array, y: Array, blur: float = 0.05) -> float:
    """Debiased Sinkhorn divergence with cost |x - y|^2 / 2 and eps = blur^2 (Feydy et al., AISTATS 2019)."""
    eps = blur**2
    cross, own, other = (_entropic(squared_distances(a, b) / 2, eps) for a, b in ((x, y), (x, x), (y, y)))
    return cross - 0.5 * (own + other)


def mmd(x: Array, y: Array, bandwidth: float | None = None) -> float:
    """MMD^2 with kernel exp(-d^2 / (2 bandwidth^2)), unbiased (Gretton et al., JMLR 2012, eq. 3); may be negative.

    Without a bandwidth the median distance between the pooled samples is taken.
    """
    if bandwidth is None:
        both = np.concatenate([x, y])[:1000]
        distances = squared_distances(both, both)
        bandwidth = math.sqrt(np.median(distances[np.triu_indices(len(both), 1)]) or 1.0)
    a, b, c = (np.exp(-squared_distances(p, q) / (2 * bandwidth**2)) for p, q in ((x, x), (y, y), (x, y)))
    return _unbiased(a, b, c)


def kid(x: Array, y: Array) -> float:
    """KID: unbiased MMD^2 of features with kernel (x.y / d + 1)^3 (Binkowski et al., ICLR 2018, section 4)."""
    d = x.shape[1]
    return _unbiased(*((p @ q.T / d + 1) ** 3 for p, q in ((x, x), (y, y), (x, y))))


def _unbiased(xx: Array, yy: Array, xy: Array) -> float:
    n, m = xy.shape
    own = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(own - 2 * xy.mean())


def fid(x: Array, y: Array) -> float:
    """Frechet distance of two Gaussians fitted to features (Heusel et al., NeurIPS 2017, eq. 6).

    tr((A B)^(1/2)) is the sum of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric.
    """
    difference = x.mean(0) - y.mean(0)
    a, b = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0)).sum()
    return float(difference @ difference + np.trace(a) + np.trace(b) - 2 * cross)


def accuracies(n_test: int, label_noise_frac: float, count: int) -> list[float]:
    """What a perfect classifier scores on `count` test sets whose labels are wrong with this probability; fractions.

    Quantiles of the binomial at equal steps, not random draws: `count` of them carry no noise of their own.
    """
    from scipy.stats import binom  # type: ignore[import-untyped]

    levels = (np.arange(count) + 0.5) / count
    return [float(v) / n_test for v in binom.ppf(levels, n_test, 1 - label_noise_frac)]


METRICS = {"w1": w1, "w2": w2, "w2_squared": w2_squared, "sinkhorn": sinkhorn, "mmd": mmd, "kid": kid, "fid": fid}
