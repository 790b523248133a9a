"""Generate a project again and bring what is new into what the user made of it. Nothing of theirs is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reproof.document import load_plan, sourced
from reproof.errors import PackError
from reproof.paths import hash_path, inside, read_text
from reproof.scaffold import write
from reproof.scaffold.changes import Decision, decide
from reproof.scaffold.estimates import digest, estimate_for
from reproof.scaffold.models import Change, NewRequest, UpdateAnswer, UpdateRequest
from reproof.scaffold.overrides import overrides_from
from reproof.scaffold.project import Sources, build
from reproof.scaffold.store import FOLDER, MANIFEST, Generated, generated_in, store_files

SAID = (("new", "new"), ("updated", "updated"), ("merged", "merged"), ("conflict", "in conflict"),
        ("beside", "not mergeable"), ("yours", "yours"), ("kept", "kept"), ("deleted", "left deleted"),
        ("gone", "removed"))  # fmt: skip


def update(request: UpdateRequest) -> UpdateAnswer:
    """Answer `scaffold.py update`."""
    out = request.project
    before = generated_in(out)
    if before is None:
        raise _not_ours(out)
    if not request.dry_run:
        write.finish(out)
        before = generated_in(out) or before
    plan_path = request.plan or inside(out, "plan.yaml")
    sources = sources_of(plan_path, out, request, before)
    plan = sources.plan
    if before.name and plan.name != before.name:
        raise _renamed(before.name, plan.name)
    core_is_theirs = request.core is None and _core_is_theirs(out, before)
    if core_is_theirs:  # what it imports is pinned; it is not written again
        sources = replace(sources, core=inside(out, before.core))
    files = build(sources).files
    if core_is_theirs:
        files = {path: text for path, text in files.items() if not _in_core(path, before)}
    paths = sorted({*files, *(path for path in before.files if not (core_is_theirs and _in_core(path, before)))})
    decisions = [decide(path, before, files.get(path), lambda name: _text(out, name)) for path in paths]
    backup = f"{FOLDER}/before/{_count(out) + 1:03d}"
    writes, removes = _to_do(out, decisions, backup)
    if not request.dry_run:
        carried = {path: text for path, text in before.base.items() if core_is_theirs and _in_core(path, before)}
        core = hash_path(request.core) if request.core else before.sources.get("core", "skeleton")
        digests = {"plan": hash_path(plan_path), "core": core, "estimate": digest(sources.estimate)}
        remembered = store_files(plan.name, files | carried, digests, sources.inputs)
        same = remembered[MANIFEST] == read_text(out / MANIFEST, "manifest")
        write.change(out, writes if same and not writes else writes | remembered, removes)
    changes = [d.change for d in decisions if d.change.fate != "same"]
    stuck = [c.path for c in changes if c.fate in ("conflict", "beside")]
    return UpdateAnswer(
        ok=not stuck,
        headline=_headline(changes, request.dry_run),
        project=str(out),
        dry_run=request.dry_run,
        changes=changes,
        unchanged=len(decisions) - len(changes),
        backup=backup if any(path.startswith(backup) for path in writes) and not request.dry_run else "",
        open_inferences=sum(item.open for _, item in sourced(plan)),
    )


def sources_of(plan: Path, project: Path, given: NewRequest | UpdateRequest, before: Generated | None) -> Sources:
    """Everything that a project is generated from, read; what is not given now is as it was."""
    text, old = read_text(plan, "plan"), before.inputs if before else {}
    loaded = load_plan(plan)
    estimate = estimate_for(given.estimate, project, hash_path(plan), old.get("estimate", {}))
    overrides = overrides_from(given.overrides, loaded) if given.overrides else old.get("overrides", {})
    return Sources(loaded, text, given.core, estimate, overrides)


def reads(request: UpdateRequest) -> list[Path]:
    """The plan, and the core where one is given."""
    named = [request.plan or request.project / "plan.yaml", request.core, request.estimate]
    return [path for path in named if path is not None and path.exists()]


def _in_core(path: str, before: Generated) -> bool:
    return path.startswith(before.core)


def _core_is_theirs(out: Path, before: Generated) -> bool:
    """A given core, or a skeleton that someone has begun to fill, is not generated again."""
    if before.sources.get("core", "skeleton") != "skeleton":
        return True
    mine = {path: digest for path, digest in before.files.items() if _in_core(path, before)}
    return any(not (out / path).is_file() or hash_path(out / path) != digest for path, digest in mine.items())


def _text(out: Path, name: str) -> str | None:
    path = inside(out, name)
    return path.read_bytes().decode() if path.is_file() else None


def _to_do(out: Path, decisions: list[Decision], backup: str) -> tuple[dict[str, str], list[str]]:
    """Files to write and to remove; what someone has edited is copied aside before it changes."""
    writes: dict[str, str] = {}
    for decision in decisions:
        path, fate = decision.change.path, decision.change.fate
        if fate in ("merged", "conflict"):
            writes[f"{backup}/{path}"] = inside(out, path).read_bytes().decode()
        if decision.text is not None:
            writes[path] = decision.text
        if decision.beside is not None:
            writes[f"{path}.new"] = decision.beside
    return writes, [d.change.path for d in decisions if d.change.fate == "gone"]


def _count(out: Path) -> int:
    folder = out / FOLDER / "before"
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []
    return max(numbers, default=0)


def _headline(changes: list[Change], dry_run: bool) -> str:
    count = {word: sum(change.fate == fate for change in changes) for fate, word in SAID}
    said = ", ".join(f"{number} {word}" for word, number in count.items() if number) or "up to date, nothing to do"
    return f"would be: {said}" if dry_run and any(count.values()) else said


def _not_ours(out: Path) -> PackError:
    return PackError(
        "not-a-project",
        f"{str(out)!r} has no {MANIFEST}",
        why="what was generated is remembered there; without it your edits cannot be told from the template",
        fix="pass the folder that scaffold.py new wrote",
    )


def _renamed(before: str, now: str) -> PackError:
    return PackError(
        "renamed",
        f"the project's package is {before!r}, the plan is called {now!r}",
        why="your edits lie in a package of the old name",
        fix=f"call the plan {before!r}, or generate a new project with scaffold.py new and move your core over",
    )
