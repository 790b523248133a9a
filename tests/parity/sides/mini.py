# ruff: noqa: ARG001
"""A small reference: one attention layer with dropout, its loss, recipe, data and metric."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"vocab": 17, "width": 8, "heads": 2, "p": 0.25}
cases = ["default", "long"]
steps = 6


class Mini(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["heads"]
        self.emb = nn.Embedding(c["vocab"], c["width"])
        self.norm = nn.LayerNorm(c["width"], eps=1e-5)
        self.qkv = nn.Linear(c["width"], 3 * c["width"])
        self.proj = nn.Linear(c["width"], c["width"])
        self.drop = nn.Dropout(c["p"])
        self.head = nn.Linear(c["width"], c["vocab"])
        nn.init.zeros_(self.head.weight)

    def forward(self, ids):
        x = self.emb(ids)
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm(x)).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-1, -2) / (C // self.heads) ** 0.5).masked_fill(
            torch.ones(T, T).triu(1).bool(), float("-inf")
        )
        y = (a.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C)
        return self.head(x + self.drop(self.proj(y)))


def build(c):
    return Mini(c)


def inputs(case):
    return {"ids": torch.randint(0, 17, (2, {"default": 5, "long": 9}[case]))}


def batch(seed):
    ids = torch.randint(0, 17, (2, 6))
    return {"ids": ids, "next": ids.roll(-1, 1)}


def loss(model, b):
    return F.cross_entropy(model(b["ids"]).flatten(0, 1), b["next"].flatten())


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)


def schedule(opt):
    return torch.optim.lr_scheduler.LinearLR(opt, 0.5, 1.0, total_iters=3)


def state(model):
    return {"ema": copy.deepcopy(model)}


def train_step(model, optimizer, schedule, batches, state):
    optimizer.zero_grad()
    value = loss(model, batches[0])
    value.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        for a, p in zip(state["ema"].parameters(), model.parameters(), strict=False):
            a.lerp_(p, 0.1)
    return {"loss": value}


def raw():
    return torch.arange(32.0).view(2, 16)


def preprocess(raw, seed, train):
    x = raw / 31
    return x.flip(-1) if train and torch.rand(()) < 0.5 else x


def tokenize(text):
    return [ord(c) % 17 for c in text]


def predictions():
    return [torch.tensor([0.2, 0.7, 0.9, 0.4]), torch.tensor([0.0, 1.0, 0.0, 1.0])]


def metric(scores, labels):
    return ((scores > 0.5) == (labels > 0.5)).double().mean()
