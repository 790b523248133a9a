"""Everything in a paper that looks like a hyperparameter, with its place. Recall first: the agent decides.

Three tiers. `candidates` are numbers that a word announces, that count something or stand where a value stands, and
words that are values. `others` are what is left in sentences about the set-up: numbers that nothing announces, and
names. What neither covers is the remainder, in `statements.py`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pydantic import Field

from reproof.records import Record
from reproof.text.dullwords import ARGUES
from reproof.text.grammar import choices
from reproof.text.lexicon import (
    ASSIGNED,
    BARE,
    BOUNDS,
    CITED,
    CONTINUES,
    COUNTED,
    EVERY,
    JOINS,
    KEY_VALUE,
    LISTS_VALUES,
    PHASES,
    SPELLED_SYMBOL,
    SYMBOL,
    VALUES,
)
from reproof.text.located import Located, Node, Table
from reproof.text.names import names
from reproof.text.numerals import COUNT_WORD, numbers, value_of
from reproof.text.scan import FOLD, Mark, Marks, chunks, field_of, longest
from reproof.text.sentences import sentences
from reproof.text.settings_tables import head_rows, may_be_settings, value_column
from reproof.text.settings_tables import is_settings as is_settings
from reproof.text.statements import Statement, statements
from reproof.text.symbols import DASHES

NEAR_CHARS = 16  # rank A: the word stands this close to the number
DATA = re.compile(VALUES["data"])
FLAT = {**DASHES, ord("\n"): " "}
ELSEWHERE = re.compile(
    r"(?i)introduc|related|background|abstract|conclu|discussion|acknowledg|broader|proof|limitation"
)
SETUP = re.compile(
    r"(?i)experiment|implement|detail|train|set-?up|setting|data|evaluat|architect|hyper|config|appendix|optimi|"
    r"infrastruct|hardware|comput|protocol|baseline|procedure|model|task|metric|prepar|method"
)
START_OF_ANY = re.compile(r"[\dπ∞]|[A-Z]\w*[A-Z]|\b[a-z]+[A-Z]|(?<!^)\b[A-Z][a-z]")
ONE_WORD = re.compile(r"\s(?:[a-z-]+\s)?")
WARM_AFTER = re.compile(
    r"(?i)\s?(?:\w+ )?(?:steps|iterations|updates|epochs) (?:of|for) (?:\w+ ){0,3}(?P<term>warm[\s-]?up)"
)
WARM_BEFORE = re.compile(
    r"(?i)(?P<term>warm(?:s|ed|ing)?[\s-]?up)(?: (?:phase|period|stage|schedule))?"
    r"(?: (?:of|over|for|during|in|lasting))?(?: the first)? ?$"
)
NOUN = re.compile(r"\s[a-z]{3,}")
ITEM_OF = re.compile(r"[a-z]{3,} -$")
RANGE = re.compile(r"\s?(?:-|→|to)\s?\d")
RANGE_BEFORE = re.compile(r"\d\s?(?:-|→|to)\s?$")
SCRIPT = re.compile(r"[_^] ?\{[^{}]*\}")
SIZE_SYMBOL = re.compile(r"(?:^|[\s(,])[A-Z]\s?(?:_\{?[\w ]+\}?)?\s*=\s*$")
PLURAL = re.compile(r"\s(?!(?:was|has|its|does|thus|this|always|as|is)\b)[a-z]+[a-rtv-z]s\b")
WORDY = re.compile(r"[(“\"]?[A-Za-z-]{3,}")
FORMULA = 0.4  # with fewer words than this, a sentence with operators is mathematics; its numbers are seldom settings
OPERATOR = re.compile(r"[=∑∫∇∂∥‖√<>≤≥∈]|[_^]\{|\w\(\w")
GIVEN = re.compile(r"(?<![\w(])\(?[A-Za-zα-ω]\w{0,12}\s?=\s?(?:\d[\d.,]*(?:e-?\d+)?|\[[\d., ]+\])(?=[\s.,;:)]|$)")
COMPARED = re.compile(r"\s(?:below|above|better|worse|higher|lower|faster|slower)\b")  # a share of something: a result
ANNOUNCERS = ("hardware", "solver", "library", "augmentation", "schedule")  # words that numbers belong to
NAMED_FIELDS = set("activation optimizer initialisation pooling library hardware data".split())  # sure even as phrases
INDICES = set("ijknmtτ")
Rank = Literal["A", "B", "C"]
Label = tuple[str, str, Rank]


class Candidate(Record):
    """A number or word that may be a hyperparameter."""

    field: str
    raw: str = Field(description="as it stands in the paper")
    value: float | str
    term: str = Field(description="the word or symbol that announces it")
    rank: Rank = Field(
        description="A: right beside its word; B: somewhere in the same sentence; C: nothing announces it"
    )
    where: str
    section: str = ""
    experiment: str = Field("", description="data sets named in the sentence, else in the heading")
    phase: str = Field("", description="part of the pipeline that the sentence names")
    sentence: str
    span: tuple[int, int] = Field(description="of the sentence")
    start: int
    end: int


class Tiers(NamedTuple):
    """What a paper states, the surest first."""

    announced: list[Candidate]
    others: list[Candidate]
    remainder: list[Statement]


def candidates(located: Located) -> list[Candidate]:
    """Candidates in the order of the text; reference lists, headings and result tables are left out."""
    return both_tiers(located)[0]


def both_tiers(located: Located) -> tuple[list[Candidate], list[Candidate]]:
    """(candidates, what else stands in sentences about the set-up: numbers that nothing announces, and names)."""
    spans, marks = _scanned(located)
    return _found(located, spans, marks)


def all_tiers(located: Located) -> Tiers:
    """Candidates, what nothing announces, and the parts of sentences about the set-up that neither covers."""
    spans, marks = _scanned(located)
    announced, others = _found(located, spans, marks)
    listed = [(c.start, c.end) for c in (*announced, *others)]
    terms = [(term.start, term.end) for term in marks.terms.found]
    shown = {c.span for c in announced}
    return Tiers(announced, others, statements(located, marks.low, spans, listed, terms, shown))


def _scanned(located: Located) -> tuple[list[tuple[int, int]], Marks]:
    """(sentences, the words of the lexicon in them)."""
    text = located.text.translate(FLAT)
    regions = sorted([*_outside(len(text), _skipped(located)), *_captions(located)])
    spans = [span for region in regions for span in sentences(located.text, *region)]
    return spans, Marks(text, chunks(text, spans)).sorted()


def _found(located: Located, spans: list[tuple[int, int]], marks: Marks) -> tuple[list[Candidate], list[Candidate]]:
    found: list[Candidate] = []
    for first, last in spans:
        found += _of_sentence(located, marks, first, last)
    for table in located.tables:
        if is_settings(table):
            found += _of_table(located, table, "A")
        elif may_be_settings(table) and _Place(located, table.start, table.end).may_be_setup:
            found += _of_table(located, table, "B")
    found = sorted(_unique(found), key=lambda c: (c.start, c.end))
    return [c for c in found if c.rank != "C"], [c for c in found if c.rank == "C"]


def _skipped(located: Located) -> list[tuple[int, int]]:
    """Reference lists, headings and tables."""
    skipped = [(n.start, n.end) for n in located.nodes if n.kind == "references"]
    skipped += [(n.start, n.start + len(n.number) + len(n.title) + 1) for n in located.nodes if n.level]
    return skipped + [(t.start, t.end) for t in located.tables if t.cells]


def _captions(located: Located) -> list[tuple[int, int]]:
    tables = [(t.start, min((cell.start for cell in t.cells), default=t.end)) for t in located.tables]
    return [(start, end) for start, end in tables if start < end]


def _outside(length: int, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in sorted(spans):
        if start > at:
            yield at, start
        at = max(at, end)
    yield at, length


def _unique(found: list[Candidate]) -> list[Candidate]:
    """One candidate a place, and each word once a section: a word that is repeated says nothing new."""
    kept: dict[tuple[object, ...], Candidate] = {}
    for candidate in found:
        if candidate.field == "name":
            kept.setdefault(("name", candidate.value), candidate)
            continue
        word = isinstance(candidate.value, str) and not any(c.isdigit() for c in candidate.raw)
        place = (candidate.section, candidate.value, candidate.experiment) if word else (candidate.start,)
        kept.setdefault((candidate.field, *place), candidate)
    return list(kept.values())


def _of_sentence(located: Located, marks: Marks, start: int, end: int) -> Iterator[Candidate]:
    """Candidates of one sentence, those of rank C included; its dashes are plain and it is one line."""
    text = marks.text[start:end]
    terms, words = marks.terms.within(start, end), marks.words.within(start, end)
    phrases = longest(words, marks.phrases.within(start, end), text)
    if not words and not phrases and not terms and not START_OF_ANY.search(text) and not COUNT_WORD.search(text):
        return
    place = _Place(located, start, end)
    for first, last, name in words:
        yield place.candidate(name, first, last, text[first:last], text[first:last], "A")
    for first, last, name in phrases:
        yield place.candidate(
            name, first, last, text[first:last], text[first:last], "A" if name in NAMED_FIELDS else "B"
        )
    pair = KEY_VALUE.match(text)
    if pair and not pair["value"][0].isdigit() and any(t.start < pair.end("key") for t in (*terms, *phrases)):
        yield place.candidate("setting", *pair.span("value"), pair["value"], pair["key"], "A")
    for every in EVERY.finditer(text):
        yield place.candidate("steps", *every.span("n"), every["n"], "every", "A")
    begin, stop = bisect_left(located.asides, (start, 0)), bisect_left(located.asides, (end, 0))
    apart = [*_cited(text, terms), *((a - start, b - start) for a, b in located.asides[begin:stop])]
    named = [(first, last) for first, last, _ in (*words, *phrases)]
    announcers = [mark for mark in (*words, *phrases) if mark.field in ANNOUNCERS]
    yield from _numbers_of(place, text, [*apart, *named], terms, announcers)
    if place.is_setup:
        yield from _names_of(place, text, [*apart, *named], bool(words or phrases or terms))
        yield from _choices_of(place, text, [*apart, *named], terms)


def _cited(text: str, terms: list[Mark]) -> Iterator[tuple[int, int]]:
    """Spans of citations like [7, 12], where no word says that these are values."""
    for cited in CITED.finditer(text):
        before = text[max(0, cited.start() - 12) : cited.start()].rstrip()
        numbers_ = re.findall(r"\d+", cited[0])
        is_list = len(numbers_) > 1 and (
            len(set(numbers_)) < len(numbers_)
            or LISTS_VALUES.search(before)
            or any(0 <= cited.start() - term.end <= 1 or 0 <= term.start - cited.end() <= 1 for term in terms)
        )
        if not is_list:
            yield cited.span()


def _numbers_of(
    place: _Place, text: str, apart: list[tuple[int, int]], terms: list[Mark], announcers: list[Mark]
) -> Iterator[Candidate]:
    before: tuple[int, Label] | None = None
    for first, last in numbers(text, apart, terms):
        label = _warmed(text, first, last, _label(text, first, last, terms, announcers))
        named = label and (before is None or before[1][0] == "number" or (
            label[2] == "A" and _unit_follows(text, last, terms)))  # fmt: skip
        if before and not named and CONTINUES.fullmatch(text[before[0] : first]):
            label = before[1]  # 0.80, 0.85 or 0.95: what holds for the first holds for the rest
        if not label and place.may_be_setup:
            label = ("number", "", "B" if _is_bare(text, first, last) else "C")
        if label and text[last - 1] == "%" and COMPARED.match(text, last):
            label = (label[0], label[1], "C")
        if label and not (
            text[first:last] in ("0", "1", "2")
            and (place.is_formula or _in_formula(text, first, last))
            and not _is_assigned(text, first, last)
            and not (label[2] != "C" and _counts_a_term(text, last, terms))
        ):
            yield place.candidate(label[0], first, last, text[first:last], label[1], label[2])
        before = (last, label) if label else None


def _counts_a_term(text: str, last: int, terms: list[Mark]) -> bool:
    """Whether a number counts things (2 groups) or a word of the lexicon, maybe with one between (1 local epoch)."""
    behind = ONE_WORD.match(text, last)
    if behind is None:
        return False
    return bool(PLURAL.match(text, last)) or any(term.start in (last + 1, behind.end()) for term in terms)


def _names_of(place: _Place, text: str, apart: list[tuple[int, int]], is_known: bool) -> Iterator[Candidate]:
    for first, last, announced in names(text, apart):
        if announced or is_known:
            yield place.candidate("named" if announced else "name", first, last, text[first:last], announced,
                                  "B" if announced else "C")  # fmt: skip


def _choices_of(place: _Place, text: str, apart: list[tuple[int, int]], terms: list[Mark]) -> Iterator[Candidate]:
    """What grammar alone marks as chosen; not what only announces a number, as `a batch size`."""
    chosen = list(choices(text))
    if chosen and ARGUES.search(text.translate(FOLD)):
        return
    for first, last, form in chosen:
        announced = any(term.end == last and term.start <= first + 1 for term in terms)
        if not announced and not any(a < last and first < b for a, b in apart):
            yield place.candidate("stated", first, last, text[first:last], form, "B")


def _warmed(text: str, first: int, last: int, label: Label | None) -> Label | None:
    """Steps and epochs of a warm-up are its length, not that of the training."""
    if label is None or label[0] not in ("steps", "epochs"):
        return label
    found = WARM_AFTER.match(text, last) or WARM_BEFORE.search(text[max(0, first - 60) : first])
    return ("warmup", found["term"], label[2]) if found else label


def _label(text: str, first: int, last: int, terms: list[Mark], words: list[Mark]) -> Label | None:
    """(field, what announces it, rank) of the number at `first`, or None when nothing does."""
    announced = [term for term in (*terms, *words) if term[1] - term[0] > 1]  # a lone Greek letter announces nothing
    joined = JOINS.search(text[max(0, first - 12) : first])
    before = [t for t in announced if t[1] <= first and first - t[1] <= NEAR_CHARS + 8] if joined else []
    nearest = min(before or announced, key=lambda t: (_distance(t, first, last), t[0] - t[1]), default=None)
    close = nearest is not None and (bool(before) or _distance(nearest, first, last) <= NEAR_CHARS)
    if re.search(r"\(β[^()]{1,14}\)\s*=\s*$", text[max(0, first - 24) : first]):
        return "betas", "β", "A"
    symbol = SYMBOL.search(text[max(0, first - 40) : first]) or SPELLED_SYMBOL.search(text[max(0, first - 40) : first])
    if symbol:
        begin = first - len(symbol[0])
        shown = re.sub(r"\s(?:is|was|equals|of|to)$", "", symbol[0].strip(" =:[({<≤∈≈←~∼"))
        named = max(terms, key=lambda t: _overlap(t, begin, first), default=None)
        if named and _overlap(named, begin, first) > 0:
            return named[2], shown, "A"
        if shown in INDICES and text[first:last] in ("0", "1"):
            return None
        if not close or not nearest:
            return "symbol", shown, "A" if len(shown) > 1 else "B"
        return nearest[2], shown, "A"
    if not nearest:
        return None
    return nearest[2], text[nearest[0] : nearest[1]], "A" if close else "B"


def _in_formula(text: str, first: int, last: int) -> bool:
    """Whether a number stands between the symbols of a formula; `depth = 1` is no formula."""
    before, after = text[max(0, first - 40) : first].rstrip()[-12:], text[last : last + 40].lstrip()[:1]
    if before.endswith("√") or RANGE.match(text, last) or RANGE_BEFORE.search(before):
        return False
    if before.endswith(" -") and ITEM_OF.search(before) and NOUN.match(text, last):
        return False  # Output layer - 1 neuron
    word = re.search(r"[A-Za-z]{2,}\w*\s*[=:]$|\b(?:of|is|to|by|at|[a-z]{4,})$", before)
    symbols = re.search(r"(?:[=+*/^_(\[{<>|∈→≤≥∼·-]|(?:^|[^A-Za-z])(?!a$)[A-Za-zα-ωΑ-Ω])$", before)
    return not word and (bool(symbols) or after in set("+*/^_<>|·)]}"))


def _is_assigned(text: str, first: int, last: int) -> bool:
    """Whether a symbol is given this value, and nothing more: `D = 1` at the end of a clause."""
    before = text[max(0, first - 40) : first]
    is_given = ASSIGNED.search(before) or SIZE_SYMBOL.search(before[-16:])
    return bool(is_given and re.match(r"\s*(?:[.,;)]|$|[A-Za-z]{3})", text[last:]))


def _is_bare(text: str, first: int, last: int) -> bool:
    """Whether a number that no word announces still looks like a setting: its digits, what it counts, or its verb."""
    if BARE.match(text[first:last]) or COUNTED.match(text[last:]):
        return True
    before = text[max(0, first - 12) : first]
    return bool(JOINS.search(before) or BOUNDS.search(before) or COUNT_WORD.fullmatch(text[first:last]))


def _unit_follows(text: str, last: int, terms: list[Mark]) -> bool:
    """Whether the number is followed by its own word, as in 10/100 steps."""
    behind = re.match(r"(?:\s?/\s?\d+)?[\s-]?", text[last:])
    begin = last + (behind.end() if behind else 0)
    return any(term[0] <= begin < term[1] for term in terms)


def _overlap(term: Mark, start: int, end: int) -> int:
    return min(term[1], end) - max(term[0], start)


def _distance(term: Mark, start: int, end: int) -> float:
    """How far a word is from a number; the word in front is preferred where both are as near."""
    return start - term[1] if term[1] <= start else term[0] - end + 0.5 if term[0] >= end else 0.0


class _Place:
    """Where a sentence stands, worked out once for all its candidates."""

    def __init__(self, located: Located, start: int, end: int) -> None:
        self.start, self.span = start, (start, end)
        self.is_formula = bool(OPERATOR.search(located.text, start, end)) and self._is_mathematics(located.text)
        self.sentence = " ".join(located.text[start:end].split())
        self.where = located.where(start)
        around = [n for n in located.nodes if n.start <= start < n.end]
        headings = [n for n in around if n.level]
        inner = max(headings, key=lambda n: n.level, default=None)
        outer = next((n.name for n in around if not n.level), "")
        self.section = inner.name if inner else outer
        self.may_be_setup = not self.is_formula and not ELSEWHERE.search(self.section)
        self.is_setup = self.may_be_setup and (not headings or any(SETUP.search(n.name) for n in headings))
        self.experiment = _named(DATA, located.text[start:end]) or _named(DATA, self._titles(around))
        self.phase = _named(PHASES, located.text[start:end]) or _named(PHASES, inner.title if inner else "")

    def _is_mathematics(self, text: str) -> bool:
        """Few words, and operators that do more than give a number to a symbol, as `K=256: Levels [8,6,5] (d=3)`."""
        words = SCRIPT.sub("", text[slice(*self.span)]).split()  # an OCR spells m_{min} with five blanks
        few = len(words) > 3 and sum(bool(WORDY.match(w)) for w in words) < FORMULA * len(words)
        return few and bool(OPERATOR.search(GIVEN.sub("", text[slice(*self.span)])))

    @staticmethod
    def _titles(nodes: list[Node]) -> str:
        return " ".join(node.title for node in nodes)

    def candidate(self, field: str, first: int, last: int, raw: str, term: str, rank: Rank) -> Candidate:
        rank = "B" if self.is_formula else rank
        return Candidate(
            field=field, raw=raw.strip(), value=value_of(raw), term=" ".join(term.split()), rank=rank, where=self.where,
            section=self.section, experiment=self.experiment, phase=self.phase, sentence=self.sentence, span=self.span,
            start=self.start + first, end=self.start + last,
        )  # fmt: skip


def _named(pattern: re.Pattern[str], text: str) -> str:
    found = (" ".join(match[0].split()) for match in pattern.finditer(text))
    return ", ".join({name.lower(): name for name in reversed(list(found))}.values())


def _of_table(located: Located, table: Table, rank: Rank) -> Iterator[Candidate]:
    top, first = head_rows(table), value_column(table)
    for cell in table.cells:
        if cell.row < (1 if first else top) or cell.column < max(1, first) or not cell.text.strip(" -–—/"):
            continue
        names = [c.text for c in table.cells if c.row == cell.row and 0 < c.column < first]
        labels = [*names, cell.row_header, *cell.header[: max(top, 1)]]
        label = next((text for text in labels if field_of(text)), (names or labels)[0])
        if not label:
            continue
        place = _Place(located, cell.start, cell.end)
        row = " | ".join(c.text for c in table.cells if c.row == cell.row)
        made = place.candidate(
            field_of(label) or "setting", 0, cell.end - cell.start, cell.text, " ".join(label.split()), rank
        )
        others = " ".join(text for text in labels if text != label and text.lower() not in ("value", "setting"))
        yield made.model_copy(update={"sentence": row, "experiment": made.experiment or others})
