# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""Llama-style decoder, complex rotary pairs, grouped queries; AdamW, warm-up, gradient accumulation by tokens."""

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"vocab": 53, "dim": 32, "layers": 2, "heads": 4, "kv_heads": 2, "hidden": 48, "theta": 10000.0, "eps": 1e-5}
cases = ["default", "long"]
steps = 14
micro = 2


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        y = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
        return y.type_as(x) * self.weight


def freqs(dim, length, theta):
    f = 1.0 / theta ** (torch.arange(0, dim, 2).float() / dim)
    t = torch.arange(length).float()
    angles = torch.outer(t, f)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x, f):
    z = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(z * f[None, :, None, :]).flatten(3).type_as(x)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.h, self.kv, self.d = c["heads"], c["kv_heads"], c["dim"] // c["heads"]
        self.wq = nn.Linear(c["dim"], self.h * self.d, bias=False)
        self.wk = nn.Linear(c["dim"], self.kv * self.d, bias=False)
        self.wv = nn.Linear(c["dim"], self.kv * self.d, bias=False)
        self.wo = nn.Linear(self.h * self.d, c["dim"], bias=False)

    def forward(self, x, f):
        B, T, _ = x.shape
        q = rotate(self.wq(x).view(B, T, self.h, self.d), f).transpose(1, 2)
        k = rotate(self.wk(x).view(B, T, self.kv, self.d), f).transpose(1, 2)
        v = self.wv(x).view(B, T, self.kv, self.d).transpose(1, 2)
        k, v = k.repeat_interleave(self.h // self.kv, 1), v.repeat_interleave(self.h // self.kv, 1)
        s = q @ k.transpose(2, 3) / self.d**0.5
        s = s + torch.full((T, T), float("-inf")).triu(1)
        return self.wo((F.softmax(s, -1) @ v).transpose(1, 2).reshape(B, T, -1))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention_norm, self.ffn_norm = RMSNorm(c["dim"], c["eps"]), RMSNorm(c["dim"], c["eps"])
        self.attention = Attention(c)
        self.w1 = nn.Linear(c["dim"], c["hidden"], bias=False)
        self.w2 = nn.Linear(c["hidden"], c["dim"], bias=False)
        self.w3 = nn.Linear(c["dim"], c["hidden"], bias=False)

    def forward(self, x, f):
        x = x + self.attention(self.attention_norm(x), f)
        y = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(y)) * self.w3(y))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.emb = nn.Embedding(c["vocab"], c["dim"])
        self.layers = nn.ModuleList(Block(c) for _ in range(c["layers"]))
        self.norm = RMSNorm(c["dim"], c["eps"])
        self.out = nn.Linear(c["dim"], c["vocab"], bias=False)
        for n, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.trunc_normal_(p, std=0.02, a=-0.06, b=0.06)

    def forward(self, tokens):
        f = freqs(self.c["dim"] // self.c["heads"], tokens.shape[1], self.c["theta"])
        x = self.emb(tokens)
        for layer in self.layers:
            x = layer(x, f)
        return self.out(self.norm(x))


def build(c):
    return Llama(c)


def inputs(case):
    return torch.randint(0, config["vocab"], (2, {"default": 9, "long": 23}[case]))


def batch(seed):
    t = torch.randint(0, config["vocab"], (2, 7 + seed % 4))
    return {"tokens": t, "mask": torch.rand(2, t.shape[1]) < 0.8}


def loss(model, b):
    logits = model(b["tokens"])[:, :-1]
    ce = F.cross_entropy(logits.flatten(0, 1), b["tokens"][:, 1:].flatten(), reduction="none")
    m = b["mask"][:, 1:].flatten().to(ce.dtype)
    z = torch.logsumexp(logits, -1).flatten() ** 2
    return ((ce + 1e-4 * z) * m).sum() / m.sum().clamp(min=1)


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1)


def schedule(opt):
    warm = torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, total_iters=4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=steps - 4, eta_min=2e-4)
    return torch.optim.lr_scheduler.SequentialLR(opt, [warm, cosine], milestones=[4])


def train_step(model, optimizer, schedule, batches, state):
    optimizer.zero_grad()
    tokens = sum(b["mask"][:, 1:].sum() for b in batches)
    total = 0.0
    for b in batches:
        part = loss(model, b) * b["mask"][:, 1:].sum() / tokens
        part.backward()
        total += float(part)
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    return {"loss": total, "norm": norm}


def tokenize(text):
    return [1] + [2 + (ord(ch) % 50) for ch in text.lower().strip()]
