"""Flow matching on coupled pairs, and its distillation into one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from .data import draw_truth

if TYPE_CHECKING:
    from ..engine.config import Config
    from ..engine.run import Run


class Net(nn.Module):
    """(x, t) -> R^2. Batch-norm and dropout are here because they are what a careless resume gets wrong."""

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2),
        )  # fmt: skip

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """`x` (batch, 2), `t` (batch, 1) in [0, 1]."""
        output: Tensor = self.layers(torch.cat([x, t], dim=1))
        return output


def pair_noise_with_data(run: Run, cfg: Config, _index: int) -> dict[str, Tensor]:
    """Noise and data coupled by their rank along a random direction: nearer pairs make straighter paths."""
    noise = torch.randn(cfg.batch_size, 2, device=run.device)
    data = draw_truth(run, cfg.batch_size)
    direction = torch.randn(2, device=run.device)
    return {"noise": noise[(noise @ direction).argsort()], "data": data[(data @ direction).argsort()]}


def build_flow(run: Run, _cfg: Config) -> Net:
    """The velocity field."""
    return Net(run.cfg.model.hidden, run.cfg.model.dropout)


def flow_loss(model: nn.Module, run: Run, _cfg: Config, micro_batch: int) -> Tensor:
    """Velocity of the straight path between a pair (arXiv:2210.02747, equation 23 with sigma_min = 0)."""
    pair = run.pools["pairs"].sample(micro_batch)
    t = torch.rand(micro_batch, 1, device=run.device)
    x = (1 - t) * pair["noise"] + t * pair["data"]
    return mse_loss(model(x, t), pair["data"] - pair["noise"])


def build_one_step(run: Run, _cfg: Config) -> Net:
    """From noise to where the flow would take it."""
    return Net(run.cfg.model.hidden, 0.0)


def one_step_loss(model: nn.Module, run: Run, cfg: Config, micro_batch: int) -> Tensor:
    """Distillation (arXiv:2209.03003, section 2.1): the displacement of the frozen flow in `teacher_steps`."""
    noise = torch.randn(micro_batch, 2, device=run.device)
    target = euler(run.models["flow"], noise, cfg.teacher_steps)[-1]
    return mse_loss(model(noise, torch.zeros_like(noise[:, :1])), target - noise)


@torch.no_grad()
def euler(velocity: nn.Module, x: Tensor, steps: int) -> Tensor:
    """The path of `x` (n, 2) along the velocity field from t = 0 to 1, (steps + 1, n, 2)."""
    path = [x]
    for step in range(steps):
        t = torch.full_like(x[:, :1], step / steps)
        path.append(path[-1] + velocity(path[-1], t) / steps)
    return torch.stack(path)


def sample(run: Run, n: int, steps: int) -> Tensor:
    """The whole path, (steps + 1, n, 2). A single step is made by the distilled model."""
    model = run.models["one_step" if steps == 1 else "flow"]
    return euler(model, torch.randn(n, 2, device=run.device), steps)
