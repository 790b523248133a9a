"""Whether what is measured depends on what was learned: once more with the initial weights and the same randomness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import rng
from ..loop import build_model

if TYPE_CHECKING:
    from ..run import Run

N = 64  # samples, or examples of a score: enough to see a difference, not to measure it


def check(run: Run, known: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A record for records.jsonl; None if known or nothing is trained. Draws of the truth depend on no weights."""
    mine = {"kind": "dependence", "core_hash": run.about["core_hash"], "experiment": run.cfg.experiment,
            "seed": run.seed, "metric": run.cfg.evaluation.metric, "n": N,
            "checkpoints": {name: facts["digest"] for name, facts in run.facts.items()}}  # fmt: skip
    if not run.models or any(all(old.get(key) == value for key, value in mine.items()) for old in known):
        return None
    learned, trained = run.models, outcome(run)
    run.models = {name: build_model(run, name, run.core.PHASES[name]).eval() for name in learned}
    try:
        initial = outcome(run)
    finally:
        run.models = learned
    rms = float((trained - initial).square().mean().sqrt()) if trained.shape == initial.shape else math.nan
    return mine | {"differs": not torch.equal(trained, initial), "all_zero": not bool(trained.any()),
                   "rms_difference": rms if math.isfinite(rms) else None}  # fmt: skip


def in_words(check: dict[str, Any]) -> str:
    """One line."""
    if check["differs"]:
        rms = "not finite" if check["rms_difference"] is None else f"{check['rms_difference']:.3g}"
        return f"with the initial weights the result is another one (rms difference {rms})"
    return "with the initial weights the result is THE SAME: it does not depend on what was learned"


@torch.no_grad()
def outcome(run: Run) -> Tensor:
    """Samples, or the score, of the models as they are now."""
    spec = run.cfg.evaluation
    rng.seed_all(run.seed, "evaluate", "dependence")
    if spec.metric in getattr(run.core, "SCORES", {}):
        return torch.tensor([float(run.core.SCORES[spec.metric](run, min(N, spec.n_test)))])
    return run.core.sample(run, min(N, spec.sample_batch), spec.sampling_steps[0])[-1].detach().cpu().double()
