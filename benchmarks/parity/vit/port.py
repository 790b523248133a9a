# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""The same ViT by unfolding patches and nn.MultiheadAttention, everything named otherwise."""

import math

import torch
from torch import nn
from torch.nn import functional as F

steps = 12


def drop_path(x, p, training):
    if training and p > 0:
        keep = 1.0 - p
        r = torch.floor(keep + torch.rand((x.shape[0], 1, 1), dtype=x.dtype))
        x = x.div(keep) * r
    return x


class Layer(nn.Module):
    def __init__(self, d=24, h=3, dropout=0.1, path=0.0):
        super().__init__()
        self.before, self.between = nn.LayerNorm(d, 1e-6), nn.LayerNorm(d, 1e-6)
        self.mha = nn.MultiheadAttention(d, h, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d), nn.Dropout(dropout))
        self.scale_a, self.scale_b = nn.Parameter(torch.full((d,), 1e-2)), nn.Parameter(torch.full((d,), 1e-2))
        self.dropout, self.rate = dropout, path

    def forward(self, t):
        y = self.before(t)
        y = self.mha(y, y, y, need_weights=False)[0]
        y = F.dropout(y, self.dropout, self.training)
        t = t + drop_path(y * self.scale_a, self.rate, self.training)
        return t + drop_path(self.mlp(self.between(t)) * self.scale_b, self.rate, self.training)


class VisionTransformer(nn.Module):
    def __init__(self, d=24, depth=3, path=0.2, size=4):
        super().__init__()
        self.size = size
        self.embed = nn.Linear(3 * size * size, d)
        self.class_token = nn.Parameter(torch.empty(d))
        self.position = nn.Parameter(torch.empty(10, d))
        self.layers = nn.ModuleList([Layer(d, path=path * i / (depth - 1)) for i in range(depth)])
        self.final = nn.LayerNorm(d, 1e-6)
        self.classify = nn.Linear(d, 7)
        self.reset()

    def reset(self):
        for layer in self.layers:
            for w in (layer.mha.in_proj_weight, layer.mha.out_proj.weight, layer.mlp[0].weight, layer.mlp[2].weight):
                nn.init.trunc_normal_(w, std=0.02)
            for b in (layer.mha.in_proj_bias, layer.mha.out_proj.bias, layer.mlp[0].bias, layer.mlp[2].bias):
                nn.init.zeros_(b)
        bound = 1 / math.sqrt(3 * self.size * self.size)
        nn.init.uniform_(self.embed.weight, -bound, bound)
        nn.init.uniform_(self.embed.bias, -bound, bound)
        nn.init.trunc_normal_(self.position, std=0.02)
        nn.init.normal_(self.class_token, std=1e-6)
        nn.init.zeros_(self.classify.weight)
        nn.init.zeros_(self.classify.bias)

    def forward(self, pixels):
        t = self.embed(F.unfold(pixels, self.size, stride=self.size).transpose(1, 2))
        t = torch.cat((self.class_token.repeat(len(t), 1, 1), t), dim=1) + self.position
        for layer in self.layers:
            t = layer(t)
        return (self.classify(self.final(t[:, 0])),)


def build():
    return VisionTransformer()


def loss(model, b):
    logp = model(b["image"])[0].log_softmax(-1)
    hard = -logp.gather(1, b["label"][:, None])[:, 0]
    return (0.9 * hard - 0.1 * logp.mean(-1)).mean()


def optimizer(model):
    plain = {p for n, p in model.named_parameters() if p.ndim == 1 or n == "position"}
    rest = [p for p in model.parameters() if p not in plain]
    groups = [{"params": list(plain), "weight_decay": 0.0}, {"params": rest, "weight_decay": 5e-2}]
    return torch.optim.AdamW(groups, lr=1e-3)


def schedule(opt):
    return torch.optim.lr_scheduler.OneCycleLR(opt, 1e-3, total_steps=steps + 1, pct_start=0.25, cycle_momentum=False)


def preprocess(raw, seed, train):
    g = torch.Generator().manual_seed(seed)
    if train:
        y, x = int(torch.randint(5, (), generator=g)), int(torch.randint(5, (), generator=g))
        cut = raw[..., y : y + 12, x : x + 12]
        cut = cut.flip(-1) if torch.rand((), generator=g) < 0.5 else cut
    else:
        cut = raw[..., 2:14, 2:14]
    shift = 255 * torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    scale = 255 * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (cut - shift) / scale


def metric(scores, labels):
    order = scores.argsort(-1, descending=True)
    return {
        "top1": (order[:, 0] == labels).sum() / len(labels),
        "top2": (order[:, :2] == labels[:, None]).sum() / len(labels),
    }
