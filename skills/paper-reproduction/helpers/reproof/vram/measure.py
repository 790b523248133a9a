"""Estimate against truth: the same step traced and really run, compared category by category."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import Settings, replay
from reproof.vram.calibration import applied, named, read
from reproof.vram.clock import step_time
from reproof.vram.fit import grade
from reproof.vram.gpus import Gpu
from reproof.vram.hardware import CONFS, ask
from reproof.vram.interpreter import SLUGS, Interpreter, arguments
from reproof.vram.observed import Compared, MeasureAnswer, MeasureRequest
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged, offered, settings

CATEGORIES = ("parameters", "gradients", "optimizer state", "buffers")
LARGE = "activations, gradients and temporaries at the peak"
OTHERS = "NVML did not tell this process's share: context is not known, and the whole device holds other processes too"
GROWN = "this process's share is what the whole device lost meanwhile: NVML does not list it (in a container it cannot)"
FOREIGN = "{size} of the card were other programs' before the step began; the verdict is for an empty card"
UNMODELLED = "{name}={words} is set in this shell, and the estimate does not model it: {why}"
BACKEND = "the allocator was {name}: what it reserves follows other rules than the estimate's"
UNIFIED = "this GPU shares the host's memory: the whole device holds the host's programs too"
CAUGHT = "the step ran out of memory {count} times and caught it itself: the peaks are of what it tried instead"
RETRIED = "the allocator gave its cache back {count} times to make room: on a larger card it would reserve more"
FOREIGN_BYTES = 2**28
"""Below that it may be a display, or what an old driver reserves."""


def measure(request: MeasureRequest) -> MeasureAnswer:
    """Run the step for real, then trace it for the same kind of card, and compare.

    Raises:
        MissingError: no torch or no GPU.
        PackError: the step failed, or did not end in time.
    """
    values, _ = offered(request)
    if not request.is_module and not request.file.is_file():
        raise PackError("no-such-file", f"no file at {str(request.file)!r}", why="its function is run",
                        fix="vram.py measure path/to/train_step.py:build")  # fmt: skip
    job = {
        "kind": "measure",
        "index": request.index,
        **request.source,
        "arguments": arguments(request.arg),
        "offered": values,
        "steps": request.steps,
    }
    conf, notes = allocator(request.alloc_conf, os.environ)
    truth = ask(job, request.python, request.timeout_s, request.alloc_conf)
    if truth.get("error"):
        raise _failed(request, truth["error"])
    if truth["expandable"] is not None:
        conf = replace(conf, expandable_segments=truth["expandable"])  # as it really was
    card = card_of(truth["device"], request)
    estimate = None if request.no_trace else _estimated(request, card, values, conf)
    return answer(request, truth, card, estimate, notes)


def allocator(given: str, environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings for the estimate: --alloc-conf, which the real run gets too, or this shell's, which it has anyway."""
    if given:
        return settings(given), []
    name = next((each for each in CONFS if environment.get(each)), "")
    try:
        return settings(environment[name] if name else ""), []
    except PackError as error:
        return Settings(), [UNMODELLED.format(name=name, words=environment[name], why=error.what)]


def card_of(device: dict[str, Any], request: MeasureRequest) -> Gpu:
    """The card in the machine: as the table and the calibration know its kind, with its own size."""
    if request.gpu:
        (card,) = gpus.chosen([request.gpu], request.calibration)
        return card
    try:
        (card,) = gpus.chosen([named(device["name"], device["total_bytes"])], request.calibration)
    except PackError:
        major, minor = device["capability"]
        card = Gpu(device["name"], device["total_bytes"], "measured", "CUDA on this machine", 0, (major, minor))
        return applied(card, read(request.calibration))
    return replace(card, usable_bytes=device["total_bytes"], how="measured", source="CUDA on this machine")


def _failed(request: MeasureRequest, error: dict[str, str]) -> PackError:
    where = f" at {error['where']}" if error["where"] else ""
    return PackError(
        error["kind"],
        f"{error['type']}{where}: {' '.join(error['text'].split())[:400]}",
        why=SLUGS.get(error["kind"], "nothing is known about a step that does not run"),
        fix=f"mend it; {request.target} must put model and data on 'cuda' and return step, a function",
    )


def _estimated(request: MeasureRequest, card: Gpu, values: dict[str, Any], conf: Settings) -> dict[str, Any]:
    """Sizes by the names of the rows, from a trace with the same arguments."""
    print(f"tracing the same step as on a {card.name}", file=sys.stderr)
    with Interpreter(request, values) as interpreter:
        result = interpreter.trace(card)
    line = Timeline.read(result)
    told = judged(card, result, line, conf)
    left = line.by_kind(line.held(len(line.events) - 1))
    found: dict[str, Any] = {name: left.get(name, 0) for name in CATEGORIES}
    found["parameters"] += left.get("frozen parameters", 0)
    time = step_time(card, result["work"])
    found["cuBLAS workspaces"] = left.get("workspace", 0)
    return {
        **found,
        LARGE: _large(told.allocated_bytes, found),
        **{f"peak of {each.name}": each.peak_bytes for each in told.steps},
        "peak allocated": told.allocated_bytes,
        "peak allocated, without guessed workspaces": told.calibrated_bytes,
        "peak reserved": replay(line.events, conf).reserved_bytes,
        "context": told.context_bytes,
        "whole device": told.device_bytes,
        "left after the last step": told.steps[-1].after_bytes,
        "verdict": told.verdict,
        "time": (time.low_s, time.high_s) if time else None,
    }


