"""Encoder and decoder with attention between them: a sequence is turned round."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, load_data, words

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """Source and what is written so far to scores of the next token."""

    def __init__(self, width):
        super().__init__()
        self.token, self.place = nn.Embedding(8, width), nn.Embedding(16, width)
        self.body = nn.Transformer(width, 2, 1, 1, 2 * width, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, 7)

    def forward(self, source, written):
        a, b = (self.token(t) + self.place(torch.arange(t.shape[1])) for t in (source, written))
        mask = nn.Transformer.generate_square_subsequent_mask(written.shape[1])
        return self.head(self.body(a, b, tgt_mask=mask, tgt_is_causal=True))


def build(run, cfg):
    return Model(run.cfg.model.width)


def loss(model, run, cfg, n):
    source = words(n)
    target = source.flip(1)
    written = torch.cat([torch.full((n, 1), 7), target[:, :-1]], 1)
    return F.cross_entropy(model(source, written).flatten(0, 1), target.flatten(), label_smoothing=0.1)


def draw_truth(run, n, variant="iid"):
    return words(n).flip(1)


def sample(run, n, steps):
    source, written = words(n), torch.full((n, 1), 7)
    for _ in range(source.shape[1]):
        written = torch.cat([written, run.models["translate"](source, written)[:, -1].argmax(1, keepdim=True)], 1)
    return torch.stack([written[:, 1:]] * (steps + 1))


PHASES = {"translate": Train(build, loss)}
