"""VQ-VAE: codes from a book, the gradient copied straight through (arXiv:1711.00937)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """Image to reconstruction and the losses of book and commitment."""

    def __init__(self, width, entries):
        super().__init__()
        self.encoder, self.decoder, self.book = mlp(64, width, 8), mlp(8, width, 64), nn.Embedding(entries, 8)

    def forward(self, x):
        z = self.encoder(x.flatten(1))
        q = self.book(torch.cdist(z.detach(), self.book.weight.detach()).argmin(1))
        again = self.decoder(z + (q - z).detach()).view_as(x)
        return again, F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())


def build(run, cfg):
    return Model(run.cfg.model.width, run.cfg.model.entries)


def loss(model, run, cfg, n):
    x = pictures(n)[0]
    again, rest = model(x)
    return F.mse_loss(again, x) + rest


def draw_truth(run, n, variant="iid"):
    return pictures(n)[0]


def sample(run, n, steps):
    model = run.models["vq"]
    return as_path(model.decoder(model.book(torch.randint(model.book.num_embeddings, (n,)))).view(n, 1, 8, 8), steps)


PHASES = {"vq": Train(build, loss)}
