"""After an out-of-memory: what the message or the snapshot shows, and what to change, best first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import oomtext, snapshot
from reproof.vram.observed import Advice, Cause, Holder, PostmortemAnswer, PostmortemRequest
from reproof.vram.oomtext import Message

FRAGMENTED_FRAC = 0.1
LAST_BYTES = 2**26
"""Of a long log the end is read; the error stands there."""
CONTEXT_MOST = 2**30
"""More than this outside PyTorch is no context any more: another process, or a library with its own memory."""
OWN_CONTEXT_MOST = 3 * 2**29
"""The same where a message does not tell the process's own size: contexts before CUDA 11.7 took up to 1.4 GiB."""
ROOM = 2**28
"""That much beyond what was asked for must be free to be called room: a driver does not give its last pages."""
REACHED_FRAC = 0.9
"""Above this share of a limit, tensors and the request are what reached it."""
EXPAND = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True before Python starts (not with the reuse of CUDA IPC memory)"
OLDER = (
    "torch 2.1 or newer, which has expandable_segments:True; until then PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128 "
    "(from 1.10 on), or torch.cuda.empty_cache() between phases"
)
BARE: dict[str, tuple[str, str]] = {
    "blas-handle": (
        "torch.cuda.empty_cache() before the first matrix product, or a smaller micro-batch; "
        "CUBLAS_WORKSPACE_CONFIG=:0:0 takes the workspace away",
        "the workspace is asked for outside the cache, when the cache holds the whole device",
    ),
    "cudnn-room": (
        "a smaller micro-batch, and torch.backends.cudnn.benchmark=False",
        "algorithms need room for their workspace; benchmark tries hungry ones",
    ),
    "driver": (
        "nvidia-smi: end what else is on the device; several ranks must not all use cuda:0",
        "it failed outside PyTorch's allocator: the context, a kernel's code or a pinned buffer",
    ),
    "nvml-assert": (
        "update the driver or nvidia-ml-py, and read it as an out-of-memory",
        "the allocator asks NVML for the numbers of its message",
    ),
    "nccl": ("NCCL_BUFFSIZE and NCCL_MAX_NCHANNELS down, or a smaller micro-batch", "its buffers are not in the cache"),
    "xla": (
        "a smaller batch or jax.checkpoint; XLA_PYTHON_CLIENT_PREALLOCATE=false where other programs use the GPU too",
        "what it asked for is in its own log ('Peak buffers'); vram.py trace knows PyTorch's steps only",
    ),
    "no-numbers": (
        "keep the whole message, which says how much was asked for, free and in use; or write a snapshot with "
        "torch.cuda.memory._dump_snapshot()",
        "without the numbers the cause cannot be told",
    ),
    "host": (
        "num_workers down, pin_memory=False, or memory-map the pool (vram.py pool says its size)",
        "the kernel ended a process that took too much host memory; the GPU was not the problem",
    ),
}


class Facts(NamedTuple):
    """What a record says, in bytes; None where it does not."""

    wanted: int | None
    capacity: int | None
    free: int | None
    allocated: int | None
    cached: int | None
    private: int | None = None
    outside: int | None = None
    limit: int | None = None
    largest_hole: int | None = None
    expand: str = EXPAND
    """What to do against fragmentation with that version."""
    context: int = CONTEXT_MOST
    """What may lie outside without anybody else being there."""
    process: int | None = None


def postmortem(request: PostmortemRequest) -> PostmortemAnswer:
    """Explain a file: a pickle is a snapshot, everything else is a log."""
    try:
        with request.file.open("rb") as file:
            head = file.read(1)
    except OSError as error:
        raise PackError(
            "unreadable",
            f"FILE {str(request.file)!r}: {error.strerror}",
            why="it is what is explained",
            fix="check the path",
        ) from error
    return _of_snapshot(request) if head == b"\x80" else _of_log(request.file)


