"""`helpers/plan.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.plan.check import check
from reproof.plan.models import CheckRequest, RenderRequest
from reproof.plan.view import view

COMMANDS = {
    "check": Command(
        CheckRequest,
        check,
        template="plan_check.md.jinja",
        help="verify every quote and every value against its quote; list what is inferred and still open",
    ),
    "render": Command(
        RenderRequest,
        view,
        template="plan_render.md.jinja",
        help="the plan for a person, in Markdown",
        keeps_evidence=False,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the plan helper."""
    return run(COMMANDS, argv, name="plan", doc=doc)
