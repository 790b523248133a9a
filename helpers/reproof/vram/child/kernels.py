"""Operators that are replaced at dispatcher level, so that autograd's own threads meet them as well."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import libraries, unknown, workspaces
from .attention import attend


def install(tracer: Any) -> Any:
    """Register the replacements; they last as long as the library that is returned."""
    library = torch.library.Library("aten", "IMPL")

    def attention(*args: Any, **kwargs: Any) -> Any:
        return attend(tracer, *args, **kwargs)

    library.impl("scaled_dot_product_attention", attention, "AutogradCUDA")
    libraries.install(tracer, library)
    if not torch.backends.cuda.is_built():
        _claim(library)
    unknown.HANDLERS["aten::index_put"] = _of_indexing(unknown.HANDLERS["aten::index_put"])
    return library


def _of_indexing(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of indexing adds into zeros in place, but for tensors of a subclass, as fake ones are.

    Source: index_backward in torch/csrc/autograd/FunctionsManual.cpp.
    """

    def run(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
        node = torch._C._current_autograd_node()
        indexing = node is not None and node.name().startswith("IndexBackward") and not torch.is_grad_enabled()
        if not (indexing and len(args) > 3 and args[3]):
            return handler(tracer, func, args, kwargs)
        handled = handler(tracer, torch.ops.aten.index_put_.default, args, kwargs)
        if handled is not NotImplemented:
            return handled
        for key in [tracer.scratch(size, "aten::index_put") for size in workspaces.index_put(tracer, args)]:
            tracer.ledger.free(key)
        tracer.shadows.poison(args[0])
        return args[0]

    return run


def _claim(library: Any) -> None:
    """Kernels that only a CUDA build has; without them a CPU build decomposes the operator (a U-Net: 4.7 % more).

    These three have both a composite and a CUDA kernel in native_functions.yaml of torch 2.13.
    """

    def like(gradient: Any, _x: Any) -> Any:
        return torch.empty_like(gradient)

    def rms_norm(x: Any, shape: Any, _weight: Any = None, _eps: Any = None) -> tuple[Any, Any]:
        rows = x.shape[: x.dim() - len(shape)] + (1,) * len(shape)
        return torch.empty_like(x), x.new_empty(rows, dtype=torch.float32)

    for name, kernel in (("silu_backward", like), ("mish_backward", like), ("_fused_rms_norm", rms_norm)):
        try:
            library.impl(name, kernel, "CUDA")
        except RuntimeError:  # this torch does not have the operator
            continue
