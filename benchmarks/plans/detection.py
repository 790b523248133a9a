"""Several heads on one body: where the square is, and whether it is on the left; weighted losses from the plan."""
# ruff: noqa: ARG001

from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, pictures

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """Image to box and side."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, 2, 1), nn.BatchNorm2d(width), nn.SiLU(), nn.Flatten())
        self.box, self.side = nn.Linear(16 * width, 2), nn.Linear(16 * width, 1)

    def forward(self, x):
        seen = self.body(x)
        return self.box(seen), self.side(seen)


def build(run, cfg):
    return Model(run.cfg.model.width)


def loss(model, run, cfg, n):
    x, _, corner = pictures(n)
    box, side = model(x)
    left = (corner[:, 1:] < 0.3).float()
    return cfg.weights.box * F.l1_loss(box, corner) + cfg.weights.side * F.binary_cross_entropy_with_logits(side, left)


def draw_truth(run, n, variant="iid"):
    return pictures(n)[2]


def sample(run, n, steps):
    return as_path(run.models["detect"](pictures(n)[0])[0], steps)


PHASES = {"detect": Train(build, loss)}
