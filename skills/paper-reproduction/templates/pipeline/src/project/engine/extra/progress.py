"""How far a phase is."""

from __future__ import annotations

import sys
import time


class Progress:
    """On stderr: one line that updates itself on a terminal, a plain line every ten seconds in a pipe."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0, samples: int = 0) -> None:
        self.label, self.total, self.unit, self.first, self.samples, self.words = label, total, unit, done, samples, ""
        self.interval_s = 0.2 if sys.stderr.isatty() else 10.0
        self.begin_s = time.monotonic()
        self.next_s = self.begin_s + self.interval_s

    def due(self, done: int) -> bool:
        """Whether it is time for a line; cheap enough to ask at every step."""
        return time.monotonic() >= self.next_s or (done == self.total and self.interval_s < 1)

    def show(self, done: int) -> None:
        """Where the phase is, how fast, and how long it will take."""
        now_s = time.monotonic()
        self.next_s = now_s + self.interval_s
        per_s = max(done - self.first, 1e-9) / max(now_s - self.begin_s, 1e-9)
        left_s = int((self.total - done) / per_s)
        left = f"{left_s // 3600}:{left_s // 60 % 60:02d}:{left_s % 60:02d}"
        speed = f"{per_s * self.samples:.3g} samples/s" if self.samples else f"{per_s:.3g} {self.unit}/s"
        line = f"{self.label}  {done}/{self.total} {self.unit}  {self.words}{speed}  {left} left"
        on_terminal = self.interval_s < 1
        print("\r\033[K" * on_terminal + line, end="" if on_terminal and done < self.total else "\n", file=sys.stderr,
              flush=True)  # fmt: skip
