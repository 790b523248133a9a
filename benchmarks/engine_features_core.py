"""A core that uses what the template's toy does not: for resume_kills.py --features and tests of parallel runs.

A pool on disk, a GAN with two optimizers whose critic also learns from a replay buffer with a state of its own, a
loader with augmentation and worker processes, and a frozen base with a trained adapter.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..engine.extra.loader import Loader
from ..engine.phases import BuildPool, Train

CONFIG = """
experiment: toy
device: cpu
pools_in_memory_gib: 1e-9
workers: {workers}
phases:
  pairs: {kind: pool, batches: 20, batch_size: 32}
  flow: {kind: train, steps: 100, batch_size: 32, accumulate: 2, lr: 0.001, capacity: 50, collect_first: 2,
         optimizers: {critic: {lr: 0.002, updates: 2, grad_clip: 1.0}, generator: {optimizer: adamw, ema_decay: null}}}
  one_step: {kind: train, steps: 100, batch_size: 32, accumulate: 2, lr: 0.01, ema_decay: 0.9, schedule: cosine}
evaluation: {metric: mean_gap}
"""


class Points:
    """Points of a circle, each moved a little whenever it is looked at."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> Tensor:
        angle = torch.tensor(index / 100 * 6.28318)
        return torch.stack([angle.cos(), angle.sin()]) * 3 + 0.1 * torch.randn(2)


def load_data(_cfg: Any, _device: Any) -> Loader:
    return Loader(Points())


def make_batch(_run: Any, cfg: Any, _index: int) -> dict[str, Tensor]:
    return {"noise": torch.randn(cfg.batch_size, 2), "half": torch.randn(cfg.batch_size).bfloat16()}


def build_gan(_run: Any, _cfg: Any) -> nn.Module:
    critic = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    return nn.ModuleDict({"generator": nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)), "critic": critic})


def critic_loss(model: Any, run: Any, _cfg: Any, n: int) -> Tensor:
    real, old = run.data(run, n), run.buffers["flow"].sample(n)["x"]
    fake = model["generator"](run.pools["pairs"].sample(n)["noise"])
    return model["critic"](fake).mean() + model["critic"](old).mean() - 2 * model["critic"](real).mean()


def generator_loss(model: Any, run: Any, _cfg: Any, n: int) -> Tensor:
    return -model["critic"](model["generator"](run.pools["pairs"].sample(n)["noise"])).mean()


def collect(model: Any, run: Any, _cfg: Any, _step: int) -> dict[str, Tensor]:
    run.carry["x"] = 0.9 * run.carry.get("x", torch.zeros(3, 2)) + model["generator"](torch.randn(3, 2))
    return {"x": run.carry["x"]}


def build_adapter(_run: Any, _cfg: Any) -> nn.Module:
    model = nn.ModuleDict({"base": nn.Linear(2, 2), "adapter": nn.Linear(2, 2)})
    model["base"].requires_grad_(False)
    return model


def adapter_loss(model: Any, run: Any, _cfg: Any, n: int) -> Tensor:
    x = torch.randn(n, 2)
    wanted = run.models["flow"]["generator"](x)
    return (model["base"](x) + model["adapter"](x) - wanted).square().mean()


def draw_truth(_run: Any, n: int, _variant: str = "iid") -> Tensor:
    return torch.randn(n, 2)


def sample(run: Any, n: int, _steps: int) -> Tensor:
    x = torch.randn(n, 2)
    return torch.stack([x, run.models["one_step"]["adapter"](x)])


PHASES = {
    "pairs": BuildPool(make_batch),
    "flow": Train(build_gan, {"critic": critic_loss, "generator": generator_loss}, collect),
    "one_step": Train(build_adapter, adapter_loss),
}
METRICS = {"mean_gap": lambda a, b: (a.mean(0) - b.mean(0)).norm().item()}
