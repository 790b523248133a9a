# ruff: noqa: ARG001, D101, D102, D103, RUF100
"""The Flax model of flax_reference.py in PyTorch: one fused projection, torch's attention kernel."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

VOCAB, LENGTH, WIDTH, HEADS = 31, 12, 16, 2


def lecun(weight, fan):
    """Flax's default start: a normal cut off at two standard deviations, variance 1 / fan."""
    std = math.sqrt(1 / fan) / 0.87962566103423978
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in self.qkv(self.norm1(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh"))  # jax.nn.gelu is tanh by default


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, WIDTH)
        self.positions = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm, self.head = nn.LayerNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, VOCAB, bias=False)
        nn.init.normal_(self.tokens.weight, std=1 / math.sqrt(WIDTH))  # Flax: variance scaling over the features
        for module in self.modules():
            if isinstance(module, nn.Linear):
                lecun(module.weight, module.in_features)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def build():
    return Model()


def loss(model, batch):
    scores = model(batch["ids"])[:, :-1]
    return F.cross_entropy(scores.flatten(0, 1), batch["ids"][:, 1:].flatten())
