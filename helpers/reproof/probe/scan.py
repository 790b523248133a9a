"""The third-party names that existing code calls, with the keywords it gives them. Nothing is imported or run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reproof.paths import files_below

SKIPPED = {"build", "dist", "node_modules", "site-packages", "venv"}


@dataclass
class Named:
    """A dotted name, where it stands, and the keywords it is given."""

    target: str
    places: list[str] = field(default_factory=list)
    keywords: set[str] = field(default_factory=set)


@dataclass
class Found:
    """What a folder of code uses."""

    names: dict[str, Named] = field(default_factory=dict)
    files: int = 0
    unreadable: list[str] = field(default_factory=list)


def scanned(folder: Path) -> Found:
    """Every third-party name below `folder` that is called or imported by name."""
    found = Found()
    sources = [p for p in files_below(folder) if p.suffix == ".py" and not _is_skipped(p.relative_to(folder))]
    ours = {part for path in sources for part in (path.stem, *path.relative_to(folder).parts[:-1])} | {folder.name}
    for path in sources:
        name = path.relative_to(folder).as_posix()
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, OSError) as error:
            found.unreadable.append(f"{name}: {error}")
            continue
        found.files += 1
        for target, line, keywords in sorted(_names(tree, ours), key=lambda use: use[1]):
            here = found.names.setdefault(target, Named(target))
            here.places += [f"{name}:{line}"] if f"{name}:{line}" not in here.places else []
            here.keywords |= keywords
    return found


def _is_skipped(path: Path) -> bool:
    return any(part in SKIPPED or part.startswith(".") for part in path.parts[:-1])


def _names(tree: ast.Module, ours: set[str]) -> Iterator[tuple[str, int, set[str]]]:
    """Dotted name, line and keywords of every call of an imported name, and of every name imported from a package."""
    aliases: dict[str, str] = {}
    unsure = set(_not_always_run(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                if _is_third_party(item.name, ours):
                    aliases[item.asname or item.name.split(".")[0]] = (
                        item.name if item.asname else item.name.split(".")[0]
                    )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and _is_third_party(node.module, ours):
            for item in node.names:
                if item.name != "*":
                    aliases[item.asname or item.name] = f"{node.module}.{item.name}"
                    if node not in unsure:
                        yield f"{node.module}.{item.name}", node.lineno, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            target = _dotted(node.func, aliases)
            if target and node not in unsure:
                yield target, node.lineno, {item.arg for item in node.keywords if item.arg}


def _not_always_run(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands under `if TYPE_CHECKING`, or in a `try` whose failing import is provided for."""
    for node in ast.walk(tree):
        body: list[ast.stmt] = []
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            body = node.body
        elif isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(item.type) if item.type else "ImportError" for item in node.handlers)
            body = node.body if "ImportError" in caught or "ModuleNotFoundError" in caught else []
        for statement in body:
            yield from ast.walk(statement)


def _is_third_party(module: str, ours: set[str]) -> bool:
    root = module.split(".")[0]
    return root not in ours and root not in sys.stdlib_module_names and root != "__future__"


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    """The full name of what is called, when it begins with an imported name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in aliases:
        return ""
    return ".".join([aliases[node.id], *reversed(parts)])
