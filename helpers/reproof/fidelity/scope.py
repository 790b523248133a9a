"""What a port takes from its reference: the units that the user names, and everything that those use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from reproof.errors import PackError, near
from reproof.fidelity.codebase import MODULE, Code, CodeUnit, words_of
from reproof.fidelity.models import UnitReport


def within(reference: Code, names: list[str]) -> set[str]:
    """Ids of the units named, their parts and bases, and what they mention by name; everything without a name.

    Raises:
        PackError: a name is no unit of the reference.
    """
    if not names:
        return set(reference.units)
    by_word: dict[str, list[CodeUnit]] = {}
    for unit in reference.units.values():
        if "." not in unit.name:
            by_word.setdefault(unit.name, []).append(unit)
    waiting = [unit for name in names for unit in _named(reference, name)]
    found = {key for key, unit in reference.units.items() if unit.name == MODULE}  # runs at import, whatever is used
    while waiting:
        unit = waiting.pop()
        if unit.id not in found:
            found.add(unit.id)
            waiting += _parts(reference, unit)
            waiting += [other for word in _mentioned(unit) for other in by_word.get(word, [])]
    return found


def narrowed(reports: Iterable[UnitReport], reference: Code, inside: set[str]) -> Iterator[UnitReport]:
    """Reports on what is inside, and on what the port adds; of statements at import those that touch what is inside."""
    if inside >= set(reference.units):
        yield from reports
        return
    names = {reference.units[key].name for key in inside}
    for report in reports:
        if report.unit.endswith(MODULE):
            kept = [d for d in report.differences if d.was == "nothing" or words_of(d.was) & {*names, "torch", "jax"}]
            if kept:
                yield report.model_copy(update={"differences": kept})
        elif report.unit in inside or report.unit not in reference.units:
            yield report


def _named(reference: Code, name: str) -> list[CodeUnit]:
    found = [unit for key, unit in reference.units.items() if name in (key, unit.name)]
    if not found:
        known = [unit.name for unit in reference.units.values()]
        raise PackError(
            "no-such-unit", f"--scope {name!r}{near(name, known)}", why="it names a unit of the reference",
            fix="--scope GPT2LMHeadModel",
        )  # fmt: skip
    return found


def _parts(reference: Code, unit: CodeUnit) -> list[CodeUnit]:
    return [other for key, other in reference.units.items() if key.startswith(f"{unit.id}.")]


def _mentioned(unit: CodeUnit) -> Iterator[str]:
    for node in ast.walk(unit.unit.node):
        if isinstance(node, ast.Name):
            yield unit.context.imports.get(node.id, node.id).rpartition(".")[2]
        elif isinstance(node, ast.Attribute):
            yield node.attr
