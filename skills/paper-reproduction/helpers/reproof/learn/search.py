"""Rank entries by a symptom or an error text. Pure, deterministic, no model.

Words are weighted by how rare they are among the entries (inverse document frequency), and by the field they stand in;
a word counts with its stem's first letters, so that "overflows" meets "overflow".
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from reproof.learn.entries import Entry

WEIGHTS = {"slug": 3.0, "title": 3.0, "symptom": 3.0, "what": 1.5, "cause": 1.0, "prevention": 0.5, "impact": 0.5}
STEM = 6
STOP = frozenset(
    "the and for with that this from not but are was were has have had its into than then when what which who why how "
    "all any can may one two out over under more most less file line call most recent last traceback error raise in is "
    "of to it an as at by on or be no if so do we you our your py self return none true false does did got get".split()
)
WORD = re.compile(r"[A-Za-z]+|\d+[A-Za-z]*")
SPLIT = re.compile(r"(?<=[a-z])(?=[A-Z])|_")


def words(text: str) -> list[str]:
    """Stems of the words that mean something; CamelCase and snake_case are taken apart.

    >>> words("RuntimeError: the size of tensor_a overflows")
    ['runtim', 'size', 'tensor', 'overfl']
    """
    parts = [part.lower() for word in WORD.findall(SPLIT.sub(" ", text)) for part in [word]]
    return [part[:STEM] for part in parts if part not in STOP and (len(part) > 2 or (part.isdigit() and len(part) > 1))]


def ranked(query: str, entries: Sequence[Entry], most: int = 5) -> list[tuple[float, Entry]]:
    """The best entries with their scores in 0 to 1, best first.

    The score is the share of the query's weight that an entry covers; below `FLOOR` it is chance and left out.
    """
    asked = Counter(words(query))
    if not asked or not entries:
        return []
    bags = [_bag(entry) for entry in entries]
    known = Counter(word for bag in bags for word in bag)
    rarity = {word: math.log(1 + len(bags) / (1 + known[word])) for word in asked}
    # a word that no entry knows must not drown the others: an error text is full of the user's own names
    total = sum(weight for word, weight in rarity.items() if known[word]) or 1.0
    scored = [(_score(rarity, bag) / total, entry) for bag, entry in zip(bags, entries, strict=True)]
    best = sorted((pair for pair in scored if pair[0] >= FLOOR), key=lambda pair: (-pair[0], pair[1].slug))
    return best[:most]


FLOOR = 0.25


def _bag(entry: Entry) -> dict[str, float]:
    bag: dict[str, float] = {}
    for field, weight in WEIGHTS.items():
        for word in words(getattr(entry, field)):
            bag[word] = max(bag.get(word, 0.0), weight / 3.0)
    return bag


def _score(rarity: dict[str, float], bag: dict[str, float]) -> float:
    return sum(weight * bag.get(word, 0.0) for word, weight in rarity.items())


def tail_of(log: str, lines: int = 12) -> str:
    """The part of a log that says what went wrong: the last traceback's end, or the last lines."""
    kept = [line for line in log.splitlines() if line.strip()]
    for index in range(len(kept) - 1, -1, -1):
        if kept[index].startswith("Traceback"):
            errors = [line for line in kept[index + 1 :] if not line.startswith((" ", "\t"))]
            return "\n".join(errors[:lines])
    return "\n".join(kept[-lines:])
