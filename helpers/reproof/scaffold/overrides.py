"""What `vram.py fit --write FILE` found to fit, as flags of the project's command line; the plan's values stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reproof import yamlio
from reproof.document import Plan
from reproof.errors import PackError, near

FLAGS: dict[str, tuple[str, type]] = {
    "micro_batch": ("--micro-batch", int),
    "accumulate": ("--accumulate", int),
    "sinkhorn_batch": ("--sinkhorn-batch", int),
    "train_iters": ("--train-iters", int),
    "precision": ("--precision", str),
    "checkpointing": ("--checkpointing", bool),
}
PRECISIONS = ("fp32", "bf16", "fp16")
Overrides = dict[str, dict[str, str]]
"""Experiment -> GPU -> flags."""


def overrides_from(given: list[str], plan: Plan) -> Overrides:
    """Flags per experiment and GPU from words like cifar10=fit.json.

    Raises:
        PackError: no such experiment, or a file with something else in it.
    """
    found: Overrides = {}
    for word in given:
        experiment, equals, path = word.partition("=")
        if not equals or experiment not in plan.experiments:
            raise PackError(
                "bad-overrides",
                f"--overrides {word!r}: no experiment {experiment!r}{near(experiment, plan.experiments)}",
                why="what fits is known per experiment",
                fix="--overrides EXPERIMENT=FILE, with the file that vram.py fit --write FILE made",
            )
        found.setdefault(experiment, {}).update(_flags_in(Path(path)))
    return found


def _flags_in(path: Path) -> dict[str, str]:
    data = yamlio.load(path, "overrides")
    rows = data.get("gpus", {"any GPU": data}) if isinstance(data, dict) else None
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise _bad(path, "it holds no mapping of GPUs to settings")
    return {str(gpu): words(path, row) for gpu, row in rows.items() if row.get("fits", True)}


def words(path: Path, row: dict[str, Any]) -> str:
    """The flags of one GPU; a micro-batch decides how often is accumulated, so that is not said twice."""
    flags = []
    for key, value in row.items():
        if key == "fits" or (key == "accumulate" and "micro_batch" in row):
            continue
        flag, kind = FLAGS.get(key, ("", str))
        fits = value > 0 if isinstance(value, int) else value in PRECISIONS
        if not flag or type(value) is not kind or not (fits or kind is bool):
            raise _bad(path, f"{key}: {value!r}{near(key, FLAGS)}")
        if value is not False:
            flags.append(flag if value is True else f"{flag} {value}")
    return " ".join(flags)


def _bad(path: Path, what: str) -> PackError:
    return PackError(
        "bad-overrides",
        f"{path}: {what}",
        why=f"the project has flags for {', '.join(FLAGS)}",
        fix="vram.py fit ... --write FILE, or write the file by hand with these keys",
    )
