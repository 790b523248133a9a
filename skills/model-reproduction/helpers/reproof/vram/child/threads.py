"""Threads that the step starts: torch's modes hold for one thread, so that another would be traced as doing nothing."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import threading
from typing import Any

_errors: list[BaseException] = []


def install(*modes: Any) -> None:
    """From now on a thread runs in these modes as well, and what it raises is kept for `failed`."""
    plain = threading.Thread.start

    def start(self: threading.Thread) -> None:
        inner = self.run  # also that of a subclass

        def run() -> None:
            with contextlib.ExitStack() as stack:
                for mode in modes:
                    stack.enter_context(mode)
                inner()

        self.run = run  # type: ignore[method-assign]
        plain(self)

    def keep(args: Any) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):  # which ends a thread in silence
            _errors.append(args.exc_value)

    threading.Thread.start = start  # type: ignore[method-assign]
    threading.excepthook = keep


def failed() -> None:
    """Raise what a thread raised: by itself it would be printed and forgotten."""
    if _errors:
        raise _errors[0]
