"""What saves how much: each lever is pulled on the traced step, and the answers are ranked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reproof.errors import PackError
from reproof.units import show_bytes
from reproof.vram import gpus
from reproof.vram.allocator import Settings, replay
from reproof.vram.estimate import context_of
from reproof.vram.fit import grade
from reproof.vram.gpus import Gpu
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import UNSEEN_FRAC, WEAKER, offered, settings
from reproof.vram.traced import Lever, LeversAnswer, LeversRequest


@dataclass(frozen=True)
class Try:
    """One change to the step, what to write for it, and what it costs."""

    key: str
    name: str
    how: str
    price: str
    flags: dict[str, bool | str] = field(default_factory=dict)
    """The generated project's settings for it, where it has some."""


EXPANDABLE = Try(
    "", "expandable segments", "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True", "same numbers; Linux, no CUDA graphs"
)
TRIES = (
    Try("fused", "fused optimizer", "fused=True in the optimizer", "same up to rounding, and faster"),
    Try(
        "checkpoint",
        "activation checkpointing",
        "torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False) for every block",
        "same numbers; one more forward, about a third more time; batch norm's averages move twice per step",
        {"checkpointing": True},
    ),
    Try(
        "offload",
        "activations to host memory",
        "with torch.autograd.graph.save_on_cpu(): around forward and backward",
        "same numbers; the time of two copies over PCIe, and as much host memory",
    ),
)
BF16 = Try(
    "bf16",
    "bf16 autocast",
    'with torch.autocast("cuda", dtype=torch.bfloat16): around the forward',
    "other rounding: a deviation to record; faster",
    {"precision": "bf16"},
)
FP16 = Try(
    "fp16",
    "fp16 autocast",
    'with torch.autocast("cuda", dtype=torch.float16): around the forward, and a GradScaler',
    "other rounding and loss scaling: a deviation to record; faster",
    {"precision": "fp16"},
)


def tries(card: Gpu) -> tuple[Try, ...]:
    """What can be pulled on that card: what keeps the numbers first, 16 bits last."""
    return (*TRIES, BF16 if card.bf16 else FP16)


NOTES = [
    "each lever alone, traced on your own step; savings of several do not add up",
    "a smaller micro-batch with accumulation: vram.py fit",
]


def levers(request: LeversRequest) -> LeversAnswer:
    """Trace the step as it is and with each lever; rank by what is saved on the whole device."""
    (card,) = gpus.chosen([request.gpu], request.calibration)
    conf = settings(request.alloc_conf)
    found: list[Lever] = []
    with Interpreter(request, offered(request)[0]) as interpreter:
        plain = Timeline.read(interpreter.trace(card))
        now = _device(plain, conf, card, request.weaker)
        for each in tries(card):
            found.append(_pulled(each, interpreter, card, conf, now))
        if not conf.expandable_segments:
            size = _device(plain, replace(conf, expandable_segments=True), card, request.weaker)
            found.append(_lever(EXPANDABLE, card, size, now))
        about = interpreter.hello
    found.sort(key=lambda lever: (lever.device_bytes is None, -lever.saved_bytes))
    best = found[0]
    saved = (
        f"{best.name} saves most, {show_bytes(best.saved_bytes)}" if best.saved_bytes > 0 else "no lever saves anything"
    )
    verdict = grade(now, card.usable_bytes)
    return LeversAnswer(
        ok=verdict != "no" or any(lever.verdict in ("fits", "tight") for lever in found),
        headline=f"{card.name}: {verdict} as it is with {show_bytes(now)}; {saved}",
        target=request.target,
        torch=about["torch"],
        gpu=card.name,
        usable_bytes=card.usable_bytes,
        device_bytes=now,
        verdict=verdict,
        levers=found,
        notes=[*([WEAKER] if request.weaker else []), *NOTES],
    )


def _device(line: Timeline, conf: Settings, card: Gpu, weaker: bool) -> int:
    size = replay(line.events, conf).reserved_bytes + context_of(card)
    return size + (int(UNSEEN_FRAC * size) if weaker else 0)


def _pulled(each: Try, interpreter: Interpreter, card: Gpu, conf: Settings, now: int) -> Lever:
    """One lever; a step that it breaks is told, not hidden."""
    try:
        line = Timeline.read(interpreter.trace(card, lever=each.key))
    except PackError as error:
        return Lever(name=each.name, how=each.how, price=each.price, why_not=error.what[:200])
    return _lever(each, card, _device(line, conf, card, interpreter.request.weaker), now)


def _lever(each: Try, card: Gpu, size: int, now: int) -> Lever:
    return Lever(
        name=each.name,
        how=each.how,
        price=each.price,
        device_bytes=size,
        saved_bytes=now - size,
        verdict=grade(size, card.usable_bytes),
    )
