"""From source samples to data: NSGF (algorithm 2) and NSGF++ (algorithm 4), explicit Euler."""

import torch
from torch import Tensor

from .flow import step_size


@torch.no_grad()
def sample(run, n: int, steps: int) -> Tensor:
    """The whole path (steps + 1, n, *shape). One step is one function evaluation of a velocity net.

    NSGF++ spends the first `time_steps` of the pool in the Sinkhorn flow ("5-step Euler", app. E.2) and the rest,
    steps - time_steps, in the straight flow: 59 = 5 + 54. The one call of the phase predictor is not counted.
    """
    flow = run.cfg.phases.trajectory_pool
    two_phases = "straight_flow" in run.models
    first = min(flow.time_steps, steps) if two_phases else steps
    path = [run.data.draw_source(n)]
    for k in range(first):  # algorithm 2
        t, dt = k / first, 1 / first
        v = run.models["velocity_matching"](path[-1], torch.full((n,), t, device=path[-1].device))
        path.append(path[-1] + step_size(flow, t, dt) * v)
    return torch.stack(path + (refine(run, path[-1], steps - first) if two_phases else []))


def refine(run, x: Tensor, steps: int) -> list[Tensor]:
    """Straight flow from t_phi(x) to 1 (algorithm 4, second and third part).

    Every sample has its own time, and its own omega = (1 - t) / steps: algorithm 4 has T = (1 - t) / omega steps, and
    a number of function evaluations that does not depend on the sample (tables 2 and 3) fixes T, not omega.
    """
    t = run.models["phase_predictor"](x)
    omega = (1 - t) / max(steps, 1)
    path = []
    for _ in range(steps):
        x = x + omega.view(-1, *[1] * (x.dim() - 1)) * run.models["straight_flow"](x, t)
        t = t + omega
        path.append(x)
    return path
