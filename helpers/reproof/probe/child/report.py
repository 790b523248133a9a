"""What a case tells while it runs: one JSON line each, so that what was found survives a crash."""

from __future__ import annotations

import json
import os
import time
from typing import Any


class Stop(Exception):
    """The case cannot go on; the finding that says why is already reported."""


OPTIONAL_FRAC = 0.25  # of a case's time limit may go into checks beyond the first call and its gradient


class Report:
    """Writes stages, findings and facts of one case to a pipe, and knows how much of its time is left."""

    def __init__(self, handle: int, limit_s: float) -> None:
        self.handle = handle
        self.limit_s = limit_s
        self.clock = time.monotonic
        self.deadline = time.monotonic() + OPTIONAL_FRAC * limit_s
        self.skipped: list[str] = []

    def _write(self, event: dict[str, Any]) -> None:
        data = (json.dumps(event, default=str) + "\n").encode()
        while data:
            data = data[os.write(self.handle, data) :]

    def stage(self, name: str) -> None:
        """What is done next; a crash is blamed on it."""
        self._write({"stage": name})

    def finding(self, code: str, what: str, hint: str = "") -> None:
        """Something to know about the call."""
        self._write({"code": code, "what": " ".join(what.split())[:600], "hint": hint})

    def warning(self, category: str, message: str, is_ours: bool) -> None:
        """A warning that the library raised; `is_ours` when it blames the call, not the library's own code."""
        self._write({"warning": category, "what": message, "is_ours": is_ours})

    def stop(self, code: str, what: str, hint: str = "") -> Stop:
        """A finding after which nothing more can be asked; raise what it returns."""
        self.finding(code, what, hint)
        return Stop(what)

    def fact(self, name: str, value: Any) -> None:
        """Something measured or looked up."""
        self._write({"fact": name, "value": value})

    def affords(self, check: str, calls: float, call_s: float) -> bool:
        """Whether there is time for a check that makes so many calls; a check that is left out is remembered."""
        fits = self.clock() + calls * call_s < self.deadline
        if not fits:
            self.skipped.append(check)
        return fits


def short(value: Any, length: int = 300) -> str:
    """One line of text about a value."""
    text = " ".join(str(value).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def explained(error: BaseException) -> str:
    """Type and message of an exception."""
    return short(f"{type(error).__name__}: {error}")


def number(value: float) -> str:
    """A number for a message."""
    return f"{value:.4g}"
