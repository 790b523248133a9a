"""Which files a skill needs, and real copies of them in its folder.

Installers copy only a skill's own folder and drop or break links, so a skill carries what it uses: its launchers,
the modules they import (followed through the syntax tree), and their templates.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from reproof.errors import MissingError
from reproof.install.models import SyncAnswer, SyncRequest
from reproof.install.skills import MANIFEST, ROOT, SKILLS, manifest_text
from reproof.paths import HELPERS, TEMPLATES, files_below, write_atomically

# templates by the helper that renders them; the rest are named <helper>_<command>.md.jinja or <helper>.html.jinja
EXTRA: dict[str, tuple[str, ...]] = {
    "scaffold": ("pipeline/", "patterns/", "core_skeleton.py.jinja"),
    "selfcheck": ("report.", "bundle/"),
}


def sync(request: SyncRequest) -> SyncAnswer:
    """Answer `install.py sync`.

    Raises:
        MissingError: this is an installed copy, which has no skill folders to rebuild.
    """
    if not (ROOT / "skills").is_dir():
        raise MissingError(
            "not-a-clone",
            f"there is no skills/ in {ROOT}",
            why="sync rebuilds the copies inside the skill folders of a clone",
            fix="edit helpers/ and templates/ in a clone and run its install.py sync there",
        )
    changed, removed, count = [], [], 0
    for skill, launchers in SKILLS.items():
        folder = ROOT / "skills" / skill
        wanted = dict(files_of(launchers))
        count += len(wanted)
        for name, source in wanted.items():
            if not _same(source, folder / name):
                changed.append(f"skills/{skill}/{name}")
                if not request.check:
                    _copy(source, folder / name)
        for path in _present(folder):
            if path.relative_to(folder).as_posix() not in {*wanted, MANIFEST}:
                removed.append(path.relative_to(ROOT).as_posix())
                if not request.check:
                    path.unlink()
        if _manifest_is_stale(folder):
            changed.append(f"skills/{skill}/{MANIFEST}")
            if not request.check:
                write_atomically(folder / MANIFEST, manifest_text(folder))
    stale = len(changed) + len(removed)
    done = "up to date" if not stale else f"{stale} files {'out of date' if request.check else 'rebuilt or removed'}"
    return SyncAnswer(
        ok=not (request.check and stale), headline=f"{done}, {count} files in {len(SKILLS)} skills",
        changed=changed, removed=removed, files=count,
    )  # fmt: skip


def files_of(launchers: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Relative path and source of everything that the launchers use."""
    for name in launchers:
        yield f"helpers/{name}.py", HELPERS / f"{name}.py"
    for path in sorted(modules_of(launchers)):
        yield f"helpers/{path.relative_to(HELPERS).as_posix()}", path
    prefixes = [prefix for name in launchers for prefix in (f"{name}_", f"{name}.", *EXTRA.get(name, ()))]
    for path in files_below(TEMPLATES):
        relative = path.relative_to(TEMPLATES).as_posix()
        if relative.startswith(tuple(prefixes)):
            yield f"templates/{relative}", path


def modules_of(launchers: tuple[str, ...]) -> set[Path]:
    """Source files of `reproof` that the launchers import, directly or not, and the children they start."""
    found: set[Path] = set()
    due = [HELPERS / "reproof" / "launch.py", HELPERS / "reproof" / "py.typed"]
    for name in launchers:
        due += list(files_below(HELPERS / "reproof" / name))  # children are started by path, not imported
    while due:
        path = due.pop()
        if path in found or not path.is_file():
            continue
        found |= {
            path,
            *(parent / "__init__.py" for parent in path.parents if parent.is_relative_to(HELPERS / "reproof")),
        }
        if path.suffix == ".py":
            due += imported_by(path)
    return found


def imported_by(path: Path) -> list[Path]:
    """Files of `reproof` that `path` imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    inside = [name for name in names if name.split(".")[0] == "reproof"]
    candidates = [HELPERS.joinpath(*name.split(".")) for name in inside]
    return [file for base in candidates for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()]


def _present(folder: Path) -> Iterator[Path]:
    for part in ("helpers", "templates"):
        yield from files_below(folder / part)


def _manifest_is_stale(folder: Path) -> bool:
    path = folder / MANIFEST
    return not path.is_file() or path.read_text(encoding="utf-8") != manifest_text(folder)


def _same(source: Path, copy: Path) -> bool:
    return copy.is_file() and copy.read_bytes() == source.read_bytes() and _runs(copy) == _runs(source)


def _runs(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    target.chmod(0o755 if _runs(source) else 0o644)
