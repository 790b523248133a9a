"""Is a quote in the paper? Layout may differ; a number, sign, exponent, unit, negation or word may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

from reproof.text.keys import MIN_KEY, Key, citations, key_at
from reproof.text.located import Located, Node
from reproof.text.symbols import spelled

MAX_FOUND = 20
MAX_MARKS = 5
STRONG = re.compile(r"(?:\b(no|not|non|never|without|neither|nor|cannot|hardly)|n['’]t)[\s-]*$", re.IGNORECASE)
OPERATORS = set("-<>≤≥±∓≠≪≫≈")
SHORT_CAPITALS = re.compile(r"(?=[a-z]{0,2}[A-Z])[A-Za-z]{1,3}(?![A-Za-z])")
BROKEN_WORD = re.compile(r"[A-Za-z][-\u2010]\n\s*$")
NUMBERED = r"\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,9}\]"
MARKS = re.compile(
    rf"{NUMBERED}|(?<=[A-Za-z.,;:)\]\d])\^\{{[\d,\s*†‡]{{1,8}}\}}"
    r"|\b[A-Z][\w'’-]+(?: et al\.?| and [A-Z][\w'’-]+)?,? \((?:19|20)\d\d[a-z]?\)"
)
"""What may be a citation or a footnote mark of the printed page: [9, 12], word^{3}, Tong et al. (2023)."""


@dataclass(frozen=True)
class Text:
    """A located paper with its canonical key."""

    located: Located
    key: Key
    """Without citations and footnote marks."""
    whole: Key
    """With them, for quotes that begin or end inside one."""
    said_at: dict[int, list[str]] = field(default_factory=dict)
    """What citations and footnote marks say, by the index in the key where they were left out."""

    def section(self, offset: int) -> str:
        """The heading that `offset` stands below, or an empty string."""
        headings = [n for n in self.located.nodes if n.level and n.start <= offset < n.end]
        innermost = max(headings, key=lambda node: (node.level, node.start), default=None)
        return f"{innermost.number} {innermost.title}".strip() if innermost else ""

    def nodes(self, offset: int) -> list[Node]:
        """Everything that `offset` stands in."""
        return [node for node in self.located.nodes if node.start <= offset < node.end]


@dataclass(frozen=True)
class Match:
    """Where a quote was found, or why it was not."""

    found: bool
    section: str = ""
    reason: str = ""
    spans: tuple[tuple[int, int], ...] = ()


def text_from(located: Located) -> Text:
    """Prepare a paper once for many quotes."""
    asides = sorted({*located.asides, *citations(located.text)})
    apart: list[tuple[int, int]] = []
    for span in asides:
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    key = key_at(located.text, apart, frozenset(located.opaque))
    said_at: dict[int, list[str]] = {}
    for aside in key.asides:
        said_at.setdefault(aside.at, []).append(aside.says)
    return Text(located, key, key_at(located.text), said_at)


def find(quote: str, text: Text) -> Match:
    """Look `quote` up in `text`.

    A quote must begin and end at a word, and must not leave out the negation or the sign right before it. A citation
    or a footnote mark may be left out; one that is quoted must be the one that stands there.
    """
    plain = spelled(quote)
    reason = ""
    for key, within in _readings(plain, text):
        if len(key.text) < MIN_KEY:
            short = f"the quote is too short to be evidence ({len(key.text)} of {MIN_KEY} characters)"
            reason = reason or short
            continue
        spans, why = _search(key, within, text)
        if spans:
            return Match(True, section=text.section(spans[0][0]), spans=tuple(spans))
        reason = reason or why
    return Match(False, reason=reason or _divergence(key_at(plain, citations(plain)).text, text))


def _readings(plain: str, text: Text) -> Iterator[tuple[Key, Key]]:
    """(the quote's key, the paper's key to look in): as it is, then with citations and what may be marks left out."""
    cited = citations(plain)
    marks = [m.span() for m in MARKS.finditer(plain) if not any(a < m.end() and m.start() < b for a, b in cited)]
    first = key_at(plain, cited)
    yield first, text.key
    unit = SHORT_CAPITALS.match(plain)
    if unit:  # behind a number, a unit keeps its capitals; here the number may have been cut off
        yield replace(first, text=unit[0] + first.text[len(unit[0]) :]), text.key
    if text.key.asides:
        yield key_at(plain), text.whole
        for count in range(1, min(len(marks), MAX_MARKS) + 1):
            for some in combinations(marks[:MAX_MARKS], count):
                yield key_at(plain, sorted([*cited, *some])), text.key


def _search(key: Key, within: Key, text: Text) -> tuple[list[tuple[int, int]], str]:
    spans: list[tuple[int, int]] = []
    reason, start = "", within.text.find(key.text)
    while start >= 0 and len(spans) < MAX_FOUND:
        first, last = within.offsets[start], within.ends[start + len(key.text) - 1]
        why = _cut(text.located.text, key, within, start, first, last) or _other_citation(key, text, start)
        if not why:
            spans.append((first, last))
        reason = reason or why
        start = within.text.find(key.text, start + 1)
    return spans, reason


def _cut(paper: str, key: Key, within: Key, start: int, first: int, last: int) -> str:
    """Why the passage may not be cut out here, or an empty string."""
    before, after = paper[max(0, first - 14) : first], paper[last : last + 1]
    if before and _in_word(paper[first]) and (_in_word(before[-1]) or BROKEN_WORD.search(before)):
        return "it begins in the middle of a word of the paper"
    if after and _in_word(after) and (_in_word(paper[last - 1]) or key.text[-1] == "⟧"):
        middle = "word" if _in_word(paper[last - 1]) else "quantity"
        return f"it ends in the middle of a {middle} of the paper"
    left_out = within.text[start - 1 : start]
    if key.text[0] == "⟦" and left_out in OPERATORS:
        return f"it leaves out the {left_out!r} that stands right before it in the paper"
    strong = STRONG.search(before)
    if strong:
        word = strong[1].lower() if strong[1] else "n't"
        return f"it leaves out the word {word!r} that stands right before it in the paper"
    return ""


def _in_word(character: str) -> bool:
    """A letter of words; Greek letters stand alone, and extractions glue them to what is beside them."""
    return character.isalpha() and not "\u0370" <= character <= "\u03ff" and character != "µ"


def _other_citation(key: Key, text: Text, start: int) -> str:
    """Why a quoted citation is not the paper's, or an empty string."""
    for aside in key.asides:
        here = text.said_at.get(start + aside.at, [])
        if aside.says not in here and "" not in here:
            return "it has a citation or footnote mark that does not stand there in the paper"
    return ""


def _divergence(wanted: str, text: Text) -> str:
    """The first place where the paper reads otherwise."""
    low, high = 0, len(wanted)
    while low < high:  # the longest prefix that stands in the paper; prefixes of a match match
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wanted[:middle] in text.key.text else (low, middle - 1)
    if low < MIN_KEY:
        return "no passage of the paper begins like it"
    at = text.key.offsets[text.key.text.find(wanted[:low]) + low - 1]
    reads = " ".join(text.located.text[max(0, at - 40) : at + 50].split())
    return f"the paper reads otherwise near: “… {reads} …”"
