"""Where the numbers of a sentence stand, which of them only name something, and what each is worth."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from reproof.text.keys import NUMBER, SCALE_WORDS, key_of
from reproof.text.lexicon import (
    COUNTED,
    DATE_BEFORE,
    DATED,
    FRACTION,
    GLUED,
    HYPHENATED,
    JOINS,
    NAMED,
    NEAR_NUMBER_WORD,
    NUMBER_WORDS,
    ORDINAL,
    SEEDS,
    SIZED,
)
from reproof.text.scan import Mark

COUNT_WORD = re.compile(rf"\b{NUMBER_WORDS}\b")
ITEM = r"-?\d+(?:\.\d+)?(?:[eE]-?\d+)?(?:\s?(?:[×x]\s?10\s?)?\^\{?-?\d+\}?)?|-?\d*[π∞]"
LIST = re.compile(rf"[\[({{]\s*(?:{ITEM})(?:\s*,\s*(?:{ITEM})){{1,11}}\s*[\])}}]")
SIZES = re.compile(
    r"\d+(?:\s?[×x]\s?\d+){1,3}(?!\.?\d|\s*\^)|\d{1,3}/\d{1,3}/\d{1,3}(?![\d/])|[1-3]/(?:\d{1,3}(?![\d/]|\.\d)|√\(?\w+\)?)"
)
VERSION = re.compile(r"v\.?(\d+(?:\.\d+)+|\d{4,})")
POINT = re.compile(r"\.\d+(?:[eE]-?\d+)?")  # .01
PLAIN = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
SCALE_WORD = re.compile(r"\s?(thousand|million|billion|trillion)\b", re.IGNORECASE)
SIGN = re.compile(r"(?:^|[=(\[,:]\s?|\b[A-Za-z]{2,}\s)-$")
WORD = re.compile(r"[^\W\d_]+(?:[-–]?\d[\w.]*)?", re.UNICODE)
START = re.compile(r"[^\W_]|[\[({]|\.\d")  # a number, a word or a list can only begin here
YEAR = re.compile(r"(?:19[5-9]\d|20[0-3]\d)[a-z]?$")


def numbers(text: str, apart: list[tuple[int, int]], terms: list[Mark]) -> Iterator[tuple[int, int]]:
    """Spans of numbers, of lists like [1, 2, 2] as one, and of words that count something.

    Args:
        text: a sentence.
        apart: spans to pass over: citations, names and phrases.
        terms: words of the lexicon in it; a number behind one is not the end of a name.
    """
    apart = sorted(apart)
    starts = [start for start, _ in apart]
    at = 0
    while (begin := START.search(text, at)) is not None:
        at = begin.start()
        inside = bisect_right(starts, at) - 1
        if inside >= 0 and at < apart[inside][1]:
            at = apart[inside][1]
            continue
        found, at = _number_at(text, at, terms)
        if found:
            yield found


def _number_at(text: str, at: int, terms: list[Mark]) -> tuple[tuple[int, int] | None, int]:
    """(the number that begins at `at`, if any, where to go on)."""
    character = text[at]
    if character in "[({":
        whole = LIST.match(text, at)
        return (whole.span(), whole.end()) if whole else (None, at + 1)
    if character == ".":
        point = POINT.match(text, at)
        end = point.end() if point else at + 1
        return (None if not point or text[at - 1 : at].isalnum() else (at, end)), end
    if character.isalpha():
        return _word_at(text, at)
    whole = SIZES.match(text, at)
    if whole:
        return whole.span(), whole.end()
    match = NUMBER.match(text, at) if character.isdigit() else None
    end = match.end() if match else at + 1
    if not character.isdigit() or is_name(text, at, end, terms):
        return None, max(end, at + 1)
    scale = SCALE_WORD.match(text, end)
    last = scale.end() if scale else at + len(text[at:end].rstrip())
    return (at - bool(SIGN.search(text[max(0, at - 8) : at])), last), max(last, at + 1)


def _word_at(text: str, at: int) -> tuple[tuple[int, int] | None, int]:
    """The same for what begins with a letter: versions, numerals, ordinals, sizes like top-5."""
    is_start = at == 0 or not text[at - 1].isalnum()
    version = VERSION.match(text, at) if is_start else None
    if version:
        return version.span(1), version.end()
    word, glued = WORD.match(text, at), GLUED.match(text, at)
    end = glued.end() if glued and is_start else word.end() if word else at + 1
    share = FRACTION.match(text, at) if is_start else None
    if share:
        return share.span(), share.end()
    numeral = (COUNT_WORD.match(text, at) or ORDINAL.match(text, at)) if is_start else None
    end = max(end, numeral.end()) if numeral else end
    hyphenated = HYPHENATED.match(text, at)
    if hyphenated:
        return hyphenated.span("n"), end
    if numeral and numeral.end() == end and (ORDINAL.match(text, at) or _counts(text, at, end)):
        return (at, end), end
    return None, end


def _counts(text: str, at: int, end: int) -> bool:
    """Whether a numeral counts something or is what a word of the field is set to."""
    word = text[at:end].lower()
    if (NEAR_NUMBER_WORD.match(text[end:]) and word != "zero") or word in ("once", "twice", "thrice"):
        return True
    if re.match(r"\s?(?:[.,;:)]|$|and\b|for\b|in\b|on\b|when\b|while\b|with\b)", text[end:]):
        before = text[max(0, at - 24) : at]
        is_many = word not in ("one", "single", "half", "quarter", "zero") or (
            word == "zero" and re.match(r"\s(?:on|for|in|at)\b", text[end:])
        )
        return bool(is_many) or bool(JOINS.search(before[-12:]) or SIZED.search(before))
    if re.match(r"\s(?:\d+\s?[×x]\s?\d|(?:[A-Z][\w-]+ )*[A-Z]+s?\b)", text[end:]):
        return True  # two 3×3 convolutions, two NVIDIA A100 GPUs
    if word == "zero":
        return bool(re.match(r"\s?(?:[.,;:)(]|$|(?:elsewhere|otherwise|everywhere)\b)", text[end:]))
    if word == "one" and re.match(
        r"\s(?:[\w-]+\s)?(?:update|pass|negative|positive|sample|gradient|token)\b", text[end:]
    ):
        return True
    if word in ("half", "quarter"):
        is_shared = re.search(r"\b(?:in|by|to|one)\s$", text[max(0, at - 8) : at])
        return bool(is_shared or re.match(r"\s(?:of|the|as)\b", text[end:]))
    return bool(re.match(r"[\s-]+(?:[A-Z][\w-]* )?[a-z]{3,}", text[end:])) and word != "one"


def is_name(text: str, start: int, end: int, terms: list[Mark]) -> bool:
    """A number that only names something: Table 3, a year, CIFAR-10, a subscript."""
    before = text[max(0, start - 16) : start]
    is_place = NAMED.search(before)
    if is_place and is_place[0].lower().startswith("step") and end - start > 2:
        is_place = None  # from step 20,000 on
    if is_place or before.endswith(("_{", "_")):
        return True
    if re.search(r"(?:CIFAR|MNIST|ImageNet|GPT|ResNet|[A-Z]{2,})[\s-]$", before):
        known = before.endswith(" ") and any(start - 2 <= term.end <= start for term in terms)
        return not known and not (before.endswith(" ") and re.match(r"\d*\.\d|\d+e", text[start:end]))
    if SEEDS.search(text[max(0, start - 80) : start]):
        return False
    if re.search(r"[α-ω]\s$", before) and re.match(r"\s*=", text[end:]):
        return True  # β 1 = 0.9: the 1 is a subscript
    if COUNTED.match(text[end:]) and not re.search(r"(?i)\b(?:in|since|until)\s$", before):
        return False  # 2000 steps, used 2048 A100
    if not YEAR.match(text[start:end]) or (DATE_BEFORE.search(before) and DATED.search(text)):
        return False
    return bool(re.search(r"(?:[A-Za-z,&.(]\s?|\b(?:in|of)\s)$", before))


def value_of(raw: str) -> float | str:
    """What a number is worth; a list, a range or a word stays as it is.

    >>> value_of("2.5 × 10^{-4}"), value_of("300K"), value_of("3 million"), value_of("[1, 2]"), value_of("four")
    (0.00025, 300000.0, 3000000.0, '[1, 2]', 'four')
    """
    shown = raw.strip()
    if PLAIN.fullmatch(shown) or POINT.fullmatch(shown):
        return float(shown)
    starts = shown[:1].isdigit() or shown[:1] in ".-−"
    found = key_of(raw).numbers if starts else ()
    if len(found) != 1:
        return " ".join(raw.split())
    scale = SCALE_WORD.search(raw)
    return float(found[0] * SCALE_WORDS[scale[1].lower()]) if scale else float(found[0])
