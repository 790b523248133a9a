"""Counts, bytes and durations, read and written. GiB is 2**30, GB is 10**9."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

GIB = 2**30
COUNT = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
BYTES |= {"kib": 2**10, "mib": 2**20, "gib": GIB, "tib": 2**40}
NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")


def _scaled(text: object, scale: dict[str, int], example: str) -> object:
    if not isinstance(text, str):
        return text
    match = NUMBER.fullmatch(text.strip().replace("_", "").replace(",", ""))
    if not match or match[2].lower() not in scale:
        raise ValueError(f"cannot read {text!r}; write it like {example}")
    return round(float(match[1]) * scale[match[2].lower()])


def parse_count(text: object) -> object:
    """A count like 124M or 7B; numbers pass through.

    >>> parse_count("124M"), parse_count("1.5k"), parse_count(3)
    (124000000, 1500, 3)
    """
    return _scaled(text, COUNT, "124M or 7B")


def parse_bytes(text: object) -> object:
    """A size like 24GiB or 80GB; numbers are bytes.

    >>> parse_bytes("1GiB"), parse_bytes("1GB")
    (1073741824, 1000000000)
    """
    return _scaled(text, BYTES, "24GiB or 80GB")


Count = Annotated[int, BeforeValidator(parse_count)]
Bytes = Annotated[int, BeforeValidator(parse_bytes)]


def show_bytes(size: float) -> str:
    """Bytes for a person, in binary units.

    >>> show_bytes(0), show_bytes(1023), show_bytes(1536), show_bytes(2**34)
    ('0 B', '1023 B', '1.5 KiB', '16.0 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable: GiB takes every size")


def show_seconds(seconds: float) -> str:
    """A duration for a person.

    >>> show_seconds(0.25), show_seconds(59), show_seconds(61), show_seconds(7260)
    ('0.2 s', '59 s', '1 min 1 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"
