"""WGAN with gradient penalty: five critic updates per step, a gradient of a gradient (arXiv:1704.00028)."""
# ruff: noqa: ARG001

import torch
from torch import nn

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    return nn.ModuleDict({"critic": mlp(2, run.cfg.model.width, 1), "generator": mlp(2, run.cfg.model.width, 2)})


def critic_loss(model, run, cfg, n):
    real, fake = blobs(n)[0], model["generator"](torch.randn(n, 2)).detach()
    between = torch.lerp(real, fake, torch.rand(n, 1)).requires_grad_()
    (slope,) = torch.autograd.grad(model["critic"](between).sum(), between, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    return model["critic"](fake).mean() - model["critic"](real).mean() + cfg.penalty * penalty


def generator_loss(model, run, cfg, n):
    return -model["critic"](model["generator"](torch.randn(n, 2))).mean()


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    return as_path(run.models["gan"]["generator"](torch.randn(n, 2)), steps)


PHASES = {"gan": Train(build, {"critic": critic_loss, "generator": generator_loss})}
