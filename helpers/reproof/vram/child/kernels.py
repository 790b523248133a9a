"""Operators that are replaced at dispatcher level, so that autograd's own threads meet them as well."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .attention import attend

RESERVE = {"lstm": 6.0, "gru": 5.0, "rnn": 2.0}
"""Numbers that cuDNN reserves per time step, sample and unit for the backward of an RNN. A guess: uncalibrated."""


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
    return library


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


class _CudnnRnn(torch.autograd.Function):
    """The memory of aten::_cudnn_rnn and its backward: one output, one reserve, one packed weight gradient."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Any:
        kind, layers, directions, batch_first, train, x, hidden, cell, *weights = given
        if batch_first:
            x = x.transpose(0, 1)
        x = x.contiguous()
        steps, batch = x.shape[:2]
        width = hidden.shape[-1]
        out = x.new_empty(steps, batch, width * directions)
        last = torch.empty_like(hidden)
        last_cell = torch.empty_like(cell) if cell is not None else hidden.new_empty(0)
        count = int(steps * batch * width * directions * layers * RESERVE[kind]) if train else 0
        ctx.save_for_backward(x, hidden, out, x.new_empty(count), *weights)
        ctx.batch_first, ctx.has_cell = batch_first, cell is not None
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
        dx = dx.transpose(0, 1) if ctx.batch_first else dx
        return (None,) * 5 + (dx, torch.empty_like(hidden), cell, *parts)


def _recurrent(tracer: Any, kind: str) -> Callable[..., Any]:
    def run(
        x: Any, state: Any, params: Any, _bias: Any, layers: Any, _dropout: Any, train: Any, both: Any, first: Any
    ) -> Any:
        tracer.assume(f"cuDNN's reserve for a {kind} is a guess of {RESERVE[kind]:g} numbers per step, sample and unit")
        hidden, cell = state if kind == "lstm" else (state, None)
        if tracer.counting:  # products of every time step with all weights; twice as much again backward
            products = 2 * x.shape[0] * x.shape[1] * sum(each.numel() for each in params if each.dim() == 2)
            moved = x.numel() * x.element_size() * (2 + layers)
            tracer.work.note("half" if x.element_size() == 2 else "fp32", products * (3 if train else 1), moved)
        out = _CudnnRnn.apply(kind, layers, 2 if both else 1, first, train, x, hidden, cell, *params)
        return out if kind == "lstm" else out[:2]

    return run
