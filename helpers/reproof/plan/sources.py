"""Does a value of a port stand where the plan says: in that file, on that line, at that commit of the clone?

Only git's object store is read (`git cat-file`): no checkout, no filters, no hooks, no network.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from reproof.errors import MissingError, PackError, near
from reproof.paths import sha256
from reproof.protocol import SOURCE, PortSource

LIMIT_S, MAX_BYTES, MAX_LINES = 30.0, 8 * 2**20, 40
# a literal, not the digit of a name; a minus between two operands is no sign
LITERAL = re.compile(
    r"(?<![\w.])(?:(?<![\w)\]]\s)(?<![\w)\]])-)?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]*[A-Za-z])"
)
# a clone's own settings may name programs that fetch what is missing in it; nothing is fetched
NO_TRANSPORT = [
    word for name in ("file", "git", "http", "https", "ssh", "ext") for word in ("-c", f"protocol.{name}.allow=never")
]
FLAGS = {True: re.compile(r"(?i)\btrue\b|\byes\b|store_true"), False: re.compile(r"(?i)\bfalse\b|\bno\b|store_false")}
NOTHING = re.compile(r"\b(?:None|null|nil|nullptr)\b")
SHOWN_CHARS = 120


@dataclass
class Clone:
    """A local clone of the repository that a plan ports, read at pinned commits only."""

    folder: Path
    port: PortSource
    files: dict[str, list[str] | None] = field(default_factory=dict)
    """Lines of each file looked at, or None where the commit has no such file."""

    @classmethod
    def at(cls, folder: Path, port: PortSource) -> Clone:
        """The clone in `folder`.

        Raises:
            PackError: there is no clone, or it does not have the plan's commit.
            MissingError: git is not installed.
        """
        clone = cls(folder, port)
        found = clone._git("cat-file", "-t", port.commit)
        if found is None or found.strip() != b"commit":
            raise PackError(
                "no-such-commit", f"{str(folder)!r} is no clone with commit {port.commit}",
                why="a value is looked up in exactly the version that was ported",
                fix=f"git clone {port.repository}, without --depth or --filter, and pass its folder (owned by you)",
            )  # fmt: skip
        return clone

    def lines(self, path: str) -> list[str] | None:
        """The lines of one file at the plan's commit, or None where it has no such file."""
        if path not in self.files:
            size = self._git("cat-file", "-s", f"{self.port.commit}:{path}")
            if size is None or not size.strip().isdigit():
                self.files[path] = None
            elif int(size) > MAX_BYTES:
                raise PackError("source-too-large", f"{path} has {int(size)} bytes", why="no source file is that large",
                                fix="point at the source file, not at data")  # fmt: skip
            else:
                data = self._git("cat-file", "blob", f"{self.port.commit}:{path}")
                self.files[path] = None if data is None else data.decode("utf-8", "replace").splitlines()
        return self.files[path]

    def known(self) -> list[str]:
        """Every path at the plan's commit."""
        listed = self._git("ls-tree", "-r", "--name-only", "-z", self.port.commit) or b""
        return [path.decode("utf-8", "replace") for path in listed.split(b"\0") if path]

    @property
    def digest(self) -> str:
        """What an evidence record names this source by: the commit pins every byte below it."""
        return sha256(f"{self.port.repository}@{self.port.commit}")

    def _git(self, *words: str) -> bytes | None:
        settings = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        command = ["git", *NO_TRANSPORT, "-C", str(self.folder), *words]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False,
                                  stdin=subprocess.DEVNULL, env={**os.environ, **settings})  # fmt: skip
        except FileNotFoundError as error:
            raise MissingError("not-installed", "no program git on the path", why="the clone is read with it",
                               fix="install git, or check without --source") from error  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise PackError(
                "source-hangs", f"git {words[0]} in {self.folder} took more than {LIMIT_S:.0f} s",
                why="reading one file takes milliseconds", fix="check the clone: git fsck",
            ) from error  # fmt: skip
        return done.stdout if done.returncode == 0 else None


def wrong_form(source: str, port: PortSource) -> str:
    """Why `source` cannot be looked up at all, or an empty string."""
    match = SOURCE.match(source)
    if not match:
        return f"{source!r} is not file:line@commit, like src/model.py:12@{port.commit[:9]}"
    path = PurePosixPath(match["file"])
    if path.is_absolute() or ".." in path.parts:
        return f"{match['file']!r} is not a path inside the repository"
    if not port.commit.startswith(match["commit"]):
        return f"commit {match['commit']} is not the plan's, {port.commit[:12]}"
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if not 1 <= first <= last or last - first >= MAX_LINES:
        return f"lines {first} to {last}: give one line, or at most {MAX_LINES} in order"
    return ""


def passage(source: str, clone: Clone) -> tuple[str, str]:
    """(the source lines, why they are not there) of a well-formed `source`."""
    match = SOURCE.match(source)
    assert match, "wrong_form is asked first"
    lines = clone.lines(match["file"])
    if lines is None:
        return "", f"the commit has no file {match['file']!r}{near(match['file'], clone.known())}"
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if last > len(lines):
        return "", f"{match['file']} has {len(lines)} lines at that commit, not {last}"
    return "\n".join(lines[first - 1 : last]), ""


def value_in_code(value: Any, code: str) -> str:
    """Why `value` does not stand in these lines of code, or an empty string.

    Numbers are compared as literals, words as whole words; nothing is computed.

    >>> value_in_code(1000, "steps = 1_000"), value_in_code(None, "clip: Optional[float] = None")
    ('', '')
    >>> value_in_code(4, "layer4 = dim * 2")
    "the value is 4; the code has 2: 'layer4 = dim * 2'"
    """
    if isinstance(value, (list, tuple)):
        return next((why for why in (value_in_code(item, code) for item in value) if why), "")
    shown = " ".join(code.split())[:SHOWN_CHARS]
    if isinstance(value, bool):
        return "" if FLAGS[value].search(code) else f"the value is {value}; the code is {shown!r}"
    if value is None:
        return "" if NOTHING.search(code) else f"the value is null; the code is {shown!r}"
    if isinstance(value, (int, float)):
        numbers = [Decimal(match[0].replace("_", "")) for match in LITERAL.finditer(code)]
        has = ", ".join(f"{number.normalize():f}" for number in numbers[:8]) or "no number"
        return "" if Decimal(repr(value)) in numbers else f"the value is {value}; the code has {has}: {shown!r}"
    words = re.findall(r"[A-Za-z]+|\d+", str(value))
    pattern = r"(?i)(?<![A-Za-z0-9])" + r"[^A-Za-z0-9]*".join(words) + r"(?![A-Za-z0-9])"
    return "" if words and re.search(pattern, code) else f"{value!r} does not stand in {shown!r}"
