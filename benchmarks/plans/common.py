"""What the small cores of this folder share: toy data, a metric, a path. Copied into each generated core."""

import itertools

import torch
from torch import nn


def mlp(*sizes, out=None):
    """Linear layers with SiLU between them."""
    layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.SiLU())]
    return nn.Sequential(*layers[:-1], *([out] if out else []))


def blobs(n, modes=4, std=0.3):
    """Points of a ring of Gaussians (n, 2) and the number of each one's mode."""
    label = torch.randint(modes, (n,))
    angle = label * (2 * torch.pi / modes)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + std * torch.randn(n, 2), label


def pictures(n, side=8):
    """Images (n, 1, side, side) of one bright square, its mask, and its corner (n, 2) in [0, 1]."""
    corner = torch.randint(side - 3, (n, 2))
    axis = torch.arange(side)
    inside = (axis >= corner[:, :, None]) & (axis < corner[:, :, None] + 3)
    mask = (inside[:, 0, :, None] & inside[:, 1, None, :]).float()[:, None]
    return mask + 0.1 * torch.randn(n, 1, side, side), mask, corner / side


def words(n, length=8, vocabulary=7):
    """Sequences (n, length) that count upwards modulo the vocabulary from a random start, with rare mistakes."""
    start = torch.randint(vocabulary, (n, 1))
    right = (start + torch.arange(length)) % vocabulary
    return torch.where(torch.rand(n, length) < 0.05, torch.randint(vocabulary, (n, length)), right)


def as_path(result, steps):
    """A straight path from zero to the result, (steps + 1, n, ...)."""
    return torch.stack([result * (step / steps) for step in range(steps + 1)])


def gap(test, generated):
    """Distance between the means of two sets of samples; not squared."""
    return (test.float().mean(0) - generated.float().mean(0)).norm().item()


def load_data(cfg, device):
    """Nothing to load: the toys are drawn."""
    if cfg.data.name not in ("blobs", "pictures", "words", "line", "graph", "env"):
        raise ValueError(f"data.name is '{cfg.data.name}'")
    return device


METRICS = {"gap": gap}
