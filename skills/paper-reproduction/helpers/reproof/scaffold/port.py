"""A port becomes a wrapper project: the ported code as it is, one adapter per algorithm, and tests that want proof."""

from __future__ import annotations

import ast
from typing import Any

from reproof.document import Phase, Plan
from reproof.paths import TEMPLATES
from reproof.scaffold.skeleton import about_phase, literal, model_comments, phases_of, rendered, skeleton

NAMES = {"PHASES", "METRICS", "load_data", "draw_truth", "sample"}
EMPTY = '"""The ported code goes here, file by file, with the names of the reference; log every edit."""\n'


def port_core(plan: Plan, given: dict[str, str] | None) -> dict[str, str]:
    """Files of the core of a port. A given package that has the engine's five names is taken as it is."""
    if given is not None and speaks_to_the_engine(given["__init__.py"]):
        return given
    algorithms: dict[str, tuple[Phase | None, list[str]]] = {}
    algorithms |= {name: found for name, found in phases_of(plan).items() if found[0].kind == "train"}
    algorithms = algorithms or {plan.name: (None, [])}
    files = {f"ported/{path}": text for path, text in (given or {"__init__.py": EMPTY}).items()}
    ported = tuple(sorted(path for path in (given or {}) if path.endswith(".py") and path != "__init__.py"))
    for name, (phase, keys) in algorithms.items():
        files[f"adapters/{name}.py"] = rendered(
            "scaffold_adapter.py.jinja",
            name=name,
            klass="".join(part.capitalize() for part in name.split("_")) + "Adapter",
            ported=_tuple(ported or tuple(given or {"__init__.py": ""})),
            model_comments=model_comments(plan),
            loss_comments=about_phase(plan, phase, keys) if phase else [],
        )
    files["adapters/__init__.py"] = rendered("scaffold_adapters.py.jinja", names=sorted(algorithms))
    return files | skeleton(plan, adapters=list(algorithms))


def port_tests(core: dict[str, str]) -> dict[str, str]:
    """The parity test, where there are adapters."""
    if "adapters/__init__.py" not in core:
        return {}
    return {"tests/test_parity.py": (TEMPLATES / "scaffold_test_parity.py.jinja").read_text(encoding="utf-8")}


def speaks_to_the_engine(source: str) -> bool:
    """Whether a core's __init__.py defines or imports the five names."""
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets: list[Any] = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found >= NAMES


def _tuple(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(literal(word) for word in words) + ",)"
