"""Read a repository: one pass over its files, then what needs all of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from reproof.errors import PackError
from reproof.inventory.arithmetic import link
from reproof.inventory.conflicts import conflicts
from reproof.inventory.dependencies import console_scripts, dependencies
from reproof.inventory.details import Places, calls, details, empty_places, third_party
from reproof.inventory.models import (
    Dependency,
    Detail,
    FileInfo,
    Hyperparameter,
    ReadAnswer,
    ReadRequest,
    SourceInfo,
    TagAnswer,
    TagRequest,
    UnitInfo,
    Unread,
)
from reproof.inventory.notebook import code_of
from reproof.inventory.origin import commit_of, digest_of, licence_of, name_and_version, remote_of
from reproof.inventory.overrides import applied, loaded, tag
from reproof.inventory.planpart import write_plan
from reproof.inventory.python import hyperparameters
from reproof.inventory.shell import overrides
from reproof.inventory.texts import settings
from reproof.inventory.walk import Walked, walked
from reproof.inventory.weaker import by_lines
from reproof.links import idle_lines
from reproof.roles import Role, Tagged, file_role, tagged_files
from reproof.signs import is_stub
from reproof.syntax import Source, parsed

LANGUAGES = {
    ".py": "Python",
    ".pyi": "Python",
    ".ipynb": "notebook",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".json": "JSON",
    ".toml": "TOML",
    ".sh": "shell",
    ".bash": "shell",
    ".slurm": "shell",
    ".sbatch": "shell",
    ".md": "Markdown",
    ".rst": "text",
    ".cu": "CUDA",
    ".cuh": "CUDA",
    ".cpp": "C++",
    ".c": "C",
    ".h": "C",
    ".hpp": "C++",
    ".ini": "INI",
    ".cfg": "INI",
    ".gin": "gin",
    ".jsonnet": "jsonnet",
    ".libsonnet": "jsonnet",
}
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".gin", ".jsonnet", ".libsonnet")
SHELL = (".sh", ".bash", ".slurm", ".sbatch")
OUTSIDE = ("test", "docs", "packaging")


@dataclass
class _Found:
    files: list[FileInfo] = field(default_factory=list)
    hyperparameters: list[Hyperparameter] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    dependencies: list[Dependency] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    python: dict[str, tuple[Source, Role]] = field(default_factory=dict)
    calls: Places = field(default_factory=empty_places)
    commands: frozenset[str] = frozenset()


def read(request: ReadRequest) -> ReadAnswer:
    """Answer `inventory.py read`."""
    walk = walked(request.source, request.only, request.most_files)
    found = _Found(unread=list(walk.unread))
    found.commands = _console_scripts(walk)
    for name in walk.files:
        _parse(walk, name, found)
    link({name: source for name, (source, _) in found.python.items()})
    for name in walk.files:
        _file(walk, name, found)
    units = applied(_units(found), loaded(request.tags))
    info = _info(walk, request, found)
    own = {PurePosixPath(name).parts[0] for name in walk.files} | {PurePosixPath(n).stem for n in walk.files}
    disagreeing = conflicts(found.hyperparameters)
    answer = ReadAnswer(
        ok=True,
        headline=_headline(info, units, found, len(disagreeing)),
        source=info,
        files=found.files,
        units=units,
        hyperparameters=found.hyperparameters,
        conflicts=disagreeing,
        details=found.details,
        calls=third_party(found.calls, own | {name for name in own if "." in name}),
        dependencies=found.dependencies,
        unread=found.unread,
        kinds=dict(Counter(item.kind for item in found.hyperparameters).most_common()),
    )
    if request.plan:
        answer = answer.model_copy(update={"plan": write_plan(request.plan, answer)})
    return answer


def decide(request: TagRequest) -> TagAnswer:
    """Answer `inventory.py tag`."""
    walk = walked(request.source, "", 20_000)
    found = _Found()
    for name in walk.files:
        if name.endswith(".py"):
            source = parsed(walk.data(name))
            found.python[name] = (source, file_role(name, source))
    return tag(request, _units(found))


def _console_scripts(walk: Walked) -> frozenset[str]:
    texts = [
        walk.data(n).decode("utf-8", errors="replace")
        for n in ("setup.py", "setup.cfg", "pyproject.toml")
        if n in walk.files
    ]
    return console_scripts("\n".join(texts))


def _file(walk: Walked, name: str, found: _Found) -> None:
    """Everything that one file says."""
    suffix = PurePosixPath(name).suffix.lower()
    try:
        data = walk.data(name)
    except OSError as error:
        found.unread.append(Unread(file=name, why=f"not readable: {error.strerror}"))
        return
    if suffix in (".py", ".pyi"):
        note = _python(name, found)
        role = found.python[name][1]
    else:
        role, note = file_role(name), _other(name, suffix, data, found)
    if note:
        found.unread.append(Unread(file=name, why=note))
    found.dependencies += dependencies(name, data)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    found.files.append(FileInfo(path=name, role=role, language=LANGUAGES.get(suffix, "text"), lines=lines, note=note))


def _parse(walk: Walked, name: str, found: _Found) -> None:
    """Python first, all of it: a constant may come from a file further down."""
    if PurePosixPath(name).suffix.lower() in (".py", ".pyi"):
        with contextlib.suppress(OSError):  # told by _file
            source = parsed(walk.data(name))
            found.python[name] = (source, file_role(name, source))


def _python(name: str, found: _Found) -> str:
    source, role = found.python[name]
    core = role not in OUTSIDE
    if source.tree is None:
        found.hyperparameters += by_lines(source.text, name, core=core)
        return f"{source.problem}; only read line by line"
    found.hyperparameters += hyperparameters(source, name, core=core)
    if core:
        found.details += details(source, name)
        calls(source, name, found.calls)
    return source.problem


def _other(name: str, suffix: str, data: bytes, found: _Found) -> str:
    """Settings, command lines and notebooks; returns a remark when something could not be read."""
    text = data.decode("utf-8", errors="replace")
    note = "not UTF-8; unreadable bytes replaced" if "\ufffd" in text and b"\xef\xbf\xbd" not in data else ""
    core = file_role(name) not in OUTSIDE
    if suffix == ".ipynb":
        return _notebook(name, text, found) or note
    if suffix in SETTINGS and core:
        items, problem = settings(text, name, suffix)
        found.hyperparameters += items
        return problem or note
    base = PurePosixPath(name).name
    is_make = base in ("Makefile", "Dockerfile") or base == ".env" or base.startswith(".env.")
    if suffix in SHELL or is_make:
        found.hyperparameters += overrides(text, name, markdown=False, commands=found.commands)
    elif suffix in (".md", ".rst") and not name.lower().startswith("change"):
        found.hyperparameters += overrides(text, name, markdown=True, commands=found.commands)
    return note


def _notebook(name: str, text: str, found: _Found) -> str:
    try:
        python, shell, places = code_of(text)
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        return f"no notebook: {str(error)[:80]}"
    source = parsed(python.encode())
    items = hyperparameters(source, name) if source.tree else by_lines(source.text, name)
    items += overrides(shell, name, markdown=False, commands=found.commands)
    inside = [item for item in items if item.line <= len(places)]
    found.hyperparameters += [item.model_copy(update={"line": places[item.line - 1]}) for item in inside]
    found.details += [
        d.model_copy(update={"line": places[d.line - 1]}) for d in details(source, name) if d.line <= len(places)
    ]
    return source.problem and f"cells: {source.problem}"


def _units(found: _Found) -> list[UnitInfo]:
    """Units of all files with their tags, under names that are unique."""
    result = []
    for name, items in tagged_files(found.python).items():
        seen: Counter[str] = Counter()
        for item in items:
            unit = item.unit
            seen[unit.name] += 1
            times = f"#{seen[unit.name]}" if seen[unit.name] > 1 else ""  # defined twice, as in `if` and `else`
            result.append(
                UnitInfo(
                    id=f"{name}::{unit.name}{times}",
                    file=name,
                    line=unit.line,
                    end_line=unit.node.end_lineno or unit.line,
                    kind=unit.kind,
                    tag=item.tag,
                    reason=item.reason,
                    rule_tag=item.tag,
                    idle=_idle(item) if item.tag == "core" and unit.kind in ("function", "method") else "",
                )
            )
    return result


def _idle(item: Tagged) -> str:
    """Lines of a unit that only report or check, where it does more than that."""
    runs = [] if is_stub(item.unit.node) else idle_lines(item.unit.node)
    return ", ".join(f"{first}-{last}" if first < last else str(first) for first, last in runs)


def _info(walk: Walked, request: ReadRequest, found: _Found) -> SourceInfo:
    name, version = name_and_version(walk.root, walk.files)
    commit, sha256 = commit_of(walk.root), digest_of(walk.root, walk.files)
    licence, licence_file = licence_of(walk.root, walk.files)
    return SourceInfo(
        path=str(request.source),
        name=name,
        version=version,
        commit=commit,
        repository=remote_of(walk.root),
        revision=_revision(request.revision or commit or sha256[:40]),
        sha256=sha256,
        licence=licence,
        licence_file=licence_file,
        files=len(walk.files),
        lines=sum(file.lines for file in found.files),
    )


def _revision(word: str) -> str:
    if not word or any(c.isspace() for c in word) or "@" in word:
        raise PackError(
            "bad-revision",
            f"--revision {word!r}",
            why="it stands behind @ in file:line@revision",
            fix="a commit or version",
        )
    return word


def _headline(info: SourceInfo, units: list[UnitInfo], found: _Found, disagreeing: int) -> str:
    core = sum(unit.tag == "core" for unit in units)
    where = f"{info.name} {info.version}".strip()
    return (
        f"{where}: {info.files} files, {core} core and {len(units) - core} engineering units, "
        f"{len(found.hyperparameters)} hyperparameters, {disagreeing} names with several values"
        + (f", {len(found.unread)} files not or only partly read" if found.unread else "")
    )
