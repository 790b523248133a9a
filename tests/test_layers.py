"""Arrows point one way: launcher, command, cli, render, answers, models, document, evidence, records, basics."""

import ast
import sys
from pathlib import Path

import pytest

REPROOF = Path(__file__).resolve().parent.parent / "helpers" / "reproof"
RANK = {
    name: rank
    for rank, names in enumerate(
        [
            ("errors", "units", "launch", "__init__"),
            (
                "paths",
                "render",
                "childproc",
                "childstart",
                "svg",
            ),  # a report or a README is an answer too, so rendering lies below the answers
            ("yamlio",),
            ("records",),
            (
                "evidence",
                "apicalls",
                "otherclaims",
                "protocol",
                "porting",
                "syntax",
                "roles",
                "rolewords",
                "signs",
                "links",
                "placeholders",
                "truthfloors",
            ),
            ("document",),
            ("text",),
            ("models", "the answers"),
            ("cli",),
            ("command",),
        ]
    )
    for name in names
}
# heavy or dangerous modules, and the only files that may import them
ONLY_IN = {
    "argparse": {"cli.py"},
    "jinja2": {"render.py"},
    "yaml": {"yamlio.py", "scaffold/configs.py"},
}
CHILDREN = [path for path in REPROOF.rglob("*.py") if "child" in path.relative_to(REPROOF).parts]
FILES = [path for path in sorted(REPROOF.rglob("*.py")) if path not in CHILDREN]
THIRD_PARTY = {"pydantic", "pydantic_core", "jinja2", "yaml", *ONLY_IN}


def imports(path: Path) -> list[tuple[str, bool]]:
    """Dotted names that a file imports, and whether it does so when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in ast.iter_child_nodes(tree)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, id(node) in top))
    return found


def place(module: str) -> tuple[str, str]:
    """(helper or '', layer name) of a module of ours."""
    parts = module.split(".")[1:]
    if not parts:
        return "", "__init__"
    if len(parts) == 1 or parts[0] == "text":
        is_helper = (REPROOF / parts[0]).is_dir() and parts[0] != "text"
        return (parts[0], "models") if is_helper else ("", parts[0])
    layer = parts[1] if parts[1] in ("models", "command") else "the answers"
    return parts[0], layer


def ours(path: Path) -> str:
    return ".".join(["reproof", *path.relative_to(REPROOF).with_suffix("").parts])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(REPROOF).as_posix())
def test_no_arrow_turns_round_and_helpers_do_not_know_each_other(path):
    helper, layer = place(ours(path).removesuffix(".__init__") if path.parent != REPROOF else ours(path))
    for name, at_top in imports(path):
        if name.split(".")[0] != "reproof":
            continue
        other_helper, other_layer = place(name)
        assert not other_helper or other_helper == helper, f"{ours(path)} imports {name}, of another helper"
        if at_top and layer in RANK and other_layer in RANK:
            assert RANK[other_layer] <= RANK[layer], f"{ours(path)} imports {name}, which lies above it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(REPROOF).as_posix())
def test_heavy_modules_are_imported_in_one_place(path):
    here = path.relative_to(REPROOF).as_posix()
    for name, at_top in imports(path):
        root = name.split(".")[0]
        if root in ONLY_IN:
            assert here in ONLY_IN[root], f"{here} imports {root}"
        if root not in sys.stdlib_module_names and root != "reproof" and at_top:
            assert root in THIRD_PARTY, f"{here} imports {root} at the top: every helper would need it"


@pytest.mark.parametrize("path", FILES + CHILDREN, ids=lambda p: p.relative_to(REPROOF).as_posix())
def test_nothing_evaluates_text_or_starts_a_shell(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert not (isinstance(node.func, ast.Name) and name in ("eval", "exec")), f"{name} in {path.name}"
            assert name not in ("system", "popen"), f"{name} in {path.name}"
            shell = [k for k in node.keywords if k.arg == "shell"]
            assert not shell, f"shell= in {path.name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(REPROOF).as_posix())
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 420
