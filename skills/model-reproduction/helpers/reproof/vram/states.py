"""What a trained parameter costs: weights, gradients, optimizer state, EMA, and the optimizer's own temporaries.

All sizes are bytes per parameter, so that a state is exact up to the allocator's rounding to 512 bytes per tensor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "amp-bf16", "amp-fp16", "bf16", "bf16-master"]
Optimizer = Literal["sgd", "momentum", "adam", "adamw", "adam8bit", "adamw8bit"]
BaseFormat = Literal["fp32", "bf16", "int8", "nf4", "nf4-dq"]
Update = Literal["foreach", "fused"]


@dataclass(frozen=True)
class Widths:
    """Bytes of one number, by what it is."""

    weight: int
    gradient: int
    master: int
    """A second, fp32 copy of the weights that the optimizer updates."""
    moment: int
    """One optimizer moment."""
    matmul: int
    """What matrix products and convolutions save for backward."""
    other: int
    """What norms, activation functions and softmax save for backward."""
    cast: int
    """16-bit copy of the weights that autocast makes once per forward and keeps until backward."""


# Autocast makes a step faster; it does not make the training state smaller: the first three rows hold the same
# 16 bytes per parameter with Adam, and the two amp rows add the cast copy on top.
# The split: ZeRO, arXiv:1910.02054, section 3.1. Autocast's lists: PyTorch docs, torch.amp, CUDA op-specific behavior.
WIDTHS: dict[Precision, Widths] = {
    "fp32": Widths(weight=4, gradient=4, master=0, moment=4, matmul=4, other=4, cast=0),
    "amp-bf16": Widths(weight=4, gradient=4, master=0, moment=4, matmul=2, other=4, cast=2),
    "amp-fp16": Widths(weight=4, gradient=4, master=0, moment=4, matmul=2, other=4, cast=2),
    "bf16": Widths(weight=2, gradient=2, master=0, moment=2, matmul=2, other=2, cast=0),
    "bf16-master": Widths(weight=2, gradient=2, master=4, moment=4, matmul=2, other=2, cast=0),
}

MOMENTS: dict[Optimizer, int] = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "adam8bit": 2, "adamw8bit": 2}
EIGHT_BIT: tuple[Optimizer, ...] = ("adam8bit", "adamw8bit")
MOMENT_8BIT = 1 + 4 / 256
"""Bytes of a moment in 8 bits: a byte, and an fp32 scale for each 256 (bitsandbytes, torchao). Tensors below 4096
numbers keep 32 bits there; their share of a model is not counted."""

# Bytes of a frozen weight. bitsandbytes: two to a byte and an fp32 scale for each 64; with double quantisation (-dq)
# that scale is a byte, with an fp32 scale of its own for each 256. int8 has an fp32 scale for each row, here 4096 long.
BASE: dict[BaseFormat, float] = {
    "fp32": 4, "bf16": 2, "int8": 1 + 4 / 4096, "nf4": 1 / 2 + 4 / 64, "nf4-dq": 1 / 2 + 1 / 64 + 4 / 64 / 256,
}  # fmt: skip

# Copies of all parameters that the foreach update holds for a moment, without and with weight decay. Adam and AdamW
# hold sqrt(exp_avg_sq); the others copy the gradients to add the decay to them. Measured with torch 2.13.0; in the code
# torch/optim/adam.py _multi_tensor_adam and sgd.py _multi_tensor_sgd. The fused update holds none.
FOREACH_COPIES: dict[Optimizer, tuple[int, int]] = {"sgd": (0, 1), "momentum": (0, 1), "adam": (1, 1), "adamw": (1, 1),
                                                     "adam8bit": (0, 0), "adamw8bit": (0, 0)}  # fmt: skip


@dataclass(frozen=True)
class State:
    """Bytes that stay for the whole run, and bytes that exist only inside `optimizer.step()`."""

    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    ema_bytes: int
    cast_bytes: int
    update_bytes: int

    @property
    def resident_bytes(self) -> int:
        """Present at every moment of training, gradients not included."""
        return self.weights_bytes + self.optimizer_bytes + self.ema_bytes


def state(
    params: int,
    optimizer: Optimizer = "adam",
    precision: Precision = "fp32",
    *,
    ema: bool = False,
    weight_decay: bool = False,
    update: Update = "foreach",
) -> State:
    """The state of `params` trained parameters.

    Args:
        params: trained parameters; frozen ones have weights only.
        optimizer: decides the number of moments.
        precision: decides where weights, gradients and moments live.
        ema: an exponential moving average of the weights; fp32 where there is an fp32 master copy.
        weight_decay: weight decay above 0.
        update: torch's default on a GPU is foreach, which works on all parameters at once.

    >>> adam = state(1_000_000)
    >>> adam.resident_bytes + adam.gradients_bytes  # 4 + 4 + 8 bytes per parameter
    16000000
    >>> adam.update_bytes
    4000000
    """
    width = WIDTHS[precision]
    updated = max(width.weight, width.master)
    moment = MOMENT_8BIT if optimizer in EIGHT_BIT else width.moment
    copies = FOREACH_COPIES[optimizer][weight_decay] if update == "foreach" else 0
    return State(
        weights_bytes=params * width.weight,
        gradients_bytes=params * width.gradient,
        optimizer_bytes=math.ceil(params * (width.master + MOMENTS[optimizer] * moment)),
        ema_bytes=params * updated if ema else 0,
        cast_bytes=params * width.cast,
        update_bytes=params * updated * copies,
    )


def base_bytes(params: int, form: BaseFormat) -> int:
    """A frozen base's weights in that format.

    >>> base_bytes(4096 * 4096, "nf4") / 2**20  # 8 MiB of codes, 1 MiB of scales
    9.0
    """
    return math.ceil(params * BASE[form])
