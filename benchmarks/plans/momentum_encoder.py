"""MoCo: an encoder that follows another, and a queue of old keys, both of which are state (arXiv:1911.05722)."""
# ruff: noqa: ARG001

import torch
from torch import nn
from torch.nn import functional as F

from ..engine.phases import Train
from .common import METRICS, as_path, blobs, load_data, mlp

__all__ = ["METRICS", "PHASES", "draw_truth", "load_data", "sample"]


def build(run, cfg):
    model = nn.ModuleDict({"query": mlp(2, run.cfg.model.width, 8), "key": mlp(2, run.cfg.model.width, 8)})
    model["key"].load_state_dict(model["query"].state_dict())
    model["key"].requires_grad_(True)
    return model


def collect(model, run, cfg, step):
    """Before each step: the key encoder follows, and its new keys join the queue."""
    torch._foreach_lerp_(list(model["key"].parameters()), list(model["query"].parameters()), 1 - cfg.follow)
    return {"key": F.normalize(model["key"](blobs(cfg.batch_size)[0]), dim=1)}


def loss(model, run, cfg, n):
    x, _ = blobs(n)
    query = F.normalize(model["query"](x), dim=1)
    with torch.no_grad():
        key = F.normalize(model["key"](x + 0.1 * torch.randn_like(x)), dim=1)
    others = run.buffers["moco"].sample(4 * n)["key"]
    scores = torch.cat([(query * key).sum(1, keepdim=True), query @ others.T], 1)
    return F.cross_entropy(scores / 0.2, torch.zeros(n, dtype=torch.long))


def draw_truth(run, n, variant="iid"):
    return F.normalize(torch.randn(n, 8), dim=1)


def sample(run, n, steps):
    return as_path(F.normalize(run.models["moco"]["query"](blobs(n)[0]), dim=1), steps)


PHASES = {"moco": Train(build, {"query": loss}, collect=collect)}
