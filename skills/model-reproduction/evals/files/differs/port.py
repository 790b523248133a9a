"""Port of reference.py: own attention, clearer names."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.qkv.weight)  # as nn.MultiheadAttention does
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.proj.bias)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, t, w))


class Layer(nn.Module):
    def __init__(self, width, heads, p=0.1):
        super().__init__()
        self.ln_attention = nn.LayerNorm(width, eps=1e-6)
        self.attention = SelfAttention(width, heads)
        self.ln_mlp = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.p = p

    def forward(self, x):
        x = x + F.dropout(self.attention(self.ln_attention(x)), self.p, self.training)
        hidden = F.gelu(self.up(self.ln_mlp(x)), approximate="tanh")
        return x + F.dropout(self.down(hidden), self.p, self.training)


class Encoder(nn.Module):
    def __init__(self, width=64, heads=4, layers=3, classes=10, tokens=16):
        super().__init__()
        self.inputs = nn.Linear(12, width)
        self.positions = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.final = nn.LayerNorm(width, eps=1e-6)
        self.classifier = nn.Linear(width, classes)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x):
        x = self.inputs(x) + self.positions
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.final(x).mean(dim=1))


def make_optimizer(model):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3)


def learning_rate_factor(step, warmup=100, steps=1000):
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
