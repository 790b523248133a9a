"""The evidence folder: append-only, chained records of what a helper ran.

One file per record, `0001-plan-check.json`. Each holds the digest of the one before, so that a record that is
edited, removed or slipped in breaks the chain. This shows tampering; it cannot stop someone who rewrites the
whole chain, which is why the gate runs cheap checks again instead of believing their records.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from reproof import __version__
from reproof.errors import PackError
from reproof.paths import HELPERS, TEMPLATES, hash_path, sha256, write_atomically
from reproof.records import Record

FIRST = "0" * 64
NAME = re.compile(r"(\d{4,})-[a-z0-9-]+\.json")
LOCK_S, POLL_S = 10.0, 0.01


class Evidence(Record):
    """What a helper ran, on which inputs, and what came out."""

    number: int = Field(gt=0)
    helper: str = Field(description='the command, like "plan check"')
    argv: list[str]
    created: datetime.datetime
    seconds: float = Field(ge=0)
    ok: bool
    headline: str
    inputs: dict[str, str] = Field(description="path, relative to the evidence folder's parent, and sha256")
    versions: dict[str, str]
    answer: dict[str, Any]
    previous: str = Field(description="digest of the record before this one")
    digest: str = Field("", description="sha256 of this record without the digest")

    def sealed(self) -> Evidence:
        """This record with its digest."""
        return self.model_copy(update={"digest": self.fingerprint()})

    def fingerprint(self) -> str:
        """What the digest must be."""
        body = self.model_dump(mode="json", exclude={"digest"})
        return sha256(json.dumps(body, sort_keys=True, ensure_ascii=False))


class Finding(Record):
    """One thing that is wrong with an evidence folder."""

    file: str
    problem: str


def pack_version() -> str:
    """The pack's version and a digest of its code and templates: a record says which code made it."""
    code = sha256(hash_path(HELPERS / "reproof") + (hash_path(TEMPLATES) if TEMPLATES.is_dir() else ""))
    return f"{__version__}+{code[:12]}"


def versions(*distributions: str) -> dict[str, str]:
    """Versions of Python, of this pack and of the named distributions, where installed."""
    found = {"python": platform.python_version(), "reproof": pack_version(), "platform": platform.platform()}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def record_files(folder: Path) -> list[Path]:
    """Record files in order of their number."""
    return sorted((p for p in folder.glob("*.json") if NAME.fullmatch(p.name)), key=lambda p: int(p.name.split("-")[0]))


def read(path: Path) -> Evidence:
    """One record from disk.

    Raises:
        PackError: it is not a record.
    """
    try:
        return Evidence.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise PackError(
            "bad-evidence",
            f"{path.name} is not an evidence record",
            why="a record that cannot be read proves nothing",
            fix="run the helper again; do not edit evidence by hand",
        ) from error


def hashed_inputs(paths: list[Path], base: Path) -> dict[str, str]:
    """Digest of each input, keyed by its path relative to `base`, in posix form."""
    return {Path(os.path.relpath(path.resolve(), base.resolve())).as_posix(): hash_path(path) for path in paths}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time. A lock left by a killed helper is taken over after `LOCK_S` seconds."""
    lock = folder / ".lock"
    for _ in range(round(2 * LOCK_S / POLL_S)):
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > LOCK_S:
                    lock.unlink()
            time.sleep(POLL_S)
    else:
        raise PackError(
            "evidence-busy",
            f"{lock} is held",
            why="records are written one by one",
            fix=f"remove {lock} if nothing runs",
        )
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def append(folder: Path, record: Evidence) -> Path:
    """Seal `record` behind the last one in `folder` and write it; `number` and `previous` are set here."""
    slug = re.sub(r"[^a-z0-9]+", "-", record.helper.lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        files = record_files(folder)
        number = int(files[-1].name.split("-")[0]) + 1 if files else 1
        previous = read(files[-1]).digest if files else FIRST
        sealed = record.model_copy(update={"number": number, "previous": previous}).sealed()
        path = folder / f"{number:04d}-{slug}.json"
        write_atomically(path, sealed.model_dump_json(indent=1) + "\n")
    return path


def audit(folder: Path) -> tuple[list[Evidence], list[Finding]]:
    """All readable records, and everything that breaks the chain."""
    records: list[Evidence] = []
    findings: list[Finding] = []
    expected_number, expected_previous = 1, FIRST
    for path in record_files(folder):
        try:
            record = read(path)
        except PackError as error:
            findings.append(Finding(file=path.name, problem=error.what))
            continue
        if record.fingerprint() != record.digest:
            findings.append(Finding(file=path.name, problem="its content was changed after it was written"))
        if record.number != expected_number or not path.name.startswith(f"{record.number:04d}-"):
            findings.append(Finding(file=path.name, problem=f"record {expected_number} is missing or renamed"))
        elif record.previous != expected_previous:
            findings.append(Finding(file=path.name, problem="the record before it is not the one it was written after"))
        records.append(record)
        expected_number, expected_previous = record.number + 1, record.digest
    return records, findings


def changed_inputs(record: Evidence, base: Path) -> list[str]:
    """Inputs of `record` that are gone or differ now; not empty means STALE."""
    changed = []
    for name, digest in record.inputs.items():
        path = base / name
        if not path.exists() or hash_path(path) != digest:
            changed.append(name)
    return changed
