"""A pool of coupled pairs, flow matching on it, and a second flow on the pairs of the first (arXiv:2209.03003)."""
# ruff: noqa: ARG001

import torch
from torch.nn import functional as F

from ..engine.phases import BuildPool, Train
from .common import METRICS, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def pairs(run, cfg, index):
    return {"noise": torch.randn(cfg.batch_size, 2), "data": blobs(cfg.batch_size)[0]}


def straightened(run, cfg, index):
    noise = torch.randn(cfg.batch_size, 2)
    return {"noise": noise, "data": euler(run.models["flow"], noise, 4)[-1]}


def build(run, cfg):
    return mlp(3, run.cfg.model.width, 2)


def matching(pool):
    def loss(model, run, cfg, n):
        pair, t = run.pools[pool].sample(n), torch.rand(n, 1)
        x = torch.lerp(pair["noise"], pair["data"], t)
        return F.mse_loss(model(torch.cat([x, t], 1)), pair["data"] - pair["noise"])

    return loss


@torch.no_grad()
def euler(model, x, steps):
    path = [x]
    for step in range(steps):
        path.append(path[-1] + model(torch.cat([path[-1], torch.full_like(x[:, :1], step / steps)], 1)) / steps)
    return torch.stack(path)


def draw_truth(run, n, variant="iid"):
    return blobs(n)[0]


def sample(run, n, steps):
    return euler(run.models["reflow"], torch.randn(n, 2), steps)


PHASES = {
    "pairs": BuildPool(pairs),
    "flow": Train(build, matching("pairs")),
    "straight_pairs": BuildPool(straightened),
    "reflow": Train(build, matching("straight_pairs")),
}
