"""Which event of the port belongs to which of the reference, without any names."""

from __future__ import annotations

from .events import Event

Pair = tuple[Event, Event]


def _sizes(event: Event) -> list[int]:
    return sorted(each.size for each in event.operands.values() if each is not None)


def likeness(a: Event, b: Event) -> float | None:
    """How well two events fit, or None."""
    left, right = _sizes(a), _sizes(b)
    if a.signature == b.signature:
        return 4.0
    if left == right:
        if a.role == b.role:
            return 3.0
        return 2.0 if a.role in "ELC" or b.role in "ELC" else 1.0
    if {a.role, b.role} == {"E", "+"} and (a.used is not None or b.used is not None):
        read = [each.used.size if each.used is not None else max(_sizes(each)) for each in (a, b)]
        if read[0] == read[1]:
            return 2.0
    if a.role == b.role and left and right and max(left) == max(right):  # a bias that is there on one side only
        return 0.8
    return None


def align(left: list[Event], right: list[Event]) -> tuple[list[Pair], list[Event], list[Event]]:
    """(pairs in the port's order, left over in the reference, left over in the port): the best common sequence."""
    n, m = len(left), len(right)
    score = [[0.0] * (m + 1) for _ in range(n + 1)]
    step = [[""] * (m + 1) for _ in range(n + 1)]
    for i in range(n, -1, -1):
        for j in range(m, -1, -1):
            options = []
            fits = likeness(left[i], right[j]) if i < n and j < m else None
            if fits is not None:
                options.append((score[i + 1][j + 1] + fits, "both"))
            if i < n:
                options.append((score[i + 1][j] - 0.1, "left"))
            if j < m:
                options.append((score[i][j + 1] - 0.1, "right"))
            if options:
                score[i][j], step[i][j] = max(options, key=lambda each: each[0])
    return _walked(left, right, step)


def _walked(
    left: list[Event], right: list[Event], step: list[list[str]]
) -> tuple[list[Pair], list[Event], list[Event]]:
    i = j = 0
    pairs: list[Pair] = []
    alone: tuple[list[Event], list[Event]] = ([], [])
    while i < len(left) or j < len(right):
        way = step[i][j]
        if way == "both":
            pairs.append((left[i], right[j]))
        elif way == "left":
            alone[0].append(left[i])
        else:
            alone[1].append(right[j])
        i, j = i + (way != "right"), j + (way != "left")
    rest_left, rest_right = _leftovers(pairs, *alone)
    order = {id(event): place for place, event in enumerate(right)}
    pairs.sort(key=lambda pair: order[id(pair[1])])
    return pairs, rest_left, rest_right


def _leftovers(pairs: list[Pair], left: list[Event], right: list[Event]) -> tuple[list[Event], list[Event]]:
    """Pair what is left by likeness: an order that was swapped, like two branches computed the other way round."""
    rest = list(right)
    unpaired = []
    for a in left:
        fits = [(value, place) for place, b in enumerate(rest) if (value := likeness(a, b)) is not None]
        if fits:
            pairs.append((a, rest.pop(max(fits, key=lambda each: each[0])[1])))
        else:
            unpaired.append(a)
    return unpaired, rest
