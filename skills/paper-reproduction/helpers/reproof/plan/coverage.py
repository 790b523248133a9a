"""Which parts of the paper the plan cites, and which nobody has touched."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from reproof.plan.quotes import Text, find
from reproof.records import Record
from reproof.text.candidates import Candidate, candidates
from reproof.text.located import Node

CITABLE = ("section", "appendix", "table", "algorithm", "footnote", "figure")


class Place(Record):
    """A part of the paper."""

    name: str
    kind: str
    cited: int = Field(description="quotes of the plan that stand here")
    candidates: int = Field(description="candidates of rank A here")
    unused: int = Field(description="those that no quote covers")
    page: int | None = None


class Covered(Record):
    """The paper, part by part, and the candidates that no quote covers."""

    places: list[Place]
    unused: list[Candidate]
    lost: list[str]

    @property
    def untouched(self) -> list[Place]:
        """Parts with candidates that the plan never cites, most candidates first."""
        empty = [place for place in self.places if not place.cited and place.candidates]
        return sorted(empty, key=lambda place: -place.candidates)


def coverage(quotes: Iterable[str], text: Text) -> Covered:
    """What these quotes cover of the paper."""
    spans = sorted({span for quote in set(quotes) for span in find(quote, text).spans})
    found = [c for c in candidates(text.located) if c.rank == "A"]
    unused = [c for c in found if not any(a <= c.start < b for a, b in spans)]
    places = []
    for node in text.located.nodes:
        if node.kind not in CITABLE:
            continue
        own = [c for c in found if _belongs(c.start, node, text)]
        places.append(
            Place(
                name=node.name,
                kind=node.kind,
                cited=sum(_belongs(start, node, text) for start, _ in spans),
                candidates=len(own),
                unused=sum(c in unused for c in own),
                page=node.page,
            )
        )
    return Covered(places=places, unused=unused, lost=text.located.lost)


def _belongs(offset: int, node: Node, text: Text) -> bool:
    """Whether the innermost part around `offset` is this one."""
    return node.start <= offset < node.end and text.located.at(offset) == node
