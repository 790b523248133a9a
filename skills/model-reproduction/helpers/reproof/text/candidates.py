"""Everything in a paper that looks like a hyperparameter, with its place. Recall first: the agent decides."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from reproof.records import Record
from reproof.text.keys import NUMBER, SCALE_WORDS, key_of
from reproof.text.lexicon import (
    ASSIGNED,
    BARE,
    BUILT_WITH,
    CHAIN,
    CONTINUES,
    COUNTED,
    EVERY,
    HYPHENATED,
    JOINS,
    KEY_VALUE,
    NAMED,
    NEAR_NUMBER_WORD,
    NUMBER_WORDS,
    PHASES,
    PHRASES,
    SEEDS,
    SIZED,
    SPELLED_SYMBOL,
    SYMBOL,
    VALUES,
    compiled,
)
from reproof.text.located import Located, Node, Table
from reproof.text.sentences import sentences
from reproof.text.settings_tables import TERMS, head_rows, value_column
from reproof.text.settings_tables import is_settings as is_settings
from reproof.text.symbols import DASHES

NEAR_CHARS = 16  # rank A: the word stands this close to the number
WORD_VALUES = compiled(VALUES)
PHRASE_VALUES = compiled(PHRASES)
DATA = re.compile(VALUES["data"])
COUNT_WORD = re.compile(rf"\b{NUMBER_WORDS}\b")
ITEM = r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?(?:\s?(?:[×x]\s?10\s?)?\^\{?-?\d+\}?)?"
LIST = re.compile(rf"[\[({{]\s*{ITEM}(?:\s*,\s*{ITEM}){{1,11}}\s*[\])}}]")
SIZES = re.compile(
    r"\d+(?:\s?[×x]\s?\d+){1,3}(?!\.?\d|\s*\^)|\d{1,3}/\d{1,3}/\d{1,3}(?![\d/])|[1-3]/(?:\d{1,3}(?![\d/]|\.\d)|√\(?\w+\)?)"
)
VERSION = re.compile(r"v\.?(\d+(?:\.\d+)+|\d{4,})")
POINT = re.compile(r"\.\d+(?:[eE]-?\d+)?")  # .01
SCALE_WORD = re.compile(r"\s?(thousand|million|billion|trillion)\b", re.IGNORECASE)
SIGN = re.compile(r"(?:^|[=(\[,:]\s?|\b[A-Za-z]{2,}\s)-$")
ELSEWHERE = re.compile(
    r"(?i)introduc|related|background|abstract|conclu|discussion|acknowledg|broader|proof|limitation"
)
WORD = re.compile(r"[^\W\d_]+(?:[-–]?\d[\w.]*)?", re.UNICODE)
WORDY = re.compile(r"[(“\"]?[A-Za-z-]{3,}")
FORMULA = 0.4  # with fewer words than this, a sentence is mathematics and its numbers are seldom settings
ANNOUNCERS = ("hardware", "solver", "library", "augmentation", "schedule")  # words that numbers belong to
NAMES = set("activation optimizer initialisation pooling library hardware".split())  # sure even as phrases
WITH_DIGITS = {"library", "hardware", "checkpoint", "split", "loss"}
INDICES = set("ijknmtτ")
Term = tuple[int, int, str]
Label = tuple[str, str, Literal["A", "B"]]
YEAR = re.compile(r"(?:19[5-9]\d|20[0-3]\d)[a-z]?$")


class Candidate(Record):
    """A number or word that may be a hyperparameter."""

    field: str
    raw: str = Field(description="as it stands in the paper")
    value: float | str
    term: str = Field(description="the word or symbol that announces it")
    rank: Literal["A", "B"] = Field(description="A: right beside its word; B: somewhere in the same sentence")
    where: str
    section: str = ""
    experiment: str = Field("", description="data sets named in the sentence, else in the heading")
    phase: str = Field("", description="part of the pipeline that the sentence names")
    sentence: str
    span: tuple[int, int] = Field(description="of the sentence")
    start: int
    end: int


def candidates(located: Located) -> list[Candidate]:
    """Candidates in the order of the text; reference lists, headings and result tables are left out."""
    skipped = [(n.start, n.end) for n in located.nodes if n.kind == "references"]
    skipped += [(n.start, n.start + len(n.number) + len(n.title) + 1) for n in located.nodes if n.level]
    skipped += [(t.start, t.end) for t in located.tables if t.cells]
    found: list[Candidate] = []
    for start, end in _outside(len(located.text), skipped):
        for first, last in sentences(located.text, start, end):
            found += _of_sentence(located, first, last)
    for table in located.tables:
        begin = min((cell.start for cell in table.cells), default=table.end)
        for first, last in sentences(located.text, table.start, begin):  # the caption
            found += _of_sentence(located, first, last)
        if is_settings(table):
            found += _of_table(located, table)
    return sorted(_unique(found), key=lambda c: (c.start, c.end))


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
        word = isinstance(candidate.value, str) and not any(c.isdigit() for c in candidate.raw)
        place = (candidate.section, candidate.value, candidate.experiment) if word else (candidate.start,)
        kept.setdefault((candidate.field, *place), candidate)
    return list(kept.values())


def _of_sentence(located: Located, start: int, end: int) -> Iterator[Candidate]:
    text = located.text[start:end].translate(DASHES).replace("\n", " ")
    words, phrases = _words(text)
    terms = [(m.start(), m.end(), name) for name, pattern in TERMS for m in pattern.finditer(text)]
    if not words and not phrases and not terms and not any(c.isdigit() for c in text):
        return
    place = _Place(located, start, end)
    for first, last, name in words:
        yield place.candidate(name, first, last, text[first:last], text[first:last], "A")
    for first, last, name in phrases:
        rank: Literal["A", "B"] = "A" if name in NAMES else "B"
        yield place.candidate(name, first, last, text[first:last], text[first:last], rank)
    pair = KEY_VALUE.match(text)
    if (
        pair
        and not pair["value"][0].isdigit()
        and any(pattern.search(pair["key"]) for _, pattern in (*TERMS, *PHRASE_VALUES))
    ):
        yield place.candidate("setting", *pair.span("value"), pair["value"], pair["key"], "A")
    for every in EVERY.finditer(text):
        yield place.candidate("steps", *every.span("n"), every["n"], "every", "A")
    begin, stop = bisect_left(located.asides, (start, 0)), bisect_left(located.asides, (end, 0))
    apart = [(a - start, b - start) for a, b in located.asides[begin:stop]]
    apart += [(first, last) for first, last, _ in (*words, *phrases)]
    before: tuple[int, Label] | None = None
    for first, last in _numbers(text, apart):
        label = _label(text, first, last, terms, [word for word in (*words, *phrases) if word[2] in ANNOUNCERS])
        named = label and (before is None or before[1][0] == "number" or (
            label[2] == "A" and _unit_follows(text, last, terms)))  # fmt: skip
        if before and not named and CONTINUES.fullmatch(text[before[0] : first]):
            label = before[1]  # 0.80, 0.85 or 0.95: what holds for the first holds for the rest
        if not label and place.may_be_setup and _is_bare(text, first, last):
            label = ("number", "", "B")
        if label and not (text[first:last] in ("0", "1", "2") and (place.is_formula or _in_formula(text, first, last))):
            yield place.candidate(label[0], first, last, text[first:last], label[1], label[2])
        before = (last, label) if label else None


def _words(text: str) -> tuple[list[Term], list[Term]]:
    """Words that are values themselves, and turns of phrase that no such word covers, the longest first."""
    words = [(m.start(), m.end(), name) for name, pattern in WORD_VALUES for m in pattern.finditer(text)]
    phrases = [(*m.span(m.lastgroup or 0), name) for name, pattern in PHRASE_VALUES for m in pattern.finditer(text)]
    phrases += [(*m.span(m.lastgroup or "name"), "library") for m in BUILT_WITH.finditer(text)]
    kept: list[Term] = []
    for first, last, name in sorted(phrases, key=lambda t: t[0] - t[1]):
        hides = name not in WITH_DIGITS and any(
            c.isdigit() for c in text[first:last]
        )  # a number of its own is lost in it
        if not hides and not any(a < last and first < b for a, b, _ in (*words, *kept)):
            kept.append((first, last, name))
    return words, kept


def _label(text: str, first: int, last: int, terms: list[Term], words: list[Term]) -> Label | None:
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
    before, after = text[:first].rstrip()[-12:], text[last:].lstrip()[:1]
    if CHAIN.search(text[max(0, first - 60) : first]):
        return False
    word = re.search(r"[A-Za-z]{2,}\w*\s*[=:]$|\b(?:of|is|to|by|at|[a-z]{4,})$", before)
    if (
        not word
        and ASSIGNED.search(text[max(0, first - 40) : first])
        and re.match(r"\s*(?:[.,;)]|$|[a-z]{3})", text[last:])
    ):
        return False
    symbols = re.search(r"(?:[=+*/^_(\[{<>|∈→≤≥∼·-]|(?:^|[^A-Za-z])(?!a$)[A-Za-zα-ωΑ-Ω])$", before)
    return not word and (bool(symbols) or after in set("+*/^_<>|·)]}"))


def _is_bare(text: str, first: int, last: int) -> bool:
    """Whether a number that no word announces still looks like a setting: its digits, what it counts, or its verb."""
    if BARE.match(text[first:last]) or COUNTED.match(text[last:]):
        return True
    return bool(JOINS.search(text[max(0, first - 12) : first]) or COUNT_WORD.fullmatch(text[first:last]))


def _unit_follows(text: str, last: int, terms: list[Term]) -> bool:
    """Whether the number is followed by its own word, as in 10/100 steps."""
    behind = re.match(r"(?:\s?/\s?\d+)?[\s-]?", text[last:])
    begin = last + (behind.end() if behind else 0)
    return any(term[0] <= begin < term[1] for term in terms)


def _overlap(term: Term, start: int, end: int) -> int:
    return min(term[1], end) - max(term[0], start)


def _distance(term: Term, start: int, end: int) -> float:
    """How far a word is from a number; the word in front is preferred where both are as near."""
    return start - term[1] if term[1] <= start else term[0] - end + 0.5 if term[0] >= end else 0.0


def _numbers(text: str, apart: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans of numbers, of lists like [1, 2, 2] as one, and of words that count something."""
    at = 0
    while at < len(text):
        inside = next((b for a, b in apart if a <= at < b), None)
        if inside is not None:
            at = inside
            continue
        whole = LIST.match(text, at) if text[at] in "[({" else SIZES.match(text, at) if text[at].isdigit() else None
        if whole:
            yield whole.span()
            at = whole.end()
        elif VERSION.match(text, at) and not text[at - 1 : at].isalnum():
            match = VERSION.match(text, at)
            at = match.end() if match else at + 1
            yield at - len(match[1] if match else ""), at
        elif text[at].isalpha():
            word = WORD.match(text, at)
            end = word.end() if word else at + 1
            numeral = COUNT_WORD.match(text, at) if at == 0 or not text[at - 1].isalnum() else None
            end = max(end, numeral.end()) if numeral else end
            hyphenated = HYPHENATED.match(text, at)
            if hyphenated:
                yield hyphenated.span("n")
            elif numeral and numeral.end() == end and _counts(text, at, end):
                yield at, end
            at = end
        elif POINT.match(text, at) and not text[at - 1 : at].isalnum():
            match = POINT.match(text, at)
            yield at, match.end() if match else at + 1
            at = match.end() if match else at + 1
        elif text[at].isdigit():
            match = NUMBER.match(text, at)
            end = match.end() if match else at + 1
            if not _is_name(text, at, end):
                scale = SCALE_WORD.match(text, end)
                end = scale.end() if scale else at + len(text[at:end].rstrip())
                yield at - bool(SIGN.search(text[max(0, at - 8) : at])), end
            at = max(end, at + 1)
        else:
            at += 1


