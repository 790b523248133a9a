"""What sentences about the set-up state and no candidate covers: the remainder, whatever its words are.

Candidates are found by words that are known. Here it is the other way round: a part of a sentence is listed unless a
candidate covers it, or it is known to state nothing (results, reasons, pointers elsewhere, words of any paper), or its
section has said all its words before. So a field with new words makes this list longer, not shorter.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from pydantic import Field

from reproof.records import Record
from reproof.text.dullwords import (
    ARGUES,
    DOES,
    DULL,
    MARKS,
    NOT_SETUP,
    PROVES,
    RESULTS,
    SETUP,
    STARTS_ASIDE,
    STATES_ANYWAY,
    THEORY,
)
from reproof.text.keys import citations
from reproof.text.located import Located, Node

Span = tuple[int, int]
CLAUSE = re.compile(r"[,;:()—–]+\s|\s[(—–-]+\s?|[,;:)]+$|\s\(|\)|\s-{1,3}\s|\.$")
WORD = re.compile(r"[^\W\d_][\w'’+./-]*[\w+]|[^\W\d_]")
UNIT = re.compile(
    r"\s(?=(?:with|using|via|by|from|into|onto|for|in|on|over|to|at|of|under|through|during|after|before|until|within|"
    r"between|across|per|as|than|and|or|but|while|whereas|where|which|that|when|if|so|then|is|are|was|were|has|have|"
    r"we|it|they|following|based)\s)"
)
FORMULA = re.compile(r"[=∑∫∇∂∥‖√<>≤≥∈]|[_^]\{|\\[a-z]+|\w\(\w")
WORDY = re.compile(r"[(“\"]?[A-Za-z-]{3,}")
RUN_IN = re.compile(
    r"(?:\s*(?:[-*•]|\d+\.)\s+)?(?:\*\*[^*]{2,60}\*\*:?\s*)?"
)  # a heading in bold at the start of a paragraph
JOINING = re.compile(r"(?:(?:and|or|but|then|•)\s+)?")
AUTHORS = re.compile(r"\b[A-Z][\w-]+(?: and [A-Z][\w-]+| et al\.?),? [(\[]?(?:19|20)\d\d[a-z]?|\b[A-Z][\w-]+ et al\.?")
NUMBER = re.compile(r"(?:((?:\d{1,2}|[A-Z])(?:\.\d{1,2})*)\.?\s)?")
ENDING = re.compile(r"(?:ing|ed|es|e|s)$")
FEW_FRAC = 0.4  # with fewer words than this, a sentence with operators is mathematics
MIN_WORDS = 3  # of a sentence
NEAR_CHARS, FEW_WORDS, WIDER_CHARS = 20, 2, 60


class Statement(Record):
    """What a sentence about the set-up says and no candidate covers."""

    text: str = Field(description="the sentence; where a candidate shows it anyway, the part")
    where: str
    section: str = Field("", description="heading that it stands under")
    span: Span = Field(description="of the sentence")
    start: int
    end: int


def statements(
    located: Located,
    low: str,
    sentences: Iterable[Span],
    listed: Iterable[Span],
    terms: Iterable[Span],
    shown: set[Span],
) -> list[Statement]:
    """The remainder, in the order of the text.

    Args:
        located: the paper.
        low: its text in lower case: patterns whose case does not count are twice as fast upon that.
        sentences: spans of its sentences, in order; no reference lists, headings or tables.
        listed: spans of the candidates.
        terms: spans of words that announce candidates; alone they state nothing.
        shown: sentences that stand beside a candidate. Of the others the whole sentence is given.
    """
    text, sections = located.text, _Sections(located)
    remainder = _Remainder(text, low, Spans(listed), Spans(terms))
    found: list[Statement] = []
    for first, last in sentences:
        section = sections.at(first)
        argues = not section.is_elsewhere and bool(ARGUES.search(remainder.low, first, last))
        if section.is_elsewhere or not remainder.may_state(first, last, section, argues):
            continue
        parts = list(remainder.of(first, last, section, argues))
        if (first, last) not in shown:
            does = not argues and DOES.search(remainder.low, first, last)
            parts = [(first, last)] if parts or does else []
        where = located.where(first) if parts else ""
        for start, end in parts:
            said = " ".join(text[start:end].split())
            found.append(
                Statement(text=said, where=where, section=section.name, span=(first, last), start=start, end=end)
            )
    return found


class Spans:
    """Spans that can be asked whether one of them touches another."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = sorted(spans)
        self.ends: list[int] = []
        for _, end in self.spans:
            self.ends.append(max(end, self.ends[-1] if self.ends else 0))

    def touch(self, start: int, end: int) -> bool:
        """Whether any of them overlaps with `start` to `end`."""
        at = bisect_left(self.spans, (end,))
        return at > 0 and self.ends[at - 1] > start

    def cover(self, start: int, end: int) -> bool:
        """Whether one of them has all of `start` to `end` in it."""
        at = bisect_left(self.spans, (start + 1,))
        return at > 0 and self.ends[at - 1] >= end


class _Section:
    """A heading's part of the paper, and the words that it has said already."""

    def __init__(self, node: Node | None, above: str) -> None:
        self.name = node.name if node else ""
        self.is_elsewhere = bool(NOT_SETUP.search(self.name))
        self.is_results = bool(RESULTS.search(self.name))
        self.is_setup = node is None or bool(SETUP.search(above)) or _number(node)[:1].isalpha()
        self.said = {stem(word[0]) for word in WORD.finditer(node.title)} if node else set()


