"""Q-learning with a replay buffer, a target network and an environment, all of it state (arXiv:1312.5602)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    model = nn.ModuleDict({"q": mlp(2, run.cfg.model.width, 3), "target": mlp(2, run.cfg.model.width, 3)})
    model["target"].load_state_dict(model["q"].state_dict())
    return model


def world(place, action):
    """A point on a line is pushed left, not at all, or right; it is paid for being near the middle."""
    speed = place[:, 1:] + 0.1 * (action[:, None] - 1)
    place = (place[:, :1] + 0.1 * speed).clamp(-2, 2)
    return torch.cat([place, speed], 1), -place[:, 0].abs()


def collect(model, run, cfg, step):
    """Eight moves of eight players; every tenth step the target network catches up."""
    if step % 10 == 0:
        model["target"].load_state_dict(model["q"].state_dict())
    place = run.carry.get("place", torch.randn(8, 2))
    greedy = model["q"](place).argmax(1)
    action = torch.where(torch.rand(8) < 0.1, torch.randint(3, (8,)), greedy)
    after, reward = world(place, action)
    run.carry["place"] = after
    return {"place": place, "action": action, "reward": reward, "after": after}


def loss(model, run, cfg, n):
    seen = run.buffers["dqn"].sample(n)
    with torch.no_grad():
        wanted = seen["reward"] + 0.9 * model["target"](seen["after"]).amax(1)
    return F.smooth_l1_loss(model["q"](seen["place"]).gather(1, seen["action"][:, None])[:, 0], wanted)


def draw_truth(run, n, variant="iid"):
    return torch.zeros(n, 2)


def sample(run, n, steps):
    place = torch.randn(n, 2)
    for _ in range(4):
        place, _ = world(place, run.models["dqn"]["q"](place).argmax(1))
    return as_path(place, steps)


PHASES = {"dqn": Train(build, {"q": loss}, collect=collect)}
