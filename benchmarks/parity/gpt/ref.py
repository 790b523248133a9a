# ruff: noqa: ARG001, ARG002, ARG005, B007, B905, D101, D102, D103, E501, E741, RUF012, RUF100
"""A GPT with its training recipe: tied head, scaled residual initialisation, clipping, warm-up, accumulation, EMA."""

import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

config = {"vocab": 61, "block": 16, "width": 24, "heads": 3, "layers": 2, "dropout": 0.1, "lr": 3e-3, "weight_decay": 0.1,
          "warmup": 4, "clip": 1.0, "ema": 0.9}  # fmt: skip
cases = ["default", "full"]
steps = 16
micro = 2


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c["heads"]
        self.qkv = nn.Linear(c["width"], 3 * c["width"])
        self.proj = nn.Linear(c["width"], c["width"])
        self.attn_drop = nn.Dropout(c["dropout"])
        self.resid_drop = nn.Dropout(c["dropout"])
        self.register_buffer("mask", torch.tril(torch.ones(c["block"], c["block"])).bool(), persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)
        q = q.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        k = k.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        v = v.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(C // self.heads)
        att = att.masked_fill(~self.mask[:T, :T], float("-inf"))
        att = self.attn_drop(F.softmax(att, dim=-1))
        y = (att @ v).transpose(1, 2).reshape(B, T, C)
        return self.resid_drop(self.proj(y))


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc = nn.Linear(c["width"], 4 * c["width"])
        self.proj = nn.Linear(4 * c["width"], c["width"])
        self.drop = nn.Dropout(c["dropout"])

    def forward(self, x):
        x = F.gelu(self.fc(x), approximate="tanh")
        return self.drop(self.proj(x))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln1 = nn.LayerNorm(c["width"], eps=1e-5)
        self.attn = Attention(c)
        self.ln2 = nn.LayerNorm(c["width"], eps=1e-5)
        self.mlp = MLP(c)

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wte = nn.Embedding(c["vocab"], c["width"])
        self.wpe = nn.Embedding(c["block"], c["width"])
        self.drop = nn.Dropout(c["dropout"])
        self.blocks = nn.ModuleList([Block(c) for _ in range(c["layers"])])
        self.ln_f = nn.LayerNorm(c["width"], eps=1e-5)
        self.head = nn.Linear(c["width"], c["vocab"], bias=False)
        self.head.weight = self.wte.weight
        self.apply(self._init)
        for name, p in self.named_parameters():
            if name.endswith("proj.weight"):
                nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * c["layers"]))

    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.Embedding):
            nn.init.normal_(m.weight, mean=0.0, std=0.02)

    def forward(self, idx):
        pos = torch.arange(idx.shape[1], device=idx.device)
        x = self.drop(self.wte(idx) + self.wpe(pos))
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def build(c):
    return GPT(c)


def inputs(case):
    length = {"default": 11, "full": 16}[case]
    return {"idx": torch.randint(0, config["vocab"], (3, length))}


def batch(seed):
    length = 8 + seed % 5
    idx = torch.randint(0, config["vocab"], (3, length))
    targets = torch.randint(0, config["vocab"], (3, length))
    targets[0, : 1 + seed % 3] = -100
    return {"idx": idx, "targets": targets}


def loss(model, b):
    logits = model(b["idx"])
    return F.cross_entropy(logits.view(-1, logits.shape[-1]), b["targets"].view(-1), ignore_index=-100)


def optimizer(model):
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": config["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config["lr"], betas=(0.9, 0.95), eps=1e-8)


def schedule(opt):
    def factor(step):
        if step < config["warmup"]:
            return (step + 1) / config["warmup"]
        t = (step - config["warmup"]) / (steps - config["warmup"])
        return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * t))

    return torch.optim.lr_scheduler.LambdaLR(opt, factor)


def state(model):
    return {"ema": copy.deepcopy(model)}


def train_step(model, optimizer, schedule, batches, state):
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for b in batches:
        part = loss(model, b) / len(batches)
        part.backward()
        total += part.item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config["clip"])
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        for e, p in zip(state["ema"].parameters(), model.parameters()):
            e.mul_(config["ema"]).add_(p, alpha=1 - config["ema"])
    return {"loss": total}
