"""The units of a reference or a port: parsed, tagged, with what their names stand for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from reproof import yamlio
from reproof.errors import PackError
from reproof.fidelity.normal import Context
from reproof.paths import files_below, hash_path, sha256
from reproof.roles import file_role, tagged_files
from reproof.signs import Tag
from reproof.syntax import Source, Unit, parsed

MOST_FILES = 5000
MODULE = "<module>"


@dataclass
class CodeUnit:
    """One unit, where it stands and how it is read."""

    id: str
    file: str
    unit: Unit
    tag: Tag
    context: Context

    @property
    def name(self) -> str:
        """Its place in the file, like Attention.forward."""
        return self.unit.name

    @property
    def place(self) -> str:
        """file:line."""
        return f"{self.file}:{self.unit.line}"


@dataclass
class Code:
    """Everything that one side holds."""

    root: Path
    sha256: str
    units: dict[str, CodeUnit] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def loaded(path: Path, tags: Path | None = None) -> Code:
    """The units of a file or folder.

    Raises:
        PackError: there is nothing at `path`, or no Python.
    """
    code = Code(path, hash_path(path))
    for name, data in _python_files(path):
        code.digests[name] = sha256(data)
        code.sources[name] = parsed(data)
        if code.sources[name].tree is None:
            code.unread.append(f"{name}: {code.sources[name].problem}")
    if not code.sources:
        raise PackError(
            "no-python",
            f"no Python file in {path}",
            why="units are compared by their syntax trees",
            fix="name the core's folder",
        )
    _fill(code, _overrides(tags))
    return code


def from_texts(texts: dict[str, str]) -> Code:
    """The same from texts that a manifest holds."""
    code = Code(Path(), "")
    for name, text in texts.items():
        code.digests[name] = sha256(text)
        code.sources[name] = parsed(text.encode())
    _fill(code, {})
    return code


def _python_files(path: Path) -> list[tuple[str, bytes]]:
    if path.is_file():
        return [(path.name, path.read_bytes())]
    found = [p for p in files_below(path) if p.suffix == ".py"][:MOST_FILES]
    return [(p.relative_to(path).as_posix(), p.read_bytes()) for p in found]


def _overrides(tags: Path | None) -> dict[str, Tag]:
    if tags is None:
        return {}
    data = yamlio.load(tags, "tags file")
    items = data.get("overrides", []) if isinstance(data, dict) else []
    return {
        str(item["unit"]): item["tag"]
        for item in items
        if isinstance(item, dict) and item.get("tag") in ("core", "engineering")
    }


def _fill(code: Code, overrides: dict[str, Tag]) -> None:
    tagged = tagged_files({name: (source, file_role(name, source)) for name, source in code.sources.items()})
    own = frozenset(item.unit.name for items in tagged.values() for item in items if "." not in item.unit.name)
    for name, source in code.sources.items():
        context = Context(imports=source.imports, own=own)
        for item in tagged[name]:
            identity = _fresh(f"{name}::{item.unit.name}", code.units)
            code.units[identity] = CodeUnit(identity, name, item.unit, _tag(identity, item.tag, overrides), context)
        body = _executed(source.tree)
        if body:
            unit = Unit(MODULE, "module", _as_function(body))
            code.units[f"{name}::{MODULE}"] = CodeUnit(f"{name}::{MODULE}", name, unit, "core", context)


def _tag(identity: str, rule: Tag, overrides: dict[str, Tag]) -> Tag:
    name = identity
    while name not in overrides and "." in name.partition("::")[2]:
        name = name.rpartition(".")[0]
    return overrides.get(name, rule)


def _fresh(identity: str, units: dict[str, CodeUnit]) -> str:
    times = 2
    fresh = identity
    while fresh in units:
        fresh, times = f"{identity}#{times}", times + 1
    return fresh


def _executed(tree: ast.Module | None) -> list[ast.stmt]:
    """Statements that run at import and may change what the units do, like setting an attribute of a library."""
    found = []
    for node in tree.body if tree else ():
        is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        sets = isinstance(node, ast.Assign) and any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in node.targets)
        loops = isinstance(node, (ast.For, ast.While, ast.With, ast.AugAssign, ast.Delete))
        unpacks = isinstance(node, ast.Assign) and any(isinstance(t, (ast.Tuple, ast.List)) for t in node.targets)
        if is_call or sets or loops or unpacks:
            found.append(node)
    return found


def _as_function(body: list[ast.stmt]) -> ast.FunctionDef:
    empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.FunctionDef(
        name="module",
        args=empty,
        body=body,
        decorator_list=[],
        lineno=body[0].lineno,
        col_offset=0,
        end_lineno=body[-1].end_lineno,
    )


def words_of(text: str) -> set[str]:
    """Identifiers of a text, for likeness."""
    return set(re.findall(r"[A-Za-z_]\w+", text))
