"""A base model, then low-rank updates on it with the base frozen inside (arXiv:2106.09685)."""
# ruff: noqa: ARG001

import copy

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Lora(nn.Module):
    """A frozen linear layer plus a trained product of two thin matrices."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / rank)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.down.T @ self.up.T


def build_base(run, cfg):
    return mlp(2, run.cfg.model.width, 4)


def build_lora(run, cfg):
    base = copy.deepcopy(run.models["base"])
    return nn.Sequential(*(Lora(m, cfg.rank) if isinstance(m, nn.Linear) else m for m in base))


def loss(model, run, cfg, n):
    x, y = blobs(n)
    return F.cross_entropy(model(x), (y + cfg.shift) % 4)


def draw_truth(run, n, variant="iid"):
    return F.one_hot((blobs(n)[1] + 1) % 4, 4).float()


def sample(run, n, steps):
    return as_path(run.models["lora"](blobs(n)[0]).softmax(1), steps)


PHASES = {"base": Train(build_base, loss), "lora": Train(build_lora, loss)}
