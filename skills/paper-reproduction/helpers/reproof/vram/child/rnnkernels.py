"""What cuDNN's recurrent kernels and torch's fused cells allocate, in the order of their sources.

Sources: aten/src/ATen/native/cudnn/RNN.cpp and aten/src/ATen/native/cuda/RNN.cu. How large cuDNN's reserve and
workspace are is in no source: RESERVE and `workspace_bytes` are guesses, and said to be.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from . import reductions, unknown
from .scratch import ZEROS, Scratch, nbytes

KINDS = ("rnn", "rnn", "lstm", "gru")
"""By cudnnRNNMode_t."""
RESERVE = {"lstm": 5, "gru": 6, "rnn": 1}
"""Numbers that cuDNN reserves per time step, sample and unit of a layer for the backward of an RNN; uncalibrated.

Measured for LSTM and GRU with a cuDNN of 2017: 736,000,000 and 864,000,000 bytes for 4 layers of 320 units in fp32
(github.com/pytorch/pytorch/issues/2895), 23 to 27: 4 * 5 + 3 and 4 * 6 + 3 numbers for each of 25,000 samples' steps,
the gates and the cell of every layer and what one layer hands to the next. Units and layers follow from the numbers of
parameters there, steps and samples from the ratio. The plain RNN's is by analogy.
"""
GRU_KEPT = 5
"""GRU_WORKSPACE_MULTIPLIER in native/cuda/RNN.cu: numbers that torch's GRU cell keeps per unit."""
CURAND_BYTES = 48
MIB = 2**20
FORWARD, BACKWARD = "aten::_cudnn_rnn", "aten::_cudnn_rnn_backward"
DROPOUT = "aten::_cudnn_init_dropout_state"
GRU, GRU_BACKWARD = "aten::_thnn_fused_gru_cell", "aten::_thnn_fused_gru_cell_backward"
GUESSES = (FORWARD, BACKWARD, DROPOUT)
"""Operators whose scratch memory is a guess."""
RESERVED = (
    "cuDNN's reserve for a {kind} is a guess of {many} numbers per step, sample and unit, all layers ({mib:.1f} MiB); "
    "its workspace is another, the weights once more"
)
EVALUATED = "cudnn RNN backward can only be called in training mode"


def reserved(kind: str, layers: int) -> int:
    """Numbers per time step, sample, unit and direction that an RNN keeps for its backward."""
    return RESERVE[kind] * layers + layers - 1


def workspace_bytes(where: Layout, width: int) -> int:
    """The weights once more, as in the record that RESERVE is from: 17.7 MB beside weights of 12.1 MB."""
    return where.numbers * width


def dropout_state_bytes(target: Any) -> int:
    """Of the random numbers of dropout between layers: a curandState for every thread that fits on the GPU; a bound.

    `DropoutDescriptor` in ATen/cudnn/Descriptors.h counts states of that size. 2.25 MiB for 24 multiprocessors of
    2,048 threads, a Titan X of 2017, of which cudnn/RNN.cpp says "slightly over 2MB".
    """
    on = reductions.gpu(target)
    return on.multiprocessors * on.threads * CURAND_BYTES


class Layout(NamedTuple):
    """Where each weight begins in the flat buffer, and how long that is; in numbers."""

    starts: list[int]
    numbers: int


def layout(weights: Any, stride: int) -> Layout:
    """All matrices, layer after layer, then all biases: two for each layer, also where the module has none.

    Args:
        weights: w_ih, w_hh, and b_ih, b_hh, w_hr where there are such, of each layer and direction.
        stride: how many of them each layer and direction has.
    """
    starts, place = [0] * len(weights), 0
    for index, each in enumerate(weights):
        if each.dim() == 2:
            starts[index] = place
            place += each.numel()
    for first in range(0, len(weights), stride):
        rows = weights[first].shape[0]
        biases = [index for index in range(first, first + stride) if weights[index].dim() == 1]
        for number, index in enumerate(biases):
            starts[index] = place + number * rows
        place += 2 * rows
    return Layout(starts, place)


def views(flat: Any, weights: Any, where: Layout) -> list[Any]:
    """Parts of the buffer in the weights' shapes, which autograd does not take for views."""
    with torch._C._AutoDispatchBelowAutograd():
        found = zip(where.starts, weights)  # noqa: B905 - Python 3.8; one for each
        return [flat[start : start + each.numel()].view(each.shape) for start, each in found]


def install() -> None:
    """Let these operators be run here."""
    unknown.HANDLERS.update({FORWARD: _forward, BACKWARD: _backward, GRU: _gru_cell, GRU_BACKWARD: _gru_cell_backward})


