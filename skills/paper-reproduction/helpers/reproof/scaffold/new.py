"""Write a project: nothing of anybody else's is touched, and it is there as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

from reproof.document import sourced
from reproof.errors import PackError
from reproof.paths import hash_path, inside, sha256
from reproof.scaffold import write
from reproof.scaffold.configs import defaults_of
from reproof.scaffold.estimates import digest
from reproof.scaffold.models import NewAnswer, NewRequest, UpdateAnswer, UpdateRequest
from reproof.scaffold.project import Built, Sources, build
from reproof.scaffold.store import Generated, generated_in, store_files
from reproof.scaffold.update import sources_of, update

ALLOWED_BEFORE = {"evidence", ".scaffold"}  # helpers may have left evidence before the project exists


def new(request: NewRequest) -> NewAnswer:
    """Answer `scaffold.py new`."""
    before = generated_in(request.out)
    sources = sources_of(request.plan, request.out, request, before)
    if before is None:
        refuse_foreign(request.out)
    else:
        write.finish(request.out)
    built = build(sources)
    hashes = {path: sha256(text) for path, text in built.files.items()}
    if before is not None and before.files != hashes:
        if not request.update:
            raise _differs(request.out, before.files, hashes)
        given = request.model_dump(include={"plan", "core", "estimate", "overrides"})
        asked = UpdateRequest(project=request.out, **given)
        done = update(asked)
        return _answer(request, sources, built, _written(done), _kept(done), done)
    kept = edited_files(request.out, before) if before else []
    due = {name: text for name, text in built.files.items() if before is None or not inside(request.out, name).exists()}
    remembered = store_files(sources.plan.name, built.files, _digests(request, sources), sources.inputs)
    if before is None and not request.out.exists():
        write.create(request.out, due | remembered)
    elif due or before is None:
        write.change(request.out, due | remembered, [])
    return _answer(request, sources, built, sorted(due), kept)


def _digests(request: NewRequest, sources: Sources) -> dict[str, str]:
    core = hash_path(request.core) if request.core else "skeleton"
    return {"plan": hash_path(request.plan), "core": core, "estimate": digest(sources.estimate)}


def _written(done: UpdateAnswer) -> list[str]:
    return sorted(c.path for c in done.changes if c.fate in ("new", "updated", "merged", "conflict"))


def _kept(done: UpdateAnswer) -> list[str]:
    return sorted(c.path for c in done.changes if c.fate in ("yours", "merged", "conflict", "beside", "kept"))


def _answer(
    request: NewRequest, sources: Sources, built: Built, written: list[str], kept: list[str],
    done: UpdateAnswer | None = None,
) -> NewAnswer:  # fmt: skip
    plan = sources.plan
    open_count = sum(item.open for _, item in sourced(plan))
    headline = f"{request.out}: {done.headline}" if done else _headline(request.out, written, kept, open_count)
    return NewAnswer(
        ok=done is None or done.ok,
        headline=headline,
        project=str(request.out),
        written=written,
        kept=kept,
        conflicts=[c.path for c in done.changes if c.fate in ("conflict", "beside")] if done else [],
        unchanged=len(built.files) - len({*written, *kept}),
        experiments=list(plan.experiments),
        defaults=[default for name in plan.experiments for default in defaults_of(plan, name)],
        core=built.core,
        estimated_from=sources.estimate.source,
        unpinned=built.unpinned,
        open_inferences=open_count,
    )


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
        fix=f"scaffold.py update {out} merges the changes into yours (--dry-run shows them), or name another folder",
    )


def edited_files(out: Path, before: Generated) -> list[str]:
    """Generated files that differ from what was generated: someone's work."""
    there = {name: inside(out, name) for name in before.files}
    return sorted(name for name, path in there.items() if path.is_file() and hash_path(path) != before.files[name])


def _headline(out: Path, written: list[str], kept: list[str], open_count: int) -> str:
    parts = [f"{out}: {len(written)} files written" if written else f"{out}: complete, nothing to write"]
    if kept:
        parts.append(f"{len(kept)} edited files left alone")
    if open_count:
        parts.append(f"the plan has {open_count} open inferences, so the gate stays red")
    return "; ".join(parts)
