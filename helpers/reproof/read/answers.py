"""Answers of `helpers/read.py`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import hash_path
from reproof.read.fetch import fetched, is_remote
from reproof.read.models import (
    Asked,
    CandidatesAnswer,
    CandidatesRequest,
    ClaimsAnswer,
    ClaimsRequest,
    Source,
    TextAnswer,
    TextRequest,
)
from reproof.text.candidates import Candidate, all_tiers
from reproof.text.claims import claims
from reproof.text.load import load
from reproof.text.located import Located

AROUND = 24  # characters shown on either side of a number


def paper_of(request: Asked) -> Path:
    """The file to read; fetched first when the user asked for that.

    Raises:
        PackError: an arXiv id or URL without --fetch.
    """
    name = str(request.paper)
    if request.paper.exists() or not is_remote(name):
        return request.paper
    if not request.fetch:
        raise PackError(
            "not-fetched", f"{name!r} is an address, not a file",
            why="nothing is fetched from the network unless you say so",
            fix=f"add --fetch, or get the paper yourself and pass the file: read.py text {name} --fetch",
        )  # fmt: skip
    return fetched(name, request.into or Path())


def _read(request: Asked) -> tuple[Located, Source]:
    path = paper_of(request)
    located = load(path)
    pages = len({page for _, page in located.pages})
    return located, Source(
        path=str(path), sha256=hash_path(path), kind=located.kind, pages=pages, characters=len(located.text)
    )


def text(request: TextRequest) -> TextAnswer:
    """Answer `read.py text`."""
    located, source = _read(request)
    counts = Counter(node.kind for node in located.nodes)
    parts = [f"{count} {kind}{'s' if count > 1 and not kind.endswith('s') else ''}" for kind, count in counts.items()]
    numbers = sum(cell.value is not None for table in located.tables for cell in table.cells)
    headline = f"{located.title or 'untitled'}: {', '.join(parts) or 'no structure found'}; {numbers} numbers in tables"
    return TextAnswer(
        ok=True,
        headline=headline,
        source=source,
        located=located.model_copy(update={"text": ""}) if request.outline else located,
        nodes=located.nodes,
    )


def find_candidates(request: CandidatesRequest) -> CandidatesAnswer:
    """Answer `read.py candidates`."""
    located, source = _read(request)
    announced, others, remainder = all_tiers(located)
    known = {candidate.field for candidate in announced}
    everything = sorted([*announced, *others], key=lambda c: (c.start, c.end))
    kept = [c for c in everything if c.rank in request.rank and (not request.field or c.field in request.field)]
    others = [] if "C" in request.rank or request.field else others
    shown = {candidate.span for candidate in kept}
    alone = [] if request.field else [statement for statement in remainder if statement.span not in shown]
    counts = Counter(candidate.field for candidate in kept)
    places = len({candidate.section for candidate in kept})
    headline = (
        f"{len(kept)} candidates ({sum(c.rank == 'A' for c in kept)} of rank A) of {len(known)} kinds in "
        f"{places} sections"
    )
    more = [
        (len(others), "numbers and names that nothing announces"),
        (len(alone), "other sentences that state something"),
    ]
    return CandidatesAnswer(
        ok=True,
        headline="; ".join([headline, *(f"{count} {what}" for count, what in more if count)]),
        source=source,
        lost=located.lost,
        counts=dict(counts.most_common()),
        groups=list(dict.fromkeys(str(getattr(candidate, request.by)) for candidate in kept)),
        candidates=kept,
        others=_by_section(located, others),
        remainder=alone,
        beside=[] if request.field else [statement for statement in remainder if statement.span in shown],
    )


def _by_section(located: Located, others: list[Candidate]) -> dict[str, list[str]]:
    """Candidates of rank C in a few words each: a name as it is, a number with the words around it."""
    found: dict[str, list[str]] = {}
    for candidate in others:
        begin, end = max(candidate.span[0], candidate.start - AROUND), min(candidate.span[1], candidate.end + AROUND)
        around = " ".join(located.text[begin:end].split())
        found.setdefault(candidate.section, []).append(candidate.raw if candidate.field == "name" else f"…{around}…")
    return found


def find_claims(request: ClaimsRequest) -> ClaimsAnswer:
    """Answer `read.py claims`."""
    located, source = _read(request)
    kept = [claim for claim in claims(located) if claim.ours or not request.ours]
    tables = len({(claim.table, claim.caption) for claim in kept})
    open_ = sum(claim.direction is None for claim in kept)
    undirected = f"; for {open_} nothing says which way is better" if open_ else ""
    return ClaimsAnswer(
        ok=True,
        headline=f"{len(kept)} numbers in {tables} results tables, {sum(c.ours for c in kept)} of them the paper's own"
        + undirected,
        source=source,
        lost=located.lost,
        claims=kept,
    )
