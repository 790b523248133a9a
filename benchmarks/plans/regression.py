"""Supervised regression with batch-norm and dropout."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def line(n):
    x = torch.rand(n, 1) * 4 - 2
    return x, torch.sin(2 * x) + 0.1 * torch.randn(n, 1)


def build(run, cfg):
    width = run.cfg.model.width
    return nn.Sequential(nn.Linear(1, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 1))


def loss(model, run, cfg, n):
    x, y = line(n)
    return F.mse_loss(model(x), y)


def draw_truth(run, n, variant="iid"):
    return torch.cat(line(n), 1)


def sample(run, n, steps):
    x, _ = line(n)
    return as_path(torch.cat([x, run.models["fit"](x)], 1), steps)


PHASES = {"fit": Train(build, loss)}
