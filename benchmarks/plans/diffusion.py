"""Denoising diffusion in two dimensions (Ho et al., arXiv:2006.11239)."""
# ruff: noqa: ARG001

import torch
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def alpha_bar(t):
    return torch.cos(t * torch.pi / 2).square()


def build(run, cfg):
    return mlp(3, run.cfg.model.width, run.cfg.model.width, 2)


def loss(model, run, cfg, n):
    x, noise, t = blobs(n)[0], torch.randn(n, 2), torch.rand(n, 1)
    noisy = alpha_bar(t).sqrt() * x + (1 - alpha_bar(t)).sqrt() * noise
    return F.mse_loss(model(torch.cat([noisy, t], 1)), noise)


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    path = [torch.randn(n, 2)]
    for step in range(steps):
        t, s = (torch.full((n, 1), 0.98 * (1 - k / steps) + 0.01) for k in (step, step + 1))
        noise = run.models["denoise"](torch.cat([path[-1], t], 1))
        clean = (path[-1] - (1 - alpha_bar(t)).sqrt() * noise) / alpha_bar(t).sqrt()
        path.append(alpha_bar(s).sqrt() * clean + (1 - alpha_bar(s)).sqrt() * noise)
    return torch.stack(path)


PHASES = {"denoise": Train(build, loss)}
