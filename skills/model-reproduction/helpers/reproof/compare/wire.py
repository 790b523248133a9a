"""The bytes below TensorBoard's and W&B's files: length-prefixed records, LevelDB logs, protocol buffers. Reading only.

Formats: TFRecord (length u64, crc u32, data, crc u32) of tensorflow.Event; LevelDB log blocks of 32 KiB with a W&B
header of 7 bytes; protobuf wire format. Checksums are not verified: a cut-off file is recognised by its lengths.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BLOCK = 32 * 1024
HEAD = 7
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FLOAT, DOUBLE = 1, 2  # TensorProto.dtype
Field = tuple[int, int, Any]


def fields(data: bytes) -> Iterator[Field]:
    """(number, wire type, value) of every field of a protobuf message.

    Raises:
        ValueError: it ends in the middle of a field, or has a wire type that is not used any more.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value: Any
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            value, at = data[at : at + size], at + size
        elif kind == BYTES:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(data):
            raise ValueError("cut off in the middle of a field")
        yield number, kind, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("cut off in the middle of a number")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def events(path: Path, say: Callable[[str], None]) -> Iterator[tuple[str, int, float, float]]:
    """(tag, step, value, wall time) of every scalar in a TensorBoard event file."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        if at + 12 > len(data):
            say("the last event is cut off, as a killed run leaves it; the complete ones count")
            return
        (size,) = struct.unpack_from("<Q", data, at)
        if at + 16 + size > len(data):
            say("the last event is cut off, as a killed run leaves it; the complete ones count")
            return
        yield from _scalars(data[at + 12 : at + 12 + size])
        at += 16 + size


def _scalars(event: bytes) -> Iterator[tuple[str, int, float, float]]:
    wall, step, summaries = 0.0, 0, []
    for number, kind, value in fields(event):
        if number == 1 and kind == FIXED64:
            wall = struct.unpack("<d", value)[0]
        elif number == 2 and kind == VARINT:
            step = value
        elif number == 5 and kind == BYTES:
            summaries.append(value)
    for summary in summaries:
        for number, kind, value in fields(summary):
            if number == 1 and kind == BYTES:
                tag, scalar = _value(value)
                if scalar is not None:
                    yield tag, step, scalar, wall


def _value(data: bytes) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, kind, value in fields(data):
        if number == 1 and kind == BYTES:
            tag = value.decode("utf-8", errors="replace")
        elif number == 2 and kind == FIXED32:
            scalar = struct.unpack("<f", value)[0]
        elif number == 8 and kind == BYTES:
            scalar = _tensor(value)
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """The number in a tensor of one float; None for anything else."""
    dtype, content = 0, b""
    for number, kind, value in fields(data):
        if number == 1 and kind == VARINT:
            dtype = value
        elif (number == 4 and kind == BYTES) or (number in (5, 6) and kind in (BYTES, FIXED32, FIXED64)):
            content = value
    code = {(FLOAT, 4): "<f", (DOUBLE, 8): "<d"}.get((dtype, len(content)))
    return struct.unpack(code, content)[0] if code else None


class LevelLog:
    """Records of a W&B .wandb file."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path, self.say = path, say

    def __iter__(self) -> Iterator[bytes]:
        data, at, parts = self.path.read_bytes(), HEAD, b""
        if data[:4] != b":W&B":
            raise ValueError("not a W&B log")
        while at + HEAD <= len(data):
            left = BLOCK - at % BLOCK
            if left < HEAD:
                at += left
                continue
            size, kind = struct.unpack_from("<HB", data, at + 4)
            if kind == 0 and size == 0:
                at += left  # padding up to the next block
                continue
            if at + HEAD + size > len(data):
                self.say("the last record is cut off, as a killed run leaves it; the complete ones count")
                return
            parts += data[at + HEAD : at + HEAD + size]
            at += HEAD + size
            if kind in (1, 4):  # whole, or the last part
                yield parts
                parts = b""


def wandb_items(log: LevelLog) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Configuration, history rows, and what is known of the run, from the records of a W&B log."""
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    for record in log:
        for number, kind, value in fields(record):
            if kind != BYTES:
                continue
            if number == 2:  # history
                row, step = _pairs(value), _step(value)
                history.append(({"_step": step} if step is not None else {}) | row)
            elif number == 17:  # run
                config |= _config(value)
                about |= _run(value)
            elif number == 5:  # a later change of the configuration
                config |= _pairs(value)
    return config, history, about


def _pairs(data: bytes, item: int = 1) -> dict[str, Any]:
    """{key: JSON value} of a message that repeats items of (key, nested key, JSON)."""
    found: dict[str, Any] = {}
    for number, kind, value in fields(data):
        if number != item or kind != BYTES:
            continue
        key, nested, text = "", [], b""
        plain: float | int | None = None
        for inner, inner_kind, content in fields(value):
            if inner_kind == BYTES and inner == 1:
                key = content.decode("utf-8", errors="replace")
            elif inner_kind == BYTES and inner == 2:
                nested.append(content.decode("utf-8", errors="replace"))
            elif inner_kind == BYTES and inner == 16:
                text = content
            elif inner_kind == VARINT and inner == 5:
                plain = content - 2**64 if content >= 2**63 else content
            elif inner_kind == FIXED64 and inner == 6:
                plain = struct.unpack("<d", content)[0]
        name = key or ".".join(nested)
        try:
            found[name] = plain if plain is not None else json.loads(text)
        except ValueError:
            continue
    return found


def _step(data: bytes) -> int | None:
    for number, kind, value in fields(data):
        if number == 2 and kind == BYTES:
            return next((n for field, k, n in fields(value) if field == 1 and k == VARINT), 0)
    return None


def _config(data: bytes) -> dict[str, Any]:
    for number, kind, value in fields(data):
        if number == 4 and kind == BYTES:
            return _pairs(value)
    return {}


def _run(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, kind, value in fields(data):
        if number == 1 and kind == BYTES:
            found["run_id"] = value.decode("utf-8", errors="replace")
        elif number == 21 and kind == BYTES:
            commits = [v for n, k, v in fields(value) if n == 2 and k == BYTES]
            found |= {"commit": commits[0].decode("utf-8", errors="replace")} if commits else {}
    return found
