"""From half the size to the whole picture, by sub-pixel convolution (arXiv:1609.05158)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.PReLU(), nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2)
    )


def loss(model, run, cfg, n):
    large = pictures(n)[1]
    return F.l1_loss(model(F.avg_pool2d(large, 2)), large)


def draw_truth(run, n, variant="iid"):
    return pictures(n)[1]


def sample(run, n, steps):
    with torch.no_grad():
        return as_path(run.models["sr"](F.avg_pool2d(pictures(n)[1], 2)), steps)


PHASES = {"sr": Train(build, loss)}
