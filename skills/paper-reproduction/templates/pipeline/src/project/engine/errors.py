"""What a user can put right, in three lines and with an exit code. Anything else that is raised is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

BAD_INPUT, MISSING, NOT_FINITE, STOPPED = 2, 3, 4, 75  # 75 is EX_TEMPFAIL: run the same command again


class ProjectError(Exception):
    """A wrong input, or something needed that is not there."""

    def __init__(self, slug: str, what: str, why: str, fix: str, code: int = BAD_INPUT) -> None:
        super().__init__(f"error[{slug}]: {what}\nwhy: {why}\ntry: {fix}")
        self.code = code


class Stopped(Exception):
    """Asked to stop, and everything needed to continue is saved."""


def near(word: str, known: Iterable[object]) -> str:
    """The known word that was probably meant, as a question; empty when none is close."""
    match = difflib.get_close_matches(word, [str(name) for name in known], n=1)
    return f" (did you mean '{match[0]}'?)" if match else ""
