"""An LSTM that reads a sequence and forecasts the next value."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """(n, length, 1) to (n, 1)."""

    def __init__(self, width):
        super().__init__()
        self.body, self.head = nn.LSTM(1, width, batch_first=True), nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.body(x)[0][:, -1])


def waves(n):
    t = torch.arange(12) * 0.4 + 6 * torch.rand(n, 1)
    return torch.sin(t)[:, :-1, None], torch.sin(t)[:, -1:]


def build(run, cfg):
    return Model(run.cfg.model.width)


def loss(model, run, cfg, n):
    x, y = waves(n)
    return F.mse_loss(model(x), y)


def draw_truth(run, n, variant="iid"):
    return waves(n)[1]


def sample(run, n, steps):
    return as_path(run.models["forecast"](waves(n)[0]), steps)


PHASES = {"forecast": Train(build, loss)}