def _large(peak: int, found: dict[str, Any]) -> int:
    """Of the peak, what neither stays from step to step nor is a workspace of cuBLAS."""
    stays = ("parameters", "optimizer state", "buffers", "cuBLAS workspaces")
    return max(0, peak - sum(found[name] or 0 for name in stays))


def truths(truth: dict[str, Any]) -> dict[str, int | None]:
    """What was measured, by the names of the rows; None where nobody told.

    Context and device are taken from the end of the run, where the driver was asked; the device at its fullest had the
    peak of what PyTorch reserved instead of what it reserved then.
    """
    taken, reserved, peak = truth["taken_bytes"], truth["reserved_bytes"], truth["reserved_peak_bytes"]
    found = {**truth["categories"], "cuBLAS workspaces": truth["workspace_bytes"]}
    steps = {f"peak of {'build' if i == 0 else f'step {i}'}": each[0] for i, each in enumerate(truth["peaks"][:-1])}
    return {
        **found,
        LARGE: _large(truth["allocated_peak_bytes"], found),
        **steps,
        "peak allocated": truth["allocated_peak_bytes"],
        "peak allocated, without guessed workspaces": truth["allocated_peak_bytes"],
        "peak reserved": peak,
        "context": taken - reserved if taken is not None else None,
        "whole device": (truth["device_bytes"] if taken is None else taken) - reserved + peak,
        "left after the last step": truth["left_bytes"],
    }


def answer(
    request: MeasureRequest, truth: dict[str, Any], card: Gpu, estimate: dict[str, Any] | None,
    notes: Sequence[str] = (),
) -> MeasureAnswer:  # fmt: skip
    """The rows, and what they mean; a real out-of-memory against a verdict of "fits" is a "no"."""
    measured, ran_out = truths(truth), bool(truth["ran_out"])
    rows = [_row(name, estimate.get(name) if estimate else None, measured[name]) for name in measured]
    verdict = estimate["verdict"] if estimate else None
    others = truth["device"]["others_bytes"] or 0
    # on a card that others hold half of, running out says nothing against a "fits"
    wrong = ran_out and estimate is not None and grade(estimate["whole device"] + others, card.usable_bytes) == "fits"
    truly = grade(measured["whole device"] or 0, card.usable_bytes)
    peak = next(row for row in rows if row.name == "peak allocated")
    said = f"estimate {peak.error_frac:+.2%}" if peak.error_frac is not None else "not estimated"
    return MeasureAnswer(
        ok=not wrong,
        headline=f"{show_bytes(peak.truth_bytes or 0)} allocated at the peak on a {card.name}, {said}; "
        + ("out of memory" if ran_out else f"really {truly}") + (f", estimated {verdict}" if verdict else ""),
        target=request.target,
        gpu=card.name,
        torch=truth["torch"],
        driver=truth["device"]["driver"],
        rows=rows,
        step_s=[round(each, 4) for each in truth["step_s"]],
        estimate_s=estimate["time"] if estimate else None,
        verdict=verdict,
        ran_out=ran_out,
        notes=[*_limits(request, truth), *notes],
    )  # fmt: skip


def _limits(request: MeasureRequest, truth: dict[str, Any]) -> list[str]:
    """What the numbers do not say by themselves."""
    device, others = truth["device"], truth["device"]["others_bytes"] or 0
    done = f"out of memory after {len(truth['step_s'])} of {request.steps} steps: the peaks are of what ran"
    caught = truth["caught"] - bool(truth["ran_out"])
    return [
        note
        for note, says in (
            (done, truth["ran_out"]),
            (CAUGHT.format(count=caught), caught > 0),
            (RETRIED.format(count=truth["retries"]), truth["retries"]),
            (FOREIGN.format(size=show_bytes(others)), others > FOREIGN_BYTES),
            (OTHERS, truth["taken_bytes"] is None),
            (GROWN, truth["taken_how"] == "growth"),
            (UNIFIED, device["unified"]),
            (BACKEND.format(name=device["allocator"]), device["allocator"] != "native"),
        )
        if says
    ]


def _row(name: str, estimate: int | None, truth: int | None) -> Compared:
    error = round(estimate / truth - 1, 4) if estimate is not None and truth else None
    return Compared(name=name, estimate_bytes=estimate, truth_bytes=truth, error_frac=error)
