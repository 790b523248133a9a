"""Memory snapshots of PyTorch (torch.cuda.memory._dump_snapshot): read without executing them, and summed up.

A snapshot is a pickle, and a pickle can run code when it is loaded. A snapshot, though, holds nothing but dictionaries,
lists, tuples, strings and numbers. So every opcode that could look up a name or call something is removed from the
reader: such a file is refused, and nothing of it was executed.

The keys are those of torch/csrc/cuda/memory_snapshot.cpp and docs.pytorch.org/docs/stable/torch_cuda_memory.html.
"""

from __future__ import annotations

import io
import pickle
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproof.errors import PackError
from reproof.vram.observed import Holder
from reproof.vram.oomtext import is_library

LARGEST_FILE = 2**29
PLAIN = (
    pickle.MARK, pickle.STOP, pickle.POP, pickle.POP_MARK, pickle.DUP, pickle.FLOAT, pickle.INT, pickle.BININT,
    pickle.BININT1, pickle.BININT2, pickle.LONG, pickle.LONG1, pickle.LONG4, pickle.NONE, pickle.STRING,
    pickle.BINSTRING, pickle.SHORT_BINSTRING, pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE,
    pickle.BINUNICODE8, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.APPEND, pickle.APPENDS,
    pickle.DICT, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS, pickle.LIST, pickle.EMPTY_LIST, pickle.TUPLE,
    pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.NEWTRUE, pickle.NEWFALSE, pickle.GET,
    pickle.BINGET, pickle.LONG_BINGET, pickle.PUT, pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.PROTO,
    pickle.FRAME, pickle.BINFLOAT,
)  # fmt: skip
"""Opcodes that build containers, strings and numbers. None of them can reach a name."""
MOST_HOLDERS = 12


