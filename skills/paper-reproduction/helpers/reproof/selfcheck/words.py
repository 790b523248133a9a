"""Short ways to say many things."""

from __future__ import annotations

SHOWN = 5


def listed(names: list[str]) -> str:
    """The first few names, and how many more.

    >>> listed(["a", "b"]), listed(list("abcdefg"))
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def many(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun.

    >>> many(1, "claim"), many(2, "claim"), many(2, "library", "libraries")
    ('1 claim', '2 claims', '2 libraries')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