def _of_log(path: Path) -> PostmortemAnswer:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_BYTES))
        said = file.read()
    # logs mix encodings and progress bars; in UTF-16, as PowerShell writes it, every second byte is 0
    found = oomtext.read(said.decode("utf-8", errors="replace").replace("\0", ""))
    if not found:
        return PostmortemAnswer(
            ok=False,
            headline="no out-of-memory message in it",
            source="text",
            messages=0,
            causes=[],
            advice=[],
            notes=["known: the messages of torch 1.x to 2.x, cuBLAS, cuDNN, NCCL, the driver, and killed processes"],
        )
    last = found[-1]
    if last.bare:
        do, why = BARE[last.bare]
        return PostmortemAnswer(
            ok=True, headline=last.wording, source="a message without numbers", messages=1, line=last.line,
            causes=[Cause(slug=last.bare, what=last.wording)], advice=[Advice(do=do, why=why)],
        )  # fmt: skip
    outside = _outside(last)
    facts = Facts(last.wanted, last.capacity, last.free, last.allocated, last.cached, last.private, outside, last.limit,
                  expand=OLDER if "older" in last.wording else EXPAND, process=last.process,
                  context=CONTEXT_MOST if last.process is not None else OWN_CONTEXT_MOST)  # fmt: skip
    causes, advice = explain(facts)
    if last.is_rocm:
        advice = [each.model_copy(update={"do": _rocm(each.do)}) for each in advice]
    return PostmortemAnswer(
        ok=True,
        headline=_headline(facts, causes, last.line),
        source=f"message of {last.wording}",
        messages=len(found),
        wanted_bytes=last.wanted,
        capacity_bytes=last.capacity,
        free_bytes=last.free,
        allocated_bytes=last.allocated,
        cached_bytes=last.cached,
        private_bytes=last.private,
        process_bytes=last.process,
        outside_bytes=outside,
        limit_bytes=last.limit,
        line=last.line,
        causes=causes,
        advice=advice,
        notes=_oddities(last),
    )


def _rocm(words: str) -> str:
    """The same for AMD's cards."""
    return words.replace("nvidia-smi", "rocm-smi").replace("CUDA_VISIBLE", "HIP_VISIBLE").replace("CUDA_ALL", "HIP_ALL")


def _outside(message: Message) -> int | None:
    """Used on the device by others; without the process's own size, by all that is not PyTorch's."""
    if message.capacity is None or message.free is None:
        return message.others or None
    mine = message.process
    if mine is None and message.allocated is not None and message.cached is not None:
        mine = message.allocated + message.cached
    return max(0, message.capacity - message.free - mine) if mine is not None else None


def _oddities(message: Message) -> list[str]:
    notes = []
    if message.capacity and message.allocated and message.allocated > message.capacity:
        notes.append("more is allocated than the card has: the driver (Windows, WSL) let it spill into host memory")
    if message.is_async and message.capacity:
        rest = message.capacity - (message.free or 0) - (message.allocated or 0)
        if rest > CONTEXT_MOST:
            size = show_bytes(rest)
            notes.append(
                f"{size} are neither free nor in tensors: of the pool, which this backend does not tell, or others'"
            )
    return notes


def _of_snapshot(request: PostmortemRequest) -> PostmortemAnswer:
    one = snapshot.picture(snapshot.load(request.file), request.device)
    cached = one.reserved - one.allocated
    facts = Facts(one.wanted, None, one.free, one.allocated, cached, one.private or None,
                  largest_hole=one.largest_hole)  # fmt: skip
    causes, advice = explain(facts) if one.oom else ([], [])
    expanding = one.settings.get("expandable_segments") or "expandable_segments:True" in str(
        one.settings.get("PYTORCH_CUDA_ALLOC_CONF", "")
    )
    if expanding:
        advice = [each for each in advice if each.do != EXPAND]
    rows = snapshot.holders(one.held)
    notes = ["what was held is told for the moment of the error: later events of the snapshot are taken back"]
    if not one.oom:
        notes = ["no out-of-memory in it: this is the state when it was written"]
    if one.held and not any(block.frames for block in one.held):
        notes.append("no stacks: call torch.cuda.memory._record_memory_history() before building the model")
    return PostmortemAnswer(
        ok=True,
        headline=_headline(facts, causes, one.where) if one.oom else f"{show_bytes(one.allocated)} held at its end",
        source=f"snapshot, device {request.device} of {', '.join(map(str, one.devices)) or 'none'}",
        messages=int(one.oom),
        wanted_bytes=one.wanted,
        free_bytes=one.free,
        allocated_bytes=one.allocated,
        cached_bytes=cached,
        private_bytes=one.private or None,
        line=one.where,
        causes=causes,
        advice=advice + _of_holders(rows),
        holders=rows,
        notes=notes,
    )  # fmt: skip


def _of_holders(rows: list[Holder]) -> list[Advice]:
    """Advice on the largest kinds, with what they held."""
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.kind] = sizes.get(row.kind, 0) + row.bytes
    known = {
        "forward: activations and temporaries": "activation checkpointing, a smaller micro-batch, or bf16 autocast",
        "optimizer": "an optimizer with smaller states (8-bit, Adafactor), fused=True, or states on the host",
        "backward: gradients and temporaries": "set_to_none=True, fewer accumulated gradients, a smaller micro-batch",
        "parameters and buffers": "16-bit weights, LoRA on frozen 4-bit weights, or a larger card",
    }
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    return [
        Advice(do=known[kind], why=f"{kind}: {show_bytes(size)} held", saves_bytes=size)
        for kind, size in ranked
        if kind in known
    ][:3]


