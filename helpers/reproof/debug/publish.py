"""One report of what was looked at: Markdown, a page with its pictures inside, and the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reproof import svg
from reproof.debug.models import DebugAnswer, Looked
from reproof.debug.verdicts import number
from reproof.paths import write_atomically
from reproof.render import render

MOST_BARS = 40
NAMES = ("debug.md", "debug.html", "debug.json")


def publish(answer: DebugAnswer, out: Path) -> list[str]:
    """Write the three files; returns their paths."""
    pages = {
        "debug.md": render("debug_checks.md.jinja", a=answer),
        "debug.html": render("debug.html.jinja", a=answer, pictures=[pictures(one) for one in answer.looked]),
        "debug.json": answer.model_dump_json(indent=1) + "\n",
    }
    for name, text in pages.items():
        write_atomically(out / name, text)
    return [str(out / name) for name in NAMES]


def pictures(one: Looked) -> dict[str, list[str]]:
    """Heading -> pictures as SVG text; what was not measured has none."""
    found = {
        "Learning one batch by heart": [_fit(one.measured.get("fit") or {})],
        "Gradients by module, in the order of the forward pass": [_gradients(one.measured.get("watch") or {})],
        "Spread of outputs by module": [_activations(one.measured.get("watch") or {})],
        "Attention of the first sample, per head": _attention(one.measured.get("attention") or {}),
    }
    return {title: kept for title, texts in found.items() if (kept := [text for text in texts if text])}


def _fit(v: dict[str, Any]) -> str:
    losses = [number(x) for x in v.get("losses", [])]
    if not losses:
        return ""
    curve = svg.Line(f"Adam, lr {v['lr']:g}", list(range(len(losses))), losses)
    return svg.lines([curve], "loss on one batch", "step", "loss", log_y=min(losses) > 0)


def _gradients(v: dict[str, Any]) -> str:
    rows = sorted(
        (r for r in v.get("gradients", []) if any(n is not None for n in r["norms"])), key=lambda r: r["order"]
    )
    rows = rows[:MOST_BARS]
    sizes = [max(number(n) for n in r["norms"] if n is not None) for r in rows]
    return svg.bars([r["module"] for r in rows], sizes, "gradient norms", "gradient norm", log=True)


def _activations(v: dict[str, Any]) -> str:
    rows = v.get("activations", [])[:MOST_BARS]
    return svg.bars(
        [r["module"] for r in rows], [number(r["std"]) for r in rows], "outputs", "standard deviation", log=True
    )


def _attention(v: dict[str, Any]) -> list[str]:
    return [svg.heat([[number(x) for x in row] for row in head], f"{m['module']}, head {i}")
            for m in v.get("maps", []) for i, head in enumerate(m["map"])][:16]  # fmt: skip
