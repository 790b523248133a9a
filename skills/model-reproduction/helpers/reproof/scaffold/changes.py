"""What becomes of each file when a project is generated again. Pure: texts in, decisions out; nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reproof.paths import sha256
from reproof.scaffold.merge import Merged, broken, merge, unresolved
from reproof.scaffold.models import Change, Fate
from reproof.scaffold.store import Generated

Read = Callable[[str], "str | None"]
"""Path -> the text that lies there now, None when nothing does. Raises UnicodeDecodeError for what is no text."""


@dataclass(frozen=True)
class Decision:
    """The change of one file, and the text to write; `text` is None where the file stays as it is."""

    change: Change
    text: str | None = None
    beside: str | None = None
    """Text for `<path>.new`, where merging was not possible."""


def decide(path: str, before: Generated, now: str | None, read: Read) -> Decision:
    """What becomes of `path`; `now` is None when it is no longer generated."""
    known = path in before.files
    try:
        there = read(path)
    except UnicodeDecodeError:
        note = "it is no UTF-8 text any more, so it stays as it is"
        return Decision(Change(path=path, fate="beside", note=note), beside=now)
    if there is None:
        return _absent(path, before, now)
    yours, crlf = there.replace("\r\n", "\n"), "\r\n" in there
    edited = not known or sha256(yours) != before.files[path]
    if now is None:
        if edited:
            return Decision(Change(path=path, fate="kept", note="no longer generated; you edited it, so it stays"))
        return Decision(Change(path=path, fate="gone", note="no longer generated"))
    if yours == now:
        return Decision(Change(path=path, fate="same"))
    if not edited:
        return Decision(Change(path=path, fate="updated"), _ends(now, crlf))
    if known and sha256(now) == before.files[path]:
        return Decision(Change(path=path, fate="yours", note="edited by you; nothing new for it"))
    return _both(path, yours, before.base.get(path), now, crlf)


def _absent(path: str, before: Generated, now: str | None) -> Decision:
    if now is None:
        return Decision(Change(path=path, fate="same"))
    if path in before.files:
        return Decision(Change(path=path, fate="deleted", note="you deleted it, so it is not written again"))
    return Decision(Change(path=path, fate="new"), now)


def _both(path: str, yours: str, base: str | None, now: str, crlf: bool) -> Decision:
    """Both sides changed it."""
    if base is None:
        note = "what it was generated as is not known, so it cannot be merged: compare the two by hand"
        return Decision(Change(path=path, fate="beside", note=note), beside=now)
    merged = Merged(None) if unresolved(yours) else merge(yours, base, now)
    if merged.text is None:
        why = "an earlier conflict in it is not resolved" if unresolved(yours) else "git is needed to merge"
        return Decision(Change(path=path, fate="beside", note=f"{why}; the new version lies beside it"), beside=now)
    if not merged.conflicts and broken(path, merged.text):
        note = "both changes together are no Python; the new version lies beside it"
        return Decision(Change(path=path, fate="beside", note=note), beside=now)
    fate: Fate = "conflict" if merged.conflicts else "merged"
    places = f"{merged.conflicts} place{'s' * (merged.conflicts > 1)} to decide, between <<<<<<< and >>>>>>>"
    change = Change(path=path, fate=fate, conflicts=merged.conflicts, note=places if merged.conflicts else "")
    return Decision(change, _ends(merged.text, crlf))


def _ends(text: str, crlf: bool) -> str:
    return text.replace("\n", "\r\n") if crlf else text
