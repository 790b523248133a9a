"""Canonical keys: two spellings of the same words and numbers have the same key when they differ only in layout.

A key is letters in lower case and number tokens like ⟦256⟧, with a map back to the text. White space, hyphens,
quotation marks, accents, ligatures and LaTeX markup vanish; citations and footnote marks are kept aside. A number,
sign, exponent, unit, comparison or word never vanishes: fuzzy ratios accept nine single-digit changes in ten, so
there is no fuzziness here.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reproof.text.symbols import DASHES, spelled

KEPT = set("<>≤≥±%≈≠≪≫∓∝+∞∉°‰→←↑↓∈")
TIMES = "×"
MAX_EXPONENT, MAX_DIGITS = 400, 28  # text is untrusted: 10^{9999999} must not become a number of that length
MIN_KEY = 12  # shorter quotes stand in any paper by accident
UNIT_LETTERS = 3  # behind a number, up to here, capitals count: MB is not Mb
# a plain number, maybe in thousands, maybe with an exponent or a power of ten, maybe with k, M or B
DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:,\s?000)+(?!\d)|\d+(?:\.\d+)?|\.\d+"
EXPONENT = r"\s*\^\s*\{{?\s*(?P<{name}>[-+]?\s*\d+)\s*\}}?"
POWER = r"\s*(?:×|x|\*|·|⋅)\s*10" + EXPONENT.format(name="power")
NUMBER = re.compile(
    rf"(?:10{EXPONENT.format(name='ten')}"
    rf"|(?P<digits>{DIGITS})(?:(?P<e>[eE][-+]?\d+)|{POWER}|{EXPONENT.format(name='raised')})?)"
    rf"(?P<suffix>[kKMBT](?![A-Za-z]))?(?:\s?(?P<percent>%))?"
)
SCALE = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
SCALE_WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
RAISED_NUMBER = re.compile(r"\^\s*\{?\s*[-+]?\d")
LETTERS = re.compile(r"[A-Za-z]+")
NAMES_AND_YEARS = r"[^\[\]()]{0,300}?[A-Za-z][^\[\]()]{0,300}?\b(?:19|20)\d\d[a-z]?\b[^\[\]()]{0,300}?"
CITATION = re.compile(rf"\[{NAMES_AND_YEARS}\]|\((?=[^()]*[A-Z]){NAMES_AND_YEARS}\)")
"""[Tong et al., 2023] and (Tong et al., 2023; Liu, 2022), but not (trained in may 2023)."""


@dataclass(frozen=True)
class Aside:
    """A citation or footnote mark that was left out of a key, and what it said."""

    at: int
    """Index in the key where it stood."""
    says: str
    """Its own letters and numbers; empty when the source has only a reference that was never printed."""


@dataclass(frozen=True)
class Key:
    """A canonical key and, for each of its characters, where in the text its token begins and ends."""

    text: str
    offsets: Sequence[int]
    ends: Sequence[int]
    numbers: tuple[Decimal, ...]
    asides: tuple[Aside, ...] = ()


@dataclass(frozen=True)
class Token:
    """One piece of a key."""

    text: str
    start: int
    end: int
    number: Decimal | None = None


def key_of(text: str) -> Key:
    """The canonical key of words that may carry any markup.

    >>> key_of("lr = 1 × 10^{-4}").text == key_of("lr 1e-4").text == key_of("lr: 0.0001").text
    True
    >>> key_of("lr 10^-4").text == key_of("lr 10-4").text
    False
    >>> key_of("x - 5").text == key_of("x −5").text, key_of("x - 5").text == key_of("x + 5").text
    (True, False)
    """
    plain = spelled(text)
    return key_at(plain, citations(plain))


def citations(text: str) -> list[tuple[int, int]]:
    """Where authors with years are cited."""
    found = []
    for match in CITATION.finditer(text):
        inner = match[0][1:-1]
        if inner[:1].isupper() or "et al" in inner or match[0][0] == "[":
            found.append(match.span())
    return found


def key_at(text: str, aside: Sequence[tuple[int, int]] = (), opaque: frozenset[int] = frozenset()) -> Key:
    """The key of a text in canonical spelling, with the spans `aside` left out of it.

    Args:
        text: canonical text; offsets point into it.
        aside: sorted spans of citations and footnote marks.
        opaque: starts of those spans whose words were never printed, like a LaTeX citation key.
    """
    dashed = text.translate(DASHES)
    parts: list[str] = []
    starts, ends = array("L"), array("L")
    numbers: list[Decimal] = []
    asides: list[Aside] = []
    length, at = 0, 0
    for first, last in [*aside, (len(text), len(text))]:
        for token in _tokens(dashed, at, first):
            parts.append(token.text)
            length += len(token.text)
            if token.text[0].isalpha():  # a word has as many letters in the key as in the text
                starts.extend(range(token.start, token.start + len(token.text)))
                ends.extend(range(token.start + 1, token.start + 1 + len(token.text)))
            else:
                starts.extend([token.start] * len(token.text))
                ends.extend([token.end] * len(token.text))
            if token.number is not None:
                numbers.append(token.number)
        if last > first:
            says = "" if first in opaque else "".join(t.text for t in _tokens(dashed, first, last))
            asides.append(Aside(length, says))
        at = max(at, last)
    return Key("".join(parts), starts, ends, tuple(numbers), tuple(asides))


def _tokens(text: str, at: int, stop: int) -> Iterator[Token]:
    behind = -9  # end of the last number: its unit keeps its capitals
    while at < stop:
        character = text[at]
        if character.isascii() and character.isalpha():
            match = LETTERS.match(text, at, stop)
            assert match, "an ASCII letter starts a run of them"
            word = match[0]
            keep = at - behind <= 1 and len(word) <= UNIT_LETTERS and not text[behind:at].strip()
            yield Token(word if keep else word.lower(), at, match.end())
            at = match.end()
        elif character.isdigit() or (
            character == "." and text[at + 1 : at + 2].isdigit() and not text[at - 1 : at].isalpha()
        ):
            token = _number(text, at, stop)
            yield token
            at = behind = token.end
        elif character == "^":
            if RAISED_NUMBER.match(text, at, stop):
                yield Token("^", at, at + 1)
            at += 1
        elif character == "-":
            if _is_minus(text, at, stop):
                yield Token("-", at, at + 1)
            at += 1
        else:
            for letter in "" if character.isspace() else _letters(character):
                yield Token(letter, at, at + 1)
            at += 1


def _number(text: str, at: int, stop: int) -> Token:
    match = NUMBER.match(text, at, stop)
    if match is None:  # a digit of another script, like a circled one
        return Token(f"⟦{text[at]}⟧", at, at + 1)
    percent = match["percent"] or ""
    if not _sane(match):
        return Token(f"⟦{match[0].lower()}⟧", at, match.end())
    value = _value(match)
    shown = str(value.normalize()) + _zeros(match["digits"] or "")
    if match["raised"] is not None:
        power = int(match["raised"].replace(" ", ""))
        known = value**power if value and abs(power) < 64 else None
        return Token(f"⟦{shown}^{power}{percent}⟧", at, match.end(), known)
    signed = -value if _is_sign(text, at - 1) else value
    return Token(f"⟦{shown}{percent}⟧", at, match.end(), signed)


def _zeros(digits: str) -> str:
    """What the value alone does not say: 0.80 is printed with other digits than 0.8, and 007 is not 7."""
    whole, _, fraction = digits.partition(".")
    behind = len(fraction) - len(fraction.rstrip("0"))
    before = len(whole) - len(whole.lstrip("0")) if len(whole) > 1 else 0
    return "z" * behind + "y" * before


def _letters(character: str) -> str:
    if character in KEPT:
        return character
    if character == TIMES:
        return "x"
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(c for c in decomposed if c.isalpha()).casefold()


def _sane(match: re.Match[str]) -> bool:
    exponent = match["ten"] or match["power"] or match["raised"] or (match["e"] or "")[1:] or "0"
    digits = sum(character.isdigit() for character in match["digits"] or "")
    return len(exponent) < 6 and abs(int(exponent.replace(" ", ""))) <= MAX_EXPONENT and digits <= MAX_DIGITS


def _value(match: re.Match[str]) -> Decimal:
    if match["ten"] is not None:
        value = Decimal(10) ** int(match["ten"].replace(" ", ""))
    else:
        value = Decimal(re.sub(r"[,\s]", "", match["digits"]))
        value = value.scaleb(int(match["e"][1:])) if match["e"] else value
        value = value.scaleb(int(match["power"].replace(" ", ""))) if match["power"] else value
    return value * SCALE[match["suffix"] or ""]


def _is_sign(text: str, at: int) -> bool:
    """A minus at `at`, right before a number, is its sign unless it joins two words or two numbers."""
    if at < 0 or text[at] != "-":
        return False
    return at == 0 or not (text[at - 1].isalnum() or text[at - 1] in ")]}-")


def _is_minus(text: str, at: int, stop: int) -> bool:
    """A sign or an operator between numbers, single letters and brackets; otherwise it is a hyphen or a dash."""
    if text[at + 1 : at + 2].isdigit() or text[at + 1 : at + 2] == ".":
        if _is_sign(text, at):
            return True
    before = text[max(0, at - 3) : at].rstrip()
    after = text[at + 1 : min(stop, at + 5)].lstrip()
    if not before or not after:
        return False
    left = before[-1].isdigit() or before[-1] in ")]}" or (before[-1].isalpha() and not before[-2:-1].isalpha())
    right = after[0].isdigit() or after[0] in "([{\\" or (after[0].isalpha() and not after[1:2].isalpha())
    return left and right
