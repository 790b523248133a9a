# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""The same GPT written again: split projections, fused attention, other names, the recipe in a class."""

import math

import torch
from torch import nn
from torch.nn import functional as F

HP = {"vocab_size": 61, "context": 16, "dim": 24, "n_head": 3, "depth": 2, "p": 0.1, "learning_rate": 3e-3, "wd": 0.1,
      "warm": 4, "max_norm": 1.0, "decay": 0.9}  # fmt: skip
steps = 16


class SelfAttention(nn.Module):
    def __init__(self, dim, n_head, p):
        super().__init__()
        self.n_head, self.p = n_head, p
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def heads(self, x):
        return x.unflatten(-1, (self.n_head, -1)).transpose(1, 2)

    def forward(self, x):
        q, k, v = self.heads(self.to_q(x)), self.heads(self.to_k(x)), self.heads(self.to_v(x))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self.p if self.training else 0.0)
        y = self.out(y.transpose(1, 2).flatten(2))
        return F.dropout(y, self.p, self.training)


class Layer(nn.Module):
    def __init__(self, dim, n_head, p):
        super().__init__()
        self.p = p
        self.norm_a = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, n_head, p)
        self.norm_b = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 4 * dim)
        self.down = nn.Linear(4 * dim, dim)

    def forward(self, h):
        h = h + self.attention(self.norm_a(h))
        y = self.down(F.gelu(self.up(self.norm_b(h)), approximate="tanh"))
        return h + F.dropout(y, self.p, self.training)


class LanguageModel(nn.Module):
    def __init__(self, hp):
        super().__init__()
        self.p = hp["p"]
        self.tokens = nn.Parameter(torch.randn(hp["vocab_size"], hp["dim"]) * 0.02)
        self.positions = nn.Parameter(torch.randn(hp["context"], hp["dim"]) * 0.02)
        self.layers = nn.Sequential(*[Layer(hp["dim"], hp["n_head"], hp["p"]) for _ in range(hp["depth"])])
        self.final = nn.LayerNorm(hp["dim"])
        small = 0.02 / math.sqrt(2 * hp["depth"])
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)
        for layer in self.layers:
            nn.init.normal_(layer.attention.out.weight, std=small)
            nn.init.normal_(layer.down.weight, std=small)

    def forward(self, ids):
        h = F.embedding(ids, self.tokens) + self.positions[: ids.shape[1]]
        h = F.dropout(h, self.p, self.training)
        return self.final(self.layers(h)) @ self.tokens.t()


def build(_):
    return LanguageModel(HP)


def loss(model, batch):
    scores = model(batch["idx"])
    keep = batch["targets"] != -100
    chosen = torch.gather(scores.log_softmax(-1), 2, batch["targets"].clamp(min=0)[..., None])[..., 0]
    return -(chosen * keep).sum() / keep.sum()


def optimizer(model):
    groups = {True: [], False: []}
    for p in model.parameters():
        groups[p.ndim >= 2].append(p)
    return torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": HP["wd"]}, {"params": groups[False], "weight_decay": 0}],
        lr=HP["learning_rate"],
        betas=(0.9, 0.95),
    )


def rate(step):
    if step < HP["warm"]:
        return HP["learning_rate"] * (step + 1) / HP["warm"]
    t = (step - HP["warm"]) / (steps - HP["warm"])
    return HP["learning_rate"] * (0.1 + 0.45 * (1 + math.cos(math.pi * t)))


def state(model):
    return {"ema": {k: v.detach().clone() for k, v in model.named_parameters()}, "step": 0}


def train_step(model, optimizer, batches, state):
    for group in optimizer.param_groups:
        group["lr"] = rate(state["step"])
    optimizer.zero_grad()
    losses = [loss(model, b) for b in batches]
    mean = torch.stack(losses).mean()
    mean.backward()
    nn.utils.clip_grad_norm_(model.parameters(), HP["max_norm"])
    optimizer.step()
    state["step"] += 1
    for k, v in model.named_parameters():
        state["ema"][k].lerp_(v.detach(), 1 - HP["decay"])
    return {"loss": mean}
