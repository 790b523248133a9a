"""Measure: the distance between draws of the truth and generated samples, and between two draws of the truth.

A `reading` is one way to read the paper's protocol. Readings that only square or scale share their draws, so that
they differ in nothing else.
"""

from __future__ import annotations

import json
import math
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import rng
from ..config import Config, digest, settings_of
from ..errors import NOT_FINITE, ProjectError, near
from ..records import open_lines, read_lines, writing
from ..run import Run

# A record is reused when these agree with what would be measured.
SAME = ("kind", "metric", "reading", "reading_settings", "condition", "n_test", "n_generated", "floor_draws",
        "test_draws", "data_hash", "core_hash", "config_hash", "checkpoints", "seed")  # fmt: skip


def evaluate(run: Run, planned: dict[str, int], floor_only: bool) -> None:
    """Append to records.jsonl, for every reading, the floor and a result per number of sampling steps."""
    spec, path, distances = run.cfg.evaluation, run.folder / "records.jsonl", {}  # type: ignore[var-annotated]
    metrics = [*getattr(run.core, "METRICS", {}), *scores(run)]
    if spec.metric not in metrics:
        what, why = f"no metric '{spec.metric}'{near(spec.metric, metrics)}", ", ".join(metrics)
        raise ProjectError("metric", what, f"core/ has {why}", "evaluation.metric=NAME")
    known = read_lines(path)
    with open_lines(path) as file:
        for reading in spec.readings:
            floor = [] if spec.metric in scores(run) else [None]  # a score compares no two draws, so it has no floor
            for steps in (*floor, *(() if floor_only else spec.sampling_steps)):  # None: the floor
                begin_s, record = time.monotonic(), describe(run, planned, reading, steps)
                same = (old for old in known if all(old.get(key) == record.get(key) for key in SAME))
                if found := next(same, None):
                    show(found, "  (already recorded, reused)")
                    continue
                try:
                    record |= measure(run, reading, record["n_generated"], record["n_test"], steps, distances)
                except ValueError as error:  # the contract's word for a variant of the truth that there is not
                    print(f"reading '{reading.name}' left out: {error}", flush=True)
                    break
                with writing(path):
                    file.write(json.dumps(record | {"time_s": time.monotonic() - begin_s}) + "\n")
                show(record)
        for name in () if floor_only else ("leakage", "dependence"):
            check = run.tool(name).check(run, known)
            if check:
                file.write(json.dumps(run.about | check) + "\n")
                run.say(run.tool(name).in_words(check))


def describe(run: Run, planned: dict[str, int], reading: Config, steps: int | None) -> dict[str, Any]:
    """Everything about a measurement but its outcome."""
    spec, settings = run.cfg.evaluation, settings_of(run.cfg, list(run.cfg.phases)[-1])
    del settings["seed"]  # several seeds of one configuration are compared as such
    config_hash, data = digest(settings), {k: v for k, v in settings.items() if k not in ("model", "phases")}
    record = run.about | {
        "run_id": f"{run.cfg.experiment}-seed{run.seed}-{config_hash[:8]}", "experiment": run.cfg.experiment,
        "seed": run.seed, "metric": spec.metric, "reading": reading.name, "reading_settings": reading.to_dict(),
        "n_test": reading.get("n_test", spec.n_test), "n_generated": reading.get("n_generated", spec.n_samples),
        "data_hash": digest(data), "device": run.device.type,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }  # fmt: skip
    if steps is None:
        return record | {"kind": "floor", "floor_draws": spec.floor_draws}
    done = {k: v["steps" if v["kind"] == "train" else "batches"] for k, v in settings["phases"].items()}
    return record | {
        "kind": "result", "condition": {"sampling_steps": steps}, "config_hash": config_hash,
        "test_draws": spec.test_draws, "steps_done": done, "steps_planned": planned,
        "checkpoints": {name: facts["digest"] for name, facts in run.facts.items()},
        "trained_with_core": {name: facts["core_hash"] for name, facts in run.facts.items()},  # core_hash is today's
    }  # fmt: skip


