"""Write a project: nothing of anybody else's is touched, and a run that was cut off can be run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reproof import __version__
from reproof.document import load_plan, sourced
from reproof.errors import PackError
from reproof.paths import hash_path, inside, read_text, sha256, write_atomically
from reproof.scaffold.configs import defaults_of
from reproof.scaffold.models import NewAnswer, NewRequest
from reproof.scaffold.project import project_files

MANIFEST = ".scaffold/manifest.json"
ALLOWED_BEFORE = {"evidence", ".scaffold"}  # helpers may have left evidence before the project exists


def new(request: NewRequest) -> NewAnswer:
    """Answer `scaffold.py new`."""
    plan_text = read_text(request.plan, "plan")
    plan = load_plan(request.plan)
    files = project_files(plan, plan_text, request.core)
    before = manifest_of(request.out)
    if before is None:
        refuse_foreign(request.out)
    hashes = {path: sha256(text) for path, text in files.items()}
    if before is not None and before["files"] != hashes and not request.update:
        raise _differs(request.out, before["files"], hashes)
    edited = edited_files(request.out, (before or {}).get("files", {}))
    # the manifest goes first: whatever happens next, the folder is known to be ours and can be completed
    source = {"plan": hash_path(request.plan), "core": hash_path(request.core) if request.core else "skeleton"}
    manifest = {"reproof": __version__, "name": plan.name, "sources": source, "files": hashes}
    written = write_files(request.out, files, edited, manifest)
    left_over = sorted(set(edited) & set(files))
    open_count = sum(item.open for _, item in sourced(plan))
    return NewAnswer(
        ok=True,
        headline=_headline(request.out, written, left_over, open_count),
        project=str(request.out),
        written=written,
        kept=left_over,
        unchanged=len(files) - len(written) - len(left_over),
        experiments=list(plan.experiments),
        defaults=[default for name in plan.experiments for default in defaults_of(plan, name)],
        core="given" if request.core else "skeleton",
        open_inferences=open_count,
    )


def manifest_of(out: Path) -> dict[str, Any] | None:
    """What was generated here before, or None."""
    path = out / MANIFEST
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return data if isinstance(data["files"], dict) else None
    except (ValueError, KeyError, TypeError):
        return None


def refuse_foreign(out: Path) -> None:
    """Stop before touching a folder that holds other work."""
    if out.exists() and not out.is_dir():
        raise PackError(
            "not-a-folder", f"--out {str(out)!r} is a file", why="a project is a folder", fix="another --out"
        )
    foreign = sorted(path.name for path in out.iterdir() if path.name not in ALLOWED_BEFORE) if out.exists() else []
    if foreign:
        shown = ", ".join(foreign[:5]) + (", …" if len(foreign) > 5 else "")
        raise PackError(
            "not-empty",
            f"--out {str(out)!r} already holds {len(foreign)} other entries: {shown}",
            why="nothing that this helper did not write is ever touched",
            fix="name a new or an empty folder",
        )


def _differs(out: Path, before: dict[str, str], after: dict[str, str]) -> PackError:
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    shown = ", ".join(changed[:5]) + (", …" if len(changed) > 5 else "")
    return PackError(
        "project-exists",
        f"--out {str(out)!r} was generated from other sources; {len(changed)} files would change: {shown}",
        why="the results that lie there belong to the old sources",
        fix="add --update to regenerate the files that nobody edited, or name another folder",
    )


def edited_files(out: Path, generated: dict[str, str]) -> list[str]:
    """Generated files that differ from what was generated: someone's work."""
    edited = []
    for name, digest in generated.items():
        path = inside(out, name)
        if path.is_file() and hash_path(path) != digest:
            edited.append(name)
    return edited


def write_files(out: Path, files: dict[str, str], edited: list[str], manifest: dict[str, Any]) -> list[str]:
    """Write what is missing or was never edited; returns the names written."""
    due = {name: text for name, text in files.items() if name not in edited and not _same(inside(out, name), text)}
    try:
        write_atomically(out / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        for name, text in due.items():
            write_atomically(inside(out, name), text)
    except OSError as error:
        raise PackError(
            "cannot-write",
            f"{error.filename or out}: {error.strerror}",
            why="the project is incomplete; nothing else was changed",
            fix="free space or choose a writable folder, then run the same command again to complete it",
        ) from error
    return sorted(due)


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _headline(out: Path, written: list[str], kept: list[str], open_count: int) -> str:
    parts = [f"{out}: {len(written)} files written" if written else f"{out}: complete, nothing to write"]
    if kept:
        parts.append(f"{len(kept)} edited files left alone")
    if open_count:
        parts.append(f"the plan has {open_count} open inferences, so the gate stays red")
    return "; ".join(parts)
