"""Actor and critic with optimizers of their own, learning from a replay buffer (arXiv:1509.02971)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    width = run.cfg.model.width
    return nn.ModuleDict({"critic": mlp(2, width, 1), "actor": mlp(1, width, 1, out=nn.Tanh())})


def collect(model, run, cfg, step):
    place = run.carry.get("place", torch.randn(4, 1))
    action = model["actor"](place) + 0.1 * torch.randn(4, 1)
    after = (place + action).clamp(-2, 2)
    run.carry["place"] = after
    return {"place": place, "action": action, "reward": -after.abs(), "after": after}


def critic_loss(model, run, cfg, n):
    seen = run.buffers["ddpg"].sample(n)
    with torch.no_grad():
        future = model["critic"](torch.cat([seen["after"], model["actor"](seen["after"])], 1))
    return F.mse_loss(model["critic"](torch.cat([seen["place"], seen["action"]], 1)), seen["reward"] + 0.9 * future)


def actor_loss(model, run, cfg, n):
    place = run.buffers["ddpg"].sample(n)["place"]
    return -model["critic"](torch.cat([place, model["actor"](place)], 1)).mean()


def draw_truth(run, n, variant="iid"):
    return torch.zeros(n, 1)


def sample(run, n, steps):
    place = torch.randn(n, 1)
    for _ in range(3):
        place = place + run.models["ddpg"]["actor"](place)
    return as_path(place, steps)


PHASES = {"ddpg": Train(build, {"critic": critic_loss, "actor": actor_loss}, collect=collect)}
