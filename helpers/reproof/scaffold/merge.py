"""Three versions of a file: what was generated before, what the user made of it, what would be generated now."""

from __future__ import annotations

import ast
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

LABELS = ("yours", "generated before", "generated now")
MARKERS = ("<<<<<<< yours", ">>>>>>> generated now")


@dataclass(frozen=True)
class Merged:
    """One text, and how many places of it are for a person to decide. `text` is None where merging is not possible."""

    text: str | None
    conflicts: int = 0


def merge(yours: str, before: str, now: str) -> Merged:
    """All changes of both sides, by `git merge-file` (no repository is needed); conflicts are marked in the text."""
    git = shutil.which("git")
    if git is None:
        return Merged(None)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("yours", "before", "now")]
        for path, text in zip(paths, (yours, before, now), strict=True):
            path.write_bytes(text.encode())
        labels = [word for label in LABELS for word in ("-L", label)]
        command = [git, "merge-file", "-p", "--diff3", *labels, *map(str, paths)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if done.returncode < 0 or done.returncode > 127:  # it could not: binary content, for one
        return Merged(None)
    return Merged(done.stdout.decode(), done.returncode)


def unresolved(text: str) -> bool:
    """Whether markers of an earlier merge are still in the text."""
    lines = text.splitlines()
    return any(line.startswith(marker) for line in lines for marker in MARKERS)


def broken(path: str, text: str) -> bool:
    """Whether a text that merged without a conflict is no Python any more: both sides can be right and not fit."""
    if not path.endswith(".py"):
        return False
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    return False
