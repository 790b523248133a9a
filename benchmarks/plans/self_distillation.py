"""BYOL: a predictor learns what a slowly following copy of the encoder says; no negatives (arXiv:2006.07733)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    online = nn.Sequential(mlp(2, width, 8), mlp(8, width, 8))
    model = nn.ModuleDict({"online": online, "target": mlp(2, width, 8)})
    model["target"].load_state_dict(online[0].state_dict())
    return model


def collect(model, run, cfg, step):
    torch._foreach_lerp_(list(model["target"].parameters()), list(model["online"][0].parameters()), 1 - cfg.follow)


def loss(model, run, cfg, n):
    x, _ = blobs(n)
    with torch.no_grad():
        wanted = model["target"](x + 0.1 * torch.randn_like(x))
    return -F.cosine_similarity(model["online"](x + 0.1 * torch.randn_like(x)), wanted).mean()


def draw_truth(run, n, variant="iid"):
    return torch.randn(n, 8)


def sample(run, n, steps):
    return as_path(run.models["byol"]["online"](blobs(n)[0]), steps)


PHASES = {"byol": Train(build, {"online": loss}, collect=collect)}
