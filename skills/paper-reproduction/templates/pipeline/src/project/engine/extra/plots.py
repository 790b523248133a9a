"""Figures from what a run has written; needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..records import read_lines


def plot(folder: Path) -> list[Path]:
    """Learning curves, and for each file in samples/ paths (2-D data), a grid (images) or attention maps, as PNG."""
    figures: dict[str, Any] = {}
    if metrics := read_lines(folder / "metrics.jsonl"):
        figures["learning_curves"] = learning_curves(metrics)
    for file in sorted(folder.glob("samples/*.npz")):
        with np.load(file) as samples:
            path, truth = samples["path"], samples["truth"]
            if "attention" in samples:
                figures[f"attention_{file.stem}"] = heatmaps(samples["attention"])
        if path.ndim == 3 and path.shape[2] == 2:
            figures[f"trajectories_{file.stem}"] = trajectories(path, truth)
        elif path.ndim >= 4:
            figures[f"images_{file.stem}"] = image_grid(path[-1])
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / "figures" / f"{name}.png", dpi=120, bbox_inches="tight")
    return [folder / "figures" / f"{name}.png" for name in figures]


def new_figure(width: float, height: float) -> Any:
    """A figure that needs no window; imported here because matplotlib takes half a second."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure(figsize=(width, height))).figure


def learning_curves(metrics: list[dict[str, Any]]) -> Any:
    """Loss against step, one panel per phase, with a running mean over a fiftieth of the points."""
    phases = list(dict.fromkeys(record["phase"] for record in metrics))
    figure = new_figure(4.5 * len(phases), 3.2)
    for axis, phase in zip(figure.subplots(1, len(phases), squeeze=False)[0], phases, strict=True):
        loss = {r["step"]: r["loss"] for r in metrics if r["phase"] == phase}  # resumed steps repeat: the last counts
        steps = np.array(sorted(loss))
        values = np.array([loss[step] for step in steps])
        window = max(len(steps) // 50, 1)
        axis.plot(steps, values, color="0.8", linewidth=0.8)
        axis.plot(steps[window - 1 :], np.convolve(values, np.ones(window) / window, "valid"), color="C0")
        axis.set(title=phase, xlabel="step", ylabel="loss", yscale="log" if (values > 0).all() else "linear")
    return figure


def trajectories(path: Any, truth: Any, particles: int = 100) -> Any:
    """Path (steps + 1, n, 2) of some particles from source to result, and all results, over draws of the truth."""
    figure = new_figure(9, 4.5)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axis in (left, right):
        axis.scatter(*truth.T, s=4, color="0.8", label="truth")
        axis.set_aspect("equal")
    left.plot(path[:, :particles, 0], path[:, :particles, 1], color="C0", linewidth=0.5, alpha=0.6)
    left.scatter(*path[0, :particles].T, s=8, color="C1", label="source", zorder=3)
    left.scatter(*path[-1, :particles].T, s=8, color="C0", label="result", zorder=3)
    left.set_title(f"{min(particles, path.shape[1])} paths, {len(path) - 1} steps")
    left.legend()
    right.scatter(*path[-1].T, s=4, color="C0")
    right.set_title(f"all {path.shape[1]} results")
    return figure


def image_grid(images: Any, most: int = 64) -> Any:
    """Images (n, channels, height, width) or (n, height, width), each between its own extremes."""
    side = int(np.ceil(np.sqrt(min(len(images), most))))
    figure = new_figure(side, side)
    for index, axis in enumerate(figure.subplots(side, side, squeeze=False).flat):
        axis.set_axis_off()
        if index < min(len(images), most):
            image = images[index] if images.ndim == 3 else images[index].transpose(1, 2, 0)
            low, high = image.min(), image.max()
            axis.imshow((image - low) / max(high - low, 1e-12), cmap="gray")
    return figure


def heatmaps(maps: Any, most: int = 16) -> Any:
    """Attention maps (maps, rows, columns), each row the weights that one query gives to all keys."""
    side = int(np.ceil(np.sqrt(min(len(maps), most))))
    figure = new_figure(2 * side, 2 * side)
    for index, axis in enumerate(figure.subplots(side, side, squeeze=False).flat):
        axis.set_axis_off()
        if index < min(len(maps), most):
            axis.imshow(maps[index], cmap="viridis", vmin=0)
            axis.set_title(f"{index}", fontsize=7)
    return figure
