"""REINFORCE: the loss plays the episodes itself, on-policy."""
# ruff: noqa: ARG001

import torch
from torch.distributions import Categorical

from ..engine.phases import Train
from .common import METRICS, as_path, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    return mlp(1, run.cfg.model.width, 2)


def play(policy, n, moves):
    place, score, paid = torch.randn(n, 1), torch.zeros(n), torch.zeros(n)
    for _ in range(moves):
        choice = Categorical(logits=policy(place))
        action = choice.sample()
        score = score + choice.log_prob(action)
        place = place + 0.2 * (2 * action[:, None] - 1)
        paid = paid - place[:, 0].abs()
    return place, score, paid


def loss(model, run, cfg, n):
    _, score, paid = play(model, n, cfg.moves)
    return -(score * (paid - paid.mean()).detach()).mean()


def draw_truth(run, n, variant="iid"):
    return torch.zeros(n, 1)


def sample(run, n, steps):
    with torch.no_grad():
        return as_path(play(run.models["policy"], n, 5)[0], steps)


PHASES = {"policy": Train(build, loss)}
