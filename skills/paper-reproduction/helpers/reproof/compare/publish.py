"""The answer as files: Markdown, a page with figures inside, and the numbers."""

from __future__ import annotations

import math
from pathlib import Path

from reproof import svg
from reproof.compare.models import ClaimResult, CompareAnswer, CurveResult
from reproof.paths import write_atomically
from reproof.render import render

NAMES = ("compare.md", "compare.html", "compare.json")
MOST_ROWS = 60


def publish(answer: CompareAnswer, out: Path) -> list[str]:
    """Write the three files; returns their paths."""
    said = answer.model_copy(update={"figures": [str(out / name) for name in NAMES]})
    pages = {
        "compare.md": render("compare_claims.md.jinja", a=said, q=None),
        "compare.html": render("compare.html.jinja", a=said, cells=cells(said), curves=[curve(c) for c in said.curves]),
        "compare.json": said.model_dump_json(indent=1) + "\n",
    }
    for name, text in pages.items():
        write_atomically(out / name, text)
    return said.figures


def cells(answer: CompareAnswer) -> list[str]:
    """One picture per metric: the paper's number, ours with its interval, and the floor, for all cells."""
    shown = [c for c in answer.claims if c.paper is not None and (c.ours or c.floor)]
    return [text for metric in dict.fromkeys(c.metric for c in shown)
            if (text := svg.intervals([_row(c) for c in shown if c.metric == metric][:MOST_ROWS], metric))]  # fmt: skip


def _row(c: ClaimResult) -> svg.Interval:
    floor = (c.floor.q05, c.floor.q95) if c.floor else None
    ours = (c.ours.mean, c.ours.low, c.ours.high) if c.ours else None
    assert c.paper is not None, "only claims with a number are drawn"
    return svg.Interval(f"{c.id} {c.verdict}", c.paper, ours, floor)


def curve(c: CurveResult) -> str:
    """The paper's figure again: its points, our mean and interval at them."""
    ours = [math.nan if y is None else y for y in c.ours]
    low, high = ([math.nan if y is None else y for y in side] for side in (c.low, c.high))
    lines = [svg.Line("paper, read off", c.x, c.paper, points_only=True)]
    if any(map(math.isfinite, ours)):
        lines.append(svg.Line(f"ours, {len(c.seeds)} seeds", c.x, ours, band=(low, high)))
    positive = all(y > 0 for line in lines for y in line.y if math.isfinite(y))
    return svg.lines(lines, c.says, c.x_label, c.y_label, log_y=c.y_log and positive)
