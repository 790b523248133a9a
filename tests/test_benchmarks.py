"""Benchmarks are run seldom; what they take from the pack must be there all the same."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))


def taken(path):
    """(module, name) of everything that a file imports from the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "reproof":
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_benchmark_takes_from_the_pack_is_there(path):
    for module, name in taken(path):
        if "child" in module.split("."):
            continue  # runs in the project's interpreter only
        assert hasattr(importlib.import_module(module), name) or (
            importlib.util.find_spec(f"{module}.{name}") is not None
        ), f"{path.name}: no {name} in {module}"


def test_a_name_that_moved_would_be_seen(tmp_path):
    path = tmp_path / "moved.py"
    path.write_text("from reproof.vram.models import TraceRequest\n")
    with pytest.raises((AssertionError, ModuleNotFoundError)):
        test_what_a_benchmark_takes_from_the_pack_is_there(path)
