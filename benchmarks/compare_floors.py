#!/usr/bin/env python3
"""Floors of compare against a computation by other means: how many percent do they differ?

  python benchmarks/compare_floors.py            needs POT, geomloss, scipy, torch

Brute force: the optimal assignment by linear programming (POT emd2) on the same samples; Sinkhorn by geomloss in
float64; FID with scipy's matrix square root; MMD and KID as sums over pairs in loops; accuracy by simulation of
200,000 test sets.
The floor of a protocol is the mean over draws, so means over the same draws are compared.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "helpers"))

from reproof.compare.child import metrics

DRAWS = 10


def pairs(n: int, d: int):
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        yield rng.normal(size=(n, d)), rng.normal(size=(n, d))


def emd(x, y, power):
    import ot

    cost = ot.dist(x, y, metric="euclidean") ** power
    return ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), cost, numItermax=10_000_000)


def geomloss(x, y, blur):
    import torch
    from geomloss import SamplesLoss

    loss = SamplesLoss("sinkhorn", p=2, blur=blur, scaling=0.99, backend="tensorized")
    return float(loss(torch.tensor(x), torch.tensor(y)))


def loops(x, y, kernel):
    own = [
        sum(kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) / (len(s) * (len(s) - 1))
        for s in (x, y)
    ]
    return sum(own) - 2 * sum(kernel(p, q) for p in x for q in y) / (len(x) * len(y))


def frechet(x, y):
    from scipy.linalg import sqrtm

    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))


def row(name, ours, brute):
    a, b = float(np.mean(ours)), float(np.mean(brute))
    print(f"| {name} | {a:.6g} | {b:.6g} | {100 * abs(a - b) / abs(b):.4f} % |", flush=True)
    return abs(a - b) / abs(b)


def main() -> None:
    print("| floor | ours | brute force | apart |\n|---|---:|---:|---:|")
    worst = []
    for n, d in ((64, 1), (256, 2)):
        both = list(pairs(n, d))
        worst.append(row(f"W1, n = {n}, d = {d}", [metrics.w1(*p) for p in both], [emd(*p, 1) for p in both]))
        worst.append(
            row(f"W2 squared, n = {n}, d = {d}", [metrics.w2_squared(*p) for p in both], [emd(*p, 2) for p in both])
        )
    both = [(x[:100], y) for x, y in pairs(150, 2)]
    worst.append(row("W2, 100 against 150", [metrics.w2(*p) for p in both], [emd(*p, 2) ** 0.5 for p in both]))
    both = list(pairs(128, 2))
    for blur in (0.5, 0.2):
        ours, theirs = [metrics.sinkhorn(*p, blur=blur) for p in both], [geomloss(*p, blur) for p in both]
        worst.append(row(f"Sinkhorn, blur {blur}", ours, theirs))
    both = list(pairs(2000, 32))
    worst.append(row("FID, n = 2000, d = 32", [metrics.fid(*p) for p in both], [frechet(*p) for p in both]))
    both = [(x, y + 0.5) for x, y in pairs(40, 3)]
    worst.append(
        row(
            "KID, n = 40, shifted",
            [metrics.kid(*p) for p in both],
            [loops(*p, lambda p, q: (p @ q / 3 + 1) ** 3) for p in both],
        )
    )
    gauss = lambda p, q: np.exp(-((p - q) ** 2).sum() / 2)  # noqa: E731
    worst.append(
        row("MMD, n = 40, shifted", [metrics.mmd(*p, bandwidth=1.0) for p in both], [loops(*p, gauss) for p in both])
    )
    drawn = np.random.default_rng(0).binomial(10_000, 0.97, 200_000) / 10_000
    ours = metrics.accuracies(10_000, 0.03, 1000)
    worst.append(row("accuracy, n = 10,000, noise 3 %: mean", ours, drawn))
    worst.append(row("the same: standard deviation", [np.std(ours)], [np.std(drawn)]))
    print(f"\nworst: {100 * max(worst):.3f} %, allowed 3 %")
    sys.exit(0 if max(worst) <= 0.03 else 4)


if __name__ == "__main__":
    main()
