"""A graph network: messages between neighbours, nodes labelled from a few known ones (arXiv:1609.02907)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def load_data(cfg, device):
    """A ring with random chords: features, edges that are normalised, labels."""
    generator = torch.Generator().manual_seed(7)
    nodes = cfg.data.nodes
    label = torch.arange(nodes) * 3 // nodes
    near = (label[:, None] == label) & (torch.rand(nodes, nodes, generator=generator) < 0.3)
    edges = (near | near.T).float() + torch.eye(nodes)
    return torch.randn(nodes, 4, generator=generator) + label[:, None], edges / edges.sum(1, keepdim=True), label


class Model(nn.Module):
    """Nodes (v, 4) and edges (v, v) to scores (v, 3)."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = nn.Linear(4, width), mlp(width, 3)

    def forward(self, x, edges):
        return self.second(edges @ F.relu(self.first(edges @ x)))


def build(run, cfg):
    return Model(run.cfg.model.width)


def loss(model, run, cfg, n):
    x, edges, label = run.data
    known = torch.randint(len(x), (n,))
    return F.cross_entropy(model(x, edges)[known], label[known])


def draw_truth(run, n, variant="iid"):
    label = run.data[2]
    return F.one_hot(label[torch.randint(len(label), (n,))], 3).float()


def sample(run, n, steps):
    x, edges, _ = run.data
    return as_path(run.models["gcn"](x, edges).softmax(1)[torch.randint(len(x), (n,))], steps)


PHASES = {"gcn": Train(build, loss)}
