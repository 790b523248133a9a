"""Where LEARNING.md files lie, and reading and writing them."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter

from reproof import yamlio
from reproof.errors import MissingError, PackError, near
from reproof.learn.entries import Entry, sections, written
from reproof.learn.models import AddRequest, Check, Draft, PromoteRequest, ValidateAnswer, ValidateRequest, WriteAnswer
from reproof.paths import HELPERS, read_text, write_atomically
from reproof.records import validated

ROOT = HELPERS.parent
NAME = "LEARNING.md"
PREFLIGHT = "preflight.json"
HEADER = "# Learned in this project\n\nOne entry per trap; search by symptom: `helpers/learn.py find` of the skill.\n"


def catalogues(project: Path | None) -> list[Path]:
    """LEARNING.md of the project, then of the skills that lie here or beside us."""
    places = [] if project is None else [project]
    places += [ROOT] if (ROOT / "SKILL.md").is_file() else []
    places += sorted(path.parent for path in (ROOT / "skills").glob(f"*/{NAME}"))
    if (ROOT / "SKILL.md").is_file():
        places += sorted(path.parent for path in ROOT.parent.glob(f"*-reproduction/{NAME}") if path.parent != ROOT)
    return [place / NAME for place in dict.fromkeys(places) if (place / NAME).is_file()]


def checked(text: str) -> tuple[list[tuple[int, Entry]], list[str]]:
    """Entries in the form with their lines, and what is wrong with the rest."""
    good: list[tuple[int, Entry]] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for raw in sections(text):
        if not raw.slug:
            wrong.append(f"line {raw.line}: '## {raw.title}' has no `slug` at the end of its heading")
            continue
        if raw.slug in seen:
            wrong.append(f"line {raw.line}: slug {raw.slug} was used in line {seen[raw.slug]}")
        seen[raw.slug] = raw.line
        wrong += [f"line {raw.line}: {raw.slug}: **{name}** stands twice" for name in raw.doubled]
        try:
            entry = Entry(slug=raw.slug, title=raw.title, kind=raw.kind, **raw.fields)
        except ValueError as error:
            wrong += [f"line {raw.line}: {raw.slug}: {line}" for line in _fields_of(error)]
        else:
            good.append((raw.line, entry))
    return good, wrong


def _fields_of(error: ValueError) -> list[str]:
    items = error.errors() if hasattr(error, "errors") else []
    return [f"{item['loc'][0] if item['loc'] else 'entry'}: {item['msg']}" for item in items] or [str(error)]


def validate(request: ValidateRequest) -> ValidateAnswer:
    """Answer `learn.py validate`."""
    good, wrong = checked(read_text(request.file, "catalogue"))
    if not good and not wrong:
        wrong = ["no entry: a section begins with '## Title  `slug`'"]
    return ValidateAnswer(
        ok=not wrong,
        headline=f"{len(good)} entries in the form, {len(wrong)} problems",
        entries=len(good),
        problems=wrong,
    )


def entries_of(path: Path) -> list[Entry]:
    """The entries of a file that are in the form."""
    return [entry for _, entry in checked(read_text(path, "catalogue"))[0]]


def add(request: AddRequest) -> WriteAnswer:
    """Answer `learn.py add`.

    Raises:
        PackError: the entry is not in the form, its slug is taken, or there is no project.
    """
    draft = _draft(request.entry)
    project = _project(request.project)
    entry = Entry(**draft.model_dump(exclude={"preflight"}))
    also = [
        f"`{other.slug}` in {path}"
        for path in catalogues(None)
        for other in entries_of(path)
        if other.slug == entry.slug
    ]
    _append(project / NAME, entry, HEADER)
    if draft.preflight:
        _add_check(project / PREFLIGHT, draft)
        also.append(f"a check in {project / PREFLIGHT}: helpers/learn.py preflight --project {project} runs it")
    return WriteAnswer(
        ok=True, headline=f"{entry.slug} is in {project / NAME}", file=str(project / NAME), slug=entry.slug, also=also
    )


def promote(request: PromoteRequest) -> WriteAnswer:
    """Answer `learn.py promote`.

    Raises:
        PackError: no such entry or skill, or the catalogue has it already.
    """
    source = _project(request.project) / NAME
    if not source.is_file():
        raise PackError(
            "nothing-learned", f"there is no {source}", why="promote copies from it", fix="learn.py add first"
        )
    entry = named(request.slug, {source: entries_of(source)})[1]
    target = request.clone / "skills" / request.skill / NAME
    if not target.is_file():
        raise PackError(
            "no-such-skill",
            f"there is no {target}",
            why="an entry is promoted into a skill's catalogue in a clone of the pack",
            fix="check --clone and --skill; an installed skill is replaced on update and is no clone",
        )
    _append(target, entry, "")
    return WriteAnswer(
        ok=True, headline=f"{entry.slug} is in {target}; sync and commit it there", file=str(target), slug=entry.slug,
        also=["python helpers/install.py sync"],
    )  # fmt: skip


def named(slug: str, found: dict[Path, list[Entry]]) -> tuple[Path, Entry]:
    """The first entry of that slug and its file.

    Raises:
        MissingError: no catalogue has it.
    """
    for path, entries in found.items():
        for entry in entries:
            if entry.slug == slug:
                return path, entry
    known = [entry.slug for entries in found.values() for entry in entries]
    raise MissingError(
        "no-such-entry",
        f"no entry {slug!r}{near(slug, known)}",
        why=f"looked into {', '.join(map(str, found)) or 'nothing: no LEARNING.md lies here'}",
        fix="learn.py find WORDS searches by symptom",
    )


def _draft(path: Path) -> Draft:
    data = yamlio.load(path, "entry")
    return validated(
        Draft,
        data if isinstance(data, dict) else {"": data},
        slug="bad-entry",
        name=str(path),
        why="an entry without one of these cannot be found, or does not help when found",
        fix="fields: slug, title, what, symptom, impact, cause, prevention, shown_by, caught_by",
    )


def _project(folder: Path) -> Path:
    if not folder.is_dir():
        raise PackError(
            "no-such-project",
            f"there is no folder {folder}",
            why="what is learned is written there",
            fix="check --project",
        )
    return folder


def _append(path: Path, entry: Entry, header: str) -> None:
    text = read_text(path, "catalogue") if path.is_file() else header
    if any(raw.slug == entry.slug for raw in sections(text)):
        raise PackError(
            "slug-taken",
            f"{path} has an entry {entry.slug!r}",
            why="one trap, one entry: others point at its slug",
            fix="edit that entry, or choose another slug",
        )
    write_atomically(path, text.rstrip("\n") + "\n\n" + written(entry))


def _add_check(path: Path, draft: Draft) -> None:
    checks = [check for check in checks_of(path.parent) if check.slug != draft.slug]
    checks.append(Check(slug=draft.slug, says=draft.prevention, command=draft.preflight))
    write_atomically(path, json.dumps([check.model_dump() for check in checks], indent=1, ensure_ascii=False) + "\n")


def checks_of(project: Path) -> list[Check]:
    """The project's own pre-flight checks; none without the file.

    Raises:
        PackError: the file is there and is no list of checks.
    """
    path = project / PREFLIGHT
    if not path.is_file():
        return []
    try:
        return TypeAdapter(list[Check]).validate_json(read_text(path, "pre-flight list"))
    except ValueError as error:
        raise PackError(
            "bad-preflight",
            f"{path}: {'; '.join(_fields_of(error))}",
            why="it is a list of checks, each with slug, says and command (a list of words)",
            fix="mend the file, or remove it and add the entries again",
        ) from error
