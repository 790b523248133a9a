# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""The same net as one file of functions over parameters of plain modules."""

import math

import torch
from torch import nn
from torch.nn import functional as F

steps = 12


def norm(n):
    return nn.BatchNorm2d(n, eps=1e-5, momentum=0.1)


class ConvBN(nn.Module):
    def __init__(self, i, o, k, s):
        super().__init__()
        self.w = nn.Parameter(torch.randn(o, i, k, k) * math.sqrt(2 / (o * k * k)))
        self.n, self.s, self.p = norm(o), s, k // 2

    def forward(self, x):
        return self.n(F.conv2d(x, self.w, stride=self.s, padding=self.p))


class Residual(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.a, self.b = ConvBN(i, o, 3, s), ConvBN(o, o, 3, 1)
        self.side = ConvBN(i, o, 1, s) if (i, s) != (o, 1) else None
        self.b.n.weight.data.zero_()

    def forward(self, x):
        side = x if self.side is None else self.side(x)
        y = torch.relu(self.a(x))
        return torch.relu(side + self.b(y))


class Classifier(nn.Module):
    def __init__(self, w=6, k=5):
        super().__init__()
        self.first = ConvBN(3, w, 5, 2)
        self.one, self.two = Residual(w, w, 1), Residual(w, 2 * w, 2)
        self.matrix, self.offset = nn.Parameter(torch.randn(2 * w, k) * 0.01), nn.Parameter(torch.zeros(k))
        self.drop = nn.Dropout(0.3)

    def forward(self, pixels):
        h = F.max_pool2d(torch.relu(self.first(pixels)), 3, 2, padding=1)
        h = self.two(self.one(h))
        h = self.drop(F.adaptive_avg_pool2d(h, 1).flatten(1))
        return h @ self.matrix + self.offset


def build():
    return Classifier()


WEIGHTS = torch.tensor([1.0, 2.0, 0.5, 1.0, 1.5], dtype=torch.float64)


def loss(model, b):
    logp = torch.log_softmax(model(b["x"]), 1)
    w = WEIGHTS.to(logp.dtype)[b["y"]]
    return -(w * logp[torch.arange(len(w)), b["y"]]).sum() / w.sum()


def optimizer(model):
    return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)


def schedule(opt):
    return torch.optim.lr_scheduler.LambdaLR(opt, lambda t: 0.1 ** ((t >= 5) + (t >= 9)))


def preprocess(raw, seed, train):
    g = torch.Generator().manual_seed(seed)
    y = F.interpolate(raw, (24, 24), mode="bilinear", antialias=True)
    y = (y - 127.5) / 127.5
    if train:
        y = torch.clamp(y * (0.8 + 0.4 * torch.rand((), generator=g)), -1, 1)
        y = torch.flip(y, [3]) if torch.rand((), generator=g) >= 0.5 else y
    return y[..., 2:-2, 2:-2]


def metric(scores, labels):
    hit = scores >= 0.5
    pos = labels == 1
    tp = (hit & pos).sum()
    return {
        "f1": tp / (tp + 0.5 * ((hit & ~pos).sum() + (~hit & pos).sum())),
        "brier": (scores - labels).square().mean(),
    }
