"""Small pictures for self-contained pages: lines, bars, intervals and heat maps as SVG text, from numbers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 40
COLOURS = ("#1f5580", "#b3541e", "#1c6b3a", "#59409a", "#a12622", "#6b6b6b")
DASHES = ("", "6 4", "2 3", "8 3 2 3", "", "6 4")
HEAT = "#1f5580"


@dataclass(frozen=True)
class Line:
    """One curve; points that are not finite interrupt it. `band` is (low, high) beside each point."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    band: tuple[Sequence[float], Sequence[float]] | None = None
    points_only: bool = False


@dataclass(frozen=True)
class Axis:
    """From data to pixels, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, here = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (here - low) / ((high - low) or 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values on the axis."""
        if self.log:
            low, high = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            every = max(1, (high - low) // 6)
            return [v for e in range(low, high + 1, every) if self.low <= (v := 10.0**e) <= self.high]
        step = nice((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return [round(i * step, 12) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass
class Canvas:
    """Elements of one picture."""

    width: int = WIDTH
    height: int = HEIGHT
    parts: list[str] = field(default_factory=list)

    def add(self, tag: str, text: str = "", **attributes: object) -> None:
        """One element; names with _ become names with -."""
        said = " ".join(f'{key.rstrip("_").replace("_", "-")}="{_shown(v)}"' for key, v in attributes.items())
        self.parts.append(f"<{tag} {said}>{escape(text)}</{tag}>" if text else f"<{tag} {said}/>")

    def done(self, title: str) -> str:
        """The whole picture, with its title for readers who do not see it."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img"'
        return (
            f'{head} font-family="sans-serif" font-size="11"><title>{escape(title)}</title>{"".join(self.parts)}</svg>'
        )


def _upright_grid(canvas: Canvas, axis: Axis, height: float) -> None:
    """A line and a number at each tick of a horizontal axis."""
    for tick in axis.ticks():
        canvas.add(
            "line",
            x1=axis.at(tick),
            x2=axis.at(tick),
            y1=TOP,
            y2=height - BOTTOM,
            stroke="currentColor",
            opacity="0.15",
        )
        canvas.add(
            "text", f"{tick:g}", x=axis.at(tick), y=height - BOTTOM + 14, text_anchor="middle", fill="currentColor"
        )


def nice(span: float) -> float:
    """1, 2 or 5 times a power of ten, at least `span`.

    >>> nice(0.14), nice(3), nice(0)
    (0.2, 5.0, 1.0)
    """
    if not span > 0 or not math.isfinite(span):
        return 1.0
    power = 10.0 ** math.floor(math.log10(span))
    return float(next((f * power for f in (1, 2, 5) if f * power >= span * (1 - 1e-9)), 10 * power))


def lines(curves: Sequence[Line], title: str, x_label: str, y_label: str, *, log_y: bool = False) -> str:
    """Curves with a legend; an empty string when there is nothing finite to draw."""
    xs = [x for c in curves for x, y in zip(c.x, c.y) if _drawn(x, y, log_y)]  # noqa: B905 - zip stops at the shorter
    ys = [y for c in curves for x, y in zip(c.x, c.y) if _drawn(x, y, log_y)]  # noqa: B905
    ys += [v for c in curves if c.band for side in c.band for v in side if _drawn(0.0, v, log_y)]
    if not ys:
        return ""
    canvas = Canvas()
    x_axis, y_axis = _axis(xs, LEFT, WIDTH - RIGHT, False), _axis(ys, HEIGHT - BOTTOM, TOP, log_y)
    _frame(canvas, x_axis, y_axis, x_label, y_label)
    for index, curve in enumerate(curves):
        _curve(canvas, curve, index, x_axis, y_axis, log_y)
    return canvas.done(title)


def _curve(canvas: Canvas, curve: Line, index: int, x_axis: Axis, y_axis: Axis, log_y: bool) -> None:
    colour = COLOURS[index % len(COLOURS)]
    pairs = [(x, y) for x, y in zip(curve.x, curve.y) if _drawn(x, y, log_y)]  # noqa: B905
    if curve.band:
        low = [(x, a) for x, a in zip(curve.x, curve.band[0]) if _drawn(x, a, log_y)]  # noqa: B905
        high = [(x, b) for x, b in zip(curve.x, curve.band[1]) if _drawn(x, b, log_y)]  # noqa: B905
        outline = [*low, *reversed(high)]
        canvas.add("polygon", points=_points(outline, x_axis, y_axis), fill=colour, opacity="0.15")
    if curve.points_only or len(pairs) == 1:
        for x, y in pairs:
            canvas.add("circle", cx=x_axis.at(x), cy=y_axis.at(y), r=3, fill=colour)
    else:
        canvas.add("polyline", points=_points(pairs, x_axis, y_axis), fill="none", stroke=colour, stroke_width=1.6,
                   stroke_dasharray=DASHES[index % len(DASHES)] or "none")  # fmt: skip
    y = TOP + 12 + 15 * index
    canvas.add("rect", x=WIDTH - 190, y=y - 8, width=12, height=4, fill=colour)
    canvas.add("text", curve.label[:30], x=WIDTH - 172, y=y - 3, fill="currentColor")


def bars(labels: Sequence[str], values: Sequence[float], title: str, x_label: str, *, log: bool = False) -> str:
    """Horizontal bars, one line per label; a logarithmic axis begins at the smallest positive value."""
    shown = [(label, v) for label, v in zip(labels, values) if math.isfinite(v)]  # noqa: B905
    positive = [v for _, v in shown if v > 0]
    if not positive:
        return ""
    height = TOP + BOTTOM + 16 * len(shown)
    canvas, left = Canvas(height=height), 220
    axis = Axis(min(positive) / 3 if log else 0.0, max(positive), left, WIDTH - RIGHT, log)
    _upright_grid(canvas, axis, height)
    for row, (label, value) in enumerate(shown):
        y = TOP + 16 * row
        canvas.add("text", label[-34:], x=left - 6, y=y + 11, text_anchor="end", fill="currentColor")
        width = axis.at(value) - left if value > 0 else 0.0
        canvas.add("rect", x=left, y=y + 2, width=max(width, 0.0), height=11, fill=COLOURS[0])
    canvas.add("text", x_label, x=(left + WIDTH) / 2, y=height - 8, text_anchor="middle", fill="currentColor")
    return canvas.done(title)


def heat(rows: Sequence[Sequence[float]], title: str, side: int = 150) -> str:
    """A matrix of numbers from 0 to 1, dark is 1."""
    if not rows or not rows[0]:
        return ""
    width, height = side / len(rows[0]), side / len(rows)
    canvas = Canvas(width=side, height=side)
    canvas.add("rect", x=0, y=0, width=side, height=side, fill="#ffffff", stroke="#888888")
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if value > 0.004:
                canvas.add("rect", x=j * width, y=i * height, width=width, height=height, fill=HEAT,
                           opacity=f"{min(max(value, 0.0), 1.0):.3f}")  # fmt: skip
    return canvas.done(title)


def _drawn(x: float, y: float, log_y: bool) -> bool:
    return math.isfinite(x) and math.isfinite(y) and (y > 0 or not log_y)


def _axis(values: Sequence[float], start: float, end: float, log: bool) -> Axis:
    low, high = min(values), max(values)
    if log:
        return Axis(low / 1.3, high * 1.3, start, end, True)
    pad = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return Axis(low - pad if low < 0 or low - pad > 0 else min(low, 0.0), high + pad, start, end)


def _frame(canvas: Canvas, x_axis: Axis, y_axis: Axis, x_label: str, y_label: str) -> None:
    bottom, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        canvas.add("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke="currentColor", opacity="0.15")
        canvas.add("text", f"{tick:g}", x=LEFT - 6, y=y + 4, text_anchor="end", fill="currentColor")
    for tick in x_axis.ticks():
        canvas.add("text", f"{tick:g}", x=x_axis.at(tick), y=bottom + 15, text_anchor="middle", fill="currentColor")
    canvas.add("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, stroke="currentColor", opacity="0.5")
    canvas.add("text", x_label, x=(LEFT + WIDTH) / 2, y=HEIGHT - 6, text_anchor="middle", fill="currentColor")
    canvas.add(
        "text",
        y_label,
        x=14,
        y=middle,
        transform=f"rotate(-90 14 {middle:g})",
        text_anchor="middle",
        fill="currentColor",
    )


def _points(pairs: Sequence[tuple[float, float]], x_axis: Axis, y_axis: Axis) -> str:
    return " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in pairs)


def _shown(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value), quote=True)


@dataclass(frozen=True)
class Interval:
    """One row of a picture of intervals: the number to compare with, ours (mean, low, high), a shaded range."""

    label: str
    mark: float
    ours: tuple[float, float | None, float | None] | None
    shade: tuple[float, float] | None


def intervals(rows: Sequence[Interval], title: str) -> str:
    """A diamond for the number to compare with, a dot with its interval for ours, a band for the shaded range."""
    values = [
        v for r in rows for v in (r.mark, *(r.ours or ()), *(r.shade or ())) if v is not None and math.isfinite(v)
    ]
    if not values:
        return ""
    height, left = TOP + BOTTOM + 22 * len(rows), 250
    canvas, axis = Canvas(height=height), _axis(values, left, WIDTH - RIGHT, False)
    _upright_grid(canvas, axis, height)
    for at, row in enumerate(rows):
        _interval(canvas, row, axis, TOP + 22 * at + 11, left)
    canvas.add("text", f"{title}: diamond paper, dot and line ours, band floor", x=(left + WIDTH) / 2, y=height - 6,
               text_anchor="middle", fill="currentColor")  # fmt: skip
    return canvas.done(title)


def _interval(canvas: Canvas, row: Interval, axis: Axis, y: float, left: float) -> None:
    canvas.add("text", row.label[-40:], x=left - 8, y=y + 4, text_anchor="end", fill="currentColor")
    if row.shade:
        start, end = axis.at(row.shade[0]), axis.at(row.shade[1])
        canvas.add("rect", x=start, y=y - 8, width=max(end - start, 1.0), height=16, fill=COLOURS[3], opacity="0.25")
    if row.ours:
        mean, low, high = row.ours
        if low is not None and high is not None:
            canvas.add("line", x1=axis.at(low), x2=axis.at(high), y1=y, y2=y, stroke=COLOURS[0], stroke_width=2.0)
        canvas.add("circle", cx=axis.at(mean), cy=y, r=4, fill=COLOURS[0])
    x = axis.at(row.mark)
    canvas.add(
        "path", d=f"M{x:.1f} {y - 6:.1f} l6 6 l-6 6 l-6 -6 z", fill="none", stroke="currentColor", stroke_width=1.8
    )
