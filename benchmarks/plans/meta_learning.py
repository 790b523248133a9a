"""MAML: the loss after a gradient step inside the loss (arXiv:1703.03400)."""
# ruff: noqa: ARG001

import torch
from torch.func import functional_call
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def waves(n, phase):
    x = 4 * torch.rand(n, 1) - 2
    return x, torch.sin(x + phase)


def build(run, cfg):
    return mlp(1, run.cfg.model.width, 1)


def loss(model, run, cfg, n):
    total = torch.zeros(())
    for _ in range(cfg.tasks):
        phase = 3 * torch.rand(1)
        weights = dict(model.named_parameters())
        x, y = waves(n, phase)
        inner = F.mse_loss(functional_call(model, weights, (x,)), y)
        slopes = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
        fast = {name: w - cfg.inner_lr * g for (name, w), g in zip(weights.items(), slopes, strict=True)}
        x, y = waves(n, phase)
        total = total + F.mse_loss(functional_call(model, fast, (x,)), y)
    return total / cfg.tasks


def draw_truth(run, n, variant="iid"):
    return torch.cat(waves(n, 1.0), 1)


def sample(run, n, steps):
    x, _ = waves(n, 1.0)
    return as_path(torch.cat([x, run.models["maml"](x)], 1), steps)


PHASES = {"maml": Train(build, loss)}
