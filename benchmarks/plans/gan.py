"""A GAN: two networks, two optimizers with learning rates of their own (Goodfellow et al., arXiv:1406.2661)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    return nn.ModuleDict({"critic": mlp(2, width, 1), "generator": mlp(2, width, 2)})


def critic_loss(model, run, cfg, n):
    fake = model["generator"](torch.randn(n, 2)).detach()
    return F.softplus(-model["critic"](blobs(n)[0])).mean() + F.softplus(model["critic"](fake)).mean()


def generator_loss(model, run, cfg, n):
    return F.softplus(-model["critic"](model["generator"](torch.randn(n, 2)))).mean()


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    return as_path(run.models["gan"]["generator"](torch.randn(n, 2)), steps)


PHASES = {"gan": Train(build, {"critic": critic_loss, "generator": generator_loss})}
