"""Where fake CUDA tensors cannot be had: the same step on fake CPU tensors, with 'cuda' read as 'cpu' everywhere.

Weaker, because other kernels run: attention is the CPU's, autocast has the CPU's lists, copies to the device are free,
and cuBLAS, cuDNN and kernel temporaries are not seen. Parameters, gradients, states and most activations are.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils

SAID = (
    "traced on fake CPU tensors, the weaker way: the CPU's attention and autocast lists, no workspaces, no kernel "
    "temporaries, copies to the device for free"
)


def _here(value: Any) -> Any:
    if isinstance(value, torch.device):
        return torch.device("cpu") if value.type == "cuda" else value
    if isinstance(value, str) and value.partition(":")[0] == "cuda":
        return "cpu"
    return value


class Moved(TorchFunctionMode):
    """Everything that is asked for on 'cuda' is made on the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.cuda:
            return args[0]
        args = tuple(_here(each) for each in args)
        return func(*args, **{name: _here(each) for name, each in (kwargs or {}).items()})


def install(tracer: Any) -> Moved:
    """Patch what asks for the kind of device by itself; returns the mode to be entered."""
    tracer.assume(SAID)
    plain = torch.autocast.__init__

    def start(self: Any, device_type: str, *args: Any, **kwargs: Any) -> None:
        plain(self, "cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    torch.autocast.__init__ = start  # type: ignore[method-assign]
    supported = getattr(_foreach_utils, "_get_foreach_kernels_supported_devices", None)
    if supported is not None:
        found = [*supported(), "cpu"]  # else the optimizers loop over parameters, which a GPU does not

        def devices() -> list[str]:
            return found

        import torch.optim.optimizer as optim

        for module in (_foreach_utils, optim):
            module._get_foreach_kernels_supported_devices = devices  # type: ignore[attr-defined]
    return Moved()
