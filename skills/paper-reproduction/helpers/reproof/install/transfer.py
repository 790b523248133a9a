"""Copy skills into agents' folders and take them out again, without touching what somebody else wrote.

Each installed skill carries `.reproof.json`: the version and the sha256 of every file as it was written. A file
whose bytes are still those is ours to replace or remove; any other file is the user's.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reproof import __version__
from reproof.errors import PackError
from reproof.install.agents import AGENTS, project_folder, user_folder
from reproof.install.models import FileFate, InstallAnswer, InstallRequest, Placed, Target, UninstallRequest
from reproof.install.skills import files_of_skill, sources
from reproof.paths import files_below, hash_path, inside, write_atomically

RECEIPT = ".reproof.json"


def folder_of(target: Target) -> Path:
    """The skills folder that a request names."""
    if target.to is not None:
        return target.to.expanduser().resolve()
    agent = AGENTS[target.agent]
    if target.project is not None:
        return project_folder(agent, target.project.expanduser().resolve())
    return user_folder(agent, Path.home(), os.environ)


def install(request: InstallRequest) -> InstallAnswer:
    """Answer `install.py install`."""
    _is_a_project(request)
    here = sources()
    names = _asked_for(request, list(here))
    folder = folder_of(request)
    for name in names:
        _is_ours_or_free(folder / name, here[name])
    placed = [_install_one(name, here[name], folder / name, request) for name in names]
    kept = sum(place.number("kept") for place in placed)
    what = f"{' and '.join(names)} {__version__} in {folder}"
    if kept:
        tail = f"; {kept} files that were changed locally are kept and are NOT those of this version"
        return InstallAnswer(ok=False, headline=what + tail, dry_run=request.dry_run, placed=placed)
    return InstallAnswer(ok=True, headline=what, dry_run=request.dry_run, placed=placed)


def uninstall(request: UninstallRequest) -> InstallAnswer:
    """Answer `install.py uninstall`."""
    folder = folder_of(request)
    names = request.skill or [path.parent.name for path in sorted(folder.glob(f"*/{RECEIPT}"))]
    if not names:
        raise PackError(
            "nothing-installed",
            f"no skill that install.py wrote lies in {folder}",
            why="only what it wrote is removed",
            fix="install.py list shows every folder; remove other copies by hand",
        )
    placed = [_uninstall_one(name, folder / name, dry_run=request.dry_run) for name in names]
    left = sum(place.number("left") for place in placed)
    tail = f"; {left} files of yours are left" if left else ""
    return InstallAnswer(
        ok=True, headline=f"removed {' and '.join(names)} from {folder}{tail}", dry_run=request.dry_run, placed=placed
    )


def receipt_of(folder: Path) -> dict[str, list[str]] | None:
    """Name and the digests we may have written, of each file of ours in `folder`; None without a receipt.

    Raises:
        PackError: the receipt is there and cannot be understood.
    """
    path = folder / RECEIPT
    if not path.is_file() or path.is_symlink():
        return None
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): [str(digest) for digest in digests] for name, digests in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackError(
            "bad-receipt",
            f"{path} cannot be read as a receipt of install.py ({error.__class__.__name__})",
            why="without it nobody knows which files are yours",
            fix=f"move {folder} away and install again",
        ) from error


def version_of(folder: Path) -> str:
    """The version that the receipt states."""
    return str(json.loads((folder / RECEIPT).read_text(encoding="utf-8")).get("version", "?"))


def _is_a_project(request: InstallRequest) -> None:
    if request.project is not None and not request.project.expanduser().is_dir():
        raise PackError(
            "no-such-project",
            f"there is no folder {request.project}",
            why="a skill for a project goes into a folder below it",
            fix="check the path; --user installs for all projects",
        )


def _asked_for(target: Target, there: list[str]) -> list[str]:
    absent = [name for name in target.skill if name not in there]
    if absent:
        raise PackError(
            "no-such-skill",
            f"{', '.join(absent)} does not lie here; here is {', '.join(there)}",
            why="a copied skill folder holds only itself",
            fix="call install.py of a clone, which has both",
        )
    return target.skill or there


def _is_ours_or_free(target: Path, source: Path) -> None:
    """Refuse to write where somebody else's skill, a link, or the source itself lies."""
    if target.resolve() == source.resolve():
        raise PackError(
            "already-here",
            f"{target} is the folder this install.py runs from",
            why="a skill is not copied onto itself",
            fix="call install.py of a clone to update it",
        )
    there = target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir())))
    if there and (target.is_symlink() or receipt_of(target) is None):
        raise PackError(
            "not-ours",
            f"{target} exists{' as a link' if target.is_symlink() else ''} and was not written by install.py",
            why="what it did not write it does not overwrite",
            fix="move it away, or choose another place with --project or --to",
        )


