"""One batch, learned by heart; and what its loss does when labels are shuffled or inputs are blanked."""

from __future__ import annotations

import math
import time
from typing import Any

import torch

from .subject import Subject

RATES = (1e-3, 1e-2, 1e-4)
ENOUGH = 0.02  # of the first loss: learned by heart
MOST_TIMES = 5  # as many steps as asked for, while the loss still falls


def one_batch(subject: Subject) -> dict[str, Any]:
    """The lowest curve of a few learning rates; then the questions that a learned batch can answer."""
    steps, budget_s = int(subject.job.get("steps") or 200), float(subject.job.get("fit_s") or 60.0)
    began = time.monotonic()
    best: dict[str, Any] | None = None
    hurried = False
    floor = float(subject.given.get("loss_floor") or 0.0)
    for rate in RATES:
        subject.restore()
        curve, cut = _curve(subject, rate, steps, budget_s - (time.monotonic() - began), floor)
        if best is None or _last(curve) < _last(best["losses"]):
            kept = {name: tensor.detach().clone() for name, tensor in subject.model.state_dict().items()}
            best = {"losses": curve, "lr": rate, "state": kept}
        done = _last(curve) - floor <= ENOUGH * (curve[0] - floor)
        late = time.monotonic() - began > budget_s / 2
        hurried = not done and (hurried or cut or (late and rate != RATES[-1]))
        if done or late:
            break
    assert best is not None, "there is a first rate"
    subject.model.load_state_dict(best.pop("state"))
    return {**best, "steps": len(best["losses"]) - 1, "asked": steps, "floor": floor, "hurried": hurried,
            **_asked(subject)}  # fmt: skip


def _last(curve: list[float]) -> float:
    return curve[-1] if math.isfinite(curve[-1]) else math.inf


def _curve(subject: Subject, rate: float, steps: int, left_s: float, floor: float) -> tuple[list[float], bool]:
    """The losses, and whether time ran out before the steps did."""
    if not subject.trainable():
        return [subject.loss().item()], False
    optimizer, began = subject.optimizer(own=False, lr=rate), time.monotonic()
    losses: list[float] = []
    subject.model.train()
    for step in range(MOST_TIMES * steps):
        if step >= steps and step % steps == 0 and not _falling(losses, steps):
            break
        optimizer.zero_grad(set_to_none=True)
        loss = subject.loss()
        losses.append(loss.item())
        late = time.monotonic() - began > left_s
        stop = not math.isfinite(losses[-1]) or not loss.requires_grad
        if stop or late or losses[-1] - floor <= 0.2 * ENOUGH * (losses[0] - floor):
            return losses, late
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        losses.append(subject.loss().item())
    return losses, False


def _falling(losses: list[float], steps: int) -> bool:
    """Whether the last quarter still brought the loss down by a twentieth."""
    return losses[-1] < 0.95 * losses[-1 - steps // 4]


def _asked(subject: Subject) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with torch.no_grad():
        found["learned"] = subject.loss().item()
        labels, inputs = subject.labels(), subject.inputs()
        if labels is not None and labels.shape[0] > 1:
            other = _shuffled(labels)
            if other is not None:
                found["shuffled"] = subject.loss(subject.with_labels(other)).item()
        if inputs is not None and inputs.shape[:1] and inputs.shape[0] > 1 and subject.batch is not None:
            found["blank"] = subject.loss(subject.with_inputs(torch.zeros_like(inputs))).item()
    return found


def _shuffled(labels: torch.Tensor) -> torch.Tensor | None:
    """The labels, each handed to another sample; None when that changes none of them."""
    for shift in range(1, min(labels.shape[0], 64)):
        other = torch.roll(labels, shift, 0)
        if (other != labels).reshape(labels.shape[0], -1).any(dim=1).float().mean().item() >= 0.5:
            return other
    other = torch.roll(labels, 1, 0)
    return None if torch.equal(other, labels) else other
