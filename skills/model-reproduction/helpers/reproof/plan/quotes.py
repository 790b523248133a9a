"""Is the value of a plan what its quote states? And does the quote stand where the plan says?"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from reproof.text.keys import SCALE_WORDS, key_of
from reproof.text.markdown import read_markdown
from reproof.text.quotes import Match, Text, find, text_from
from reproof.text.symbols import spelled

__all__ = ["Match", "Text", "find", "text_of", "value_in", "wrong_where"]

WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
NOTHING = re.compile(r"\b(?:no|without|zero)\b", re.IGNORECASE)
PERCENT = re.compile(r"⟦([^⟦⟧^%]+)%⟧")
SCALED = re.compile(r"⟦([-\d.E+]+)⟧(thousand|million|billion|trillion)")
NUMBER_MARKS = re.compile("[⟦⟧]")
PLACE = re.compile(
    r"\b(?P<kind>table|tab\.|figure|fig\.|algorithm|alg\.|page|p\.)\s*(?P<number>[A-Z]?\.?\d+)"
    r"|(?:\b(?:appendix|app\.|section|sec\.)\s*|§\s*|^\s*)(?P<section>[A-Z](?:\.\d+)*|\d+(?:\.\d+)*)\b",
    re.IGNORECASE,
)


def text_of(source: str) -> Text:
    """Prepare a paper that is Markdown or plain text already."""
    return text_from(read_markdown(source))


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
    return "" if _words_in(str(value), quote) else f"{value!r} does not stand in the quote"


def _words_in(value: str, quote: str) -> bool:
    """Whether the words stand in the quote and are not a part of longer ones: adam is not adamw, an s may follow."""
    key, plain = key_of(quote), spelled(quote)
    marked = [at for at, character in enumerate(key.text) if character not in "⟦⟧"]
    wanted = NUMBER_MARKS.sub("", key_of(value).text)
    there = "".join(key.text[at] for at in marked)
    start = there.find(wanted) if wanted else -1
    while start >= 0:
        first, last = key.offsets[marked[start]], key.ends[marked[start + len(wanted) - 1]]
        before = plain[first - 1 : first] if wanted[0].isalpha() else ""
        after = re.sub(r"^s(?![A-Za-z])", "", plain[last:])[:1] if wanted[-1].isalpha() else ""
        if not before.isalpha() and not after.isalpha():
            return True
        start = there.find(wanted, start + 1)
    return False


def _number_in(value: Decimal, quote: str, read_as: dict[str, str]) -> str:
    key = key_of(quote)
    percents = [Decimal(shown) / 100 for shown in PERCENT.findall(key.text)]
    words = [Decimal(WORDS.index(word)) for word in re.findall(r"[a-z]+", quote.lower()) if word in WORDS]
    scaled = [Decimal(shown) * SCALE_WORDS[word] for shown, word in SCALED.findall(key.text)]
    if value in [*key.numbers, *percents, *words, *scaled]:
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


def wrong_where(where: str, match: Match, text: Text) -> str:
    """Why a found quote does not stand where the plan says, or an empty string.

    Only places that the located text knows can be compared; a name that it does not know is not held against the plan.
    """
    named = [(m["kind"], m["number"] or m["section"]) for m in PLACE.finditer(where)]
    known = [(kind, number) for kind, number in named if _exists(kind, number, text)]
    if not known or not match.spans:
        return ""
    for start, _ in match.spans:
        if any(_stands(kind, number, start, text) for kind, number in known):
            return ""
    return f"the plan says {where!r}; the quote stands in {text.located.where(match.spans[0][0])}"


def _exists(kind: str | None, number: str, text: Text) -> bool:
    if kind and kind.lower().startswith("p"):
        return any(page == int(number) for _, page in text.located.pages if number.isdigit())
    wanted = kind[0].lower() if kind else ""
    return any(
        node.number == number and (node.kind[0] == wanted if wanted else node.level) for node in text.located.nodes
    )


def _stands(kind: str | None, number: str, offset: int, text: Text) -> bool:
    if kind and kind.lower().startswith("p"):
        return str(text.located.page(offset)) == number
    around = text.nodes(offset)
    if not kind and any(node.kind in ("table", "figure", "algorithm", "footnote") for node in around):
        return True  # where a float stands in the file says nothing about its section
    if not kind and not any(node.number for node in around if node.level):
        return True  # a heading without a number may belong to any section
    wanted = kind[0].lower() if kind else ""
    return any(node.number == number and (node.kind[0] == wanted if wanted else bool(node.level)) for node in around)
