"""`helpers/scaffold.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.scaffold.models import NewRequest, SmokeRequest
from reproof.scaffold.new import new
from reproof.scaffold.smoke import reads, smoke

COMMANDS = {
    "new": Command(
        NewRequest,
        new,
        template="scaffold_new.md.jinja",
        help="generate a project from a plan, with an existing core or a skeleton",
    ),
    "smoke": Command(
        SmokeRequest,
        smoke,
        template="scaffold_smoke.md.jinja",
        help="run the project's own tests: every experiment, every phase, resume, overrides",
        packages=("torch", "numpy", "pytest"),
        reads=reads,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the scaffold helper."""
    return run(COMMANDS, argv, name="scaffold", doc=doc)
