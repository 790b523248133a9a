"""A decoder-only transformer over a tiny alphabet, sampled token by token."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, load_data, words

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


class Model(nn.Module):
    """Tokens (n, length) to scores (n, length, vocabulary)."""

    def __init__(self, width, vocabulary):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(16, width)
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.1, batch_first=True)
        self.body, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        length = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.head(self.body(self.token(tokens) + self.place(torch.arange(length)), mask=mask, is_causal=True))


def build(run, cfg):
    return Model(run.cfg.model.width, run.cfg.model.vocabulary)


def loss(model, run, cfg, n):
    tokens = words(n)
    return F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())


def draw_truth(run, n, variant="iid"):
    return words(n)


def sample(run, n, steps):
    tokens = words(n)[:, :1]
    for _ in range(7):
        tokens = torch.cat([tokens, run.models["lm"](tokens)[:, -1].softmax(1).multinomial(1)], 1)
    return torch.stack([tokens] * (steps + 1))


PHASES = {"lm": Train(build, loss)}
