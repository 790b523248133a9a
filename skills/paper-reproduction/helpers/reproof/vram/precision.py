"""The precision of a phase: the flag's, or what the plan says in one of the usual words."""

from __future__ import annotations

from typing import Any, get_args

from reproof.errors import PackError, near
from reproof.records import Sourced
from reproof.vram.states import Precision

NAMES = ("precision", "mixed_precision", "amp")
"""Settings of a phase or of the model that say it. `dtype` is none: it may be that of data, or of sampling."""
SPELLED: dict[Precision, tuple[str, ...]] = {
    "fp32": ("fp32", "float32", "full", "32", "32-true", "tf32", "no", "none", "false"),
    "amp-bf16": ("amp-bf16", "bf16", "bfloat16", "bf16-mixed"),
    "amp-fp16": ("amp-fp16", "fp16", "float16", "16", "16-mixed", "mixed", "amp", "true"),
    "bf16": ("bf16-true", "bf16-pure", "pure-bf16"),
    "bf16-master": ("bf16-master",),
}
"""`bf16` and `fp16` are autocast, as in Accelerate, in the Trainer and in the scaffolded project: weights stay fp32."""
WORDS = {word: kind for kind, words in SPELLED.items() for word in words}
DEFAULT = "fp32, since neither the plan nor --precision says otherwise"


def chosen(flag: Precision | None, found: Sourced[Any] | None, path: str) -> tuple[Precision, str]:
    """The precision of a phase and where it is from; the flag wins over the plan.

    Raises:
        PackError: the plan names one that is not known, and the flag does not replace it.

    >>> chosen(None, Sourced(value="bf16", inferred="their config"), "moons.flow")
    ('amp-bf16', "amp-bf16, from 'bf16' in the plan: [INFERRED] their config")
    >>> chosen("fp32", Sourced(value="bf16", inferred="their config"), "moons.flow")[0]
    'fp32'
    """
    if flag is not None:
        over = f", in place of {found.value!r} in the plan" if found is not None and found.value is not None else ""
        return flag, f"{flag}, from --precision{over}"
    if found is None or found.value is None:
        return "fp32", DEFAULT
    word = str(found.value).strip().lower().replace("_", "-")
    if word not in WORDS:
        raise PackError(
            "bad-precision",
            f"experiments.{path}: precision {found.value!r}{near(word, WORDS)}",
            why="it decides how many bytes each weight, gradient and activation takes, and is not guessed",
            fix=f"write one of {', '.join(get_args(Precision))} in the plan, or give --precision",
        )
    return WORDS[word], f"{WORDS[word]}, from {found.value!r} in the plan: {found.origin}"
