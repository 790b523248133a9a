"""The largest micro-batch of a traced step that fits, and the split that keeps the samples seen constant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import Settings, replay
from reproof.vram.clock import said, step_time
from reproof.vram.estimate import context_of
from reproof.vram.fit import FITS_FRAC, NOT_EQUIVALENT, Split, grade, split
from reproof.vram.gpus import Gpu
from reproof.vram.interpreter import Interpreter
from reproof.vram.levers import Try, tries
from reproof.vram.models import StepTime
from reproof.vram.overrides import overrides, refuse_unknown_ending, words, write
from reproof.vram.timeline import Timeline
from reproof.vram.trace import COUPLED, UNSEEN_FRAC, WEAKER, offered, settings
from reproof.vram.traced import FitAnswer, FitRequest, FittedGpu, Lever

MOST_TRACES, LEVER_TRACES = 14, 5
WHOLE, ACCUMULATION = "whole batch", "accumulation"
ADDED = (
    "the function does not accumulate by itself (--accumulate-arg), so the gradients that wait between micro-batches "
    "are added in full"
)
BATCH_NORM = "batch statistics and losses that couple samples see the micro-batch only: then accumulation is not equal"


_Kind = tuple[tuple[int, int], str]
_Key = tuple[_Kind, int, bool, str]
"""Kind of card, micro-batch, whether the function accumulates, and the lever that is pulled."""


@dataclass
class _Search:
    """Traces by micro-batch, kept, and what they mean for one GPU."""

    interpreter: Interpreter
    request: FitRequest
    conf: Settings
    known: dict[_Key, Timeline] = field(default_factory=dict)
    work: dict[_Key, list[Any]] = field(default_factory=dict)
    couples: set[str] = field(default_factory=set)

    def needed(self, card: Gpu, batch: int, accumulates: bool, lever: str = "") -> int:
        """Bytes on the device for a micro-batch, context included."""
        key = self.key(card, batch, accumulates, lever)
        if key not in self.known:
            more: dict[str, Any] = {self.request.batch_arg: batch}
            if self.request.accumulate_arg:
                more[self.request.accumulate_arg] = 2 if accumulates else 1
            result = self.interpreter.trace(card, more, lever)
            self.known[key], self.work[key] = Timeline.read(result), result["work"]
            self.couples |= set(result["couples"])
        line = self.known[key]
        waiting = line.most("gradients") if accumulates and not self.request.accumulate_arg else 0
        size = replay(line.events, self.conf).reserved_bytes + context_of(card) + waiting
        return size + (int(UNSEEN_FRAC * size) if self.request.weaker else 0)

    def key(self, card: Gpu, batch: int, accumulates: bool, lever: str) -> _Key:
        """What makes one trace differ from another."""
        return card.kind, batch, accumulates and bool(self.request.accumulate_arg), lever

    def time(
        self, card: Gpu, micro: int, accumulate: int, iterations: int | None, lever: str = ""
    ) -> StepTime | None:  # fmt: skip
        """One optimizer update of `accumulate` micro-batches, and the run."""
        key = self.key(card, micro, accumulate > 1, lever)
        times = accumulate / 2 if key[2] else accumulate  # such a trace did two micro-batches already
        return step_time(card, self.work[key], iterations, times) if key in self.work else None

    def largest(self, card: Gpu, top: int, accumulates: bool, lever: str = "") -> tuple[int, int]:
        """The largest micro-batch below `top` that was traced and fits, 0 if none; and the next that does not."""
        room = FITS_FRAC * card.usable_bytes
        low, at_low = 1, self.needed(card, 1, accumulates, lever)
        if at_low > room:
            return 0, 1
        high, at_high = top, self.needed(card, top, accumulates, lever)
        for turn in range(LEVER_TRACES if lever else MOST_TRACES):
            if high - low <= 1:
                break
            line = low + int((room - at_low) / max(at_high - at_low, 1) * (high - low))
            guess = (low + high) // 2 if turn % 3 == 2 else line + (turn % 3 == 1)
            guess = min(max(guess, low + 1), high - 1)
            size = self.needed(card, guess, accumulates, lever)
            if size <= room:
                low, at_low = guess, size
            else:
                high, at_high = guess, size
        return low, high


def fit_batches(request: FitRequest) -> FitAnswer:
    """For every GPU: whole batch if it fits, else the largest micro-batch, accumulation and iterations."""
    refuse_unknown_ending(request.write)
    cards = gpus.chosen(request.gpu or gpus.DEFAULT, request.calibration)
    found, tried = [], {}
    with Interpreter(request, offered(request)[0]) as interpreter:
        search = _Search(interpreter, request, settings(request.alloc_conf))
        for card in cards:
            found.append(_fitted(card, request, search))
            tried[card.name] = sorted({batch for kind, batch, *_ in search.known if kind == card.kind})
        about = interpreter.hello
    written = write(request.write, request, found) if request.write is not None else None
    coupled = [f"{COUPLED}: {', '.join(sorted(search.couples))}"] if search.couples else []
    headline = "; ".join(
        f"{each.gpu}: {each.micro_batch} × {each.accumulate}" if each.micro_batch else f"{each.gpu}: no"
        for each in found
    )
    return FitAnswer(
        ok=any(each.micro_batch for each in found),
        headline=f"micro-batch × accumulation for {request.batch} samples per update: {headline}",
        target=request.target,
        torch=about["torch"],
        gpus=found,
        tried=tried,
        written=written,
        notes=[
            f"fits: up to {FITS_FRAC:g} of the usable memory, with "
            f"{' or '.join(dict.fromkeys(show_bytes(context_of(card)) for card in cards))} of context",
            *([WEAKER] if request.weaker else []),
            *(coupled or [BATCH_NORM]),
        ],
    )


def _fitted(card: Gpu, request: FitRequest, search: _Search) -> FittedGpu:
    """As planned if it fits; else cut; else, or where the loss forbids cutting, with the lever that is needed."""
    whole = search.needed(card, request.batch, False)
    verdict = grade(whole, card.usable_bytes)
    found = FittedGpu(gpu=card.name, usable_bytes=card.usable_bytes, wanted_verdict=verdict, largest_micro_batch=None,
                      notes=[])  # fmt: skip
    if verdict == "fits":
        return _settled(found, request, search, card, Split(request.batch, 1, request.iterations), request.batch)
    most, over = search.largest(card, request.batch, not request.coupled) if request.batch > 1 else (0, 1)
    if over - most > 1:
        found.notes.append(f"between {most} and {over} nothing was tried")
    found.levers[:] = sorted(
        (_pulled(each, card, request, search, whole) for each in tries(card)),
        key=lambda lever: (lever.device_bytes is None, -lever.saved_bytes),
    )
    if most and not request.coupled:
        parts = split(request.batch, most, request.iterations)
        found.notes.extend([] if request.accumulate_arg else [ADDED])
        return _settled(found, request, search, card, parts, most)
    if request.coupled and most:
        found.notes.append(f"{NOT_EQUIVALENT}; {most} is the largest batch that fits")
    return _by_lever(found, request, search, card, most)


def _settled(
    found: FittedGpu, request: FitRequest, search: _Search, card: Gpu, parts: Split, most: int
) -> FittedGpu:  # fmt: skip
    """The whole batch, or micro-batches of it."""
    micro, accumulate = parts.micro_batch, parts.accumulate
    size = search.needed(card, micro, found.wanted_verdict != "fits")
    seen = micro * accumulate
    flags = overrides(request, micro, accumulate, parts.steps, most)
    return found.model_copy(
        update={
            "chosen": WHOLE if found.wanted_verdict == "fits" else ACCUMULATION,
            "largest_micro_batch": most,
            "micro_batch": micro,
            "accumulate": accumulate,
            "iterations": parts.steps,
            "device_bytes": size,
            "used_frac": round(size / card.usable_bytes, 4),
            "overrides": flags,
            "words": words(flags),
            "time": search.time(card, micro, accumulate, parts.steps),
            "notes": [*found.notes, *_seen(seen, request), *_ranked(found.levers)],
        }
    )


def _by_lever(found: FittedGpu, request: FitRequest, search: _Search, card: Gpu, most: int) -> FittedGpu:
    """The first lever, of those that keep the numbers before those that do not, with which it fits."""
    order = [each.name for each in tries(card)]
    able = [lever for lever in found.levers if lever.micro_batch]
    lever = min(able, key=lambda each: (each.accumulate != 1, order.index(each.name)), default=None)
    smaller = overrides(request, request.batch, 1, request.iterations, most) if request.coupled and most else {}
    if lever is None or lever.micro_batch is None or lever.accumulate is None:
        notes = [*found.notes, *_ranked(found.levers)]
        return found.model_copy(update={"largest_micro_batch": most or None, "overrides": smaller,
                                        "words": words(smaller), "notes": notes})  # fmt: skip
    key = next(each.key for each in tries(card) if each.name == lever.name)
    size = search.needed(card, lever.micro_batch, lever.accumulate > 1, key)
    wanted = f"only with {lever.name}: {lever.how} ({lever.price})"
    return found.model_copy(
        update={
            "chosen": lever.name,
            "largest_micro_batch": most or lever.largest_micro_batch,
            "micro_batch": lever.micro_batch,
            "accumulate": lever.accumulate,
            "iterations": lever.iterations,
            "device_bytes": size,
            "used_frac": round(size / card.usable_bytes, 4),
            "overrides": lever.overrides,
            "words": words(lever.overrides),
            "time": lever.time,
            "notes": [wanted, *found.notes, *_seen(lever.micro_batch * lever.accumulate, request),
                      *_ranked(found.levers)],
        }
    )  # fmt: skip


def _pulled(each: Try, card: Gpu, request: FitRequest, search: _Search, whole: int) -> Lever:
    """What one lever saves of the whole batch, and the split that it allows; a step that it breaks is told."""
    bare = Lever(name=each.name, how=each.how, price=each.price)
    try:
        size = search.needed(card, request.batch, False, each.key)
        verdict = grade(size, card.usable_bytes)
        most = request.batch if verdict == "fits" else 0
        if verdict != "fits" and not request.coupled and request.batch > 1:
            most, _ = search.largest(card, request.batch, True, each.key)
        parts = split(request.batch, most, request.iterations) if most else None
        time = None
        if parts:
            search.needed(card, parts.micro_batch, parts.accumulate > 1, each.key)  # traced, so that its work is known
            time = search.time(card, parts.micro_batch, parts.accumulate, parts.steps, each.key)
    except PackError as error:
        return bare.model_copy(update={"why_not": error.what[:200]})
    flags = overrides(request, parts.micro_batch, parts.accumulate, parts.steps, most) if parts else {}
    return bare.model_copy(
        update={
            "device_bytes": size,
            "saved_bytes": whole - size,
            "verdict": verdict,
            "largest_micro_batch": most or None,
            "micro_batch": parts.micro_batch if parts else None,
            "accumulate": parts.accumulate if parts else None,
            "iterations": parts.steps if parts else None,
            "overrides": {**flags, **each.flags} if parts else {},
            "time": time,
        }
    )


def _seen(seen: int, request: FitRequest) -> list[str]:
    return [f"{seen} samples per update instead of {request.batch}"] if seen != request.batch else []


def _ranked(levers: list[Lever]) -> list[str]:
    """The levers as lines of the report, the one that saves most first."""
    lines = []
    for place, lever in enumerate(levers, 1):
        if lever.device_bytes is None:
            lines.append(f"lever {lever.name}: does not apply; {lever.why_not}")
            continue
        cut = f"{lever.micro_batch} × {lever.accumulate}" if lever.micro_batch else "nothing fits"
        flags = f", on the command line {words(lever.overrides)}" if lever.overrides else ""
        time = f"; {said(lever.time)}" if lever.time else ""
        lines.append(
            f"lever {place}, {lever.name}: saves {show_bytes(lever.saved_bytes)} of the whole batch, then {cut}"
            f"{flags}; {lever.price}{time}"
        )
    return lines