def explain(facts: Facts) -> tuple[list[Cause], list[Advice]]:
    """Causes that the numbers show, and advice in the order of what helps most likely."""
    wanted, cached = facts.wanted or 0, facts.cached or 0
    causes: list[Cause] = []
    advice: list[Advice] = []

    def say(slug: str, what: str, do: str, why: str, saves: int | None = None) -> None:
        causes.append(Cause(slug=slug, what=what))
        advice.append(Advice(do=do, why=why, saves_bytes=saves))

    if facts.capacity and wanted > facts.capacity:
        say("one-tensor-too-large", f"one tensor of {show_bytes(wanted)} on a card of {show_bytes(facts.capacity)}",
            "look at the line's shapes: an N x M matrix, T x T scores, or logits over a vocabulary; work in chunks",
            "no allocator setting and no freed memory can make it fit; a broadcast by mistake is the usual reason",
            wanted)  # fmt: skip
        return causes, advice
    reached = (facts.process or facts.allocated or 0) + wanted >= REACHED_FRAC * (facts.limit or 0)
    if facts.limit and reached and facts.limit < (facts.capacity or facts.limit + 1):
        of = f" of {show_bytes(facts.capacity)}" if facts.capacity else ""
        say("limited", f"the process may take {show_bytes(facts.limit)}{of}",
            "raise or remove torch.cuda.set_per_process_memory_fraction" if of
            else "a smaller micro-batch; PYTORCH_MPS_HIGH_WATERMARK_RATIO raises the limit, at the risk of swapping",
            "the limit was reached, not the device",
            facts.capacity - facts.limit if facts.capacity else None)  # fmt: skip
    room = facts.free is not None and facts.free >= wanted + ROOM and not causes
    if room:
        say("refused", f"{show_bytes(facts.free or 0)} are free on the device, and {show_bytes(wanted)} were refused",
            "Windows or WSL: a larger page file, or more host memory; a container: start it again (it may have lost "
            "the device); ranks or programs that come and go: start them one after the other",
            "the driver did not give what the device has: host memory, a limit, or others were faster")  # fmt: skip
    others = facts.outside and facts.outside > facts.context and not causes
    if others and facts.outside and facts.outside >= wanted / 2:
        say("other-processes", f"{show_bytes(facts.outside)} of the device are held outside this process's PyTorch",
            "nvidia-smi shows who; end it, or choose another GPU with CUDA_VISIBLE_DEVICES",
            "that memory is not this step's", facts.outside)  # fmt: skip
    if not room and (cached >= wanted > 0 or (facts.capacity and cached > FRAGMENTED_FRAC * facts.capacity)):
        hole = "" if facts.largest_hole is None else f", the largest free piece is {show_bytes(facts.largest_hole)}"
        pieces = f"{show_bytes(cached)} are reserved and in no tensor, {show_bytes(wanted)} were wanted{hole}"
        why = "the free memory is in pieces that are too small; expandable segments grow instead"
        say("fragmented", pieces, facts.expand, why, cached)
    if facts.private:
        say("private-pools", f"{show_bytes(facts.private)} lie in private pools",
            "fewer or smaller CUDA graphs (torch.compile mode 'default' instead of 'reduce-overhead')",
            "graphs keep their memory for themselves", facts.private)  # fmt: skip
    known = facts.allocated is not None and wanted > 0
    if not causes or (known and cached < wanted and not room):
        need = (facts.allocated or 0) + wanted
        over = f"tensors of {show_bytes(need)} were needed at that moment" if known else "more was needed than is free"
        say("needs-more", over, "a smaller micro-batch with accumulation: vram.py fit FILE.py:build --batch N",
            "activations shrink with the micro-batch, weights and optimizer state do not")  # fmt: skip
        advice.append(
            Advice(do="vram.py levers FILE.py:build", why="ranks checkpointing, bf16, fused updates and offloading")
        )
    return causes, advice


def _headline(facts: Facts, causes: list[Cause], line: str) -> str:
    what = causes[0].what if causes else "out of memory"
    wanted = f"{show_bytes(facts.wanted)} did not fit" if facts.wanted else "out of memory"
    return f"{wanted}{f' at {line}' if line else ''}: {what}"
