"""Out-of-memory messages of CUDA and PyTorch, in the wordings of its versions, read out of a log.

The wordings are those of c10/cuda/CUDACachingAllocator.cpp: one until torch 2.0, another from 2.1 on (with "capacty" at
first), with parts that are only there when they apply (other processes, a limit, private pools of CUDA graphs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reproof.units import parse_bytes

SIZE = r"(\d+(?:\.\d+)?) ?(bytes|[KMGT]iB)"
TRIED = re.compile(rf"out of memory\.?\s+Tried to allocate {SIZE}\.?", re.IGNORECASE)
OLD = {
    "capacity": rf"{SIZE} total capacity",
    "allocated": rf"{SIZE} already allocated",
    "free": rf"{SIZE} free",
    "reserved": rf"{SIZE} (?:reserved in total by PyTorch|cached)",
}
NEW = {
    "capacity": rf"has a total capaci?ty of {SIZE}",
    "free": rf"of which {SIZE} is free",
    "process": rf"Including non-PyTorch memory, this process has {SIZE} memory in use",
    "limit": rf"{SIZE} allowed;",
    "allocated": rf"Of the allocated memory {SIZE} is allocated by PyTorch",
    "private": rf"with {SIZE} allocated in private pools",
    "cached": rf"and {SIZE} is reserved by PyTorch but unallocated",
}
PROCESS = re.compile(rf"Process (\d+) has {SIZE} memory in use")
FRAME = re.compile(r'File "([^"]+)", line (\d+), in \S+')
OTHERS: tuple[tuple[str, str, str], ...] = (
    ("blas-handle", r"CUBLAS_STATUS_ALLOC_FAILED", "cuBLAS found no room for its workspace or handle"),
    ("cudnn-room", r"CUDNN_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)|Unable to find a valid cuDNN algorithm|"
     r"GET was unable to find an engine to execute this computation",
     "cuDNN found no room for its handle or for any algorithm's workspace"),
    ("driver", r"CUDA error: out of memory|CUDA driver error: out of memory|cudaErrorMemoryAllocation",
     "the driver itself had no memory, outside PyTorch's allocator"),
    ("nvml-assert", r"NVML_SUCCESS == r INTERNAL ASSERT FAILED",
     "an out-of-memory whose message failed because NVML could not be asked"),
    ("nccl", r"NCCL.{0,200}?(?:Cuda failure.{0,20}out of memory|Failed to CUDA calloc)",
     "NCCL found no room for its buffers, which are outside PyTorch's allocator"),
    ("host", r"DataLoader worker .{0,60}killed by signal: Killed|(?m:^Killed\s*$)|DefaultCPUAllocator: can't allocate|"
     r"oom-kill|Out of memory: Killed process",
     "the host ran out of memory, not the GPU"),
)  # fmt: skip
"""Messages without numbers: slug, pattern, meaning. The first that is found counts."""


@dataclass(frozen=True)
class Message:
    """What one message says; sizes in bytes, None where it does not say."""

    wording: str
    at: int
    wanted: int | None = None
    capacity: int | None = None
    free: int | None = None
    allocated: int | None = None
    cached: int | None = None
    private: int | None = None
    process: int | None = None
    limit: int | None = None
    others: int = 0
    bare: str = ""
    """Slug of a message without numbers."""
    line: str = ""


def _bytes(number: str, unit: str) -> int:
    size = parse_bytes(number + ("" if unit == "bytes" else unit))
    assert isinstance(size, int), "the pattern lets only numbers with known units through"
    return size


def _found(patterns: dict[str, str], text: str) -> dict[str, int]:
    hits = ((name, re.search(pattern, text, re.IGNORECASE)) for name, pattern in patterns.items())
    return {name: _bytes(hit[1], hit[2]) for name, hit in hits if hit}


def read(text: str) -> list[Message]:
    """Every message of the log in order, or one without numbers, or none.

    >>> read("CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 8.00 GiB total capacity)")[0].wanted
    2147483648
    """
    hits = list(TRIED.finditer(text))
    ends = [hit.start() for hit in hits[1:]] + [len(text)] if hits else []
    messages = [_message(text, hit, end) for hit, end in zip(hits, ends, strict=True)]
    return messages or _bare(text)


def _message(text: str, hit: re.Match[str], end: int) -> Message:
    said = " ".join(text[hit.start() : min(end, hit.end() + 2000)].split())
    common = {"at": hit.start(), "wanted": _bytes(hit[1], hit[2]), "line": _line(text[: hit.start()])}
    new = _found(NEW, said)
    if "capacity" in new:
        wording = "torch 2.1 or newer"
        listed = [_bytes(size, unit) for _, size, unit in PROCESS.findall(said)]
        own = new.get("allocated", 0) + new.get("cached", 0)
        if "process" not in new and len(listed) == 1 and listed[0] >= own:
            new["process"] = listed.pop()  # in a container the process does not know its own number
        return Message(wording, **common, **new, others=sum(listed))  # type: ignore[arg-type]
    old = _found(OLD, said)
    reserved = old.pop("reserved", None)
    if reserved is not None and "allocated" in old:
        old["cached"] = max(0, reserved - old["allocated"])
    wording = "torch 2.0 or older" if "capacity" in old else "only the size that was asked for"
    return Message(wording, **common, **old)  # type: ignore[arg-type]


def _bare(text: str) -> list[Message]:
    for slug, pattern, meaning in OTHERS:
        hits = list(re.finditer(pattern, text, re.DOTALL))
        if hits:
            return [Message(meaning, hits[-1].start(), bare=slug, line=_line(text[: hits[-1].start()]))]
    return []


def is_library(path: str) -> bool:
    """Whether a frame belongs to an installed package, to Python itself, or to compiled code."""
    flat = path.replace("\\", "/")
    inside = ("/site-packages/", "/dist-packages/", "/lib/python3", "torch/csrc", "aten/src")
    compiled = flat.endswith((".cpp", ".h", ".cu", ".so", ".c"))
    return not flat or flat.startswith(("<", "??")) or compiled or any(part in flat for part in inside)


def _line(before: str) -> str:
    """The user's innermost line of the traceback above the message."""
    frames = FRAME.findall(before[-40_000:])
    users = [f"{path}:{line}" for path, line in frames if not is_library(path)]
    last = f"{frames[-1][0]}:{frames[-1][1]}" if frames else ""
    return users[-1] if users else last
