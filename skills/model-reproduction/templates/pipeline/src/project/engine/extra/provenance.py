"""What the numbers of a run rest on: code, commit, versions, command."""

from __future__ import annotations

import ast
import platform
import re
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import records

# Modules whose random numbers are torch's, if they have any. A core that imports nothing else needs no other seed.
TORCH_ONLY = {"__future__", "collections", "contextlib", "dataclasses", "enum", "functools", "geomloss", "itertools",
              "math", "operator", "torch", "types", "typing"}  # fmt: skip


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
    engine = records.tree_hash(Path(records.__file__).parent)
    return {"core_hash": records.tree_hash(core), "engine_hash": engine, "commit": commit or None,
            "versions": versions, "command": sys.argv}  # fmt: skip


def draws_from_others(core: Any) -> bool:
    """Whether `core` may use the generators of numpy or python: whether its files import anything unknown."""
    names = set()
    for path in Path(str(core.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Name) and node.id in ("__import__", "exec", "eval"):
                return True
    return not names <= TORCH_ONLY
