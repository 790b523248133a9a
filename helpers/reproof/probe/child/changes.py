"""What is written about a name between two versions, as far as the environment holds it.

Two places are read: `versionadded`, `versionchanged` and `deprecated` in the documentation of the installed version,
and a change log that the distribution brings along, in a file of its own or in its description.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import re

from . import look
from .report import short

DIRECTIVE = re.compile(r"\.\. (versionadded|versionchanged|deprecated):: *v?([\d.]+)((?:.|\n(?!\s*\n))*)")
HEADING = re.compile(r"^(?:#+ *|\[?)(?:version|release)? *v?(\d+\.\d+(?:\.\d+)?)\b.*$", re.IGNORECASE | re.MULTILINE)
LOG = re.compile(r"(^|/)(change|history|news|release)[^/]*\.(md|rst|txt)$", re.IGNORECASE)
MOST = 5
LONG = 500_000  # characters of a change log that are read


def between(target: str, distribution: str, versions: list[str]) -> list[str]:
    """Sentences about `target` for versions after the lower and up to the higher of the two.

    >>> numbers("1.10.2rc1")
    (1, 10, 2)
    """
    low, high = sorted(numbers(version) for version in versions)
    told = [f"{what} {version}: {text}" for what, version, text in directives(target) if low < numbers(version) <= high]
    name = target.split(".")[-1]
    for version, section in sections(distribution):
        if low < numbers(version) <= high:
            lines = [line.strip(" *-#") for line in section.splitlines() if re.search(rf"\b{re.escape(name)}\b", line)]
            told += [f"change log {version}: {line}" for line in lines]
    return [short(line, 240) for line in dict.fromkeys(told)][:MOST]


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, up to the first letter of each part; 1.2 is 1.2.0."""
    found = [int(part) for part in re.findall(r"\d+", re.split(r"(?<=\d)[a-z+]", version)[0])]
    return tuple([*found, 0, 0, 0][:3])


def directives(target: str) -> list[tuple[str, str, str]]:
    """(word, version, text) of each directive in the documentation of a name and of its class."""
    here = look.resolve(target)
    text = "\n".join(inspect.getdoc(item) or "" for item in (here, getattr(here, "__init__", None)) if item is not None)
    return [(what, version, " ".join(said.split())) for what, version, said in DIRECTIVE.findall(text)]


def sections(distribution: str) -> list[tuple[str, str]]:
    """(version, text) of each part of the change log that a distribution brings along."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return []
    logs = [found.read_text("METADATA") or ""]
    for file in found.files or []:
        if LOG.search(str(file)):
            try:
                logs.append(file.read_text()[:LONG])
            except (OSError, UnicodeDecodeError):
                continue
    parts = []
    for log in logs:
        marks = list(HEADING.finditer(log))
        ends = [mark.start() for mark in marks[1:]] + [len(log)]
        parts += [(mark[1], log[mark.end() : end]) for mark, end in zip(marks, ends)]  # noqa: B905 - one end per mark
    return parts