def _counts(text: str, at: int, end: int) -> bool:
    """Whether a numeral counts something or is what a word of the field is set to."""
    word = text[at:end].lower()
    if (NEAR_NUMBER_WORD.match(text[end:]) and word != "zero") or word in ("once", "twice", "thrice"):
        return True
    if re.match(r"\s?(?:[.,;:)]|$|and\b|for\b|in\b|on\b|when\b|while\b|with\b)", text[end:]):
        return bool(JOINS.search(text[max(0, at - 12) : at]) or SIZED.search(text[max(0, at - 24) : at]))
    if re.match(r"\s\d+\s?[×x]\s?\d", text[end:]):
        return True  # two 3×3 convolutions
    if word == "zero":
        return bool(re.match(r"\s?(?:[.,;:)(]|$)", text[end:]))
    if word == "one" and re.match(
        r"\s(?:[\w-]+\s)?(?:update|pass|negative|positive|sample|gradient|token)\b", text[end:]
    ):
        return True
    if word in ("half", "quarter"):
        return bool(re.match(r"\s(?:of|the|as)\b", text[end:]))
    return bool(re.match(r"[\s-]+(?:[A-Z][\w-]* )?[a-z]{3,}", text[end:])) and word != "one"


def _is_name(text: str, start: int, end: int) -> bool:
    """A number that only names something: Table 3, a year, CIFAR-10, a subscript."""
    before = text[max(0, start - 16) : start]
    is_place = NAMED.search(before)
    if is_place and is_place[0].lower().startswith("step") and end - start > 2:
        is_place = None  # from step 20,000 on
    if is_place or before.endswith(("_{", "_")):
        return True
    if re.search(r"(?:CIFAR|MNIST|ImageNet|GPT|ResNet|[A-Z]{2,})[\s-]$", before):
        known = before.endswith(" ") and any(m.end() >= len(before) - 1 for _, p in TERMS for m in p.finditer(before))
        return not known and not (before.endswith(" ") and re.match(r"\d*\.\d|\d+e", text[start:end]))
    if SEEDS.search(text[max(0, start - 80) : start]):
        return False
    if re.search(r"[α-ω]\s$", before) and re.match(r"\s*=", text[end:]):
        return True  # β 1 = 0.9: the 1 is a subscript
    if COUNTED.match(text[end:]) and not re.search(r"(?i)\b(?:in|since|until)\s$", before):
        return False  # 2000 steps, used 2048 A100
    return bool(YEAR.match(text[start:end]) and re.search(r"(?:[A-Za-z,&.(]\s?|\b(?:in|of)\s)$", before))


