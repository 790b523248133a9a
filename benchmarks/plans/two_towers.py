"""CLIP: pictures and the words for them meet in one space (arXiv:2103.00020)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Towers(nn.Module):
    """Pictures and corners to scores (n, n)."""

    def __init__(self, width):
        super().__init__()
        self.picture, self.word = mlp(64, width, 8), nn.Sequential(nn.Embedding(25, width), nn.Linear(width, 8))
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x, word):
        a, b = F.normalize(self.picture(x.flatten(1)), dim=1), F.normalize(self.word(word), dim=1)
        return self.scale.exp() * a @ b.T


def pairs(n):
    x, _, corner = pictures(n)
    return x, (corner * 8).long() @ torch.tensor([5, 1])


def build(run, cfg):
    return Towers(run.cfg.model.width)


def loss(model, run, cfg, n):
    scores, right = model(*pairs(n)), torch.arange(n)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def draw_truth(run, n, variant="iid"):
    return torch.ones(n, 1)


def sample(run, n, steps):
    return as_path(run.models["clip"](*pairs(n)).softmax(1).diagonal()[:, None], steps)


PHASES = {"clip": Train(build, loss)}