def _install_one(name: str, source: Path, target: Path, request: InstallRequest) -> Placed:
    new = {file: path for file, path in files_of_skill(source) if file != RECEIPT}
    old = receipt_of(target) or {}
    fates = list(_fates(new, old, target, replace=request.replace))
    if not request.dry_run:
        try:
            _carry_out(fates, new, old, target, name)
        except OSError as error:
            raise PackError(
                "cannot-write",
                f"{error.filename or target}: {error.strerror}",
                why="the skill was not, or not completely, written; a second call goes on where this one stopped",
                fix="check the permissions and the space, or choose another place with --project or --to",
            ) from error
    return Placed(skill=name, folder=str(target), version=__version__, files=fates)


def _fates(new: dict[str, Path], old: dict[str, list[str]], target: Path, *, replace: bool) -> Iterator[FileFate]:
    for name, path in new.items():
        there = target / name
        if not there.exists() and not there.is_symlink():
            yield FileFate(file=name, fate="written")
        elif there.is_symlink() or not there.is_file():
            yield FileFate(file=name, fate="kept", note="a link or a folder lies there")
        elif hash_path(there) == hash_path(path):
            yield FileFate(file=name, fate="unchanged")
        elif hash_path(there) in old.get(name, []):
            yield FileFate(file=name, fate="written", note="newer version")
        elif replace:
            yield FileFate(file=name, fate="replaced", note=f"yours is {name}.local now")
        else:
            yield FileFate(
                file=name, fate="kept", note="changed locally; --replace takes the pack's, and keeps yours beside it"
            )
    for name in sorted(set(old) - set(new)):
        there = inside(target, name)
        if there.is_file() and not there.is_symlink():
            gone = hash_path(there) in old[name]
            yield FileFate(file=name, fate="removed" if gone else "left", note="no longer part of the skill")


def _carry_out(fates: list[FileFate], new: dict[str, Path], old: dict[str, list[str]], target: Path, name: str) -> None:
    if not target.exists():
        _place_whole(new, target, name)
        return
    # both versions' digests first: killed half-way, every file is still known as ours
    _write_receipt(
        target, {file: [*old.get(file, []), hash_path(path)] for file, path in new.items()} | _gone(old, new)
    )
    for fate in fates:
        there = target / fate.file
        if fate.fate == "replaced":
            there.replace(there.with_name(there.name + ".local"))
        if fate.fate in ("written", "replaced"):
            _copy(new[fate.file], there)
        if fate.fate == "removed":
            there.unlink()
    _remove_empty(target)
    _write_receipt(target, {file: [hash_path(path)] for file, path in new.items()})


def _gone(old: dict[str, list[str]], new: dict[str, Path]) -> dict[str, list[str]]:
    return {file: digests for file, digests in old.items() if file not in new}


def _place_whole(new: dict[str, Path], target: Path, name: str) -> None:
    """A first install appears all at once: built beside, then renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}."))
    try:
        for file, path in new.items():
            _copy(path, building / file)
        _write_receipt(building, {file: [hash_path(path)] for file, path in new.items()})
        building.chmod(0o755)
        building.rename(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    beside.write_bytes(source.read_bytes())
    beside.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)  # a read-only source makes no read-only copy
    beside.replace(target)


def _write_receipt(folder: Path, files: dict[str, list[str]]) -> None:
    text = json.dumps({"written_by": "reproof install.py", "version": __version__, "files": files}, indent=1)
    write_atomically(folder / RECEIPT, text + "\n")


def _uninstall_one(name: str, target: Path, *, dry_run: bool) -> Placed:
    old = None if target.is_symlink() else receipt_of(target)
    if old is None:
        raise PackError(
            "not-ours",
            f"{target} was not written by install.py",
            why="only what it wrote is removed",
            fix="install.py list shows what lies where; remove other copies by hand",
        )
    version = version_of(target)
    fates = []
    for path in files_below(target):
        file = path.relative_to(target).as_posix()
        if file != RECEIPT:
            gone = hash_path(path) in old.get(file, [])
            fates.append(
                FileFate(file=file, fate="removed" if gone else "left", note="" if gone else "yours, or changed by you")
            )
    if not dry_run:
        for fate in fates:
            if fate.fate == "removed":
                (target / fate.file).unlink()
        (target / RECEIPT).unlink()
        _remove_empty(target)
    return Placed(skill=name, folder=str(target), version=version, files=fates)


def _remove_empty(folder: Path) -> None:
    """Empty folders, and the byte code that running the helpers left."""
    for cache in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cache, ignore_errors=True)
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
