"""All files of a project, or none: built beside and put in place by renames, which need no space.

A new project is one folder that is renamed. Changes of a project that is there already lie in `.scaffold/pending/`
until all of them are on disk; a journal then says what goes where, and whoever comes next finishes what was begun.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import inside
from reproof.scaffold.store import FOLDER

PENDING, JOURNAL = f"{FOLDER}/pending", "journal.json"


def create(out: Path, files: dict[str, str]) -> None:
    """A new project at `out`, where there is nothing yet."""
    with _told(out):
        parent = out.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        # mkdtemp makes a private folder; a project is meant to be read like any other folder of the user's
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=parent))
        try:
            built = beside / "project"
            for name, text in files.items():
                _write(inside(built, name), text, durable=False)  # after a power cut, generate it again
            built.replace(out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def change(out: Path, files: dict[str, str], removed: list[str]) -> None:
    """Write and remove files of the project at `out`: all of them, even if this process is killed in between."""
    finish(out)
    if not files and not removed:
        return
    pending = out / PENDING
    with _told(out):
        try:
            for path in (inside(out, name) for name in [*files, *removed]):
                if path.is_dir():
                    raise IsADirectoryError(0, "is a folder, and a file belongs there", str(path))
            for number, text in enumerate(files.values()):
                _write(pending / f"{number:04d}", text)
            journal = {"writes": {name: f"{number:04d}" for number, name in enumerate(files)}, "removes": removed}
            _write(pending / f"{JOURNAL}.part", json.dumps(journal))
            (pending / f"{JOURNAL}.part").replace(pending / JOURNAL)
        except BaseException:
            shutil.rmtree(pending, ignore_errors=True)
            with contextlib.suppress(OSError):
                pending.parent.rmdir()  # unless something else is in it
            raise
        finish(out)


def finish(out: Path) -> None:
    """Carry out the journal that an interrupted change left, if there is one; drop what never got a journal."""
    pending = out / PENDING
    if not pending.is_dir():
        return
    with _told(out):
        if (pending / JOURNAL).is_file():
            journal = json.loads((pending / JOURNAL).read_text(encoding="utf-8"))
            for name, number in journal["writes"].items():
                _put(pending / number, inside(out, name))
            for name in journal["removes"]:
                inside(out, name).unlink(missing_ok=True)
        shutil.rmtree(pending)


def _put(source: Path, target: Path) -> None:
    if not source.exists():
        return  # done before the interruption
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.copymode(target, source)
    source.replace(target)


def _write(path: Path, text: str, *, durable: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        if durable:
            os.fsync(file.fileno())


@contextlib.contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackError(
            "cannot-write",
            f"{error.filename or out}: {error.strerror}",
            why="a project is written as a whole; nothing was changed",
            fix="free space, or choose a folder that you may write to; then the same command again",
        ) from error
