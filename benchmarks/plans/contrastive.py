"""SimCLR: two views, InfoNCE over the batch, then a linear probe on the frozen encoder (arXiv:2002.05709)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build_encoder(run, cfg):
    return mlp(2, run.cfg.model.width, 8)


def info_nce(model, run, cfg, n):
    x, _ = blobs(n)
    a, b = (F.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
    return F.cross_entropy(a @ b.T / cfg.temperature, torch.arange(n))


def build_probe(run, cfg):
    return nn.Linear(8, 4)


def probe_loss(model, run, cfg, n):
    x, y = blobs(n)
    return F.cross_entropy(model(run.models["encoder"](x)), y)


def draw_truth(run, n, variant="iid"):
    return F.one_hot(blobs(n)[1], 4).float()


def sample(run, n, steps):
    return as_path(run.models["probe"](run.models["encoder"](blobs(n)[0])).softmax(1), steps)


PHASES = {"encoder": Train(build_encoder, info_nce), "probe": Train(build_probe, probe_loss)}
