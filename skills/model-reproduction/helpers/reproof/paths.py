"""Where the pack lies, hashes of files and folders, and writing without ever leaving a half file."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reproof.errors import PackError

HELPERS = Path(__file__).resolve().parent.parent
TEMPLATES = HELPERS.parent / "templates"
IGNORED = {"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def sha256(data: bytes | str) -> str:
    """Hex digest of bytes or of UTF-8 text."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def files_below(folder: Path) -> Iterator[Path]:
    """Regular files below `folder`, sorted, without caches; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not IGNORED & set(path.relative_to(folder).parts):
            yield path


def hash_path(path: Path) -> str:
    """Digest of a file's bytes, or of a folder's names and bytes.

    Raises:
        PackError: there is nothing at `path`.
    """
    if path.is_file():
        return sha256(path.read_bytes())
    if path.is_dir():
        lines = (f"{p.relative_to(path).as_posix()}\0{sha256(p.read_bytes())}\n" for p in files_below(path))
        return sha256("".join(lines))
    raise PackError(
        "no-such-path", f"there is nothing at {path}", why="its hash would be evidence", fix="check the path"
    )


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; what we write is meant to be read like any other file of the user's
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_text(path: Path, what: str) -> str:
    """UTF-8 text of a file the user named.

    Args:
        path: the file.
        what: what it should be, for the error, like "plan".

    Raises:
        PackError: it is not there, a folder, not readable, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start}"
        raise PackError(
            "unreadable",
            f"{what} {str(path)!r}: {reason}",
            why=f"the {what} is an input; without it there is nothing to answer",
            fix="check the path; convert the file to UTF-8 if it has another encoding",
        ) from error


def inside(root: Path, relative: str) -> Path:
    """`root/relative`, refused when it would leave `root`.

    Raises:
        PackError: the path is absolute or climbs out of `root`.
    """
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise PackError(
            "path-escapes",
            f"{relative!r} leads out of {root}",
            why="paths in plans and projects are untrusted and stay inside their folder",
            fix="use a relative path without '..'",
        )
    return path
