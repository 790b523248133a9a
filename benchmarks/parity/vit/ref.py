# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""A ViT with stochastic depth, layer scale, zero head, label smoothing, mixed augmentation, top-1 accuracy."""

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {
    "image": 12,
    "patch": 4,
    "width": 24,
    "heads": 3,
    "layers": 3,
    "classes": 7,
    "drop": 0.1,
    "path": 0.2,
    "eps": 1e-6,
}
steps = 12


class DropPath(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        mask = x.new_empty(x.shape[0], 1, 1).bernoulli_(keep)
        return x * mask / keep


class Block(nn.Module):
    def __init__(self, c, path):
        super().__init__()
        w = c["width"]
        self.heads = c["heads"]
        self.norm1, self.norm2 = nn.LayerNorm(w, eps=c["eps"]), nn.LayerNorm(w, eps=c["eps"])
        self.qkv, self.proj = nn.Linear(w, 3 * w), nn.Linear(w, w)
        self.fc1, self.fc2 = nn.Linear(w, 4 * w), nn.Linear(4 * w, w)
        self.gamma1, self.gamma2 = nn.Parameter(1e-2 * torch.ones(w)), nn.Parameter(1e-2 * torch.ones(w))
        self.drop, self.path = nn.Dropout(c["drop"]), DropPath(path)

    def attention(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        a = (q * (C // self.heads) ** -0.5) @ k.transpose(-2, -1)
        return self.drop(self.proj((a.softmax(-1) @ v).transpose(1, 2).reshape(B, N, C)))

    def forward(self, x):
        x = x + self.path(self.gamma1 * self.attention(self.norm1(x)))
        y = self.drop(self.fc2(F.gelu(self.fc1(self.norm2(x)))))
        return x + self.path(self.gamma2 * y)


class ViT(nn.Module):
    def __init__(self, c):
        super().__init__()
        w, n = c["width"], (c["image"] // c["patch"]) ** 2
        self.patch = nn.Conv2d(3, w, c["patch"], c["patch"])
        self.cls = nn.Parameter(torch.zeros(1, 1, w))
        self.pos = nn.Parameter(torch.zeros(1, n + 1, w))
        rates = torch.linspace(0, c["path"], c["layers"]).tolist()
        self.blocks = nn.ModuleList(Block(c, p) for p in rates)
        self.norm = nn.LayerNorm(w, eps=c["eps"])
        self.head = nn.Linear(w, c["classes"])
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)
        nn.init.trunc_normal_(self.pos, std=0.02)
        nn.init.normal_(self.cls, std=1e-6)
        nn.init.zeros_(self.head.weight)

    def forward(self, image):
        x = self.patch(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        for b in self.blocks:
            x = b(x)
        return self.head(self.norm(x)[:, 0])


def build(c):
    return ViT(c)


def inputs(case):
    return {"image": torch.randn(4, 3, 12, 12)}


def batch(seed):
    return {"image": torch.randn(4, 3, 12, 12), "label": torch.randint(0, 7, (4,))}


def loss(model, b):
    return F.cross_entropy(model(b["image"]), b["label"], label_smoothing=0.1)


def optimizer(model):
    decay, rest = [], []
    for name, p in model.named_parameters():
        (rest if p.ndim == 1 or name in ("cls", "pos") else decay).append(p)
    return torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=1e-3)


def schedule(opt):
    return torch.optim.lr_scheduler.OneCycleLR(
        opt, max_lr=1e-3, total_steps=steps + 1, pct_start=0.25, cycle_momentum=False
    )


def raw():
    return torch.randint(0, 256, (4, 3, 16, 16)).float()


def preprocess(raw, seed, train):
    x = raw / 255
    if train:
        top, left = torch.randint(0, 5, (2,)).tolist()
        x = x[:, :, top : top + 12, left : left + 12]
        if torch.rand(()) < 0.5:
            x = x.flip(-1)
    else:
        x = x[:, :, 2:14, 2:14]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (x - mean[:, None, None]) / std[:, None, None]


def predictions():
    return [torch.randn(40, 7), torch.randint(0, 7, (40,))]


def metric(scores, labels):
    top = scores.topk(2, -1).indices
    return {"top1": (top[:, 0] == labels).double().mean(), "top2": (top == labels[:, None]).any(-1).double().mean()}
