"""Sources of a LaTeX paper, from a file, a folder or an archive: bounded, and nothing is ever written to disk."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from reproof.errors import PackError
from reproof.paths import files_below

KEPT = (".tex", ".ltx", ".latex", ".sty")
MAX_FILE_BYTES, MAX_TOTAL_BYTES, MAX_MEMBERS = 8 * 2**20, 256 * 2**20, 5000


@dataclass
class Sources:
    """Text files by their posix path, and what was left out."""

    files: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def put(self, name: str, data: bytes) -> None:
        """Keep one file; bytes that are not UTF-8 are read as Latin-1, which never fails, and that is said."""
        try:
            self.files[name] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.files[name] = data.decode("latin-1")
            self.lost.append(f"{name} is not UTF-8 (byte {error.start}); read as Latin-1, accents may be wrong")


def too_large(name: str, what: str) -> PackError:
    """The one refusal for everything that expands beyond a paper."""
    return PackError(
        "paper-too-large",
        f"{name}: {what}",
        why="no paper's source is that large; an archive that expands without end would fill the memory",
        fix="pass the paper's own source archive, or the folder with its .tex files",
    )


class _Bounded(io.RawIOBase):
    """A stream that refuses to deliver more than the limit."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, name: str) -> None:
        self.stream, self.name, self.seen = stream, name, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size if size >= 0 else MAX_TOTAL_BYTES + 1)
        self.seen += len(data)
        if self.seen > MAX_TOTAL_BYTES:
            raise too_large(self.name, f"expands to more than {MAX_TOTAL_BYTES} bytes")
        return data


def from_folder(folder: Path) -> Sources:
    """Every LaTeX file below `folder`; links are not followed."""
    sources = Sources()
    for path in files_below(folder):
        if path.suffix.lower() in KEPT and path.stat().st_size <= MAX_FILE_BYTES:
            sources.put(path.relative_to(folder).as_posix(), path.read_bytes())
        if len(sources.files) > MAX_MEMBERS:
            raise too_large(str(folder), f"more than {MAX_MEMBERS} LaTeX files")
    return sources


def from_archive(path: Path) -> Sources:
    """The LaTeX files of a .tar.gz, .tar, .zip, or of the single gzipped file that arXiv serves for short papers.

    Raises:
        PackError: it is damaged, or it expands without end.
    """
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path)
        return _from_tar(path)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, OSError) as error:
        raise PackError(
            "paper-format",
            f"{path}: {error or type(error).__name__}",
            why="the archive is damaged or cut off, so parts of the paper could be missing unnoticed",
            fix="download it again",
        ) from error


def _outside(name: str) -> bool:
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name


def _from_tar(path: Path) -> Sources:
    sources = Sources()
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = _Bounded(gzip.GzipFile(fileobj=file) if zipped else file, str(path))
        head = stream.read(512)
        if zipped and head[257:262] != b"ustar" and b"\\" in head:
            sources.put("main.tex", head + _all_of(stream, str(path)))
            return sources
        joined = io.BufferedReader(_Joined(head, stream))
        with tarfile.open(fileobj=joined, mode="r|") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_MEMBERS:
                    raise too_large(str(path), f"more than {MAX_MEMBERS} members")
                name = PurePosixPath(member.name).as_posix()
                if _outside(name):
                    sources.lost.append(f"archive member {name!r} points outside the archive and was ignored")
                elif member.isfile() and name.lower().endswith(KEPT):
                    if member.size > MAX_FILE_BYTES:
                        raise too_large(f"{path}:{name}", f"{member.size} bytes in one file")
                    content = archive.extractfile(member)
                    sources.put(name, content.read() if content else b"")
    return sources


def _all_of(stream: _Bounded, name: str) -> bytes:
    data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise too_large(name, f"expands to more than {MAX_FILE_BYTES} bytes")
    return data


class _Joined(io.RawIOBase):
    """A head that was read already, then the rest of its stream."""

    def __init__(self, head: bytes, rest: _Bounded) -> None:
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.head[: len(buffer)] or self.rest.read(len(buffer))
        self.head = self.head[len(data) :] if self.head else b""
        buffer[: len(data)] = data
        return len(data)


def _from_zip(path: Path) -> Sources:
    sources = Sources()
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise too_large(str(path), f"{len(members)} members")
        total = 0
        for member in members:
            if _outside(member.filename):
                sources.lost.append(f"archive member {member.filename!r} points outside the archive and was ignored")
            elif member.filename.lower().endswith(KEPT):
                with archive.open(member) as content:  # the size in the header may lie
                    data = content.read(MAX_FILE_BYTES + 1)
                total += len(data)
                if len(data) > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES:
                    raise too_large(f"{path}:{member.filename}", f"expands to more than {MAX_FILE_BYTES} bytes")
                sources.put(member.filename, data)
    return sources
