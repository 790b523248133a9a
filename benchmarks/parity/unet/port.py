# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""The same UNet: skips joined the other way round, attention as matrices, norms by hand, noise as an extra draw."""

import math

import torch
from torch import nn
from torch.nn import functional as F


def timestep(t, n):
    k = torch.arange(n // 2)
    ang = t.unsqueeze(1) * torch.exp(k * (-math.log(10000.0) / (n // 2)))
    return torch.cat((torch.sin(ang), torch.cos(ang)), dim=1)


class GN(nn.Module):
    def __init__(self, g, c, eps=1e-5):
        super().__init__()
        self.g, self.eps = g, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(c)), nn.Parameter(torch.zeros(c))

    def forward(self, x):
        y = x.reshape(x.shape[0], self.g, -1)
        y = (y - y.mean(-1, keepdim=True)) / torch.sqrt(y.var(-1, unbiased=False, keepdim=True) + self.eps)
        y = y.reshape(x.shape)
        return y * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class ResBlock(nn.Module):
    def __init__(self, cin, cout, emb):
        super().__init__()
        self.norm1, self.norm2 = GN(4, cin), GN(4, cout)
        self.conv1 = nn.Conv2d(cin, cout, 3, padding="same")
        self.conv2 = nn.Conv2d(cout, cout, 3, padding="same")
        self.emb = nn.Linear(emb, cout)
        self.shortcut = nn.Conv2d(cin, cout, 1) if cin != cout else None
        for p in self.conv2.parameters():
            p.data.zero_()

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.emb(F.silu(e)).unflatten(1, (-1, 1, 1))
        h = F.dropout(F.silu(self.norm2(h)), 0.1, self.training)
        h = self.conv2(h)
        return h + (x if self.shortcut is None else self.shortcut(x))


class SelfAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.norm = GN(4, c)
        self.q, self.k, self.v, self.o = (nn.Linear(c, c) for _ in range(4))

    def forward(self, x):
        y = self.norm(x).flatten(2).transpose(1, 2)
        w = (self.q(y) @ self.k(y).transpose(1, 2) * self.c**-0.5).softmax(-1)
        return x + self.o(w @ self.v(y)).transpose(1, 2).reshape(x.shape)


class Denoiser(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.w = w
        self.mlp1, self.mlp2 = nn.Linear(w, 2 * w), nn.Linear(2 * w, 2 * w)
        self.first = nn.Conv2d(3, w, 3, 1, 1)
        self.enc = ResBlock(w, w, 2 * w)
        self.pool = nn.Conv2d(w, 2 * w, 3, 2, 1)
        self.mid = nn.ModuleList([ResBlock(2 * w, 2 * w, 2 * w), SelfAttention(2 * w), ResBlock(2 * w, 2 * w, 2 * w)])
        self.grow = nn.Conv2d(2 * w, w, 3, 1, 1)
        self.dec = ResBlock(2 * w, w, 2 * w)
        self.last_norm, self.last = GN(4, w), nn.Conv2d(w, 3, 3, 1, 1)
        for layer in (self.mid[1].q, self.mid[1].k, self.mid[1].v, self.mid[1].o):
            layer.reset_parameters()

    def forward(self, image, time):
        e = self.mlp2(F.silu(self.mlp1(timestep(time, self.w))))
        a = self.enc(self.first(image), e)
        h = self.mid[0](self.pool(a), e)
        h = self.mid[2](self.mid[1](h), e)
        h = F.interpolate(h, a.shape[2:], mode="bilinear")
        h = self.dec(torch.cat([a, self.grow(h)], dim=1), e)
        return self.last(F.silu(self.last_norm(h)))


def build():
    return Denoiser()


BARS = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 50, dtype=torch.float64), 0)


def call(model, inputs):
    return model(inputs["x"], inputs["t"])


def loss(model, b):
    eps = torch.randn(b["x"].shape, dtype=b["x"].dtype)
    bar = BARS.to(b["x"].dtype)[b["t"]][:, None, None, None]
    noisy = torch.sqrt(bar) * b["x"] + torch.sqrt(1 - bar) * eps
    return ((model(noisy, b["t"]) - eps) ** 2).mean()


def optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=2e-4)


class Average:
    def __init__(self, model):
        self.shadow = {k: v.detach().clone() for k, v in model.named_parameters()}
        self.count = 0

    def update(self, model):
        self.count += 1
        d = min(0.995, (1 + self.count) / (10 + self.count))
        for k, v in model.named_parameters():
            self.shadow[k] += (1 - d) * (v.detach() - self.shadow[k])

    def state_dict(self):
        return self.shadow


def state(model):
    return {"ema": Average(model)}


def train_step(model, optimizer, batches, state):
    value = loss(model, batches[0])
    optimizer.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    state["ema"].update(model)
    return {"loss": value.item()}
