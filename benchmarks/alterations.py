"""Quotes that say something else: for measuring that none of them is accepted. Used by benchmarks/reading.py."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SWAPS = [
    ("training", "test"), ("train", "evaluate"), ("encoder", "decoder"), ("increase", "decrease"), ("first", "last"),
    ("larger", "smaller"), ("higher", "lower"), ("with", "without"), ("before", "after"), ("all", "some"),
    ("input", "output"), ("hours", "days"), ("minutes", "hours"), ("layers", "heads"), ("steps", "epochs"),
    ("batch", "step"), ("we", "they"), ("model", "method"), ("and", "or"), ("samples", "images"), ("flow", "field"),
    ("data", "loss"), ("network", "layer"), ("distribution", "density"), ("source", "target"), ("the", "no"),
    ("is", "was"), ("are", "were"), ("of", "for"), ("time", "space"), ("to", "from"), ("in", "on"), ("a", "one"),
]  # fmt: skip
UNITS = [("GB", "MB"), ("minutes", "seconds"), ("hours", "minutes"), ("%", ""), ("million", "billion"), ("K", "M"),
         ("M", "B"), ("k", "M"), ("seconds", "minutes"), ("epochs", "steps"), ("steps", "epochs"), ("ms", "s"),
         ("kHz", "Hz"), ("days", "hours")]  # fmt: skip
BOUNDS = [("at most", "at least"), ("at least", "at most"), ("less than", "more than"), ("more than", "less than"),
          ("up to", "from"), ("≤", "≥"), ("<", ">"), ("no ", ""), ("without", "with"),
          ("always", "never"), ("every", "no"), ("only", "also"), ("before", "after"), ("each", "no"),
          ("both", "neither"),
          ("over", "under"), ("above", "below"), ("largest", "smallest"), ("best", "worst"),
          ("same", "other")]  # fmt: skip
GREEK = "αβγδεζηθκλμνξπρστφχψω"
NUMBER_WORDS = "one two three four five six seven eight nine ten eleven twelve".split()


def altered(quote: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, quote that says something else)."""
    for kind, change in KINDS.items():
        wrong = change(quote, rng)
        if wrong and wrong != quote:
            yield kind, wrong


def _numbers(quote: str) -> list[re.Match[str]]:
    return list(re.finditer(r"\d+(?:\.\d+)?", quote))


def _replaced(quote: str, match: re.Match[str], text: str) -> str:
    return quote[: match.start()] + text + quote[match.end() :]


def _digit(quote: str, rng: random.Random) -> str:
    places = [i for match in _numbers(quote) for i in range(match.start(), match.end()) if quote[i].isdigit()]
    if not places:
        return ""
    at = rng.choice(places)
    return quote[:at] + rng.choice([d for d in "123456789" if d != quote[at]]) + quote[at + 1 :]


def _digit_gone(quote: str, rng: random.Random) -> str:
    long = [m for m in _numbers(quote) if len(m[0].replace(".", "")) > 1 and float(m[0][:-1] or 0) != float(m[0])]
    return _replaced(quote, match := rng.choice(long), match[0][:-1].rstrip(".")) if long else ""


def _digits_exchanged(quote: str, rng: random.Random) -> str:
    fitting = [m for m in _numbers(quote) if len(m[0]) > 1 and m[0].isdigit() and m[0] != m[0][::-1]]
    if not fitting:
        return ""
    match = rng.choice(fitting)
    at = next(i for i in range(len(match[0]) - 1) if match[0][i] != match[0][i + 1])
    return _replaced(quote, match, match[0][:at] + match[0][at + 1] + match[0][at] + match[0][at + 2 :])


def _decimal_point(quote: str, rng: random.Random) -> str:
    with_point = [m for m in _numbers(quote) if "." in m[0]]
    return _replaced(quote, match := rng.choice(with_point), match[0].replace(".", "", 1)) if with_point else ""


def _tenfold(quote: str, rng: random.Random) -> str:
    whole = [m for m in _numbers(quote) if "." not in m[0]]
    return _replaced(quote, match := rng.choice(whole), match[0] + "0") if whole else ""


def _thousands(quote: str, _: random.Random) -> str:
    match = re.search(r"(\d),(\d)(\d\d)(?!\d)", quote)  # 20,000 -> 200,00
    return _replaced(quote, match, f"{match[1]}{match[2]},{match[3]}") if match else ""


def _sign(quote: str, rng: random.Random) -> str:
    bare = [m for m in _numbers(quote) if re.search(r"(?:^|[\s=(])$", quote[: m.start()])]
    return _replaced(quote, match := rng.choice(bare), "-" + match[0]) if bare else ""


def _exponents(quote: str, kind: str) -> str:
    power = re.search(r"(?<=\d)\^\{([-−]?)(\d+)\}", quote)  # behind a word it is a footnote mark
    if not power:
        return ""
    changed = {"exponent": f"^{{{power[1]}{int(power[2]) + 1}}}",
               "sign": f"^{{{'' if power[1] else '-'}{power[2]}}}", "flat": power[2], "gone": "",
               "raised": f"^{power[2]}" if power[1] else f"^-{power[2]}"}  # fmt: skip
    return _replaced(quote, power, changed[kind])


def _unit(quote: str, rng: random.Random) -> str:
    for one, other in rng.sample(UNITS, len(UNITS)):
        match = re.search(rf"(?<=\d)\s?{re.escape(one)}(?![A-Za-z])", quote)
        if match:
            return _replaced(quote, match, match[0].replace(one, other))
    return ""


