# ruff: noqa
"""A training recipe, written for these faults."""

import copy
import math

import torch
import torch.nn.functional as F

LR = 3e-4
MIN_LR = 3e-5
WARMUP = 100
STEPS = 2000
CLIP = 1.0
SMOOTHING = 0.1


def param_groups(model, weight_decay=0.1):
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.ndim < 2 or name.endswith(".bias"):
            no_decay.append(p)
        else:
            decay.append(p)
    return [{"params": decay, "weight_decay": weight_decay}, {"params": no_decay, "weight_decay": 0.0}]


def make_optimizer(model):
    return torch.optim.AdamW(param_groups(model), lr=LR, betas=(0.9, 0.95), eps=1e-8)


def get_lr(step):
    if step < WARMUP:
        return LR * (step + 1) / WARMUP
    if step > STEPS:
        return MIN_LR
    ratio = (step - WARMUP) / (STEPS - WARMUP)
    return MIN_LR + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (LR - MIN_LR)


class EMA:
    def __init__(self, model, decay=0.999):
        self.decay = decay
        self.shadow = copy.deepcopy(model).eval()
        for p in self.shadow.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for ours, theirs in zip(self.shadow.parameters(), model.parameters()):
            ours.lerp_(theirs, 1 - decay)
        for ours, theirs in zip(self.shadow.buffers(), model.buffers()):
            ours.copy_(theirs)


def loss_fn(logits, labels):
    return F.cross_entropy(logits, labels, label_smoothing=SMOOTHING, reduction="mean")


def train_step(model, optimizer, scaler, ema, micro_batches, step):
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = get_lr(step)
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for x, y in micro_batches:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_fn(model(x), y) / len(micro_batches)
        scaler.scale(loss).backward()
        total += loss.item()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    scaler.step(optimizer)
    scaler.update()
    ema.update(model, step)
    return total


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    right = seen = 0
    for x, y in batches:
        right += (model(x).argmax(-1) == y).sum().item()
        seen += len(y)
    return right / seen


def mixup(x, y, classes, alpha=0.2):
    lam = torch.distributions.Beta(alpha, alpha).sample()
    order = torch.randperm(len(x))
    hot = F.one_hot(y, classes).float()
    return lam * x + (1 - lam) * x[order], lam * hot + (1 - lam) * hot[order]
