"""Every file of a folder that nobody vouches for, within bounds, and what was left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reproof.errors import PackError
from reproof.inventory.models import Unread
from reproof.paths import IGNORED

SKIPPED = IGNORED | {"node_modules", "venv", ".tox", ".eggs", ".hg", ".svn", "site-packages", ".ipynb_checkpoints"}
TEXT = {
    ".py",
    ".pyi",
    ".ipynb",
    ".yaml",
    ".yml",
    ".json",
    ".toml",
    ".ini",
    ".cfg",
    ".gin",
    ".jsonnet",
    ".libsonnet",
    ".sh",
    ".bash",
    ".slurm",
    ".sbatch",
    ".md",
    ".rst",
    ".txt",
    ".cu",
    ".cuh",
    ".cpp",
    ".c",
    ".h",
    ".hpp",
    ".in",
    ".lock",
    "",
}
LARGEST_BYTES, MOST_BYTES = 2 * 2**20, 256 * 2**20
BARE = ("LICEN", "COPYING", "NOTICE", "README", "PKG-INFO", "METADATA", "Makefile", "Dockerfile", "Pipfile")


@dataclass
class Walked:
    """Files to read, relative to the root, and what was not taken."""

    root: Path
    files: list[str] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def data(self, name: str) -> bytes:
        """Bytes of one file."""
        return (self.root / name).read_bytes()


def walked(source: Path, only: str, most_files: int) -> Walked:
    """Regular files below `source` in sorted order; links are not followed, limits are said.

    Raises:
        PackError: there is nothing at `source`.
    """
    if not source.exists():
        raise PackError(
            "no-such-path",
            f"there is nothing at {str(source)!r}",
            why="it is what the inventory reads",
            fix="check the path",
        )
    if source.is_file():
        return Walked(source.parent, [source.name])
    found, total = Walked(source), 0
    for name in _names(source, found):
        if not name.startswith(only):
            continue
        reason, size = _refused(source / name)
        if reason:
            found.unread.append(Unread(file=name, why=reason))
        elif len(found.files) >= most_files or total + size > MOST_BYTES:
            found.unread.append(Unread(file=name, why="and everything after it: over the limit of files or bytes"))
            break
        else:
            found.files.append(name)
            total += size
    _submodules(source, found)
    return found


def _names(source: Path, found: Walked) -> Iterator[str]:
    for folder, below, files in os.walk(source, onerror=lambda error: _denied(error, source, found)):
        here = Path(folder)
        for name in sorted(below):
            if (here / name).is_symlink():
                found.unread.append(
                    Unread(file=(here / name).relative_to(source).as_posix(), why=_link(here / name, source))
                )
        below[:] = sorted(n for n in below if n not in SKIPPED and not (here / n).is_symlink())
        yield from ((here / name).relative_to(source).as_posix() for name in sorted(files))


def _denied(error: OSError, source: Path, found: Walked) -> None:
    name = os.path.relpath(error.filename or source, source)
    found.unread.append(Unread(file=name, why=f"not readable: {error.strerror}"))


def _link(path: Path, source: Path) -> str:
    try:
        inside = path.resolve().is_relative_to(source.resolve())
    except (OSError, RuntimeError):
        return "a link in a circle"
    return "a link; what it points at is read in its own place" if inside else "a link that leads out of the repository"


def _refused(path: Path) -> tuple[str, int]:
    """Why a file is not read, and its size; binary files are no inputs and need no remark."""
    if path.is_symlink():
        return _link(path, path.parent), 0
    try:
        if not path.is_file():
            return "no regular file", 0
        size = path.stat().st_size
    except OSError as error:
        return f"not readable: {error.strerror}", 0
    if path.suffix.lower() not in TEXT and not path.name.startswith(".env."):
        return "not a text format that carries settings", size
    if size > LARGEST_BYTES:
        return f"{size} bytes; files over {LARGEST_BYTES} are data, not code", size
    if not os.access(path, os.R_OK):
        return "not readable", size
    return "", size


def _submodules(source: Path, found: Walked) -> None:
    """Submodules that were not checked out: code that belongs to the source and is not here."""
    listed = source / ".gitmodules"
    if not listed.is_file() or listed.is_symlink():
        return
    for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        folder = source / value.strip()
        if key.strip() == "path" and value.strip() and not (folder.is_dir() and any(folder.iterdir())):
            found.unread.append(Unread(file=value.strip(), why="a submodule that is not checked out"))
