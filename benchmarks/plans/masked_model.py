"""Masked tokens are predicted from both sides (arXiv:1810.04805), then a classifier is put on top."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, words

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
    body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
    return nn.Sequential(nn.Embedding(8, width), body, nn.Linear(width, 7))


def masked_loss(model, run, cfg, n):
    tokens = words(n)
    hidden = torch.rand(tokens.shape) < cfg.masked
    hidden[:, 0] = True  # never a batch without a mask
    return F.cross_entropy(model(tokens.masked_fill(hidden, 7))[hidden], tokens[hidden])


def build_head(run, cfg):
    return nn.Linear(7, 7)


def head_loss(model, run, cfg, n):
    tokens = words(n)
    return F.cross_entropy(model(run.models["pretrain"](tokens).mean(1)), tokens[:, 0])


def draw_truth(run, n, variant="iid"):
    return F.one_hot(words(n)[:, 0], 7).float()


def sample(run, n, steps):
    return as_path(run.models["classify"](run.models["pretrain"](words(n)).mean(1)).softmax(1), steps)


PHASES = {"pretrain": Train(build, masked_loss), "classify": Train(build_head, head_loss)}
