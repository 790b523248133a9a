"""What is shown while a run works, and what its numbers rest on: code, commit, versions, command."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO


class Progress:
    """On stderr: one line that updates itself on a terminal, a plain line every ten seconds in a pipe."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0) -> None:
        self.label, self.total, self.unit, self.first = label, total, unit, done
        self.interval_s = 0.2 if sys.stderr.isatty() else 10.0
        self.begin_s = time.monotonic()
        self.next_s = self.begin_s + self.interval_s

    def due(self, done: int) -> bool:
        """Whether it is time for a line; cheap enough to ask at every step."""
        return time.monotonic() >= self.next_s or (done == self.total and self.interval_s < 1)

    def show(self, done: int, words: str = "") -> None:
        """Where the phase is, how fast, and how long it will take."""
        now_s = time.monotonic()
        self.next_s = now_s + self.interval_s
        per_s = max(done - self.first, 1e-9) / max(now_s - self.begin_s, 1e-9)
        left_s = int((self.total - done) / per_s)
        left = f"{left_s // 3600}:{left_s // 60 % 60:02d}:{left_s % 60:02d}"
        line = f"{self.label}  {done}/{self.total} {self.unit}  {words}{per_s:.3g} {self.unit}/s  {left} left"
        on_terminal = self.interval_s < 1
        print("\r\033[K" * on_terminal + line, end="" if on_terminal and done < self.total else "\n", file=sys.stderr,
              flush=True)  # fmt: skip


def open_lines(path: Path) -> TextIO:
    """A file to append whole lines to; half a line that a kill left behind is dropped first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
    return path.open("a", buffering=1, encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of such a file."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a small file in one go."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def provenance(root: Path, core: Path) -> dict[str, Any]:
    """Hashes of both halves of the code, the commit, versions of what requirements.txt names, the command."""
    git = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # no git on this machine
        commit = ""
    names = re.findall(r"^[\w-]+", (root / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    versions = {"python": platform.python_version()}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {"core_hash": tree_hash(core), "engine_hash": tree_hash(Path(__file__).parent), "commit": commit or None,
            "versions": versions, "command": sys.argv}  # fmt: skip


def tree_hash(folder: Path) -> str:
    """One hash for all Python files below a folder."""
    sha256 = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        sha256.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha256.hexdigest()[:16]
