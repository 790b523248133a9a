"""Estimate against truth: the same step traced and really run, compared category by category."""

from __future__ import annotations

import sys
from typing import Any

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import replay
from reproof.vram.calibration import named
from reproof.vram.clock import step_time
from reproof.vram.fit import grade
from reproof.vram.gpus import Gpu
from reproof.vram.hardware import ask
from reproof.vram.interpreter import SLUGS, Interpreter, arguments
from reproof.vram.observed import Compared, MeasureAnswer, MeasureRequest
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged, offered, settings

CATEGORIES = ("parameters", "gradients", "optimizer state", "buffers")
OTHERS = "NVML did not tell this process's share (in a container it cannot): the device row holds other processes too"
CAP = "the allocator of the real run had PYTORCH_CUDA_ALLOC_CONF of this shell; --alloc-conf sets the estimate's"


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
    truth = ask(job, request.python, request.timeout_s)
    if truth.get("error"):
        raise _failed(request, truth["error"])
    device = truth["device"]
    card = card_of(device, request)
    estimate = None if request.no_trace else _estimated(request, card, values)
    return answer(request, truth, card, estimate)


def card_of(device: dict[str, Any], request: MeasureRequest) -> Gpu:
    """The card in the machine as the table knows it, else by its own numbers."""
    name = request.gpu or named(device["name"])
    try:
        (card,) = gpus.chosen([name], request.calibration)
    except PackError:
        if request.gpu:
            raise
        major, minor = device["capability"]
        return Gpu(device["name"], device["total_bytes"], "measured", "CUDA on this machine", 0, (major, minor))
    return card


def _failed(request: MeasureRequest, error: dict[str, str]) -> PackError:
    where = f" at {error['where']}" if error["where"] else ""
    return PackError(
        error["kind"],
        f"{error['type']}{where}: {' '.join(error['text'].split())[:400]}",
        why=SLUGS.get(error["kind"], "nothing is known about a step that does not run"),
        fix=f"mend it; {request.target} must put model and data on 'cuda' and return step, a function",
    )


def _estimated(request: MeasureRequest, card: Gpu, values: dict[str, Any]) -> dict[str, Any]:
    """Sizes by the names of the rows, from a trace with the same arguments."""
    print(f"tracing the same step as on a {card.name}", file=sys.stderr)
    conf = settings(request.alloc_conf)
    with Interpreter(request, values) as interpreter:
        result = interpreter.trace(card)
    line = Timeline.read(result)
    told = judged(card, result, line, conf)
    left = line.by_kind(line.held(len(line.events) - 1))
    found: dict[str, Any] = {name: left.get(name, 0) for name in CATEGORIES}
    found["parameters"] += left.get("frozen parameters", 0)
    time = step_time(card, result["work"])
    return {
        **found,
        "peak allocated": told.allocated_bytes,
        "peak allocated, without guessed workspaces": told.calibrated_bytes,
        "peak reserved": replay(line.events, conf).reserved_bytes,
        "cuBLAS workspaces": left.get("workspace", 0),
        "context": told.context_bytes,
        "whole device": told.device_bytes,
        "left after the last step": told.steps[-1].after_bytes,
        "verdict": told.verdict,
        "time": (time.low_s, time.high_s) if time else None,
    }


def truths(truth: dict[str, Any]) -> dict[str, int | None]:
    """What was measured, by the names of the rows; None where nobody told."""
    process, reserved = truth["process_bytes"], truth["reserved_bytes"]
    whole = process if process is not None else truth["device_bytes"]
    return {
        **truth["categories"],
        "peak allocated": truth["allocated_peak_bytes"],
        "peak allocated, without guessed workspaces": truth["allocated_peak_bytes"],
        "peak reserved": truth["reserved_peak_bytes"],
        "cuBLAS workspaces": truth["workspace_bytes"],
        "context": process - reserved if process is not None else None,
        "whole device": whole,
        "left after the last step": truth["left_bytes"],
    }


def answer(request: MeasureRequest, truth: dict[str, Any], card: Gpu, estimate: dict[str, Any] | None) -> MeasureAnswer:
    """The rows, and what they mean; a real out-of-memory against a verdict of "fits" is a "no"."""
    measured = truths(truth)
    rows = [_row(name, estimate.get(name) if estimate else None, measured[name]) for name in measured]
    ran_out = bool(truth["ran_out"])
    verdict = estimate["verdict"] if estimate else None
    notes = [CAP]
    if truth["process_bytes"] is None:
        notes.append(OTHERS)
    if ran_out:
        notes.insert(
            0, f"out of memory after {len(truth['step_s'])} of {request.steps} steps: the peaks are of what ran"
        )
    wrong = verdict == "fits" and ran_out
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
        notes=notes,
    )  # fmt: skip


def _row(name: str, estimate: int | None, truth: int | None) -> Compared:
    error = round(estimate / truth - 1, 4) if estimate is not None and truth else None
    return Compared(name=name, estimate_bytes=estimate, truth_bytes=truth, error_frac=error)
