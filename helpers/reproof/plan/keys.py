"""Canonical keys: two texts have the same key when they differ only in layout.

A key is letters in lower case and number tokens like <256>, with a map back to the text. White space, hyphens,
quotation marks, accents, ligatures, LaTeX markup and author-year citations vanish. A number, sign, exponent, unit,
comparison or word never does: fuzzy ratios accept nine single-digit changes in ten, so there is no fuzziness here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
MINUS = "\u2212\u2013\u2010\u2011\ufe63\uff0d"
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,300}>")
CITATION = re.compile(r"\[[^\[\]]{0,120}?[A-Za-z][^\[\]]{0,120}?(?:19|20)\d\d[a-z]?\s*\]")
LATEX_WORDS = {
    "times": "×", "cdot": "×", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "pm": "±", "neq": "≠", "approx": "≈",
    "sim": "~", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε",
    "eta": "η", "theta": "θ", "lambda": "λ", "mu": "μ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω",
}  # fmt: skip
LATEX = re.compile(r"\\(?:([a-zA-Z]+)|([%$#&_{}]))")
KEPT = set("<>≤≥±%≈≠")
MAX_EXPONENT, MAX_DIGITS = 400, 28  # text is untrusted: 10^{9999999} must not become a number of that length
# a plain number, maybe signed, maybe in thousands, maybe with an exponent or a power of ten, maybe with k, M or B
DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:,\s?000)+(?!\d)|\d+(?:\.\d+)?|\.\d+"
POWER = r"\s*(?:×|x|\*|·)\s*10\s*\^\s*\{?\s*(?P<power>[-+]?\s*\d+)\s*\}?"
NUMBER = re.compile(
    rf"(?P<sign>-)?(?:10\s*\^\s*\{{?\s*(?P<ten>[-+]?\s*\d+)\s*\}}?"
    rf"|(?P<digits>{DIGITS})(?:(?P<e>[eE][-+]?\d+)|{POWER})?)"
    rf"(?P<suffix>[kKMB](?![A-Za-z]))?\s?(?P<percent>%)?"
)
SCALE = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}


@dataclass(frozen=True)
class Key:
    """A canonical key and, for each of its characters, the offset in the text it came from."""

    text: str
    offsets: tuple[int, ...]
    numbers: tuple[Decimal, ...]


def plain(text: str) -> str:
    """`text` with tags and citations blanked, entities, LaTeX and superscripts spelled out."""
    text = SUPERSCRIPT_RUN.sub(lambda run: "^{" + run[0].translate(SUPERSCRIPTS) + "}", text)
    text = TAG.sub(lambda tag: " " * len(tag[0]), text)
    text = CITATION.sub(lambda citation: " " * len(citation[0]), text)
    text = html.unescape(text)
    return LATEX.sub(lambda m: f" {LATEX_WORDS.get(m[1], '')} " if m[1] else m[2], text)


def _letters(character: str) -> str:
    if character in KEPT:
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(c for c in decomposed if c.isalpha()).casefold()


def _sane(match: re.Match[str]) -> bool:
    exponent = match["ten"] or match["power"] or (match["e"] or "")[1:] or "0"
    digits = sum(character.isdigit() for character in match["digits"] or "")
    return len(exponent) < 6 and abs(int(exponent.replace(" ", ""))) <= MAX_EXPONENT and digits <= MAX_DIGITS


def _value(match: re.Match[str]) -> Decimal:
    exponent = match["ten"]
    if exponent is not None:
        value = Decimal(10) ** int(exponent.replace(" ", ""))
    else:
        value = Decimal(re.sub(r"[,\s]", "", match["digits"]))
        power = match["power"]
        value = value.scaleb(int(match["e"][1:])) if match["e"] else value
        value = value.scaleb(int(power.replace(" ", ""))) if power else value
    value *= SCALE[match["suffix"] or ""]
    return -value if match["sign"] else value


def _is_sign(text: str, at: int) -> bool:
    """A minus at `at` belongs to the number behind it unless it joins two words or two numbers."""
    return at == 0 or not (text[at - 1].isalnum() or text[at - 1] in ")]}")


def _tokens(text: str) -> Iterator[tuple[str, int, Decimal | None]]:
    at = 0
    while at < len(text):
        character = text[at]
        if character.isdigit() or character in "-.":
            match = NUMBER.match(text, at)
            if match and (not match["sign"] or _is_sign(text, at)):
                value = _value(match) if _sane(match) else None
                shown = match[0].lower() if value is None else str(value.normalize())
                yield f"<{shown}{match['percent'] or ''}>", at, value
                at = match.end()
                continue
        letters = _letters(character)
        if letters:
            yield letters, at, None
        at += 1


def key_of(text: str) -> Key:
    """The canonical key of `text`.

    >>> key_of("lr = 1 × 10^{-4}").text == key_of("lr 1e-4").text == key_of("lr: 0.0001").text
    True
    >>> key_of("lr 10^-4").text == key_of("lr 10-4").text
    False
    """
    spelled = plain(text)
    for minus in MINUS:
        spelled = spelled.replace(minus, "-")
    parts: list[str] = []
    offsets: list[int] = []
    numbers: list[Decimal] = []
    for token, at, value in _tokens(spelled):
        parts.append(token)
        offsets += [at] * len(token)
        if value is not None:
            numbers.append(value)
    return Key("".join(parts), tuple(offsets), tuple(numbers))