def _count(tracer: Any, x: Any, weights: Any, layers: int, times: int) -> None:
    """Products of every time step with all weights; twice as much again backward."""
    if tracer.counting:
        samples = x.numel() // x.shape[-1]
        products = 2 * samples * sum(each.numel() for each in weights if each.dim() == 2)
        tracer.work.note("half" if x.element_size() == 2 else "fp32", products * times, nbytes(x) * (2 + layers))


def _forward(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    x, weights, stride, buffer, hx, cx, mode, units, projected, layers, first, _, train, both, sizes, _ = args
    scratch, where, kind, sides = Scratch(tracer, FORWARD), layout(weights, stride), KINDS[mode], 1 + both
    _count(tracer, x, weights, layers, 1)
    swap = first and not sizes
    x = x.transpose(0, 1) if swap else x
    scratch.copy(x)
    out = scratch.make(x, (*x.shape[:-1], (projected or units) * sides))
    last = scratch.make(hx, hx.shape)
    cell = scratch.make(hx, cx.shape if cx is not None else (0,))
    if buffer is None:
        buffer = scratch.make(x, (where.numbers,))
    scratch.take(workspace_bytes(where, x.element_size()))
    kept = 0
    if train:
        many = reserved(kind, layers)
        kept = math.prod(x.shape[:-1]) * units * sides * many * x.element_size()
        tracer.assume(RESERVED.format(kind=kind, many=many, mib=kept / MIB))
    reserve = scratch.make(x, (kept,), torch.uint8)
    tracer.ledger.name(reserve, "workspace")
    scratch.end()
    return (out.transpose(0, 1) if swap else out), last, cell, reserve, buffer


def _backward(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    """First the gradients of input and states, then the weights'; each copies the input anew and has a workspace."""
    x, weights, stride, _, hx, cx, out, by_out, by_last, by_cell = args[:10]
    layers, first, train, sizes, mask = args[13], args[14], args[16], args[18], args[21]
    if by_out is None and by_last is None and by_cell is None:
        return None, None, None, []
    if not train:
        raise RuntimeError(EVALUATED)
    scratch, where = Scratch(tracer, BACKWARD), layout(weights, stride)
    _count(tracer, x, weights, layers, 2)
    workspace = workspace_bytes(where, x.element_size())
    for given, like in ((by_out, out), (by_last, hx), (by_cell, cx)):
        if given is None and like is not None:
            scratch.take(nbytes(like), ZEROS)
    swap = first and not sizes
    x = x.transpose(0, 1) if swap else x
    copies = [scratch.copy(x)]
    if by_out is not None:
        copies.append(scratch.copy(by_out.transpose(0, 1) if swap else by_out))
    copies += [scratch.copy(each) for each in (by_last, by_cell) if each is not None]
    dx, dhx = scratch.make(x, x.shape), scratch.make(hx, hx.shape)
    dcx = scratch.make(cx, cx.shape) if cx is not None else None
    scratch.give(scratch.take(workspace), *copies)
    gradients = _of_weights(scratch, x, weights, where, workspace) if mask[3] else []
    scratch.end()
    return (dx.transpose(0, 1) if swap else dx), dhx, dcx, gradients


def _of_weights(scratch: Scratch, x: Any, weights: Any, where: Layout, workspace: int) -> list[Any]:
    """Parts of one flat buffer, which each of them keeps alive; copies of them where the module has no biases."""
    scratch.copy(x)
    biases = any(each.dim() == 1 for each in weights)
    if biases:
        flat = scratch.make(x, (where.numbers,))
        scratch.take(workspace)
        return views(flat, weights, where)
    scratch.take(where.numbers * x.element_size(), ZEROS)
    scratch.give(scratch.take(workspace))
    return [scratch.make(each, each.shape) for each in weights]


def _gru_cell(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    hx, scratch = args[2], Scratch(tracer, GRU)
    kept = scratch.make(hx, (hx.shape[0], hx.shape[1] * GRU_KEPT))
    return scratch.make(hx, hx.shape), kept


def _gru_cell_backward(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    by_last, kept, biases = args[:3]
    scratch, rows, gates = Scratch(tracer, GRU_BACKWARD), kept.shape[0], kept.shape[1] // GRU_KEPT * 3
    of_gates = [scratch.make(kept, (rows, gates)) for _ in range(2)]
    dhx = scratch.make(by_last, by_last.shape)
    with tracer:
        of_biases = [each.sum(0) if biases else None for each in of_gates]
    return (*of_gates, dhx, *of_biases)
