# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""The same decoder in the style of a hub: rotary halves, fused attention kernel, gate and up in one matrix."""

import math

import torch
from torch import nn
from torch.nn import functional as F

steps = 14


class Norm(nn.Module):
    def __init__(self, n, eps=1e-5):
        super().__init__()
        self.g = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, h):
        return F.rms_norm(h, h.shape[-1:], self.g, self.eps)


def half(x):
    a, b = x.chunk(2, -1)
    return torch.cat((-b, a), -1)


class Attn(nn.Module):
    def __init__(self, n=32, heads=4, groups=2, theta=10000.0):
        super().__init__()
        self.heads, self.groups, self.size, self.theta = heads, groups, n // heads, theta
        self.q_proj = nn.Linear(n, n, bias=False)
        self.k_proj = nn.Linear(n, groups * self.size, bias=False)
        self.v_proj = nn.Linear(n, groups * self.size, bias=False)
        self.o_proj = nn.Linear(n, n, bias=False)

    def tables(self, T):
        inv = self.theta ** -(torch.arange(0, self.size, 2, dtype=torch.float32) / self.size)
        ang = torch.arange(T, dtype=torch.float32)[:, None] * inv[None]
        ang = torch.cat((ang, ang), -1)
        return ang.cos(), ang.sin()

    def forward(self, h):
        B, T, n = h.shape
        cos, sin = self.tables(T)
        q = self.q_proj(h).view(B, T, self.heads, -1).transpose(1, 2)
        k = self.k_proj(h).view(B, T, self.groups, -1).transpose(1, 2)
        v = self.v_proj(h).view(B, T, self.groups, -1).transpose(1, 2)
        q, k = q * cos + half(q) * sin, k * cos + half(k) * sin
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.o_proj(o.transpose(1, 2).reshape(B, T, n))


class DecoderLayer(nn.Module):
    def __init__(self, n=32, m=48):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(n), Norm(n)
        self.self_attn = Attn(n)
        self.gate_up = nn.Linear(n, 2 * m, bias=False)
        self.down = nn.Linear(m, n, bias=False)

    def forward(self, h):
        h = h + self.self_attn(self.input_layernorm(h))
        gate, up = self.gate_up(self.post_attention_layernorm(h)).chunk(2, -1)
        return h + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    def __init__(self, vocab=53, n=32, depth=2):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab, n)
        self.layers = nn.ModuleList([DecoderLayer(n) for _ in range(depth)])
        self.norm = Norm(n)
        self.lm_head = nn.Linear(n, vocab, bias=False)
        self.apply(self.start)

    @staticmethod
    def start(m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.trunc_normal_(m.weight, std=0.02, a=-0.06, b=0.06)

    def forward(self, input_ids):
        h = self.embed_tokens(input_ids)
        for layer in self.layers:
            h = layer(h)
        return {"logits": self.lm_head(self.norm(h))}


def build():
    return Decoder()


def parts(model, b):
    logits = model(b["tokens"])["logits"][:, :-1]
    logp = logits - logits.logsumexp(-1, keepdim=True)
    ce = -logp.gather(-1, b["tokens"][:, 1:, None])[..., 0]
    z = logits.logsumexp(-1).square()
    keep = b["mask"][:, 1:]
    return ((ce + 1e-4 * z) * keep).sum(), keep.sum()


def loss(model, b):
    total, count = parts(model, b)
    return total / count.clamp(min=1)


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95), eps=1e-5, weight_decay=0.1, foreach=False)


def schedule(opt):
    def rate(t):
        if t < 4:
            return 0.1 + 0.9 * t / 4
        return 0.1 + 0.9 * (1 + math.cos(math.pi * (t - 4) / (steps - 4))) / 2

    return torch.optim.lr_scheduler.LambdaLR(opt, rate)


def train_step(model, optimizer, schedule, batches, state):
    sums = [parts(model, b) for b in batches]
    mean = sum(s for s, _ in sums) / sum(n for _, n in sums)
    optimizer.zero_grad()
    mean.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    schedule.step()
    return {"loss": mean.item(), "norm": norm}


def tokenize(text):
    ids = [1]
    for ch in text.strip().lower():
        ids.append(ord(ch) % 50 + 2)
    return ids
