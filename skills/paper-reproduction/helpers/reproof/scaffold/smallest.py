"""Sizes for smoke runs: which of a network's settings can be smaller without being another architecture.

Only where the plan names the closed form of a phase's network, because then its settings have a known meaning. They
are written to configs/smoke/; a core that wants other sizes is served by editing that file.
"""

from __future__ import annotations

from typing import Any

from reproof.document import Experiment, Plan
from reproof.scaffold.configs import line

HEAD = "# What --smoke and the tests change besides steps, batches and data. Any setting may stand here.\n"
# law -> setting of the model -> the size it may shrink to
CAPS: dict[str, dict[str, int]] = {
    "unet": {"num_channels": 32, "num_res_blocks": 1, "num_head_channels": 32},  # its group norms have 32 groups
    "cnn": {"predictor_channels": 32},
    "mlp": {"hidden": 256, "hidden_units": 256},
    "transformer": {"layers": 2, "hidden_layers": 2},
    "vit": {"layers": 2, "hidden_layers": 2},
}


def smoke_files(plan: Plan) -> dict[str, str]:
    """Relative path -> text, for the experiments whose networks can shrink."""
    sizes = {name: smaller(plan.settings_of(name)) for name in plan.experiments}
    return {f"configs/smoke/{name}.yaml": HEAD + "".join(line(0, path, value) + "\n" for path, value in found.items())
            for name, found in sizes.items() if found}  # fmt: skip


def smaller(full: Experiment) -> dict[str, Any]:
    """`model.<setting>` -> a smaller value, for the networks that this experiment trains; empty where none shrinks."""
    model = {key: item.value for key, item in full.model.items()}
    found: dict[str, Any] = {}
    for law in {phase.law or "": None for phase in full.phases.values() if phase.kind == "train"}:
        caps = {key: cap for key, cap in CAPS.get(law, {}).items() if key in model}
        small = {f"model.{key}": _capped(model[key], cap) for key, cap in caps.items()}
        found |= small if law != "unet" or _divides(model) else {}
    return {path: value for path, value in found.items() if value != model[path.removeprefix("model.")]}


def _divides(model: dict[str, Any]) -> bool:
    """Whether the widths of a UNet, and of its heads, are multiples of 32: then they stay so."""
    widths = [model.get("num_channels"), model.get("num_head_channels", -1)]
    return all(_is_count(width) and (width == -1 or width % 32 == 0) for width in widths)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _capped(value: Any, cap: int) -> Any:
    """At most `cap`, also within a list; what is no count stays."""
    if isinstance(value, list):
        return [_capped(item, cap) for item in value]
    return min(value, cap) if _is_count(value) else value
