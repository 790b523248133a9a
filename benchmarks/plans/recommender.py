"""Matrix factorisation with sampled negatives, from a fixed table of who liked what."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def load_data(cfg, device):
    """Pairs (user, item), deterministic."""
    generator = torch.Generator().manual_seed(3)
    user = torch.randint(30, (400,), generator=generator)
    return user, (user + torch.randint(3, (400,), generator=generator)) % 20


class Model(nn.Module):
    """Users and items to scores."""

    def __init__(self, width):
        super().__init__()
        self.user, self.item = nn.Embedding(30, width), nn.Embedding(20, width)

    def forward(self, user, item):
        return (self.user(user) * self.item(item)).sum(1)


def build(run, cfg):
    return Model(run.cfg.model.width)


def loss(model, run, cfg, n):
    row = torch.randint(400, (n,))
    user, item = run.data[0][row], run.data[1][row]
    return -F.logsigmoid(model(user, item) - model(user, torch.randint(20, (n,)))).mean()


def draw_truth(run, n, variant="iid"):
    return torch.ones(n, 1)


def sample(run, n, steps):
    row = torch.randint(400, (n,))
    return as_path(run.models["factors"](run.data[0][row], run.data[1][row]).sigmoid()[:, None], steps)


PHASES = {"factors": Train(build, loss)}
