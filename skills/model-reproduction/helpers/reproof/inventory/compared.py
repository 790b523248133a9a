"""Hyperparameters of a reference against a port: by name and value, whatever file or form they stand in."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from reproof.inventory.answers import read
from reproof.inventory.models import CompareAnswer, CompareRequest, Hyperparameter, Pair, Place, ReadRequest

COMPARED = frozenset(
    [
        *"argparse click typer absl dataclass hydra-zen sacred yaml json toml ini gin config default literal "
        "attribute".split(),
        "module constant",
        "class attribute",
    ]
)
DECLARED = COMPARED - {"literal", "attribute"}


def compare(request: CompareRequest) -> CompareAnswer:
    """Answer `inventory.py compare`.

    A name of the reference is equal when the port has its value under that name, different when it has the name with
    other values only, absent when the port does not have the name. Names are compared without their path.
    """
    reference, port = _by_name(request.reference), _by_name(request.port)
    different, absent, equal = [], [], 0
    for name, items in reference.items():
        there = port.get(name, [])
        for item in _once(items):
            if any(_same(item.value, other.value) for other in there):
                equal += 1
            elif there:
                says = "the port has other values under this name"
                different.append(
                    Pair(name=name, reference=_place(item), port=[_place(o) for o in _once(there)[:5]], says=says)
                )
            elif item.kind in DECLARED:
                absent.append(Pair(name=name, reference=_place(item), port=[], says="no such name in the port"))
    return CompareAnswer(
        ok=not different and not absent,
        headline=f"{equal} values equal by name, {len(different)} different, {len(absent)} names not in the port",
        equal=equal,
        different=different,
        absent=absent,
    )


def _by_name(path: Any) -> dict[str, list[Hyperparameter]]:
    found: dict[str, list[Hyperparameter]] = defaultdict(list)
    for item in read(ReadRequest(source=path)).hyperparameters:
        if item.core and item.kind in COMPARED and not item.text:
            found[item.key].append(item)
    return found


def _once(items: list[Hyperparameter]) -> list[Hyperparameter]:
    return list({repr(item.value): item for item in reversed(items)}.values())[::-1]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _place(item: Hyperparameter) -> Place:
    return Place(file=item.file, line=item.line, value=item.value, kind=item.kind)
