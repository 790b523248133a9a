"""The largest micro-batch of a traced step that fits, and the split that keeps the samples seen constant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import Settings, replay
from reproof.vram.clock import step_time
from reproof.vram.estimate import context_of
from reproof.vram.fit import FITS_FRAC, NOT_EQUIVALENT, grade, split
from reproof.vram.gpus import Gpu
from reproof.vram.interpreter import Interpreter
from reproof.vram.models import StepTime
from reproof.vram.overrides import overrides, words, write
from reproof.vram.timeline import Timeline
from reproof.vram.trace import COUPLED, offered, settings
from reproof.vram.traced import FitAnswer, FitRequest, FittedGpu

MOST_TRACES = 14
ADDED = (
    "the function does not accumulate by itself (--accumulate-arg), so the gradients that wait between micro-batches "
    "are added in full"
)
BATCH_NORM = "batch statistics and losses that couple samples see the micro-batch only: then accumulation is not equal"


@dataclass
class _Search:
    """Traces by micro-batch, kept, and what they mean for one GPU."""

    interpreter: Interpreter
    request: FitRequest
    conf: Settings
    known: dict[tuple[tuple[int, int], int, bool], Timeline] = field(default_factory=dict)
    work: dict[tuple[tuple[int, int], int, bool], list[Any]] = field(default_factory=dict)
    couples: set[str] = field(default_factory=set)

    def needed(self, card: Gpu, batch: int, accumulates: bool) -> int:
        """Bytes on the device for a micro-batch, context included."""
        key = self.key(card, batch, accumulates)
        if key not in self.known:
            more: dict[str, Any] = {self.request.batch_arg: batch}
            if self.request.accumulate_arg:
                more[self.request.accumulate_arg] = 2 if accumulates else 1
            result = self.interpreter.trace(card, more)
            self.known[key], self.work[key] = Timeline.read(result), result["work"]
            self.couples |= set(result["couples"])
        line = self.known[key]
        waiting = line.most("gradients") if accumulates and not self.request.accumulate_arg else 0
        return replay(line.events, self.conf).reserved_bytes + context_of(card) + waiting

    def key(self, card: Gpu, batch: int, accumulates: bool) -> tuple[tuple[int, int], int, bool]:
        """What makes one trace differ from another."""
        return card.capability, batch, accumulates and bool(self.request.accumulate_arg)

    def time(self, card: Gpu, micro: int, accumulate: int, iterations: int | None) -> StepTime | None:
        """One optimizer update of `accumulate` micro-batches, and the run."""
        key = self.key(card, micro, accumulate > 1)
        times = max(1, accumulate // 2) if key[2] else accumulate  # such a trace did two micro-batches already
        return step_time(card, self.work[key], iterations, times) if key in self.work else None

    def largest(self, card: Gpu, top: int, accumulates: bool) -> tuple[int, int]:
        """The largest micro-batch below `top` that was traced and fits, 0 if none; and the next that does not."""
        room = FITS_FRAC * card.usable_bytes
        low, at_low = 1, self.needed(card, 1, accumulates)
        if at_low > room:
            return 0, 1
        high, at_high = top, self.needed(card, top, accumulates)
        for turn in range(MOST_TRACES):
            if high - low <= 1:
                break
            line = low + int((room - at_low) / max(at_high - at_low, 1) * (high - low))
            guess = (low + high) // 2 if turn % 3 == 2 else line + (turn % 3 == 1)
            guess = min(max(guess, low + 1), high - 1)
            size = self.needed(card, guess, accumulates)
            if size <= room:
                low, at_low = guess, size
            else:
                high, at_high = guess, size
        return low, high


def fit_batches(request: FitRequest) -> FitAnswer:
    """For every GPU: whole batch if it fits, else the largest micro-batch, accumulation and iterations."""
    cards = gpus.chosen(request.gpu or gpus.DEFAULT, request.calibration)
    found, tried = [], {}
    with Interpreter(request, offered(request)[0]) as interpreter:
        search = _Search(interpreter, request, settings(request.alloc_conf))
        for card in cards:
            found.append(_fitted(card, request, search))
            mine = sorted({batch for capability, batch, _ in search.known if capability == card.capability})
            tried[card.name] = mine
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
            f"fits: up to {FITS_FRAC:g} of the usable memory, with {show_bytes(context_of(cards[0]))} of context",
            *(coupled or [BATCH_NORM]),
        ],
    )


def _fitted(card: Gpu, request: FitRequest, search: _Search) -> FittedGpu:
    whole = search.needed(card, request.batch, False)
    verdict = grade(whole, card.usable_bytes)
    notes: list[str] = []
    micro, accumulate, most, size = request.batch, 1, request.batch, whole
    iterations = request.iterations
    if verdict != "fits":
        accumulates = not request.coupled
        most, over = search.largest(card, request.batch, accumulates) if request.batch > 1 else (0, 1)
        if over - most > 1:
            notes.append(f"between {most} and {over} nothing was tried")
        if request.coupled and most:
            notes.append(f"{NOT_EQUIVALENT}; {most} is the largest batch that fits")
        if accumulates and most:
            parts = split(request.batch, most, request.iterations)
            micro, accumulate, iterations = parts.micro_batch, parts.accumulate, parts.steps
            size = search.needed(card, micro, True)
            notes += [] if request.accumulate_arg else [ADDED]
            seen = micro * accumulate
            notes += [f"{seen} samples per update instead of {request.batch}"] if seen != request.batch else []
    splits = bool(most) and (verdict == "fits" or not request.coupled)
    said = overrides(request, micro, accumulate, iterations, most) if most and (splits or request.coupled_arg) else {}
    return FittedGpu(
        overrides=said,
        words=words(said),
        time=search.time(card, micro, accumulate, iterations) if splits else None,
        gpu=card.name,
        usable_bytes=card.usable_bytes,
        wanted_verdict=verdict,
        largest_micro_batch=most or None,
        micro_batch=micro if splits else None,
        accumulate=accumulate if splits else None,
        iterations=iterations if splits else None,
        device_bytes=size if splits else None,
        used_frac=round(size / card.usable_bytes, 4) if splits else None,
        notes=notes,
    )
