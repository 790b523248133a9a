"""Declared requirements, pinned or not: requirements files, setup.py, setup.cfg, pyproject, conda, metadata."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from reproof.inventory.models import Dependency
from reproof.syntax import parsed

_REQUIREMENT = re.compile(
    r"^\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(\(?\s*(?:[=<>!~]=?=?|@)[^;#]*)?\s*(?:;[^#]*)?(?:#.*)?$"
)
_PINNED = re.compile(r"^\(?\s*={2,3}\s*[\w.!+-]+\s*\)?$")
_CONDA = re.compile(
    r"^\s*-\s*(?:[\w-]+::)?([A-Za-z0-9][\w.-]*)\s*((?:[=<>!~]=?\s*[\w.*]+(?:=[\w.*]+)?,?)*)\s*(?:#.*)?$"
)


def dependencies(file: str, data: bytes) -> list[Dependency]:
    """Requirements that one file declares, with the line of each."""
    name = PurePosixPath(file).name.lower()
    text = data.decode("utf-8", errors="replace")
    if re.match(r"requirements.*\.(?:txt|in)$", name) or (name.endswith(".txt") and "requirements" in file.lower()):
        return list(_lines(file, text))
    if name in ("setup.py",):
        return list(_setup(file, data))
    if name == "setup.cfg":
        return list(_sections(file, text, re.compile(r"install_requires|^\[options\.extras_require\]|tests_require")))
    if name == "pyproject.toml":
        return list(_pyproject(file, text))
    if name.endswith((".yml", ".yaml")) and re.search(r"env|conda|meta", name):
        return list(_conda(file, text))
    if name in ("pkg-info", "metadata") and file.count("/") <= 1:
        return list(_metadata(file, text))
    return []


def _one(text: str, file: str, line: int) -> Dependency | None:
    match = _REQUIREMENT.match(text.strip())
    if not match or match[1].lower() == "python":
        return None
    declared = (match[3] or "").strip().strip("()").strip()
    return Dependency(name=match[1], declared=declared, pinned=bool(_PINNED.match(declared)), file=file, line=line)


def _lines(file: str, text: str) -> Iterator[Dependency]:
    for number, line in enumerate(text.split("\n"), 1):
        if address := re.match(
            r"^\s*(?:-e\s+)?(?:git\+|https?://)\S*?([\w.-]+?)(?:\.git)?(?:@([\w.-]+))?(?:#egg=([\w.-]+))?\s*$", line
        ):
            name, at = address[3] or address[1], address[2] or ""
            yield Dependency(name=name, declared=f"git @{at}" if at else "git", pinned=bool(at), file=file, line=number)
        elif not line.lstrip().startswith(("-", "#")) and line.strip():
            found = _one(line.split(" #")[0].split(" --hash")[0].rstrip("\\ "), file, number)
            if found:
                yield found


def _setup(file: str, data: bytes) -> Iterator[Dependency]:
    tree = parsed(data).tree
    for node in ast.walk(tree) if tree else ():
        listed: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "extras_require", "setup_requires"):
            listed = [node.value]
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and re.search("require|depend", node.targets[0].id, re.I)
        ):
            listed = [node.value]
        for value in listed:
            for text in ast.walk(value):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found = _one(text.value, file, text.lineno)
                    if found and not _is_key(text, value):
                        yield found


def _is_key(text: ast.Constant, value: ast.expr) -> bool:
    """A key of extras_require is the name of an extra."""
    return any(isinstance(d, ast.Dict) and text in d.keys for d in ast.walk(value))


def _sections(file: str, text: str, begins: re.Pattern[str]) -> Iterator[Dependency]:
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line[0].isspace():
            inside = bool(begins.search(line))
            if inside and "=" in line and (found := _one(line.partition("=")[2], file, number)):
                yield found
        elif inside and (found := _one(line, file, number)):
            yield found


def _pyproject(file: str, text: str) -> Iterator[Dependency]:
    section, listing = "", False
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"^\s*\[+\s*([^\]]+)\]", line):
            section, listing = header[1].strip(), False
            continue
        if re.match(r"^tool\.poetry(?:\.group\.[\w-]+)?\.(?:dev-)?dependencies$", section):
            yield from _poetry(file, line, number)
            continue
        if re.match(r"^\s*(?:dependencies|requires)\s*=\s*\[", line) or (
            section in ("project.optional-dependencies", "dependency-groups") and re.match(r"^\s*[\w-]+\s*=\s*\[", line)
        ):
            listing = True
        if listing:
            for given in re.findall(
                r"\"([^\"]+)\"|'([^']+)'", line.partition("= [")[2] or line.partition("=[")[2] or line
            ):
                found = _one(given[0] or given[1], file, number)
                if found:
                    yield found
            listing = "]" not in re.sub(r"\"[^\"]*\"|'[^']*'", "", line)


def _poetry(file: str, line: str, number: int) -> Iterator[Dependency]:
    match = re.match(r"^\s*\"?([\w.-]+)\"?\s*=\s*(?:\"([^\"]*)\"|\{.*?version\s*=\s*\"([^\"]*)\".*|\{.*)", line)
    if match and match[1].lower() != "python":
        declared = match[2] or match[3] or ""
        yield Dependency(
            name=match[1], declared=declared, pinned=bool(re.match(r"^=?=?\d[\w.]*$", declared)), file=file, line=number
        )


def _conda(file: str, text: str) -> Iterator[Dependency]:
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"^\s*dependencies\s*:", line):
            inside = True
        elif re.match(r"^[A-Za-z]", line):
            inside = False
        elif inside and (match := _CONDA.match(line)) and match[1] not in ("pip", "python"):
            declared = match[2].strip()
            pinned = bool(re.match(r"^={1,2}\s*\d[\w.]*(?:=[\w.]+)?$", declared))
            yield Dependency(name=match[1], declared=declared, pinned=pinned, file=file, line=number)


def _metadata(file: str, text: str) -> Iterator[Dependency]:
    for number, line in enumerate(text.split("\n\n")[0].split("\n"), 1):
        if line.startswith("Requires-Dist:") and (
            found := _one(line.partition(":")[2].partition(";")[0], file, number)
        ):
            yield found


def console_scripts(text: str) -> frozenset[str]:
    """Names of commands that packaging text says the package installs."""
    found = set(re.findall(r"['\"]([\w-]+)\s*=\s*[\w.]+:[\w.]+['\"]", text))
    section = re.search(r"\[project\.scripts\]\n((?:(?!\[).*\n?)*)", text)
    if section:
        found |= set(re.findall(r"^\s*\"?([\w-]+)\"?\s*=", section[1], re.M))
    return frozenset(found)
