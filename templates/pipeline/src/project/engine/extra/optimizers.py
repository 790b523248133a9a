"""The optimizers that a phase may name: their classes in torch.optim, and what each takes besides lr and weight_decay.

A setting of the phase with one of these names is the optimizer's; where it is absent, torch's own value holds, which
is the one below.
"""

from __future__ import annotations

from typing import Any

ADAM: dict[str, Any] = {"betas": [0.9, 0.999], "eps": 1e-8}
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "adam": ("Adam", ADAM | {"amsgrad": False}),
    "adamw": ("AdamW", ADAM | {"amsgrad": False}),
    "sgd": ("SGD", {"momentum": 0.0, "dampening": 0.0, "nesterov": False}),
    "rmsprop": ("RMSprop", {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False}),
    "adagrad": ("Adagrad", {"lr_decay": 0.0, "eps": 1e-10, "initial_accumulator_value": 0.0}),
    "nadam": ("NAdam", ADAM | {"momentum_decay": 0.004}),
    "radam": ("RAdam", ADAM),
}
FUSED = ("adam", "adamw", "sgd", "adagrad")  # have one kernel for all parameters
