"""Is the algorithm finished? Looked at in its syntax tree, here and now; nothing is imported or run.

Finds what unfinished code looks like. It cannot tell a wrong formula from a right one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from reproof.paths import files_below
from reproof.placeholders import Function, in_source

__all__ = ["defined", "in_source", "unfinished"]


def unfinished(core: Path) -> list[str]:
    """`file:line reason` of everything in `core` that looks unfinished."""
    found = []
    for path in files_below(core):
        if path.suffix == ".py":
            name = path.relative_to(core).as_posix()
            found += [f"{name}:{line} {reason}" for line, reason in in_source(path.read_bytes())]
    return found


def defined(core: Path) -> set[str]:
    """`module.function`, `module.Class` and `module.Class.method` of everything in `core`."""
    names: set[str] = set()
    for path in files_below(core):
        if path.suffix == ".py":
            parts = [part for part in path.relative_to(core).with_suffix("").parts if part != "__init__"]
            names |= {".".join([*parts, name]) for name in _definitions(path.read_bytes())}
    return names


def _definitions(source: bytes) -> Iterator[str]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        if isinstance(node, (*Function, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{child.name}" for child in node.body if isinstance(child, Function))
