"""RealNVP: invertible coupling layers trained by exact likelihood (arXiv:1605.08803)."""
# ruff: noqa: ARG001

import torch
from torch import nn

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Flow(nn.Module):
    """Data to noise and the logarithm of the volume; `inverse` goes back."""

    def __init__(self, width, layers):
        super().__init__()
        self.layers = nn.ModuleList(mlp(1, width, 2) for _ in range(layers))

    def forward(self, x):
        a, b, volume = x[:, :1], x[:, 1:], 0.0
        for layer in self.layers:
            scale, shift = layer(a).tanh().chunk(2, 1)
            a, b, volume = b * scale.exp() + shift, a, volume + scale[:, 0]
        return torch.cat([a, b], 1), volume

    def inverse(self, z):
        a, b = z[:, :1], z[:, 1:]
        for layer in reversed(self.layers):
            scale, shift = layer(b).tanh().chunk(2, 1)
            a, b = b, (a - shift) * (-scale).exp()
        return torch.cat([a, b], 1)


def build(run, cfg):
    return Flow(run.cfg.model.width, run.cfg.model.layers)


def loss(model, run, cfg, n):
    z, volume = model(blobs(n)[0])
    return (z.square().sum(1) / 2 - volume).mean()


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    return as_path(run.models["flow"].inverse(torch.randn(n, 2)), steps)


PHASES = {"flow": Train(build, loss)}
