"""Sentences of a canonical text, with offsets; also where an extraction left out the blank between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

END = re.compile(
    r"(?<=[A-Za-z0-9)\]%}”\"’α-ω][.!?;])(?:\s+(?=[A-Z(\[•“])|(?=[A-Z][a-z ]))|\n\s*\n|\n(?=• |[-*] \**[A-Z])"
)
ABBREVIATED = re.compile(
    r"(?:\b(?:Figs?|Eqs?|Secs?|Tabs?|Apps?|Refs?|al|e\.g|i\.e|vs|cf|resp|approx|No|w\.r\.t|Dr|etc|viz|ca|Alg)\.)$"
)
MAX_CHARS = 1500


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Spans of sentences between `start` and `end`.

    >>> [(a, b) for a, b in sentences("We train.We test, e.g. FM. See Fig. 3 there.")]
    [(0, 9), (9, 26), (27, 44)]
    """
    end = len(text) if end is None else end
    at = start
    for match in END.finditer(text, start, end):
        if ABBREVIATED.search(text[max(0, match.start() - 8) : match.start()]):
            continue
        yield from _bounded(text, at, match.start())
        at = match.end()
    yield from _bounded(text, at, end)


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """One span, or several when a list or a broken table makes it endless."""
    while end - start > MAX_CHARS:
        cut = text.rfind(" ", start, start + MAX_CHARS)
        cut = cut if cut > start else start + MAX_CHARS
        yield start, cut
        start = cut
    if text[start:end].strip():
        yield start, end
