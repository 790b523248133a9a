"""Members are trained one after the other, and each is told what the ones before it got wrong (boosting)."""
# ruff: noqa: ARG001

import torch
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]

MEMBERS = ("member_1", "member_2", "member_3", "member_4")


def line(n):
    x = torch.rand(n, 1) * 4 - 2
    return x, torch.sin(3 * x)


def build(run, cfg):
    return mlp(1, run.cfg.model.width, 1)


def loss(model, run, cfg, n):
    x, y = line(n)
    before = sum((member(x) for member in run.models.values()), torch.zeros_like(y))
    return F.mse_loss(model(x), y - before)


def draw_truth(run, n, variant="iid"):
    return torch.cat(line(n), 1)


def sample(run, n, steps):
    x, _ = line(n)
    return as_path(torch.cat([x, sum(run.models[name](x) for name in MEMBERS)], 1), steps)


PHASES = {name: Train(build, loss) for name in MEMBERS}
