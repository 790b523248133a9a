"""`helpers/scaffold.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.scaffold.models import NewRequest, SmokeRequest, UpdateRequest
from reproof.scaffold.new import new
from reproof.scaffold.smoke import reads, smoke
from reproof.scaffold.update import reads as update_reads
from reproof.scaffold.update import update

COMMANDS = {
    "new": Command(
        NewRequest,
        new,
        template="scaffold_new.md.jinja",
        help="generate a project from a plan, with an existing core or a skeleton",
    ),
    "update": Command(
        UpdateRequest,
        update,
        template="scaffold_update.md.jinja",
        help="bring a newer template or plan into a project, merged with your edits",
        reads=update_reads,
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