class _Plain(pickle._Unpickler):
    """The standard library's reader in Python, with the opcodes above and no others; its memo is a dictionary."""

    dispatch = {code[0]: pickle._Unpickler.dispatch[code[0]] for code in PLAIN}  # noqa: RUF012

    def find_class(self, module: str, name: str) -> Any:
        """No opcode that is left calls this; a second lock on the same door."""
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def load(path: Path) -> dict[str, Any]:
    """The snapshot at `path` as plain containers.

    Raises:
        PackError: too large, not a pickle of plain containers, or not a snapshot.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise _refused(path, f"it has {size} bytes, more than {LARGEST_FILE}")
    try:
        found = _Plain(io.BytesIO(path.read_bytes())).load()
    except KeyError as error:
        code = error.args[0]
        named = f"the opcode {bytes([code])!r}" if isinstance(code, int) and code < 256 else repr(code)
        raise _refused(path, f"it holds {named}, which is no plain container") from error
    except Exception as error:  # a broken pickle can fail in any way; none of them has run anything
        raise _refused(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("segments"), list):
        raise _refused(path, "it has no list of segments")
    return found


def _refused(path: Path, why: str) -> PackError:
    return PackError(
        "bad-snapshot",
        f"{str(path)!r} is not read: {' '.join(why.split())[:200]}",
        why="a snapshot is untrusted: it is read as plain containers, nothing in it is looked up or executed",
        fix="write it with torch.cuda.memory._dump_snapshot(PATH), with fewer max_entries if it is too large",
    )


@dataclass(frozen=True)
class Block:
    """One piece of memory that was held."""

    size: int
    frames: tuple[tuple[str, int, str], ...]
    """(file, line, function), innermost first."""


@dataclass(frozen=True)
class Picture:
    """One device of a snapshot at the moment of its last out-of-memory, or at its end."""

    oom: bool
    wanted: int | None
    free: int | None
    allocated: int
    reserved: int
    largest_hole: int
    """Largest free piece of what is reserved, at that moment."""
    held: list[Block]
    where: str
    settings: dict[str, Any]
    devices: list[int]
    private: int = 0
    """Reserved by pools of CUDA graphs, at the end of the snapshot."""


def _number(item: Any, *keys: str) -> int:
    for key in keys:
        value = item.get(key) if isinstance(item, dict) else None
        if isinstance(value, int) and value >= 0:
            return value
    return 0


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    yield from (each for each in (value if isinstance(value, list) else []) if isinstance(each, dict))


def _frames(item: dict[str, Any]) -> tuple[tuple[str, int, str], ...]:
    found = item.get("frames")
    if not found:  # torch 2.0 kept them in a history per block
        found = next((each.get("frames") for each in _dicts(item.get("history"))), [])
    return tuple((str(each.get("filename", "")), _number(each, "line"), str(each.get("name", ""))) for each in
                 _dicts(found))  # fmt: skip


def picture(snapshot: dict[str, Any], device: int = 0) -> Picture:
    """What the snapshot says about one device.

    Raises:
        PackError: it holds no such device.
    """
    segments = list(_dicts(snapshot["segments"]))
    traces = snapshot.get("device_traces")
    trace = list(_dicts(traces[device])) if isinstance(traces, list) and device < len(traces) else []
    devices = sorted({_number(each, "device") for each in segments})
    mine = [each for each in segments if _number(each, "device") == device]
    if not mine and not trace:
        raise PackError(
            "no-such-device",
            f"--device {device}",
            why=f"the snapshot holds {', '.join(map(str, devices)) or 'no device'}",
            fix="choose one of these",
        )
    live, held = _state(mine)
    last = max((i for i, each in enumerate(trace) if each.get("action") == "oom"), default=None)
    event = trace[last] if last is not None else {}
    if last is not None:
        _back_to(last, trace, live, held)
    return Picture(
        oom=last is not None,
        wanted=_number(event, "size") or None,
        free=_number(event, "device_free", "addr") if last is not None else None,
        allocated=sum(block.size for block in live.values()),
        reserved=sum(end - start for start, end in held),
        largest_hole=max((end - start for start, end in _holes(held, live)), default=0),
        held=list(live.values()),
        where=user_line(_frames(event)),
        settings=snapshot.get("allocator_settings") if isinstance(snapshot.get("allocator_settings"), dict) else {},  # type: ignore[arg-type]
        devices=devices,
        private=sum(_number(each, "total_size") for each in mine if _is_private(each)),
    )


def _is_private(segment: dict[str, Any]) -> bool:
    """Whether a segment belongs to a CUDA graph; told from torch 2.1 on, and (0, 0) is the common pool."""
    pool = segment.get("segment_pool_id")
    return isinstance(pool, (tuple, list)) and any(pool)


Span = tuple[int, int]
"""Addresses from and up to."""


def _state(segments: list[dict[str, Any]]) -> tuple[dict[int, Block], list[Span]]:
    """Held blocks by address, and what is reserved."""
    live: dict[int, Block] = {}
    reserved = []
    for segment in segments:
        address = _number(segment, "address")
        reserved.append((address, address + _number(segment, "total_size")))
        for block in _dicts(segment.get("blocks")):
            size = _number(block, "size")
            at = _number(block, "address") or address
            if str(block.get("state", "")).startswith("active"):
                live[at] = Block(size, _frames(block))
            address = at + size
    return live, reserved


def _without(spans: list[Span], start: int, end: int) -> list[Span]:
    """What is left of spans of addresses without those from `start` to `end`."""
    cut = (part for a, b in spans for part in ((a, min(b, start)), (max(a, end), b)))
    return [(a, b) for a, b in cut if a < b]


def _holes(reserved: list[Span], live: dict[int, Block]) -> list[Span]:
    """What is reserved and not held."""
    starts = sorted(live)
    found = []
    for start, end in reserved:
        for at in starts[bisect_left(starts, start) : bisect_left(starts, end)]:
            found.append((start, at))
            start = at + live[at].size
        found.append((start, end))
    return found


def _back_to(event: int, trace: list[dict[str, Any]], live: dict[int, Block], reserved: list[Span]) -> None:
    """Undo in `live` and `reserved` what happened after `event`."""
    made = {}
    for each in trace[: event + 1]:
        if each.get("action") == "alloc":
            made[_number(each, "addr")] = Block(_number(each, "size"), _frames(each))
    for each in reversed(trace[event + 1 :]):
        action, address, size = each.get("action"), _number(each, "addr"), _number(each, "size")
        if action == "alloc":
            live.pop(address, None)
        elif action == "free_completed":
            live[address] = made.get(address, Block(size, ()))
        elif action in ("segment_alloc", "segment_map"):
            reserved[:] = _without(reserved, address, address + size)
        elif action in ("segment_free", "segment_unmap"):
            reserved.append((address, address + size))


def user_line(frames: tuple[tuple[str, int, str], ...]) -> str:
    """The innermost line that is neither a library's nor compiled."""
    return next((f"{path}:{line}" for path, line, _ in frames if not is_library(path)), "")


def kind_of(frames: tuple[tuple[str, int, str], ...]) -> str:
    """What a block is, told from the functions that were running when it was made."""
    if not frames:
        return "unknown, recorded without stacks"
    for path, _, name in frames:  # the innermost that tells: a closure runs the whole step inside of optimizer.step()
        file = path.replace("\\", "/")
        if "torch/optim/" in file or "deepspeed/ops/adam" in file:
            return "optimizer"
        if name == "_engine_run_backward" or "torch/autograd/graph.py" in file:
            return "backward: gradients and temporaries"
        if name in {"_apply", "convert", "reset_parameters", "_load_from_state_dict", "load_state_dict"}:
            return "parameters and buffers"
        if name in {"_call_impl", "forward"} or "torch/nn/functional.py" in file:
            return "forward: activations and temporaries"
    return "other tensors"


def holders(held: list[Block]) -> list[Holder]:
    """What was held, by line and kind, largest first; the rest in one row."""
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for block in held:
        groups[user_line(block.frames) or "no line recorded", kind_of(block.frames)].append(block.size)
    rows = [Holder(line=line, kind=kind, count=len(x), bytes=sum(x)) for (line, kind), x in groups.items()]
    rows.sort(key=lambda row: -row.bytes)
    rest = rows[MOST_HOLDERS:]
    if rest:
        several = Holder(line=f"{len(rest)} other lines", kind="several", count=sum(row.count for row in rest),
                         bytes=sum(row.bytes for row in rest))  # fmt: skip
        rows = [*rows[:MOST_HOLDERS], several]
    return rows
