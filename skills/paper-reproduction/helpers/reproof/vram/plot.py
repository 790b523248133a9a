"""The timeline of a trace as a picture: a page that zooms and needs no other file, or a PNG."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from reproof.errors import MissingError, PackError
from reproof.paths import write_atomically
from reproof.render import render
from reproof.units import show_bytes
from reproof.vram.allocator import MIB
from reproof.vram.timeline import ORDER, Timeline
from reproof.vram.traced import TracedGpu

POINTS = 1500
"""Moments shown; each is the fullest one of the events that it stands for, so no peak is lost."""
COLORS = dict(
    zip(
        ORDER,
        ("#4c78a8", "#9ecae9", "#bab0ac", "#72b7b2", "#f58518", "#ffbf79", "#54a24b", "#88d27a", "#e45756", "#ff9d98",
         "#d6a5c9", "#b279a2", "#d4d4d4"),
        strict=True,
    )
)  # fmt: skip


def layers(line: Timeline, points: int = POINTS) -> list[tuple[int, dict[str, int]]]:
    """Event and bytes of each kind, at the fullest moment of each of `points` equal parts of the run."""
    width = max(1, -(-len(line.events) // points))
    now: Counter[str] = Counter()
    sizes: dict[int, int] = {}
    found: list[tuple[int, dict[str, int]]] = []
    total, most = 0, -1
    for index, (what, key, size) in enumerate(line.events):
        change = size if what == "alloc" else -sizes.pop(key, 0) if what == "free" else 0
        if what == "alloc":
            sizes[key] = size
        total += change
        if what != "empty":
            now[line.kinds[key]] += change
        if index % width == 0:
            most = -1
            found.append((index, {}))
        if total > most:
            most = total
            found[-1] = (index, dict(now))
    return found


def refuse_unknown_ending(path: Path) -> None:
    """Before minutes are spent on a trace.

    Raises:
        PackError: neither .html nor .png.
    """
    if path.suffix.lower() not in MAKERS:
        raise PackError(
            "bad-plot",
            f"--plot {str(path)!r}",
            why="the ending says which picture is wanted",
            fix="a name that ends in .html (zoom, no other file needed) or .png",
        )


def write(path: Path, line: Timeline, gpu: TracedGpu) -> None:
    """Write the picture that the ending of `path` asks for.

    Raises:
        PackError: it cannot be written.
    """
    try:
        MAKERS[path.suffix.lower()](path, line, gpu)
    except OSError as error:
        raise PackError(
            "cannot-write", f"--plot {str(path)!r}: {error.strerror}", why="it is written there", fix="another folder"
        ) from error


def _html(path: Path, line: Timeline, gpu: TracedGpu) -> None:
    found = layers(line)
    kinds = [kind for kind in ORDER if any(parts.get(kind) for _, parts in found)]
    data: dict[str, Any] = {
        "kinds": kinds,
        "colors": [COLORS[kind] for kind in kinds],
        "points": [[index, *[parts.get(kind, 0) for kind in kinds]] for index, parts in found],
        "labels": [_label(line, index) for index, _ in found],
        "marks": line.marks,
        "usable": gpu.usable_bytes - gpu.context_bytes,
    }
    write_atomically(path, render("vram_timeline.html.jinja", data=data, gpu=gpu))


def _label(line: Timeline, index: int) -> str:
    at = line.at(index)
    return " · ".join(part for part in (at.phase, at.module, at.op, at.line) if part)


def _png(path: Path, line: Timeline, gpu: TracedGpu) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingError(
            "not-installed",
            f"no matplotlib: {error}",
            why="a PNG is drawn with it",
            fix="pip install matplotlib, or --plot timeline.html, which needs nothing",
        ) from error
    found = layers(line)
    kinds = [kind for kind in ORDER if any(parts.get(kind) for _, parts in found)]
    figure = Figure(figsize=(12, 5), layout="constrained")
    axes = figure.subplots()
    axes.stackplot(
        [index for index, _ in found],
        [[parts.get(kind, 0) / MIB for _, parts in found] for kind in kinds],
        labels=kinds,
        colors=[COLORS[kind] for kind in kinds],
        step="post",
        linewidth=0,
    )
    for name, index in line.marks[:-1]:
        axes.axvline(index, color="#888888", linewidth=0.8)
        axes.text(index, axes.get_ylim()[1], f" {name}", va="top", fontsize=8)
    axes.set(xlabel="allocations and frees, in order", ylabel="allocated, MiB")
    axes.set_title(f"{gpu.gpu}: peak {show_bytes(gpu.allocated_bytes)} allocated, {gpu.verdict}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


MAKERS = {".html": _html, ".png": _png}
