"""Answers that search: find and show."""

from __future__ import annotations

from pathlib import Path

from reproof.learn.entries import Entry
from reproof.learn.files import catalogues, checked, named
from reproof.learn.models import FindAnswer, FindRequest, Hit, ShowRequest
from reproof.learn.search import ranked, tail_of
from reproof.paths import read_text


def find(request: FindRequest) -> FindAnswer:
    """Answer `learn.py find`."""
    log = tail_of(read_text(request.error, "log")) if request.error else ""
    query = " ".join([*request.words, log]).strip()
    found, unreadable = _all(request.project)
    where = {entry.slug: path for path, entries in reversed(found.items()) for entry in entries}
    entries = list({entry.slug: entry for many in reversed(found.values()) for entry in many}.values())
    hits = [
        Hit(entry=entry, file=str(where[entry.slug]), score=round(min(score, 1.0), 3))
        for score, entry in ranked(query, entries, request.most)
    ]
    headline = f"{len(hits)} of {len(entries)} known traps fit" if hits else f"none of {len(entries)} known traps fits"
    return FindAnswer(
        ok=bool(hits), headline=headline, query=query, searched=len(entries), hits=hits, unreadable=unreadable
    )


def show(request: ShowRequest) -> FindAnswer:
    """Answer `learn.py show`."""
    found, unreadable = _all(request.project)
    path, entry = named(request.slug, found)
    return FindAnswer(
        ok=True, headline=entry.title, query=request.slug, searched=sum(map(len, found.values())),
        hits=[Hit(entry=entry, file=str(path), score=1.0)], unreadable=unreadable,
    )  # fmt: skip


def _all(project: Path | None) -> tuple[dict[Path, list[Entry]], list[str]]:
    found: dict[Path, list[Entry]] = {}
    unreadable: list[str] = []
    for path in catalogues(project):
        good, wrong = checked(read_text(path, "catalogue"))
        found[path] = [entry for _, entry in good]
        unreadable += [f"{path}: {problem}" for problem in wrong]
    return found, unreadable
