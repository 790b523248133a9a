"""A convolutional autoencoder, then a flow in its frozen code (latent generation, arXiv:2112.10752)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import BuildPool, Train
from .common import METRICS, as_path, load_data, mlp, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    encoder = nn.Sequential(nn.Conv2d(1, width, 3, 2, 1), nn.SiLU(), nn.Flatten(), nn.Linear(16 * width, 4))
    decoder = nn.Sequential(nn.Linear(4, 16 * width), nn.Unflatten(1, (width, 4, 4)), nn.SiLU(),
                            nn.ConvTranspose2d(width, 1, 4, 2, 1))  # fmt: skip
    return nn.Sequential(encoder, decoder)


def loss(model, run, cfg, n):
    x = pictures(n)[0]
    return F.mse_loss(model(x), x)


def codes(run, cfg, index):
    with torch.no_grad():
        return {"code": run.models["autoencoder"][0](pictures(cfg.batch_size)[0])}


def build_flow(run, cfg):
    return mlp(5, run.cfg.model.width, 4)


def flow_loss(model, run, cfg, n):
    code, noise, t = run.pools["codes"].sample(n)["code"], torch.randn(n, 4), torch.rand(n, 1)
    return F.mse_loss(model(torch.cat([torch.lerp(noise, code, t), t], 1)), code - noise)


def draw_truth(run, n, variant="iid"):
    return pictures(n)[0]


def sample(run, n, steps):
    x = torch.randn(n, 4)
    for step in range(steps):
        x = x + run.models["flow"](torch.cat([x, torch.full((n, 1), step / steps)], 1)) / steps
    return as_path(run.models["autoencoder"][1](x), steps)


PHASES = {"autoencoder": Train(build, loss), "codes": BuildPool(codes), "flow": Train(build_flow, flow_loss)}
