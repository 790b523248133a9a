"""Does requirements.txt pin every third-party import of the project's source?"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from reproof.document import Plan
from reproof.paths import files_below

# where the name that is imported is not the name that is installed
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "ot": "pot",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "pynvml": "nvidia-ml-py",
    "dateutil": "python-dateutil",
}
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,#]+)")


def normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it.

    >>> normal("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def pinned(requirements: str) -> dict[str, str]:
    r"""Distribution -> version, for the lines that fix one version.

    >>> pinned("torch==2.13.0  # CPU\nnumpy>=2\nPyYAML == 6.0.2 ; python_version > '3.9'")
    {'torch': '2.13.0', 'pyyaml': '6.0.2'}
    """
    matches = [PIN.match(line.strip()) for line in requirements.splitlines()]
    return {normal(match[1]): match[2] for match in matches if match}


def imported(source: Path) -> set[str]:
    """Top-level names that Python files below `source` import, without the standard library and their own."""
    found: set[str] = set()
    for path in files_below(source):
        if path.suffix == ".py":
            found |= _imports(path.read_bytes())
    own = {path.stem for path in source.iterdir()}
    return found - set(sys.stdlib_module_names) - own


def _imports(code: bytes) -> set[str]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set()  # the scan of the core names such a file
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def other_pins(requirements: str, plan: Plan) -> list[str]:
    """Libraries of the plan that requirements.txt pins to another version than the plan names."""
    pins = pinned(requirements)
    wanted = {library.distribution: library.version.value for library in plan.libraries}
    there = {name: pins.get(normal(name), "") for name in wanted}
    return [f"{name} {there[name]}, plan {want}" for name, want in wanted.items() if there[name] not in ("", want)]


def unpinned(imports: set[str], requirements: str, plan: Plan) -> list[str]:
    """Imports whose distribution has no `==` line; the plan's own names of distributions come first."""
    known = DISTRIBUTIONS | {library.name: library.distribution for library in plan.libraries}
    pins = pinned(requirements)
    return sorted(name for name in imports if normal(known.get(name, name)) not in pins)
