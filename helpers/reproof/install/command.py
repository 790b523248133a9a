"""`helpers/install.py`."""

from __future__ import annotations

from collections.abc import Sequence

from reproof.cli import Command, run
from reproof.install.archive import archives
from reproof.install.doctor import doctor
from reproof.install.listing import listing
from reproof.install.models import (
    DoctorRequest,
    InstallRequest,
    ListRequest,
    SyncRequest,
    UninstallRequest,
    ZipRequest,
)
from reproof.install.sync import sync
from reproof.install.transfer import install, uninstall

COMMANDS = {
    "list": Command(
        ListRequest,
        listing,
        template="install_list.md.jinja",
        help="every agent's folders, and what lies in them",
        keeps_evidence=False,
    ),
    "install": Command(
        InstallRequest,
        install,
        template="install_install.md.jinja",
        help="copy skills into an agent's folder, or bring them up to date",
        keeps_evidence=False,
    ),
    "uninstall": Command(
        UninstallRequest,
        uninstall,
        template="install_install.md.jinja",
        help="remove what install wrote, and nothing else",
        keeps_evidence=False,
    ),
    "doctor": Command(
        DoctorRequest,
        doctor,
        template="install_doctor.md.jinja",
        help="which Python, packages and GPU there are, what works, and the command for what is missing",
        keeps_evidence=False,
    ),
    "zip": Command(
        ZipRequest,
        archives,
        template="install_zip.md.jinja",
        help="one archive per skill, for upload",
        keeps_evidence=False,
    ),
    "sync": Command(
        SyncRequest,
        sync,
        template="install_sync.md.jinja",
        help="rebuild the copies of helpers and templates inside the skill folders of this clone",
        keeps_evidence=False,
    ),
}


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the install helper."""
    return run(COMMANDS, argv, name="install", doc=doc)
