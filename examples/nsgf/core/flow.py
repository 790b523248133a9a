"""The particle flow that fills the trajectory pool (algorithm 1, first loop; also the NSGF part of NSGF++)."""

import torch
from torch import Tensor

from .sinkhorn import sinkhorn_velocity


def step_size(cfg, t: float, dt: float) -> float:
    """The flow step eta from time t to t + dt; t in [0, 1] is the one clock of training and sampling.

    The paper leaves eta open. Both schedules describe a continuous flow dx/dt = rate(t) * v(x, t), so that a net
    trained on T steps can be sampled with any number of uniform steps:

    constant: rate = flow_time. Particles approach their targets like exp(-flow_time * t) and never arrive.
    incremental: rate = 1 / (1 - t), that is eta_k = 1/T, 1/(T-1), ..., 1 ("an incremental lr scheme", app. E.2).
        v is a displacement to the target, so particles move on straight lines and arrive at t = 1.
    """
    if cfg.step_schedule == "constant":
        return cfg.flow_time * dt
    if cfg.step_schedule == "incremental":
        return dt / (1.0 - t)
    raise ValueError(f"step_schedule = {cfg.step_schedule!r} is not one of constant, incremental")


def make_batch(run, cfg, _index: int) -> dict[str, Tensor]:
    """One minibatch flow: T * batch_size rows of x (rows, *shape), v (rows, *shape) and t (rows,)."""
    x, y = run.data.draw_source(cfg.batch_size), run.data.draw_train(cfg.batch_size)
    xs, vs, ts = [], [], []
    for k in range(cfg.time_steps):
        t = k / cfg.time_steps
        v = sinkhorn_velocity(x, y, cfg.blur, cfg.scaling)
        xs, vs, ts = [*xs, x], [*vs, v], [*ts, torch.full((len(x),), t)]
        x = x + step_size(cfg, t, 1 / cfg.time_steps) * v
    return {"x": torch.cat(xs), "v": torch.cat(vs), "t": torch.cat(ts)}
