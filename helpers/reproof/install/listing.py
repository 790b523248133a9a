"""Which skill lies where, and whether it is still what was installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from reproof import __version__
from reproof.errors import PackError
from reproof.install.agents import AGENTS, project_folder, user_folder
from reproof.install.models import ListAnswer, ListRequest, Seat
from reproof.install.skills import NAMES
from reproof.install.transfer import receipt_of, version_of
from reproof.paths import hash_path


def listing(request: ListRequest) -> ListAnswer:
    """Answer `install.py list`."""
    seats = list(_seats(request.project.expanduser().resolve()))
    there = sum(state != "absent" for seat in seats for state in seat.skills.values())
    return ListAnswer(
        ok=True, headline=f"{there} installed skills in {len(seats)} folders", version=__version__, seats=seats
    )


def _seats(project: Path) -> Iterator[Seat]:
    for name, agent in AGENTS.items():
        user = user_folder(agent, Path.home(), os.environ)
        below: tuple[tuple[Literal["user", "project"], Path], ...] = (
            ("user", user),
            ("project", project_folder(agent, project)),
        )
        for scope, folder in below:
            yield Seat(
                agent=name,
                title=agent.title,
                scope=scope,
                folder=str(folder),
                agent_seen=folder.parent.is_dir(),
                skills={skill: _state(folder / skill) for skill in NAMES},
            )


def _state(folder: Path) -> str:
    if not (folder / "SKILL.md").is_file():
        return "absent"
    try:
        receipt = receipt_of(folder)
    except PackError:
        return "receipt unreadable"
    if receipt is None:
        return "not written by install.py"
    changed = sum(
        not (folder / file).is_file() or hash_path(folder / file) not in digests for file, digests in receipt.items()
    )
    return version_of(folder) + (f", {changed} files changed" if changed else "")
