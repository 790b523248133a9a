# ruff: noqa: ARG001, D101, D102, D103, RUF100
"""GPT-2 from scratch, as a port of transformers' GPT2LMHeadModel: split projections, [out, in] matrices, our own names.

The contract of the port: `build` and `loss`. examples/ports/gpt2_reference.py is the other side.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"vocab_size": 89, "n_positions": 24, "n_embd": 32, "n_layer": 2, "n_head": 4}


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x_BTC):
        B, T, C = x_BTC.shape
        q, k, v = (f(x_BTC).view(B, T, self.heads, -1).transpose(1, 2) for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        future = torch.ones(T, T, dtype=torch.bool, device=x_BTC.device).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        weights = F.dropout(weights, 0.1, self.training)
        y = (weights @ v).transpose(1, 2).reshape(B, T, C)
        return F.dropout(self.out(y), 0.1, self.training)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-5), nn.LayerNorm(width, eps=1e-5)
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + F.dropout(self.down(gelu_new(self.up(self.norm2(x)))), 0.1, self.training)


class GPT2(nn.Module):
    def __init__(self, vocab_size, n_positions, n_embd, n_layer, n_head):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, n_embd), nn.Embedding(n_positions, n_embd)
        self.blocks = nn.ModuleList([Block(n_embd, n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(n_embd, eps=1e-5)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        for block in self.blocks:  # the two that write into the residual stream
            for layer in (block.attention.out, block.down):
                nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * n_layer))

    def forward(self, ids_BT):
        x = self.tokens(ids_BT) + self.positions.weight[: ids_BT.shape[1]]
        x = F.dropout(x, 0.1, self.training)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


def build(config):
    return GPT2(**config)


def loss(model, batch):
    scores = model(batch["input_ids"])[:, :-1]
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), batch["labels"][:, 1:].reshape(-1))


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
