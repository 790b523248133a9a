"""The traced step on each GPU: peak allocated, reserved and used, where and of what, and the verdict."""

from __future__ import annotations

import math
import sys
from typing import Any

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import LARGE_SEGMENT, MIB, Settings, replay
from reproof.vram.clock import step_time
from reproof.vram.estimate import CONTEXT, CONTEXT_BYTES, context_of
from reproof.vram.fit import grade
from reproof.vram.gpus import Gpu
from reproof.vram.interpreter import Interpreter
from reproof.vram.models import Grade, Part
from reproof.vram.timeline import Timeline
from reproof.vram.traced import Assumption, InterpreterRequest, TraceAnswer, Traced, TracedGpu, TraceRequest

SOURCES = {
    "workspace": "PyTorch's CUDA sources: cuBLAS workspaces, and temporaries inside kernels",
    "workspace, a guess": "laws that no GPU has calibrated: workspaces of cuDNN, its RNN reserve, cuFFT and cuSOLVER",
}
ROUNDING = "allocated blocks are multiples of 512 bytes, and some are not split"
CONF = {
    "expandable_segments": "expandable_segments",
    "max_split_size_mb": "max_split_bytes",
    "roundup_power2_divisions": "roundup_power2_divisions",
    "garbage_collection_threshold": "garbage_collection_threshold",
}
COUPLED = "samples of one batch see each other here, so that accumulation of smaller micro-batches is not equal"
UNSEEN_FRAC = 0.1
WEAKER = (
    "the weaker way was asked for: workspaces and kernel temporaries are not in it, so that a tenth is added to the "
    "device's size before the verdict"
)
OTHER_ALGORITHM = (
    "convolution workspaces do not fit as guessed; cuDNN then takes algorithms with smaller ones, which may be slower"
)
INFERENCE = "no backward ran: this is an inference step, or loss.backward() is missing"


def settings(text: str) -> Settings:
    """The allocator's settings from the words of PYTORCH_CUDA_ALLOC_CONF.

    Raises:
        PackError: a word that is not modelled.

    >>> settings("expandable_segments:True,max_split_size_mb:128").max_split_bytes
    134217728.0
    """
    found: dict[str, Any] = {}
    for word in filter(None, text.replace(" ", "").split(",")):
        name, _, value = word.partition(":")
        try:
            found[CONF[name]] = _setting(name, value)
        except (KeyError, ValueError) as error:
            raise PackError(
                "bad-alloc-conf",
                f"--alloc-conf {word!r}",
                why="it is not a setting of the allocator that is modelled, or not a value that torch takes for it",
                fix="name:value, with name one of " + ", ".join(CONF),
            ) from error
    return Settings(**found)


def _setting(name: str, value: str) -> bool | int | float:
    """The value of a setting, within the bounds of c10/cuda/CUDAAllocatorConfig.cpp.

    Raises:
        KeyError, ValueError: another one; torch ends there as well.
    """
    if name == "expandable_segments":
        return {"true": True, "false": False}[value.lower()]
    if name == "roundup_power2_divisions":
        divisions = int(value)
        allowed = divisions >= 0 and divisions & (divisions - 1) == 0
    elif name == "max_split_size_mb":
        allowed = LARGE_SEGMENT // MIB < float(value) < math.inf
    else:
        allowed = 0 < float(value) < 1
    if not allowed:
        raise ValueError(value)
    return int(value) if name == "roundup_power2_divisions" else float(value) * (MIB if name.endswith("_mb") else 1)


def trace(request: TraceRequest) -> TraceAnswer:
    """Trace once for every kind of GPU that was asked about, and judge each GPU."""
    if request.plot is not None:
        from reproof.vram.plot import refuse_unknown_ending  # its templates cost time that others need not pay

        refuse_unknown_ending(request.plot)
    cards = gpus.chosen(request.gpu or gpus.DEFAULT, request.calibration)
    conf = settings(request.alloc_conf)
    values, origins = offered(request)
    results: dict[tuple[Any, ...], dict[str, Any]] = {}
    found, lines = [], {}
    with Interpreter(request, values) as interpreter:
        for card in cards:
            kind = card.kind
            if kind not in results:
                _tell(f"tracing {request.steps} steps as on a {card.name}")
                results[kind] = interpreter.trace(card)
            lines[card.name] = Timeline.read(results[kind])
            found.append(judged(card, results[kind], lines[card.name], conf, request.iterations,
                                weaker=request.weaker))  # fmt: skip
        about = interpreter.hello
    _unused(request, list(results.values()))
    if request.plot is not None:
        from reproof.vram.plot import write

        write(request.plot, lines[cards[0].name], found[0])
    return _answer(request, found, list(results.values()), about, origins)


