"""What is shown while a run works, and what its numbers rest on: code, commit, versions, command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .config import option
from .errors import MISSING, ProjectError

if TYPE_CHECKING:
    from .run import Run


@contextmanager
def writing(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Say what to do when a disk is full or read-only, and leave nothing half-written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if temporary:
            with suppress(OSError):
                temporary.unlink()
        why, fix = f"{error}; what was saved before is untouched", "make room, then the same command"
        raise ProjectError("not-written", f"cannot write {path}", why, fix, MISSING) from error


def open_lines(path: Path) -> TextIO:
    """A file to append whole lines to; half a line that a kill left behind is dropped first."""
    with writing(path), path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
    return path.open("a", buffering=1, encoding="utf-8")


@contextmanager
def log_to(run: Run) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes a line to metrics.jsonl, at once, so that a kill loses nothing; and to the trackers."""
    if run.world.rank:
        yield lambda _record: None
        return
    path, names = run.folder / "metrics.jsonl", option(run.cfg, "trackers")
    with open_lines(path) as file:
        trackers = [run.tool("trackers").TRACKERS[name](run) for name in names]

        def write(record: dict[str, Any]) -> None:
            with writing(path):
                file.write(json.dumps(record) + "\n")
            for tracker in trackers:
                tracker.log(record)

        try:
            yield write
        finally:
            for tracker in trackers:
                tracker.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of such a file."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a small file in one go."""
    temporary = path.with_name(path.name + ".tmp")
    with writing(path, temporary):
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)


def tree_hash(folder: Path) -> str:
    """One hash for all Python files below a folder."""
    sha256 = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sha256.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha256.hexdigest()[:16]