class _Place:
    """Where a sentence stands, worked out once for all its candidates."""

    def __init__(self, located: Located, start: int, end: int) -> None:
        self.start, self.span = start, (start, end)
        words = located.text[start:end].split()
        self.is_formula = len(words) > 3 and sum(bool(WORDY.match(w)) for w in words) < FORMULA * len(words)
        self.sentence = " ".join(located.text[start:end].split())
        self.where = located.where(start)
        around = [n for n in located.nodes if n.start <= start < n.end]
        headings = [n for n in around if n.level]
        inner = max(headings, key=lambda n: n.level, default=None)
        outer = next((n.name for n in around if not n.level), "")
        self.section = inner.name if inner else outer
        self.may_be_setup = not self.is_formula and not ELSEWHERE.search(self.section)
        self.experiment = _named(DATA, located.text[start:end]) or _named(DATA, self._titles(around))
        self.phase = _named(PHASES, located.text[start:end]) or _named(PHASES, inner.title if inner else "")

    @staticmethod
    def _titles(nodes: list[Node]) -> str:
        return " ".join(node.title for node in nodes)

    def candidate(self, field: str, first: int, last: int, raw: str, term: str, rank: Literal["A", "B"]) -> Candidate:
        rank = "B" if self.is_formula else rank
        return Candidate(
            field=field, raw=raw.strip(), value=_value(raw), term=" ".join(term.split()), rank=rank, where=self.where,
            section=self.section, experiment=self.experiment, phase=self.phase, sentence=self.sentence, span=self.span,
            start=self.start + first, end=self.start + last,
        )  # fmt: skip


