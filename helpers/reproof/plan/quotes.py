"""Is the quote in the paper, and is the value in the quote?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from reproof.plan.keys import Key, key_of, plain

MIN_KEY = 12  # shorter quotes stand in any paper by accident
STRONG = ("no", "not", "non", "never", "without", "neither", "nor")
WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
NOTHING = re.compile(r"\b(?:no|without|zero)\b", re.IGNORECASE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """A paper's text with its canonical key and its headings."""

    spelled: str
    key: Key
    headings: tuple[tuple[int, str], ...]

    def section(self, offset: int) -> str:
        """The heading that `offset` stands below, or an empty string."""
        above = [title for start, title in self.headings if start <= offset]
        return above[-1] if above else ""


@dataclass(frozen=True)
class Match:
    """Where a quote was found, or why it was not."""

    found: bool
    section: str = ""
    reason: str = ""


def text_of(source: str) -> Text:
    """Prepare a paper's text once for many quotes."""
    spelled = plain(source)
    headings = tuple((match.start(), match[1]) for match in HEADING.finditer(spelled))
    return Text(spelled, key_of(source), headings)


def find(quote: str, text: Text) -> Match:
    """Look `quote` up in `text`: layout may differ, words and numbers may not.

    A quote must begin and end at a word, and must not leave out the negation right before it.
    """
    wanted = key_of(quote).text
    if len(wanted) < MIN_KEY:
        return Match(False, reason=f"the quote is too short to be evidence ({len(wanted)} of {MIN_KEY} characters)")
    reason, start = "", text.key.text.find(wanted)
    while start >= 0:
        first, last = text.key.offsets[start], text.key.offsets[start + len(wanted) - 1]
        reason = _cut(text.spelled, first, last)
        if not reason:
            return Match(True, section=text.section(first))
        start = text.key.text.find(wanted, start + 1)
    return Match(False, reason=reason or _divergence(wanted, text))


def _cut(spelled: str, first: int, last: int) -> str:
    """Why the passage may not be cut out here, or an empty string."""
    before = spelled[max(0, first - 12) : first]
    if before and before[-1].isalpha() and spelled[first].isalpha():
        return "it begins in the middle of a word of the paper"
    after = spelled[last + 1 : last + 2]
    if after.isalpha() and spelled[last].isalpha():
        return "it ends in the middle of a word of the paper"
    word = re.split(r"[^A-Za-z]+", before.rstrip(" \n-"))[-1].lower()
    if word in STRONG:
        return f"it leaves out the word {word!r} that stands right before it in the paper"
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
    reads = " ".join(text.spelled[max(0, at - 40) : at + 50].split())
    return f"the paper reads otherwise near: “… {reads} …”"


def value_in(value: Any, quote: str, read_as: dict[str, str] | None = None) -> str:
    """Why `value` is not what the quote states, or an empty string.

    Numbers must stand in the quote: as digits, as words up to twelve, a percentage, or 0 as "no ...". Texts must
    stand in it letter by letter. `read_as` admits one thing: an exponent that the text extraction flattened.
    """
    if isinstance(value, (list, tuple)):
        reasons = [value_in(item, quote, read_as) for item in value]
        return next((reason for reason in reasons if reason), "")
    if isinstance(value, bool):
        return ""  # yes or no is what the sentence means, not a token in it
    if value is None:
        return "" if NOTHING.search(quote) else "the value is null, and the quote does not say no or without"
    if isinstance(value, (int, float)):
        return _number_in(Decimal(repr(value)), quote, read_as or {})
    wanted = re.sub(r"<|>", "", key_of(str(value)).text)
    there = re.sub(r"<|>", "", key_of(quote).text)
    return "" if wanted and wanted in there else f"{value!r} does not stand in the quote"


def _number_in(value: Decimal, quote: str, read_as: dict[str, str]) -> str:
    key = key_of(quote)
    percents = [n / 100 for n in key.numbers if "%" in key.text]
    words = [Decimal(WORDS.index(word)) for word in re.findall(r"[a-z]+", quote.lower()) if word in WORDS]
    if value in [*key.numbers, *percents, *words]:
        return ""
    if value == 0 and NOTHING.search(quote):
        return ""
    for printed, meant in read_as.items():
        if key_of(printed).text in key.text and _flattened(printed) == value == _decimal(meant):
            return ""
    numbers = ", ".join(f"{number.normalize():f}" for number in key.numbers) or "none"
    return f"the value is {value}, the quote has {numbers}"


def _flattened(printed: str) -> Decimal | None:
    """What `10 -4` or `5 10 -4` meant before its exponent was flattened."""
    numbers = key_of(printed).numbers
    if len(numbers) in (2, 3) and numbers[-2] == 10 and abs(numbers[-1]) < 100:
        mantissa = numbers[0] if len(numbers) == 3 else Decimal(1)
        return mantissa.scaleb(int(numbers[-1]))
    return None


def _decimal(text: str) -> Decimal | None:
    numbers = key_of(text).numbers
    try:
        return numbers[0] if len(numbers) == 1 else Decimal(text)
    except InvalidOperation:
        return None
