"""Draws of a metric between two independent samples of the truth."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import metrics

Array = Any  # numpy of the user's project, whose stubs are not ours


def draws(job: dict[str, Any]) -> list[float]:
    """One value per pair of draws, each pair with a seed of its own; the same seeds every time."""
    count, n_test, n_generated = job["draws"], job["n_test"], job["n_generated"]
    if job.get("call"):
        function = loaded(job["root"], job["call"])
        return [float(function(n_test, n_generated, seed)) for seed in range(count)]
    if job["by"] == "accuracy":
        return metrics.accuracies(n_test, job["label_noise_frac"], count)
    metric = metrics.METRICS[job["by"]]
    truth = sampler(job["root"], job["truth"], n_test + n_generated)
    found = []
    for seed in range(count):
        both = truth(n_test + n_generated, seed)
        value = float(metric(both[:n_test], both[n_test:], **job["settings"]))
        if not math.isfinite(value):
            raise ValueError(f"draw {seed} is {value}")
        found.append(value)
    return found


def sampler(root: str, truth: str, least: int) -> Callable[[int, int], Array]:
    """f(n, seed) -> n samples, one per row: the user's, or rows of a file without any of them twice."""
    if ":" in truth:
        function = loaded(root, truth)

        def draw(n: int, seed: int) -> Array:
            # two calls, so that a sampler that stratifies or grids cannot tie the two draws together
            return np.asarray(function(n, seed), dtype=np.float64).reshape(n, -1)

        return draw
    rows = np.load(Path(root) / truth, allow_pickle=False)
    rows = rows[rows.files[0]] if hasattr(rows, "files") else rows
    if len(rows) < least:
        raise ValueError(f"{truth} holds {len(rows)} samples; two draws need {least}")
    flat = np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)
    return lambda n, seed: flat[np.random.default_rng(seed).permutation(len(flat))[:n]]


def loaded(root: str, place: str) -> Callable[..., Any]:
    """FILE.py:FUNCTION below the project."""
    name, _, function = place.rpartition(":")
    path = (Path(root) / name).resolve()
    if Path(root).resolve() not in path.parents:
        raise ValueError(f"{place} leads out of the project")
    sys.path[:0] = [str(path.parent), str(Path(root) / "src")]
    spec = importlib.util.spec_from_file_location(path.stem, str(path))
    if spec is None or spec.loader is None:
        raise ValueError(f"{name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, function)  # type: ignore[no-any-return]