def _percent(quote: str, rng: random.Random) -> str:
    match = re.search(r"(\d+(?:\.\d+)?)\s?%", quote)
    if match:
        return _replaced(quote, match, rng.choice([match[1], f"0.{match[1]}", f"{match[1]}0%"]))
    match = re.search(r"(?<![\d.,])0\.(\d+)(?![\d%])", quote)
    return _replaced(quote, match, f"{match[0]}%") if match else ""


def _negation(quote: str, _: random.Random) -> str:
    verb = re.search(r"\b(?:is|are|was|were|can|do|does|we|We|use|uses|used|has|have)\b(?=\s)", quote)
    return quote[: verb.end()] + " not" + quote[verb.end() :] if verb else ""


def _negation_gone(quote: str, _: random.Random) -> str:
    match = re.search(r"\b(?:not|no|without|never)\s", quote[3:])
    return quote[: 3 + match.start()] + quote[3 + match.end() :] if match else ""


def _prefix(quote: str, rng: random.Random) -> str:
    words = re.findall(r"(?<=\s)[a-z]{5,}(?=\s)", quote)
    return re.sub(rf"(?<=\s){(word := rng.choice(words))}(?=\s)", "un" + word, quote, count=1) if words else ""


def _word(quote: str, rng: random.Random) -> str:
    for one, other in rng.sample(SWAPS, len(SWAPS)):
        match = re.search(rf"(?<=\s){one}(?=\s)", quote)
        if match:
            return _replaced(quote, match, other)
    return ""


def _bound(quote: str, rng: random.Random) -> str:
    for one, other in rng.sample(BOUNDS, len(BOUNDS)):
        at = quote.find(one, 3)
        if at > 0 and not (one[0].isalpha() and quote[at - 1].isalpha()):
            return quote[:at] + other + quote[at + len(one) :]
    return ""


def _word_gone(quote: str, rng: random.Random) -> str:
    words = quote.split()
    at = rng.randint(2, len(words) - 3) if len(words) > 8 else 0
    apart = [re.sub(r"\W", "", word).lower() for word in words[at - 1 : at + 2]] if at else []
    good = at and re.search(r"[A-Za-z]{2}", words[at]) and len(set(apart)) == 3
    return " ".join(words[:at] + words[at + 1 :]) if good else ""


def _word_added(quote: str, rng: random.Random) -> str:
    words = quote.split()
    at = rng.randint(2, len(words) - 2) if len(words) > 6 else 0
    return " ".join([*words[:at], rng.choice(["almost", "two", "hardly", "often", "3"]), *words[at:]]) if at else ""


def _exchanged(quote: str, rng: random.Random) -> str:
    words = quote.split()
    at = rng.randint(2, len(words) - 3) if len(words) > 8 else 0
    pair = words[at - 1 : at + 1] if at else []
    plain = [re.sub(r"\W", "", word).lower() for word in pair]
    good = at and plain[0] != plain[1] and all(re.search(r"[A-Za-z]{2}", word) for word in pair)
    return " ".join([*words[: at - 1], words[at], words[at - 1], *words[at + 1 :]]) if good else ""


def _greek(quote: str, rng: random.Random) -> str:
    places = [i for i, character in enumerate(quote) if character in GREEK]
    if not places:
        return ""
    at = rng.choice(places)
    return quote[:at] + rng.choice([g for g in GREEK if g != quote[at]]) + quote[at + 1 :]


def _range(quote: str, _: random.Random) -> str:
    match = re.search(r"(\d+(?:\.\d+)?)(\s?(?:to|and|or|,|–|-)\s?)(\d+(?:\.\d+)?)", quote)
    return _replaced(quote, match, f"{match[3]}{match[2]}{match[1]}") if match and match[1] != match[3] else ""


def _number_word(quote: str, rng: random.Random) -> str:
    match = re.search(rf"(?<=\s)(?:{'|'.join(NUMBER_WORDS)})(?=\s)", quote)
    return _replaced(quote, match, rng.choice([w for w in NUMBER_WORDS if w != match[0]])) if match else ""


def _letter(quote: str, _: random.Random) -> str:
    """A name's one letter or its ending: Adam, AdamW."""
    match = re.search(r"\b(?:Adam|SGD|ReLU|GELU|LSTM|CNN|MLP|BERT|FID|MNIST)\b(?!W)", quote)
    return quote[: match.end()] + "W" + quote[match.end() :] if match else ""


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "digit": _digit, "digit gone": _digit_gone, "digits exchanged": _digits_exchanged, "decimal point": _decimal_point,
    "tenfold": _tenfold, "thousands": _thousands, "sign": _sign,
    "exponent": lambda q, _: _exponents(q, "exponent"), "exponent sign": lambda q, _: _exponents(q, "sign"),
    "flattened exponent": lambda q, _: _exponents(q, "flat"), "exponent gone": lambda q, _: _exponents(q, "gone"),
    "caret sign": lambda q, _: _exponents(q, "raised"), "unit": _unit, "percent": _percent, "negation": _negation,
    "negation removed": _negation_gone, "prefix": _prefix, "word": _word, "bound": _bound, "word left out": _word_gone,
    "word added": _word_added, "words exchanged": _exchanged, "Greek letter": _greek, "range": _range,
    "number word": _number_word, "name": _letter,
}  # fmt: skip
