"""Which unit of the port is which unit of the reference: by name, by what the user says, else by likeness."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass, field

from reproof.errors import PackError, near
from reproof.fidelity.codebase import MODULE, Code, CodeUnit, words_of
from reproof.syntax import shown

ALIKE = 0.55


@dataclass
class Matched:
    """Pairs of ids, and names that the port uses for what the reference calls otherwise."""

    pairs: dict[str, str] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)
    methods: dict[str, dict[str, str]] = field(default_factory=dict)
    """Id of a class of the port -> its method's name -> the reference's."""


def matched(reference: Code, port: Code, given: list[str]) -> Matched:
    """Pairs of units. Top-level units first; methods are looked for in the class that answers theirs.

    Raises:
        PackError: a pair that the user gave names a unit that is not there.
    """
    found = Matched()
    taken: set[str] = set()
    mine = {key: unit for key, unit in reference.units.items() if "." not in unit.name and unit.name != MODULE}
    theirs = {key: unit for key, unit in port.units.items() if "." not in unit.name and unit.name != MODULE}
    for key, partner in _given(given, reference, port):
        _pair(found, taken, reference.units[key], port.units[partner])
    for key, unit in mine.items():
        if key not in found.pairs:
            same = [u for k, u in theirs.items() if u.name == unit.name and k not in taken]
            if same:
                _pair(found, taken, unit, _nearest(unit, same))
    left = [u for k, u in mine.items() if k not in found.pairs and u.tag == "core" and u.unit.kind != "constant"]
    free = [u for k, u in theirs.items() if k not in taken and u.unit.kind != "constant"]
    for unit, other in _alike(left, free):
        _pair(found, taken, unit, other)
    for key, partner in list(found.pairs.items()):
        _methods(found, reference, port, key, partner)
    return found


def _given(given: list[str], reference: Code, port: Code) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        one, equals, other = text.partition("=")
        keys = [_one(word.strip(), code) for word, code in ((one, reference), (other, port))]
        if not equals or None in keys:
            known = [unit.name for unit in (*reference.units.values(), *port.units.values())]
            raise PackError(
                "no-such-unit",
                f"--unit {text!r}{near(other or one, known)}",
                why="a pair names one unit of either side",
                fix="--unit Block=Layer",
            )
        pairs.append((str(keys[0]), str(keys[1])))
    return pairs


def _one(word: str, code: Code) -> str | None:
    return next((key for key, unit in code.units.items() if word in (key, unit.name)), None)


def _pair(found: Matched, taken: set[str], one: CodeUnit, other: CodeUnit) -> None:
    found.pairs[one.id] = other.id
    taken.add(other.id)
    if one.name != other.name and "." not in one.name + other.name:
        found.renames[other.name] = one.name


def _nearest(unit: CodeUnit, candidates: list[CodeUnit]) -> CodeUnit:
    """Of several units of one name, the one in the file of the most similar name."""
    return max(candidates, key=lambda other: difflib.SequenceMatcher(None, unit.file, other.file).ratio())


def _alike(left: list[CodeUnit], free: list[CodeUnit]) -> list[tuple[CodeUnit, CodeUnit]]:
    """Pairs by likeness of their text, best first; none below ALIKE."""
    texts = {unit.id: shown(unit.unit.node, 20_000) for unit in (*left, *free)}
    words = {key: words_of(text) for key, text in texts.items()}
    scores = []
    for unit in left:
        for other in free:
            if unit.unit.kind == other.unit.kind and _share(words[unit.id], words[other.id]) > 0.4:
                ratio = difflib.SequenceMatcher(
                    None, texts[unit.id][:4000], texts[other.id][:4000], autojunk=False
                ).ratio()
                scores.append((ratio, unit.id, other.id, unit, other))
    pairs: list[tuple[CodeUnit, CodeUnit]] = []
    used: set[str] = set()
    for ratio, key, other_key, unit, other in sorted(scores, key=lambda score: (-score[0], score[1], score[2])):
        if ratio >= ALIKE and not {key, other_key} & used:
            used |= {key, other_key}
            pairs.append((unit, other))
    return pairs


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _methods(found: Matched, reference: Code, port: Code, key: str, partner: str) -> None:
    """Methods, and classes within the class, of one pair."""
    one, other = reference.units[key], port.units[partner]
    if not isinstance(one.unit.node, ast.ClassDef) or not isinstance(other.unit.node, ast.ClassDef):
        return
    mine = {k: u for k, u in reference.units.items() if u.file == one.file and u.name.startswith(f"{one.name}.")}
    theirs = {k: u for k, u in port.units.items() if u.file == other.file and u.name.startswith(f"{other.name}.")}
    taken: set[str] = set()
    for unit in mine.values():
        same = [u for k, u in theirs.items() if u.name == other.name + unit.name[len(one.name) :] and k not in taken]
        if same:
            found.pairs[unit.id] = same[0].id
            taken.add(same[0].id)
    left = [u for k, u in mine.items() if k not in found.pairs and u.tag == "core"]
    for unit, twin in _alike(left, [u for k, u in theirs.items() if k not in taken]):
        found.pairs[unit.id] = twin.id
        found.methods.setdefault(partner, {})[twin.name.rpartition(".")[2]] = unit.name.rpartition(".")[2]
