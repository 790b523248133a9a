"""`helpers/learn.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproof.cli import Command, run
from reproof.learn.answers import find, show
from reproof.learn.files import PREFLIGHT, add, promote, validate
from reproof.learn.models import (
    AddRequest,
    FindRequest,
    PreflightRequest,
    PromoteRequest,
    ShowRequest,
    ValidateRequest,
)
from reproof.learn.preflight import preflight


def _code_of(request: PreflightRequest) -> list[Path]:
    """What the checks look at: the list itself and the project's sources."""
    parts = [request.project / name for name in (PREFLIGHT, "src", "configs")]
    return [path for path in parts if path.exists()]


COMMANDS = {
    "find": Command(
        FindRequest, find, template="learn_find.md.jinja", help="known traps that fit a symptom or an error",
        keeps_evidence=False,
    ),
    "show": Command(
        ShowRequest, show, template="learn_find.md.jinja", help="one entry, whole", keeps_evidence=False,
    ),
    "add": Command(
        AddRequest, add, template="learn_write.md.jinja", help="write an entry into the project's LEARNING.md",
        keeps_evidence=False,
    ),
    "validate": Command(
        ValidateRequest, validate, template="learn_validate.md.jinja", help="is a LEARNING.md in the form",
        keeps_evidence=False,
    ),
    "promote": Command(
        PromoteRequest, promote, template="learn_write.md.jinja", help="copy an entry into a clone of the pack",
        keeps_evidence=False,
    ),
    "preflight": Command(
        PreflightRequest, preflight, template="learn_preflight.md.jinja", help="run the project's own checks",
        reads=_code_of,
    ),
}  # fmt: skip


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the learn helper."""
    return run(COMMANDS, argv, name="learn", doc=doc)
