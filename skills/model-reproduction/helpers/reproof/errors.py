"""Errors that a caller can fix. Shown as three lines, never as a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PackError(Exception):
    """A problem the caller can fix.

    Args:
        slug: stable name; LEARNING.md and the tests point at it.
        what: what happened, with the value we received.
        why: why we stop instead of guessing.
        fix: the next command or edit to try.
    """

    exit_code = 2

    def __init__(self, slug: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(what)
        self.slug, self.what, self.why, self.fix = slug, what, why, fix

    def __str__(self) -> str:
        return f"error[{self.slug}]: {self.what}\n  why: {self.why}\n  try: {self.fix}"


class MissingError(PackError):
    """Something the answer needs is not installed or not there."""

    exit_code = 3


def near(name: str, known: Iterable[str]) -> str:
    """A did-you-mean for `name`, or an empty string.

    >>> near("batchsize", ["batch_size", "steps"])
    ' (did you mean batch_size?)'
    >>> near("zzz", ["batch_size"])
    ''
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
