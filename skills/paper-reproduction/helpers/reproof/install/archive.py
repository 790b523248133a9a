"""Zips for upload: the same bytes for the same sources, on every machine."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from reproof import __version__
from reproof.errors import PackError
from reproof.install.models import Archive, ZipAnswer, ZipRequest
from reproof.install.skills import damaged, files_of_skill, sources
from reproof.paths import sha256

EPOCH = (1980, 1, 1, 0, 0, 0)


def archives(request: ZipRequest) -> ZipAnswer:
    """Answer `install.py zip`.

    Raises:
        PackError: the built copies are out of date, so the archive would not be this version.
    """
    made = []
    for name, folder in sources().items():
        wrong = damaged(folder)
        if wrong:
            raise PackError(
                "stale-copies",
                f"{name}: {'; '.join(wrong[:5])}{' ...' if len(wrong) > 5 else ''}",
                why="an archive of files that differ from the manifest would not be this version",
                fix="python helpers/install.py sync",
            )
        made.append(_archive(name, folder, request.out))
    return ZipAnswer(ok=True, headline=f"{len(made)} archives in {request.out}", archives=made)


def _archive(name: str, folder: Path, out: Path) -> Archive:
    data = zipped(name, folder)
    path = out / f"{name}-{__version__}.zip"
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise PackError(
            "cannot-write",
            f"{path}: {error.strerror}",
            why="the archive goes there",
            fix="choose another folder with --out",
        ) from error
    count = sum(1 for _ in files_of_skill(folder))
    return Archive(path=str(path), files=count, size_bytes=len(data), sha256=sha256(data))


def zipped(name: str, folder: Path) -> bytes:
    """The archive's bytes: sorted names below `name`/, fixed date, permissions of a plain or an executable file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file, path in sorted(files_of_skill(folder)):
            entry = zipfile.ZipInfo(f"{name}/{file}", EPOCH)
            entry.create_system = 3  # Unix, wherever it is made: permissions are kept
            entry.external_attr = (
                0o100755 if path.suffix == ".py" and path.parent.name == "helpers" else 0o100644
            ) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
