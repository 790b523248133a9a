"""Out-of-memory messages of CUDA and PyTorch, in the wordings of its versions, read out of a log.

The wordings are those of c10/cuda/CUDACachingAllocator.cpp: one until torch 2.0, another from 2.1 on (with "capacty" at
first), with parts that are only there when they apply (other processes, a limit, private pools of CUDA graphs); of
CUDAMallocAsyncAllocator.cpp, the other backend; and of MPSAllocator.mm. ROCm and Intel's GPUs use the same words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

SIZE = r"(\d{1,19}(?:\.\d+)?) ?(bytes|[KMGT]i?B)"
ABOVE = 40_000
"""Characters above a message in which its traceback is looked for."""
NO_SIZE = 2**60
"""17179869184.00 GiB is how a number that nobody told, or no limit, is printed: 2**64 bytes."""
TRIED = re.compile(rf"out of memory\.?\s+Tried to allocate {SIZE}\.?", re.IGNORECASE)
OLD = {
    "capacity": rf"{SIZE} total capacity",
    "allocated": rf"{SIZE} already allocated",
    "free": rf"{SIZE} free",
    "reserved": rf"{SIZE} reserved in total by PyTorch",
    "cached": rf"{SIZE} cached",  # until torch 1.3, and without what is allocated
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
ASYNC = re.compile(
    rf"Allocation on device \d+ would exceed allowed memory\. \(out of memory\)\s+Currently allocated\s*: {SIZE}\s+"
    rf"Requested\s*: {SIZE}\s+Device limit\s*: {SIZE}\s+Free \(according to CUDA\)\s*: {SIZE}"
    rf"(?:\s+PyTorch limit \(set by user-supplied memory fraction\)\s*: {SIZE})?"
)
MPS = re.compile(
    rf"MPS backend out of memory \(MPS allocated: {SIZE}, other allocations: {SIZE}, max allowed: {SIZE}\)\. "
    rf"Tried to allocate {SIZE}"
)
PROCESS = re.compile(rf"Process (\d+) has {SIZE} memory in use")
COLOURS = re.compile(r"(?:\x1b|\\u001b|\\x1b)\[[0-9;]*[A-Za-z]")
FRAMES = re.compile(
    r'File "(?P<a>[^"\n]+)", line (?P<b>\d+), in '  # Python
    r"|File (?P<c>[^\s\":]+\.py):(?P<d>\d+), in "  # IPython 8
    r"|(?P<e>Cell In ?\[\d+\]), line (?P<f>\d+)"
    r"|[│|] (?P<g>\S+\.py):(?P<h>\d+) in "  # rich
    r"|^(?P<i>\S+\.py|<ipython-input-[^>\n]+>) in [^\n]*\n(?:[^\n-][^\n]*\n){0,6}?-+> ?(?P<j>\d+) ",  # IPython 7
    re.MULTILINE,
)
OTHERS: tuple[tuple[str, str, str], ...] = (
    ("xla", r"RESOURCE_EXHAUSTED: .{0,80}?[Oo]ut of memory|Resource exhausted: .{0,40}?Out\s+of\s+memory|"
     r"OOM when allocating tensor",
     "JAX or TensorFlow found no room: their allocator took most of the GPU at the start"),
    ("blas-handle", r"CUBLAS_STATUS_ALLOC_FAILED", "cuBLAS found no room for its workspace or handle"),
    ("cudnn-room", r"CUDNN_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)|Unable to find a valid cuDNN algorithm|"
     r"GET was unable to find an engine to execute this computation",
     "cuDNN found no room for its handle or for any algorithm's workspace"),
    ("driver", r"(?:CUDA|HIP)(?: driver)? error: out of memory|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|"
     r"cuda runtime error \(2\) : out of memory|hipErrorOutOfMemory",
     "the driver itself had no memory, outside PyTorch's allocator"),
    ("nvml-assert", r"NVML_SUCCESS == r INTERNAL ASSERT FAILED",
     "an out-of-memory whose message failed because NVML could not be asked"),
    ("nccl", r"NCCL.{0,200}?(?:Cuda failure.{0,20}out of memory|Failed to CUDA calloc)",
     "NCCL found no room for its buffers, which are outside PyTorch's allocator"),
    ("host", r"DataLoader worker .{0,60}killed by signal: Killed|(?m:^Killed\s*$)|DefaultCPUAllocator: can't allocate|"
     r"oom-kill|Out of memory: Killed process",
     "the host ran out of memory, not the GPU"),
    ("no-numbers", r"(?:CUDA|HIP|XPU) out of memory|OutOfMemoryError", "out of memory, without the numbers"),
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
    is_rocm: bool = False
    is_async: bool = False
    """Of the cudaMallocAsync backend, which counts fewer things."""


def _bytes(number: str, unit: str) -> int:
    """Sizes are divided by 1024 also where they are called GB."""
    return round(float(number) * 1024.0 ** "bkmgt".index(unit[0].lower()))


def _found(patterns: dict[str, str], text: str) -> dict[str, int]:
    hits = ((name, re.search(pattern, text, re.IGNORECASE)) for name, pattern in patterns.items())
    sizes = {name: _bytes(hit[1], hit[2]) for name, hit in hits if hit}
    return {name: size for name, size in sizes.items() if size < NO_SIZE}


def read(text: str) -> list[Message]:
    """Every message of the log in order, or one without numbers, or none; the last of them with the user's line.

    >>> read("CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 8.00 GiB total capacity)")[0].wanted
    2147483648
    """
    text = COLOURS.sub("", text)
    hits = list(TRIED.finditer(text))
    ends = [hit.start() for hit in hits[1:]] + [len(text)] if hits else []
    messages = [_message(text, hit, end) for hit, end in zip(hits, ends, strict=True)]
    messages += [_listed(hit, "the cudaMallocAsync backend", ASYNC_PARTS) for hit in ASYNC.finditer(text)]
    messages += [_listed(hit, "Apple's GPUs", MPS_PARTS) for hit in MPS.finditer(text)]
    messages = sorted(messages, key=lambda each: each.at) or _bare(text)
    if messages:
        last = messages[-1]
        messages[-1] = replace(last, line=_line(text[max(0, last.at - ABOVE) : last.at]))
    return messages


ASYNC_PARTS = ("allocated", "wanted", "capacity", "free", "limit")
MPS_PARTS = ("allocated", "other", "limit", "wanted")


def _listed(hit: re.Match[str], wording: str, names: tuple[str, ...]) -> Message:
    said = hit.groups()
    pairs = {name: _bytes(said[2 * i], said[2 * i + 1]) for i, name in enumerate(names) if said[2 * i] is not None}
    found = {name: size for name, size in pairs.items() if size < NO_SIZE}
    if "other" in found:  # Metal's, outside of the allocator, but of the same process and under the same limit
        found["process"] = found["allocated"] + found.pop("other")
    return Message(wording, hit.start(), is_async=names is ASYNC_PARTS, **found)  # type: ignore[arg-type]


def _message(text: str, hit: re.Match[str], end: int) -> Message:
    said = " ".join(text[hit.start() : min(end, hit.end() + 2000)].split())
    common = {"at": hit.start(), "wanted": _bytes(hit[1], hit[2]), "is_rocm": text.endswith("HIP ", 0, hit.start())}
    new = _found(NEW, said)
    if "capacity" in new:
        wording = "torch 2.1 or newer"
        listed = [size for _, number, unit in PROCESS.findall(said) if (size := _bytes(number, unit)) < NO_SIZE]
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
            return [Message(meaning, hits[-1].start(), bare=slug)]
    return []


def is_library(path: str) -> bool:
    """Whether a frame belongs to an installed package, to Python itself, or to compiled code."""
    flat = path.replace("\\", "/")
    inside = ("/site-packages/", "/dist-packages/", "/lib/python3", "/lib64/python3", "torch/csrc", "aten/src")
    compiled = flat.endswith((".cpp", ".h", ".cu", ".so", ".c"))
    nameless = flat.startswith(("<", "??")) and not flat.startswith("<ipython-input")
    return not flat or nameless or compiled or any(part in flat for part in inside)


def _line(before: str) -> str:
    """The user's innermost line of the traceback above the message."""
    found = (hit.groupdict() for hit in FRAMES.finditer(before))
    frames = [tuple(each for each in hit.values() if each is not None) for hit in found]
    users = [f"{path}:{line}" for path, line in frames if not is_library(path)]
    last = f"{frames[-1][0]}:{frames[-1][1]}" if frames else ""
    return users[-1] if users else last
