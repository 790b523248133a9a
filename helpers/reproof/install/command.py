"""`helpers/install.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.install.models import SyncRequest
from reproof.install.sync import sync

COMMANDS = {
    "sync": Command(
        SyncRequest,
        sync,
        template="install_sync.md.jinja",
        help="rebuild the copies of helpers and templates inside the skill folders of this clone",
        keeps_evidence=False,
    )
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the install helper."""
    return run(COMMANDS, argv, name="install", doc=doc)
