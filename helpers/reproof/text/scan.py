"""One pass over a paper for every word of the lexicon, so that its sentences need not be searched again and again."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from reproof.text.lexicon import ANNOUNCED, VALUES
from reproof.text.phrases import BUILT_WITH, HEADS, NAMES, STOP_WORDS, TURNS

WITH_DIGITS = {
    "library",
    "hardware",
    "checkpoint",
    "split",
    "loss",
    "data",
    "named",
}  # phrases that a number belongs to
CAPITAL = re.compile(r"\\.|[A-Z]")
FOLD = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # ASCII only: offsets must not move
FIRST_WORD = re.compile(rf"(?<![\w-])(?!(?:{STOP_WORDS.replace(' ', '|')})\b)[a-z][\w-]*[a-z\d]$")
FIRST_WORD_CHARS = 40
CHUNK_CHARS = 2000  # text is untrusted: what a pattern may look at, and search back through, is bounded
HEAD = re.compile(r"[\s-](?:" + "|".join(f"(?P<{field}>{nouns})" for field, nouns in HEADS.items()) + r")\b")


class Mark(NamedTuple):
    """A word of the lexicon in the text."""

    start: int
    end: int
    field: str


def folded(pattern: str) -> re.Pattern[str]:
    r"""A pattern whose case does not count, for text in lower case: that is twice as fast as `(?i:...)`.

    >>> folded(r"(?i:L_?2|\bBPE\b)").pattern == r"(?:l_?2|\bbpe\b)"
    True
    """
    plain = pattern.replace("(?i:", "(?:")
    return re.compile(CAPITAL.sub(lambda m: m[0].lower() if len(m[0]) == 1 else m[0], plain))


TERMS = [(field, folded(pattern)) for field, pattern in ANNOUNCED.items()]
FOLDED_VALUES = [(field, folded(pattern)) for field, pattern in VALUES.items() if pattern.startswith("(?i:")]
CASED_VALUES = [(field, re.compile(p)) for field, p in VALUES.items() if not p.startswith("(?i:")]
# behind a quantifier a blank stays one: `[\w-]+[ -]` would try every hyphen of a long chain
PHRASES = [(field, re.compile(re.sub(r"(?<!\+) ", "[ -]", pattern))) for field, pattern in TURNS.items()]
NAMED_PHRASES = [(field, re.compile(pattern)) for field, pattern in NAMES.items()]


class Marks:
    """Words of the lexicon in some regions of a text, by place."""

    def __init__(self, text: str, regions: Iterable[tuple[int, int]]) -> None:
        """Scan.

        Args:
            text: with dashes as `-` and without line breaks; offsets point into it.
            regions: spans to look at.
        """
        self.text = text
        low = self.low = text.translate(FOLD)
        self.terms, self.words, self.phrases = _Sorted(), _Sorted(), _Sorted()
        for start, end in regions:
            self.terms.found += _all(TERMS, low, start, end)
            self.words.found += _all(FOLDED_VALUES, low, start, end) + _all(CASED_VALUES, text, start, end)
            self.phrases.found += _all(PHRASES, low, start, end) + _all(NAMED_PHRASES, text, start, end)
            self.phrases.found += _heads(low, start, end) + _all([("library", BUILT_WITH)], text, start, end)

    def sorted(self) -> Marks:
        """With every list in the order of the text, as `within` needs it."""
        for each in (self.terms, self.words, self.phrases):
            each.found.sort()
        return self


def chunks(text: str, sentences: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sentences that follow each other, put together up to a length: fewer calls, and nothing endless.

    >>> chunks("One. Two. [3] Four.", [(0, 4), (5, 9), (14, 19)])
    [(0, 9), (14, 19)]
    """
    made: list[tuple[int, int]] = []
    for start, end in sentences:
        if made and end - made[-1][0] <= CHUNK_CHARS and not text[made[-1][1] : start].strip():
            made[-1] = (made[-1][0], end)
        else:
            made.append((start, end))
    return made


class _Sorted:
    def __init__(self) -> None:
        self.found: list[Mark] = []

    def within(self, start: int, end: int) -> list[Mark]:
        """Those inside a span, counted from its start."""
        at = bisect_left(self.found, (start,))
        inside = []
        while at < len(self.found) and self.found[at].start < end:
            mark = self.found[at]
            if mark.end <= end:
                inside.append(Mark(mark.start - start, mark.end - start, mark.field))
            at += 1
        return inside


def _all(table: list[tuple[str, re.Pattern[str]]], text: str, start: int, end: int) -> list[Mark]:
    return [
        Mark(*match.span(match.lastgroup or 0), field)
        for field, pattern in table
        for match in pattern.finditer(text, start, end)
    ]


def _heads(text: str, start: int, end: int) -> list[Mark]:
    """Nouns of the field with the word before them."""
    found = []
    for match in HEAD.finditer(text, start, end):
        field = match.lastgroup or ""
        before = FIRST_WORD.search(text, max(start, match.start() - FIRST_WORD_CHARS), match.start())
        if before:
            found.append(Mark(before.start(), match.end(), field))
    return found


def longest(words: list[Mark], phrases: list[Mark], text: str) -> list[Mark]:
    """Phrases that no word and no longer phrase covers; one that hides a number of its own is none."""
    kept: list[Mark] = []
    for mark in sorted(phrases, key=lambda m: m.start - m.end):
        hides = mark.field not in WITH_DIGITS and any(c.isdigit() for c in text[mark.start : mark.end])
        if not hides and not any(a < mark.end and mark.start < b for a, b, _ in (*words, *kept)):
            kept.append(mark)
    return kept


def field_of(label: str) -> str:
    """The field of the first word of the lexicon in a label, or ''."""
    low = label.translate(FOLD)
    found = ((m.start(), field) for field, pattern in TERMS if (m := pattern.search(low)))
    return min(found, default=(0, ""))[1]


def fields_of(label: str) -> set[str]:
    """The fields that the words of a label announce."""
    low = label.translate(FOLD)
    return {field for field, pattern in TERMS if pattern.search(low)}
