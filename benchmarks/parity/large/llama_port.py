# ruff: noqa: D101, D102
"""The port: from scratch, one matrix for q, k and v, one for gate and up, rotary embedding on neighbouring pairs."""

import torch
from torch import nn
from torch.nn import functional as F

config = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
small = {
    "vocab_size": 101,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def rotated(x_BHTD, angle_TP):
    """Neighbouring pairs as complex numbers, as in the first Llama."""
    z = torch.view_as_complex(x_BHTD.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones_like(angle_TP), angle_TP)).flatten(-2)


class Layer(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.heads = heads
        self.pre, self.post = Scale(width), Scale(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate_up, self.down = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, h_BTC, angle_TP):
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in self.qkv(self.pre(h_BTC)).chunk(3, -1))
        y = F.scaled_dot_product_attention(rotated(q, angle_TP), rotated(k, angle_TP), v, is_causal=True)
        h_BTC = h_BTC + self.out(y.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.post(h_BTC)).chunk(2, -1)
        return h_BTC + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads):
        super().__init__()
        self.size = hidden_size // num_attention_heads
        self.table = nn.Embedding(vocab_size, hidden_size)
        self.layers = nn.ModuleList(
            Layer(hidden_size, intermediate_size, num_attention_heads) for _ in range(num_hidden_layers)
        )
        self.last, self.head = Scale(hidden_size), nn.Linear(hidden_size, vocab_size, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, ids_BT):
        rate = 10000.0 ** -(torch.arange(0, self.size, 2).float() / self.size)
        angle_TP = torch.outer(torch.arange(ids_BT.shape[1]).float(), rate)
        h = self.table(ids_BT)
        for layer in self.layers:
            h = layer(h, angle_TP)
        return self.head(self.last(h))


def build(config):
    return Llama(**config)


def loss(model, batch):
    scores = model(batch["input_ids"])[:, :-1]
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), batch["labels"][:, 1:].reshape(-1))


def optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
