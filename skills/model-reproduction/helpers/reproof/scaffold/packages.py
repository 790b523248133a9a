"""requirements.txt: exact versions of what the engine, the plan and a given core need."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from reproof.document import Plan

LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")


def normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it.

    >>> normal("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def requirements(template: str, plan: Plan, core: dict[str, str]) -> tuple[str, list[str]]:
    """The text, and the imports of the core for which no version is known.

    The plan's version of a package wins over the engine's; a package that neither names is pinned to the version
    installed here, which is the one the core was last seen with.
    """
    pins = {normal(match[1]): line for line in template.splitlines() if (match := LINE.match(line))}
    for library in plan.libraries:
        if VERSION.fullmatch(library.version.value) and VERSION.fullmatch(library.distribution):
            pins[normal(library.distribution)] = f"{library.distribution}=={library.version.value}"
    known = {library.name.partition(".")[0] for library in plan.libraries} | {"torch", "numpy", "yaml", "matplotlib"}
    unpinned, installed = [], metadata.packages_distributions() if (other := _imports(core) - known) else {}
    for module in sorted(other):
        names = sorted(set(installed.get(module, [])))
        if not names:
            unpinned.append(module)
        for name in names:
            pins.setdefault(normal(name), f"{name}=={metadata.version(name)}  # imported by the core, not in the plan")
    comments = [line for line in template.splitlines() if line.startswith("#")]
    return "\n".join([*comments, *pins.values(), *(f"# {m}: no version known" for m in unpinned)]) + "\n", unpinned


def _imports(core: dict[str, str]) -> set[str]:
    """Top-level names that the core imports, without the standard library's and its own."""
    found = {name for path, text in core.items() if path.endswith(".py") for name in _named(ast.parse(text))}
    own = {part.removesuffix(".py") for path in core for part in path.split("/")}
    return found - set(sys.stdlib_module_names) - own


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
