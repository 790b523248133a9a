"""A small U-Net with a skip connection labels each pixel; Dice and cross-entropy together."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Unet(nn.Module):
    """(n, 1, s, s) to one score per pixel."""

    def __init__(self, width):
        super().__init__()
        self.down, self.deep = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, width, 3, 2, 1)
        self.norm, self.up = nn.GroupNorm(2, width), nn.ConvTranspose2d(width, width, 2, 2)
        self.head = nn.Conv2d(2 * width, 1, 1)

    def forward(self, x):
        wide = F.silu(self.down(x))
        return self.head(torch.cat([wide, self.up(F.silu(self.norm(self.deep(wide))))], 1))


def build(run, cfg):
    return Unet(run.cfg.model.width)


def loss(model, run, cfg, n):
    x, mask, _ = pictures(n, run.cfg.data.side)
    score = model(x)
    p = score.sigmoid()
    dice = 1 - 2 * (p * mask).sum() / (p.sum() + mask.sum() + 1)
    return F.binary_cross_entropy_with_logits(score, mask) + dice


def draw_truth(run, n, variant="iid"):
    return pictures(n, run.cfg.data.side)[1]


def sample(run, n, steps):
    return as_path(run.models["segment"](pictures(n, run.cfg.data.side)[0]).sigmoid(), steps)


PHASES = {"segment": Train(build, loss)}
