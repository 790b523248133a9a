"""Asked to stop? Signals and the time limit only set a flag; the loops look at it after every step and batch.

Imports no torch, so that the handlers are in place before the seconds that importing torch takes.
"""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

from .errors import Stopped

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name)]


class Stop:
    """A flag with a reason. `with Stop() as stop:` installs the handlers and puts the old ones back."""

    def __init__(self) -> None:
        self._signal = ""
        self._deadline = float("inf")
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        self._previous = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._signal and number == signal.SIGINT:  # Ctrl-C twice: now, without saving
            raise KeyboardInterrupt
        self._signal = signal.Signals(number).name

    def after_hours(self, hours: float) -> None:
        """Stop this long from now."""
        self._deadline = time.monotonic() + hours * 3600

    @property
    def reason(self) -> str:
        """Why to stop; empty while there is no reason."""
        return self._signal or ("--max-hours" if time.monotonic() > self._deadline else "")

    def check(self, where: str) -> None:
        """Leave now if asked to; for places where nothing is left to save."""
        if self.reason:
            raise Stopped(f"{self.reason} at {where}")
