"""Curves of training out of a project's own logs, for claims read off a figure of training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reproof.compare.metrics import metric_of
from reproof.compare.results import SeriesRow, Store, number_of
from reproof.document import Plan


def log_paths(plan: Plan, project: Path | None) -> list[Path]:
    """metrics.jsonl of every run that a curve of the plan may lie in."""
    if project is None:
        return []
    names = {curve.ablation or curve.experiment for curve in plan.curves}
    return [path for name in sorted(names) for path in sorted((project / "results" / name).glob("seed*/metrics.jsonl"))]


def add_logs(plan: Plan, project: Path | None, store: Store) -> None:
    """Every logged curve that a claim asks for, as a series of its run."""
    for path in log_paths(plan, project):
        experiment, number = path.parent.parent.name, path.parent.name.removeprefix("seed")
        if not number.isdecimal():
            continue
        rows = _rows(path)
        has_run = (path.parent / "run.json").is_file()
        for curve in plan.curves:
            if (curve.ablation or curve.experiment) == experiment:
                _add(store, curve.series, curve.metric, experiment, int(number), rows, has_run)


def _add(
    store: Store, series: str, name: str, experiment: str, seed: int, rows: list[dict[str, Any]], has_run: bool
) -> None:
    metric = metric_of(name)
    keys = [key for row in rows[-1:] for key in row if metric_of(key).base == metric.base]
    if not keys:
        return
    by_x = {number_of(row.get(series)): number_of(row.get(keys[0])) for row in rows}
    points = tuple(sorted((x, y) for x, y in by_x.items() if x == x and y == y))  # NaN is not itself
    if points:
        row = SeriesRow(seed, f"{experiment}-seed{seed}", metric_of(keys[0]), (), points, "", is_typed=not has_run)
        store.series[experiment, metric.base, series].append(row)


def _rows(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # a killed run cuts the last line
        found += [row] if isinstance(row, dict) else []
    return found
