"""`helpers/plan.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.plan.check import check, cover
from reproof.plan.diff import diff
from reproof.plan.init import init
from reproof.plan.models import (
    CheckRequest,
    CoverageRequest,
    DiffRequest,
    InitRequest,
    RenderRequest,
    SignoffRequest,
    TakeRequest,
)
from reproof.plan.signoff import signoff
from reproof.plan.take import take
from reproof.plan.view import view

COMMANDS = {
    "init": Command(
        InitRequest,
        init,
        template="plan_init.md.jinja",
        help="begin a plan from a paper: claims and candidates in place, every required field open",
        packages=("pypdfium2",),
        keeps_evidence=False,
    ),
    "take": Command(
        TakeRequest,
        take,
        template="plan_take.md.jinja",
        help="fill open fields by candidate, with a quote or with a reason, many at once",
        packages=("pypdfium2",),
        keeps_evidence=False,
    ),
    "check": Command(
        CheckRequest,
        check,
        template="plan_check.md.jinja",
        help="verify every quote and every value against its quote; list what is inferred and still open",
        packages=("pypdfium2",),
    ),
    "coverage": Command(
        CoverageRequest,
        cover,
        template="plan_coverage.md.jinja",
        help="which parts of the paper the plan cites, and which candidates no quote covers",
        packages=("pypdfium2",),
        keeps_evidence=False,
    ),
    "diff": Command(
        DiffRequest,
        diff,
        template="plan_diff.md.jinja",
        help="what differs between two plans; exit 4 when something does",
        keeps_evidence=False,
    ),
    "signoff": Command(
        SignoffRequest,
        signoff,
        template="plan_signoff.md.jinja",
        help="record a person's decision on inferred values; the helper never signs by itself",
        keeps_evidence=False,
    ),
    "render": Command(
        RenderRequest,
        view,
        template="plan_render.md.jinja",
        help="the plan for a person: the reproduction plan, notes of three readings, the table of claims",
        packages=("pypdfium2",),
        keeps_evidence=False,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the plan helper."""
    return run(COMMANDS, argv, name="plan", doc=doc)
