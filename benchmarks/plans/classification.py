"""Supervised classification: cross-entropy on a ring of Gaussians."""
# ruff: noqa: ARG001

from torch.nn import functional as F

from ..engine.phases import Train
from .common import blobs, load_data, mlp

__all__ = ["PHASES", "SCORES", "load_data"]


def build(run, cfg):
    return mlp(2, run.cfg.model.width, 4)


def loss(model, run, cfg, n):
    x, y = blobs(n)
    return F.cross_entropy(model(x), y)


def accuracy(run, n):
    """Share of right answers on points that training has not seen."""
    x, y = blobs(n)
    return (run.models["fit"](x).argmax(1) == y).float().mean().item()


PHASES = {"fit": Train(build, loss)}
SCORES = {"accuracy": accuracy}