def _named(pattern: re.Pattern[str], text: str) -> str:
    found = (" ".join(match[0].split()) for match in pattern.finditer(text))
    return ", ".join({name.lower(): name for name in reversed(list(found))}.values())


def _value(raw: str) -> float | str:
    if POINT.fullmatch(raw.strip()):
        return float(raw)
    numbers = key_of(raw).numbers
    starts = raw.strip()[:1].isdigit() or raw.strip()[:1] in ".-−"
    scale = SCALE_WORD.search(raw)
    if scale and len(numbers) == 1 and starts:
        return float(numbers[0] * SCALE_WORDS[scale[1].lower()])
    return float(numbers[0]) if len(numbers) == 1 and starts else " ".join(raw.split())


def _of_table(located: Located, table: Table) -> Iterator[Candidate]:
    top, first = head_rows(table), value_column(table)
    for cell in table.cells:
        if cell.row < (1 if first else top) or cell.column < max(1, first) or not cell.text.strip(" -–—/"):
            continue
        names = [c.text for c in table.cells if c.row == cell.row and 0 < c.column < first]
        labels = [*names, cell.row_header, *cell.header[: max(top, 1)]]
        label = next((text for text in labels for _, pattern in TERMS if pattern.search(text)), (names or labels)[0])
        if not label:
            continue
        field = min(
            ((m.start(), name) for name, pattern in TERMS if (m := pattern.search(label))), default=(0, "setting")
        )[1]
        place = _Place(located, cell.start, cell.end)
        row = " | ".join(c.text for c in table.cells if c.row == cell.row)
        made = place.candidate(field, 0, cell.end - cell.start, cell.text, label, "A")
        others = " ".join(text for text in labels if text != label and text.lower() not in ("value", "setting"))
        yield made.model_copy(update={"sentence": row, "experiment": made.experiment or others})
