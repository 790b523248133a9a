"""The skills of this pack: their launchers, and the files that belong to one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from reproof.errors import MissingError
from reproof.paths import HELPERS, files_below, hash_path

ROOT = HELPERS.parent
"""The clone, or the folder of one installed skill."""

SKILLS: dict[str, tuple[str, ...]] = {
    "paper-reproduction": (
        "read", "plan", "probe", "vram", "scaffold", "compare", "debug", "selfcheck", "learn", "install",
    ),
    "model-reproduction": (
        "inventory", "fidelity", "plan", "probe", "vram", "scaffold", "parity", "compare", "debug", "selfcheck",
        "learn", "install",
    ),
}  # fmt: skip
NAMES = tuple(SKILLS)
MANIFEST = "helpers/manifest.json"
LEFT_OUT = ("evals", MANIFEST)
"""Parts of a skill's folder that are not listed: the evals are for its makers, the list cannot list itself."""


def sources() -> dict[str, Path]:
    """Folder of every skill that can be installed from here: both of a clone, or the one we lie in.

    Raises:
        MissingError: no skill lies here, as when only helpers/ was copied.
    """
    if (ROOT / "SKILL.md").is_file():
        return {_name_in(ROOT / "SKILL.md"): ROOT}
    found = {name: ROOT / "skills" / name for name in NAMES if (ROOT / "skills" / name / "SKILL.md").is_file()}
    if not found:
        raise MissingError(
            "no-skill-here",
            f"no skill lies beside {HELPERS}",
            why="helpers/ alone is not a skill: SKILL.md and templates/ are missing",
            fix="call install.py of a clone, or of a complete skill folder",
        )
    return found


def _name_in(path: Path) -> str:
    head = path.read_text(encoding="utf-8").split("\n---", 1)[0]
    return next(line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("name:"))


def files_of_skill(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative name and path of every file that an installed skill has."""
    for path in files_below(folder):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(LEFT_OUT[0] + "/"):
            yield name, path


def manifest_of(folder: Path) -> dict[str, str]:
    """Name and sha256 of every bundled file, as the manifest states them; empty where there is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def manifest_text(folder: Path) -> str:
    """What the manifest of a skill's folder must say."""
    digests = {name: hash_path(path) for name, path in files_of_skill(folder) if name not in LEFT_OUT}
    return json.dumps(digests, indent=0, sort_keys=True) + "\n"


def damaged(folder: Path) -> list[str]:
    """Bundled files that are missing or differ from what was released."""
    stated = manifest_of(folder)
    if not stated:
        return [f"{MANIFEST}: missing or unreadable"]
    found = dict(files_of_skill(folder))
    return [
        f"{name}: {'missing' if name not in found else 'differs'}"
        for name, digest in stated.items()
        if name not in found or hash_path(found[name]) != digest
    ]
