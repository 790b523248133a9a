"""A variational autoencoder on images (arXiv:1312.6114)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """Image to its reconstruction and the divergence of its code from a normal."""

    def __init__(self, width, code):
        super().__init__()
        self.encoder, self.decoder, self.code = mlp(64, width, 2 * code), mlp(code, width, 64), code

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 8, 8)

    def forward(self, x):
        mean, log_var = self.encoder(x.flatten(1)).chunk(2, 1)
        z = mean + (log_var / 2).exp() * torch.randn_like(mean)
        return self.decode(z), (mean.square() + log_var.exp() - 1 - log_var).sum(1).mean() / 2


def build(run, cfg):
    return Model(run.cfg.model.width, run.cfg.model.code)


def loss(model, run, cfg, n):
    x = pictures(n)[0]
    again, divergence = model(x)
    return F.mse_loss(again, x, reduction="sum") / n + cfg.beta * divergence


def draw_truth(run, n, variant="iid"):
    return pictures(n)[0]


def sample(run, n, steps):
    model = run.models["vae"]
    return as_path(model.decode(torch.randn(n, model.code)), steps)


PHASES = {"vae": Train(build, loss)}