def offered(request: InterpreterRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """Values of the plan by the names an argument may have, and where each is from."""
    if request.is_call:
        from reproof.vram.plan import call_of

        return call_of(request.file, request.target.rpartition(":")[2])
    if request.plan is None:
        return {}, {}
    from reproof.vram.plan import arguments  # the document and YAML cost time that a trace without a plan need not pay

    return arguments(request.plan, request.experiment, request.phase)


def _unused(request: InterpreterRequest, results: list[dict[str, Any]]) -> None:
    """A hint that no line asked for is a slip of the keyboard, not to be ignored."""
    used = {hint for result in results for hint in result["hints_used"]}
    idle = [where for where in request.hints if where not in used]
    if idle:
        lines = dict.fromkeys(row[1] for result in results for row in result["assumed"] if row[1])
        raise PackError(
            "unused-hint",
            f"--hint {', '.join(idle)}: no unknown value was asked for there",
            why="a hint that is not used would look like an answer",
            fix=f"unknown values were asked for at {', '.join(lines) or 'no line'}",
        )


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def judged(
    card: Gpu, result: dict[str, Any], line: Timeline, conf: Settings, iterations: int | None = None,
    *, weaker: bool = False,
) -> TracedGpu:  # fmt: skip
    """What one trace means for one GPU."""
    if not line.events:
        raise PackError(
            "nothing-on-cuda",
            "the step put nothing on 'cuda'",
            why="the GPU's memory is asked about, and all tensors are on another device",
            fix="build model and data on 'cuda'; in a trace torch.cuda.is_available() is True",
        )
    whole = replay(line.events, conf)
    context = context_of(card)
    device = whole.reserved_bytes + context
    device += int(UNSEEN_FRAC * device) if weaker else 0
    verdict, oom, notes = _verdict(card, line, conf, device)
    held = line.held(whole.peak_event)
    steps = line.steps()
    leak = max(0, steps[-1].after_bytes - steps[-2].after_bytes) if len(steps) > 2 else 0
    return TracedGpu(
        gpu=card.name,
        usable_bytes=card.usable_bytes,
        allocated_bytes=whole.allocated_bytes,
        calibrated_bytes=replay(line.calibrated(), conf).allocated_bytes,
        reserved_bytes=whole.reserved_bytes,
        context_bytes=context,
        device_bytes=device,
        used_frac=round(device / card.usable_bytes, 4),
        verdict=verdict,
        moment=line.at(whole.peak_event),
        parts=_parts(line, held, whole.allocated_bytes),
        modules=line.by_module(held),
        largest=line.largest(held),
        steps=steps,
        leak_bytes=leak,
        oom=line.at(oom) if oom is not None else None,
        kernels=result["chosen"],
        time=step_time(card, result["work"], iterations),
        notes=notes + _leak(card, leak, device),
    )


def _verdict(card: Gpu, line: Timeline, conf: Settings, device: int) -> tuple[Grade, int | None, list[str]]:
    """Three grades. Above 'fits' the allocator is run against the device's real size: it may release its cache."""
    verdict = grade(device, card.usable_bytes)
    if verdict == "fits":
        return verdict, None, []
    full = replay(line.events, conf, max(card.usable_bytes - context_of(card), 0), line.other_algorithms())
    if full.oom is not None:
        return "no", full.oom.event, []
    notes = []
    if full.retries:
        notes.append(f"the allocator gives its cache back {full.retries} times to make room, which costs time")
    if full.left_out:
        notes.append(f"{full.left_out} {OTHER_ALGORITHM}")
    return "tight", None, notes


def _leak(card: Gpu, leak: int, device: int) -> list[str]:
    if not leak:
        return []
    left = math.floor(max(card.usable_bytes - device, 0) / leak)
    return [
        f"every step leaves {show_bytes(leak)} more behind, so the verdict holds for about {left} further steps, until "
        "the GPU is full; a loss that is summed without .item() keeps its graph"
    ]


def _parts(line: Timeline, held: dict[int, int], allocated: int) -> list[Part]:
    sizes = line.by_kind(held)
    parts = [
        Part(
            name=kind,
            bytes=size,
            how="inferred" if kind.endswith("a guess") else "traced",
            source=SOURCES.get(kind, "fake tensors of your own step"),
            calibrated=not kind.endswith("a guess"),
        )
        for kind, size in sizes.items()
    ]
    rest = allocated - sum(sizes.values())
    return [*parts, Part(name="rounding", bytes=rest, how="traced", source=ROUNDING)] if rest > 0 else parts


def _answer(
    request: TraceRequest, found: list[TracedGpu], results: list[dict[str, Any]], about: dict[str, Any],
    origins: dict[str, str],
) -> TraceAnswer:  # fmt: skip
    first = results[0]
    seen: dict[tuple[str, str], int] = {}
    for what, where, count in (row for result in results for row in result["assumed"]):
        seen[what, where] = max(count, seen.get((what, where), 0))
    peaks = "; ".join(
        f"{each.gpu}: {each.verdict}, {show_bytes(each.device_bytes)} of {show_bytes(each.usable_bytes)}"
        for each in found
    )
    lengths = sorted({where for what, where in seen if what.startswith("item() of an unknown whole number")})
    if lengths:
        peaks += f"; a lower bound if the whole number read at {lengths[0]} is a length: --hint {lengths[0]}=VALUE"
    guessed = [each.gpu for each in found if each.context_bytes == CONTEXT_BYTES]
    notes = [f"context: {show_bytes(CONTEXT_BYTES)} at most; {CONTEXT}"] if guessed else []
    if first["couples"]:
        notes.insert(0, f"{COUPLED}: {', '.join(first['couples'])}")
    if not first["ran_backward"]:
        notes.insert(0, INFERENCE)
    weaker = "the weaker way: " if request.weaker else ""
    if request.weaker:
        notes.insert(0, WEAKER)
    return TraceAnswer(
        ok=any(each.verdict != "no" for each in found),
        headline=f"{weaker}{show_bytes(found[0].allocated_bytes)} allocated at the peak; {peaks}",
        target=request.target,
        traced=Traced(
            torch=about["torch"],
            python=about["python"],
            executable=about["executable"],
            trained=first["trained"],
            params=first["params"],
            ops=first["ops"],
            took_s=round(sum(result["took_s"] for result in results), 2),
            host_bytes=max(result["host_bytes"] for result in results),
            flops=sum(flops * count for _, flops, _, count in first["work"]),
            moved_bytes=sum(moved * count for _, _, moved, count in first["work"]),
            from_plan={name: origins[name] for name in first["taken"]},
        ),
        gpus=found,
        assumptions=[Assumption(what=what, where=where, count=count) for (what, where), count in seen.items()],
        notes=notes,
        plot=str(request.plot) if request.plot else None,
    )
