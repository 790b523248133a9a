"""Denoising score matching over many noise levels, sampled by Langevin steps (arXiv:1907.05600)."""
# ruff: noqa: ARG001

import torch

from ..engine.phases import Train
from .common import METRICS, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    return mlp(3, run.cfg.model.width, 2)


def loss(model, run, cfg, n):
    x = blobs(n)[0]
    level = torch.exp(torch.empty(n, 1).uniform_(-3, 0.5))
    noise = torch.randn_like(x)
    return (level * model(torch.cat([x + level * noise, level.log()], 1)) + noise).square().sum(1).mean()


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    path = [2 * torch.randn(n, 2)]
    for step in range(steps):
        level = torch.full((n, 1), 1.0 - 0.9 * step / steps)
        move = run.models["score"](torch.cat([path[-1], level.log()], 1))
        path.append(path[-1] + 0.1 * level.square() * move + (0.2 * level.square()).sqrt() * torch.randn(n, 2))
    return torch.stack(path)


PHASES = {"score": Train(build, loss)}
