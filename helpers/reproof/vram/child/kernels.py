"""Operators that are replaced at dispatcher level, so that autograd's own threads meet them as well."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import unknown, workspaces
from .attention import attend

RESERVE = {"lstm": 5, "gru": 6, "rnn": 1}
"""Numbers that cuDNN reserves per time step, sample and unit of a layer for the backward of an RNN; uncalibrated.

Measured for LSTM and GRU with a cuDNN of 2017: 736,000,000 and 864,000,000 bytes for 4 layers of 320 units in fp32
(github.com/pytorch/pytorch/issues/2895), 23 to 27: 4 * 5 + 3 and 4 * 6 + 3 numbers for each of 25,000 samples' steps,
the gates and the cell of every layer and what one layer hands to the next. Units and layers follow from the numbers of
parameters there, steps and samples from the ratio. The plain RNN's is by analogy.
"""


def reserved(kind: str, layers: int) -> int:
    """Numbers per time step, sample, unit and direction that an RNN keeps for its backward."""
    return RESERVE[kind] * layers + layers - 1


def install(tracer: Any) -> Any:
    """Register the replacements; they last as long as the library that is returned."""
    library = torch.library.Library("aten", "IMPL")

    def attention(*args: Any, **kwargs: Any) -> Any:
        return attend(tracer, *args, **kwargs)

    library.impl("scaled_dot_product_attention", attention, "AutogradCUDA")
    for name, kind in (("lstm", "lstm"), ("gru", "gru"), ("rnn_tanh", "rnn"), ("rnn_relu", "rnn")):
        library.impl(f"{name}.input", _recurrent(tracer, kind), "AutogradCUDA")
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
        tracer.shadows.poison(args)
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


def _workspace(tracer: Any, weights: Any) -> None:
    """The weights once more, as in the record that RESERVE is from: 17.7 MB beside weights of 12.1 MB."""
    size = sum(each.numel() * each.element_size() for each in weights)
    tracer.ledger.free(tracer.scratch(size, "aten::_cudnn_rnn"))


class _CudnnRnn(torch.autograd.Function):
    """The memory of aten::_cudnn_rnn and its backward: one output, one reserve, one packed weight gradient."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Any:
        tracer, kind, layers, directions, batch_first, train, x, hidden, cell, *weights = given
        if batch_first:
            x = x.transpose(0, 1)
        x = x.contiguous()
        steps, batch = x.shape[:2]
        width = hidden.shape[-1]
        out = x.new_empty(steps, batch, width * directions)
        last = torch.empty_like(hidden)
        last_cell = torch.empty_like(cell) if cell is not None else hidden.new_empty(0)
        count = steps * batch * width * directions * reserved(kind, layers) if train else 0
        ctx.save_for_backward(x, hidden, out, x.new_empty(count), *weights)
        ctx.tracer, ctx.batch_first, ctx.has_cell = tracer, batch_first, cell is not None
        _workspace(tracer, weights)
        return (out.transpose(0, 1) if batch_first else out), last, last_cell

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, hidden, _out, _reserve, *weights = ctx.saved_tensors
        gradient = gradients[0].transpose(0, 1) if ctx.batch_first else gradients[0]
        gradient = gradient.contiguous()
        dx = torch.empty_like(x)
        packed = torch.zeros(sum(each.numel() for each in weights), dtype=x.dtype, device=x.device)
        parts, start = [], 0
        for each in weights:
            parts.append(packed[start : start + each.numel()].view(each.shape))
            start += each.numel()
        cell = torch.empty_like(hidden) if ctx.has_cell else None
        _workspace(ctx.tracer, weights)
        dx = dx.transpose(0, 1) if ctx.batch_first else dx
        return (None,) * 6 + (dx, torch.empty_like(hidden), cell, *parts)


def _recurrent(tracer: Any, kind: str) -> Callable[..., Any]:
    def run(
        x: Any, state: Any, params: Any, _bias: Any, layers: Any, _dropout: Any, train: Any, both: Any, first: Any
    ) -> Any:
        many = reserved(kind, layers)
        tracer.assume(
            f"cuDNN's reserve for a {kind} is a guess of {many} numbers per step, sample and unit, all layers"
        )
        hidden, cell = state if kind == "lstm" else (state, None)
        if tracer.counting:  # products of every time step with all weights; twice as much again backward
            products = 2 * x.shape[0] * x.shape[1] * sum(each.numel() for each in params if each.dim() == 2)
            moved = x.numel() * x.element_size() * (2 + layers)
            tracer.work.note("half" if x.element_size() == 2 else "fp32", products * (3 if train else 1), moved)
        out = _CudnnRnn.apply(tracer, kind, layers, 2 if both else 1, first, train, x, hidden, cell, *params)
        return out if kind == "lstm" else out[:2]

    return run