class _Sections:
    def __init__(self, located: Located) -> None:
        headings = sorted((n for n in located.nodes if n.level), key=lambda n: n.start)
        self.starts = [node.start for node in headings]
        self.sections: list[_Section] = []
        path: list[Node] = []
        for node in headings:
            path = [*(above for above in path if _is_above(above, node)), node]
            self.sections.append(_Section(node, " / ".join(above.name for above in path)))
        self.front = _Section(None, "")
        self.front.is_setup = not headings

    def at(self, offset: int) -> _Section:
        """The innermost section: a heading's part ends where the next one begins."""
        at = bisect_right(self.starts, offset) - 1
        return self.sections[at] if at >= 0 else self.front


def _is_above(above: Node, node: Node) -> bool:
    """Whether a heading stands over another: by their numbers, B and B.4, or else by their levels."""
    first, second = _number(above), _number(node)
    return second.startswith(f"{first}.") if first and second else above.level < node.level


def _number(node: Node) -> str:
    numbered = NUMBER.match(node.title)
    return node.number or (numbered[1] or "" if numbered else "")


class _Remainder:
    def __init__(self, text: str, low: str, listed: Spans, terms: Spans) -> None:
        self.text, self.low, self.listed, self.terms = text, low, listed, terms

    def may_state(self, first: int, last: int, section: _Section, argues: bool) -> bool:
        """Whether a sentence is more than mathematics, an argument or a result."""
        words = self.text[first:last].split()
        if len(words) < MIN_WORDS:
            return False
        if FORMULA.search(self.text, first, last):
            if sum(bool(WORDY.match(word)) for word in words) < FEW_FRAC * len(words):
                return False
        if section.is_setup and not section.is_results and not argues:
            return True
        does = bool(STATES_ANYWAY.search(self.low, first, last))
        if section.is_setup or section.is_results or argues:
            return does
        if does:
            return not PROVES.search(self.low, first, last)
        return self.listed.touch(first, last) and not THEORY.search(self.low, first, last)

    def of(self, first: int, last: int, section: _Section, argues: bool) -> Iterator[Span]:
        """Spans of a sentence that state something new; those that stand close together are one."""
        cited = Spans(
            [(first + a, first + b) for a, b in citations(self.text[first:last])]
            + [match.span() for match in AUTHORS.finditer(self.text, first, last)]
        )
        marks = [m.start() for m in MARKS.finditer(self.low, first, last) if not self.listed.touch(*m.span())]
        old: set[str] = set() if self.listed.touch(first, last) else section.said
        run_in = RUN_IN.match(self.text, first, last)
        run: Span | None = None
        for start, end in _between(CLAUSE, self.text, run_in.end() if run_in else first, last):
            if self._is_aside(start, end, argues):
                continue
            units = list(_between(UNIT, self.text, start, end))
            holds = [self.listed.touch(*unit) for unit in units]
            for at, (a, b) in enumerate(units):
                words = list(self._content(a, b, announces=any(holds[max(0, at - 1) : at + 2])))
                is_new = any(a <= mark < b for mark in marks) or any(word not in old for word in words)
                if not is_new or cited.touch(a, b):
                    continue
                section.said.update(words)
                gap = a - run[1] if run else 0
                if run and gap > (4 * NEAR_CHARS if cited.touch(run[1], a) else NEAR_CHARS):
                    yield from self._whole(run, last)
                    run = None
                run = (run[0] if run else a, b)
        if run:
            yield from self._whole(run, last)

    def _is_aside(self, start: int, end: int, argues: bool) -> bool:
        """Whether a clause gives a reason, points elsewhere or reports what came out."""
        if STARTS_ASIDE.match(self.low, start, end):
            return True
        return argues and bool(ARGUES.search(self.low, start, end)) and not STATES_ANYWAY.search(self.low, start, end)

    def _content(self, start: int, end: int, *, announces: bool) -> Iterator[str]:
        """Stems of words that say something; beside a candidate, the words that announce it do not."""
        for word in WORD.finditer(self.low, start, end):
            if word.end() - word.start() == 1 or word[0] in DULL or self.listed.touch(*word.span()):
                continue
            if not (announces and self.terms.cover(*word.span())):
                yield stem(word[0])

    def _whole(self, run: Span, last: int) -> Iterator[Span]:
        """A part of a word or two, with the rest of its clause: `and none` says nothing, and `mode` alone even less."""
        start, end = run
        joining = JOINING.match(self.low, start, end)
        start = joining.end() if joining else start
        words = self.text[start:end].split()
        if len(words) > FEW_WORDS:
            yield start, end
            return
        stop = CLAUSE.search(self.text, end, last)
        until = min(stop.start() if stop else last, end + WIDER_CHARS)
        if until not in (last, stop and stop.start()):
            until = max(end, self.text.rfind(" ", end, until))
        if len(self.text[start:until].split()) > 1 or not words[-1].islower():
            yield start, until


def _between(gaps: re.Pattern[str], text: str, start: int, end: int) -> Iterator[Span]:
    """What stands between the matches of a pattern."""
    at = start
    for gap in gaps.finditer(text, start, end):
        if gap.start() > at:
            yield at, gap.start()
        at = gap.end()
    if end > at:
        yield at, end


def stem(word: str) -> str:
    """A word without its ending, roughly.

    >>> [stem(word) for word in ("Sampled", "samples", "sampling", "bias", "loss")]
    ['sampl', 'sampl', 'sampl', 'bia', 'loss']
    """
    low = word.lower().removesuffix("'s").removesuffix("’s")
    short = ENDING.sub("", low)
    return short if len(short) >= FEW_WORDS + 1 and not low.endswith("ss") else low
