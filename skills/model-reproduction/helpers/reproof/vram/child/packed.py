"""Packed sequences: torch's own functions read the lengths, which fake tensors do not have.

Each does what aten/src/ATen/native/PackedSequence.cpp does, in the same operators; lengths that are not known are taken
as full, an upper bound.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import torch

from . import unknown
from .scratch import numbers

UNKNOWN = "lengths of packed sequences are not known: all are taken as full, an upper bound"


def steps(tracer: Any, sizes: Any) -> list[int]:
    """How many samples each time step of packed data has, as `_pack` told."""
    known = numbers(tracer, sizes)
    if known is None:
        raise NotImplementedError("packed sequences whose batch sizes were not made by pack_padded_sequence")
    return known


def blocks(sizes: list[int]) -> list[tuple[int, int, int]]:
    """Time steps of equally many samples: first, behind the last, samples.

    >>> blocks([3, 3, 1])
    [(0, 2, 3), (2, 3, 1)]
    """
    found, since = [], 0
    for now in range(1, len(sizes) + 1):
        if now == len(sizes) or sizes[now] != sizes[since]:
            found.append((since, now, sizes[since]))
            since = now
    return found


def install(tracer: Any, library: Any) -> None:
    """Register them, for as long as the library lasts."""

    def padded(data: Any, sizes: Any, first: Any, value: Any, total: Any) -> Any:
        return _pad(tracer, data, sizes, first, value, total)

    def backward(gradient: Any, shape: Any, sizes: Any, first: Any) -> Any:
        return _pack_backward(tracer, gradient, shape, sizes, first)

    library.impl("_pad_packed_sequence", padded, "AutogradCUDA")
    library.impl("_pack_padded_sequence_backward", backward, "AutogradCUDA")
    unknown.HANDLERS["aten::_pack_padded_sequence"] = _pack


def _pack(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    x, lengths, first = args
    with tracer:
        x = x.transpose(0, 1) if first else x
        known = numbers(tracer, lengths)
        if known is None:
            tracer.assume(UNKNOWN)
            known = [x.shape[0]] * x.shape[1]
        if known[-1] <= 0 or sorted(known, reverse=True) != known:
            raise RuntimeError("`lengths` array must be positive and sorted in decreasing order")
        sizes = [sum(length > step for length in known) for step in range(known[0])]
        parts = [x[since:end, :many].reshape(-1, *x.shape[2:]) for since, end, many in blocks(sizes)]
        data = torch.cat(parts)
        of_steps = torch.empty(len(sizes), dtype=torch.int64)
    tracer.shadows.learn(of_steps, _real(sizes))
    return data, of_steps


def _real(values: list[int]) -> Any:
    with torch._C._DisableTorchDispatch():
        return torch.tensor(values)


def _pack_backward(tracer: Any, gradient: Any, shape: Any, sizes: Any, first: Any) -> Any:
    shape = list(shape)
    if first:
        shape[:2] = shape[1], shape[0]
    out, start = gradient.new_zeros(shape), 0
    for step, many in enumerate(steps(tracer, sizes)):
        out[step, :many].copy_(gradient[start : start + many])
        start += many
    return out.transpose(0, 1) if first else out


def _pad(tracer: Any, data: Any, sizes: Any, first: Any, value: Any, total: Any) -> Any:
    known = steps(tracer, sizes)
    shape = (max(total, len(known)), known[0], *data.shape[1:])
    out, start = torch.full(shape, value, dtype=data.dtype, device=data.device), 0
    for since, end, many in blocks(known):
        part = data[start : start + (end - since) * many].view(end - since, many, *data.shape[1:])
        out[since:end, :many].copy_(part)
        start += (end - since) * many
    lengths = torch.empty(known[0], dtype=torch.int64)
    tracer.shadows.learn(lengths, _real([sum(many > sample for many in known) for sample in range(known[0])]))
    return (out.transpose(0, 1) if first else out), lengths
