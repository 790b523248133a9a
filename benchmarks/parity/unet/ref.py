# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""A diffusion UNet: group norm, time embedding, skips, up-sampling; noise-prediction loss, Adam, EMA with warm-up."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"width": 8, "groups": 4, "steps": 50}
cases = ["default", "odd"]
steps = 10


def embedding(t, dim):
    f = torch.exp(-math.log(10000) * torch.arange(dim // 2) / (dim // 2))
    a = t[:, None].to(f.dtype) * f[None]
    return torch.cat([a.sin(), a.cos()], -1)


class Res(nn.Module):
    def __init__(self, i, o, t, groups):
        super().__init__()
        self.n1, self.n2 = nn.GroupNorm(groups, i, eps=1e-5), nn.GroupNorm(groups, o, eps=1e-5)
        self.c1, self.c2 = nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)
        self.t = nn.Linear(t, o)
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()
        self.drop = nn.Dropout(0.1)
        nn.init.zeros_(self.c2.weight)
        nn.init.zeros_(self.c2.bias)

    def forward(self, x, e):
        h = self.c1(F.silu(self.n1(x)))
        h = h + self.t(F.silu(e))[:, :, None, None]
        h = self.c2(self.drop(F.silu(self.n2(h))))
        return self.skip(x) + h


class Attn(nn.Module):
    def __init__(self, c, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, c)
        self.qkv, self.out = nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x):
        B, C, H, W = x.shape
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)
        w = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(C), -1)
        return x + self.out((v @ w.transpose(1, 2)).view(B, C, H, W))


class UNet(nn.Module):
    def __init__(self, c):
        super().__init__()
        w, g = c["width"], c["groups"]
        self.w = w
        self.time = nn.Sequential(nn.Linear(w, 2 * w), nn.SiLU(), nn.Linear(2 * w, 2 * w))
        self.inp = nn.Conv2d(3, w, 3, padding=1)
        self.d1, self.down = Res(w, w, 2 * w, g), nn.Conv2d(w, 2 * w, 3, stride=2, padding=1)
        self.m1, self.attn, self.m2 = Res(2 * w, 2 * w, 2 * w, g), Attn(2 * w, g), Res(2 * w, 2 * w, 2 * w, g)
        self.up = nn.Conv2d(2 * w, w, 3, padding=1)
        self.u1 = Res(2 * w, w, 2 * w, g)
        self.norm, self.out = nn.GroupNorm(g, w), nn.Conv2d(w, 3, 3, padding=1)

    def forward(self, x, t):
        e = self.time(embedding(t, self.w))
        a = self.d1(self.inp(x), e)
        h = self.m2(self.attn(self.m1(self.down(a), e)), e)
        h = F.interpolate(h, size=a.shape[-2:], mode="bilinear", align_corners=False)
        h = self.u1(torch.cat([self.up(h), a], 1), e)
        return self.out(F.silu(self.norm(h)))


def build(c):
    return UNet(c)


def inputs(case):
    n = {"default": 8, "odd": 7}[case]
    return {"x": torch.randn(2, 3, n, n), "t": torch.tensor([3, 41])}


def batch(seed):
    return {"x": torch.rand(2, 3, 8, 8) * 2 - 1, "t": torch.randint(0, config["steps"], (2,))}


def alphas():
    return torch.cumprod(1 - torch.linspace(1e-4, 0.02, config["steps"]), 0)


def loss(model, b):
    noise = torch.randn_like(b["x"])
    a = alphas()[b["t"]].view(-1, 1, 1, 1).to(b["x"].dtype)
    return F.mse_loss(model(a.sqrt() * b["x"] + (1 - a).sqrt() * noise, b["t"]), noise)


def optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.9, 0.999))


def state(model):
    return {"ema": {k: v.detach().clone() for k, v in model.named_parameters()}, "n": 0}


def train_step(model, optimizer, batches, state):
    optimizer.zero_grad()
    l = loss(model, batches[0])
    l.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    state["n"] += 1
    decay = min(0.995, (1 + state["n"]) / (10 + state["n"]))
    for k, v in model.named_parameters():
        state["ema"][k].mul_(decay).add_(v.detach(), alpha=1 - decay)
    return {"loss": l}