def measure(run: Run, reading: Config, n_generated: int, n_test: int, steps: int | None,
            distances: dict[Any, float]) -> dict[str, Any]:  # fmt: skip
    """`values`: one per pair of draws of the truth (the floor), or one per test set and then their mean, `value`."""
    variant, name, values = reading.get("truth", "iid"), run.cfg.evaluation.metric, []
    for draw in range(run.cfg.evaluation.floor_draws if steps is None else run.cfg.evaluation.test_draws):
        key = (variant, n_generated, n_test, steps, draw)
        if key not in distances:
            distances[key] = measure_once(run, name, variant, n_generated, n_test, steps, draw)
        value = distances[key] * reading.get("scale", 1.0)
        values.append(value**2 if reading.get("squared", False) else value)
    if not all(map(math.isfinite, values)):
        why, fix = "the samples are not", "plot the learning curves; train with a lower lr"
        raise ProjectError("not-finite", f"{run.cfg.evaluation.metric} is not a finite number", why, fix, NOT_FINITE)
    return {"values": values} if steps is None else {"values": values, "value": math.fsum(values) / len(values)}


def scores(run: Run) -> dict[str, Any]:
    """Measures of the models themselves: name -> score(run, n) on held-out data (accuracy, perplexity, return)."""
    return getattr(run.core, "SCORES", {})


def measure_once(
    run: Run, name: str, variant: str, n_generated: int, n_test: int, steps: int | None, draw: int
) -> float:
    """A score, or the distance of a test set to generated samples, or to another draw of the truth."""
    if name in scores(run):
        run.stop.check("evaluation")
        rng.seed_all(run.seed, "evaluate", "score", steps, draw)
        return float(scores(run)[name](run, n_test))
    test, other = draw_truth(run, variant, n_test, n_generated if steps is None else 0, draw)
    return float(run.core.METRICS[name](test, other if steps is None else generate(run, n_generated, steps, draw)))


def draw_truth(run: Run, variant: str, n: int, m: int, draw: int) -> tuple[Tensor, Tensor]:
    """Two independent draws of the target, n and m; the same ones for the same draw, whatever happened before.

    A core whose target is a finite set of held-out data says so by `draw_truth_pair`: its two draws share nothing.
    """
    run.stop.check("evaluation")
    rng.seed_all(run.seed, "evaluate", variant, n, m, draw)
    if m and hasattr(run.core, "draw_truth_pair"):
        first, second = run.core.draw_truth_pair(run, n, m, variant)
    else:
        first = run.core.draw_truth(run, n, variant)
        second = run.core.draw_truth(run, m, variant) if m else first[:0]
    return first, second


def generate(run: Run, n: int, steps: int, draw: int) -> Tensor:
    """Samples of the trained models, `sample_batch` at a time."""
    batch, parts = run.cfg.evaluation.sample_batch, []
    for begin in range(0, n, batch):
        run.stop.check("evaluation")
        rng.seed_all(run.seed, "evaluate", "generated", steps, draw, begin)
        parts.append(run.core.sample(run, min(batch, n - begin), steps)[-1])
    return torch.cat(parts)


def show(record: dict[str, Any], note: str = "") -> None:
    """One line for one record."""
    values = record["values"]
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    steps = f"{record['condition']['sampling_steps']} steps" if "condition" in record else "floor"
    print(f"{record['metric']}  {record['reading']:<20} {steps:<10} {np.mean(values):.4f}{spread}{note}", flush=True)


def save_samples(run: Run, n: int) -> list[Path]:
    """samples/steps<k>.npz with the whole path from source to result, and draws of the truth beside it."""
    paths = []
    if not hasattr(run.core, "sample"):
        what, why = "nothing to sample", "core/ has no function sample(run, n, steps)"
        raise ProjectError("no-samples", what, why, "run.py evaluate")
    for steps in run.cfg.evaluation.sampling_steps:
        rng.seed_all(run.seed, "sample", steps)
        path = run.core.sample(run, n, steps).cpu().numpy()
        truth = run.core.draw_truth(run, n).cpu().numpy()
        paths.append(run.folder / "samples" / f"steps{steps}.npz")
        more = {"attention": run.core.attention(run, n).cpu().numpy()} if hasattr(run.core, "attention") else {}
        temporary = paths[-1].with_suffix(".tmp")
        with writing(paths[-1], temporary):
            with temporary.open("wb") as file:
                np.savez(file, path=path, truth=truth, **more)
            temporary.replace(paths[-1])
    return paths
