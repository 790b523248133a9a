"""A network that fulfils u'' = -u with u(0) = 0, u'(0) = 1: second derivatives of the network are in its loss."""
# ruff: noqa: ARG001

import torch

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    return mlp(1, run.cfg.model.width, 1)


def slope(u, x):
    return torch.autograd.grad(u.sum(), x, create_graph=True)[0]


def loss(model, run, cfg, n):
    x = (3 * torch.rand(n, 1)).requires_grad_()
    u = model(x)
    zero = torch.zeros(1, 1, requires_grad=True)
    start = model(zero)
    inside = (slope(slope(u, x), x) + u).square().mean()
    return inside + start.square().mean() + (slope(start, zero) - 1).square().mean()


def draw_truth(run, n, variant="iid"):
    x = 3 * torch.rand(n, 1)
    return torch.cat([x, torch.sin(x)], 1)


def sample(run, n, steps):
    x = 3 * torch.rand(n, 1)
    return as_path(torch.cat([x, run.models["solve"](x)], 1), steps)


PHASES = {"solve": Train(build, loss)}
