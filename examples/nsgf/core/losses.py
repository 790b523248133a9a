"""What the three networks are trained on (algorithms 1 and 3)."""

import torch
from torch import Tensor, nn


def velocity_matching_loss(model: nn.Module, run, _cfg, n: int) -> Tensor:
    """|v_theta(X_t, t) - v(X_t)|^2 over the trajectory pool (eq. 12; algorithm 1, second loop)."""
    rows = run.pools["trajectory_pool"].sample(n)
    return squared_error(model(rows["x"], rows["t"]), rows["v"])


def straight_flow_loss(model: nn.Module, run, _cfg, n: int) -> Tensor:
    """|u_delta(X_t, t) - (Y - X_0)|^2 on straight lines between independent pairs (algorithm 3, NSF).

    Algorithm 3 prints |u(t, X_t) - Y - X_0|^2. Read literally the target is Y + X_0, which is not the derivative of
    X_t = t Y + (1 - t) X_0: the parentheses are missing.
    """
    x0, y, t, xt = straight_line(run, n)
    return squared_error(model(xt, t), y - x0)


def phase_predictor_loss(model: nn.Module, run, _cfg, n: int) -> Tensor:
    """(t - t_phi(X_t))^2 on the same straight lines (section 4.4; algorithm 3)."""
    _, _, t, xt = straight_line(run, n)
    return squared_error(model(xt), t)


def straight_line(run, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """X_0 from the source, Y from the data, t ~ U(0, 1), X_t = t Y + (1 - t) X_0."""
    x0, y = run.data.draw_source(n), run.data.draw_train(n)
    t = torch.rand(n).to(x0)
    weight = t.view(n, *[1] * (x0.dim() - 1))
    return x0, y, t, weight * y + (1 - weight) * x0


def squared_error(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Squared norm per sample, summed over its numbers as in the paper, mean over the batch."""
    assert predicted.shape == wanted.shape, f"{predicted.shape} against {wanted.shape} would broadcast"
    return (predicted - wanted).square().reshape(len(wanted), -1).sum(dim=1).mean()
