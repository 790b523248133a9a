"""Speech: CTC losses and the inverse short-time Fourier transform, whose composites in torch read values."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .scratch import Scratch, nbytes, numbers

CTC_LONGEST = 256
MEAN, SUM = 1, 2
"""at::Reduction."""
LENGTHS = "target lengths of a CTC loss are not known: taken as the longest that the targets allow, an upper bound"
aten = torch.ops.aten


def _uses_cudnn(x: Any, targets: Any, given: list[int], wanted: list[int], blank: int) -> bool:
    """Whether cuDNN computes a CTC loss: the targets one row of 32-bit numbers on the CPU; cudnn/LossCTC.cpp."""
    able = torch.backends.cudnn.enabled and blank == 0 and x.dtype == torch.float32
    if not able or targets.dim() != 1 or targets.dtype != torch.int32 or targets.device.type != "cpu":
        return False
    return set(given) == {x.shape[0]} and max(wanted) < CTC_LONGEST and max(wanted) <= x.shape[0]


def ctc_loss(
    tracer: Any, log_probs: Any, targets: Any, given: Any, wanted: Any, blank: int, reduction: int, finite: bool
) -> Any:
    """In the operators of torch's own (LossCTC.cpp), which reads the lengths; unknown ones are taken as full."""
    x = log_probs if log_probs.dim() == 3 else log_probs.unsqueeze(1)
    steps, longest = numbers(tracer, given), numbers(tracer, wanted)
    if longest is None:
        tracer.assume(LENGTHS)
        longest = [targets.shape[-1]] * x.shape[1]
    steps = [x.shape[0]] * x.shape[1] if steps is None else steps
    if _uses_cudnn(x, targets, steps, longest, blank):
        loss = aten._cudnn_ctc_loss.default(x, targets, steps, longest, blank, True, finite)[0]
    else:
        there = targets.to(x.device, torch.int64)
        loss = aten._ctc_loss.default(x, there, steps, longest, blank, finite)[0]
        if finite:
            loss = torch.where(loss == float("inf"), loss.new_zeros(()), loss)
    if reduction == MEAN:
        return (loss / loss.new_ones(len(longest)).clamp_min(1)).mean()
    if reduction == SUM:
        return loss.sum()
    return loss if log_probs.dim() == 3 else loss.squeeze(0)


def _ctc(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """The loss of each sample, and alpha for each step and twice each target, which is kept; cuda/LossCTC.cu."""
    x, op = args[0], func._schema.name
    states = 2 * max(args[3], default=0) + 1
    return Scratch(tracer, op).make(x, (x.shape[1],)), Scratch(tracer, op).make(x, (x.shape[1], x.shape[0], states))


def _ctc_backward(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    x, alpha, op = args[1], args[6], func._schema.name
    beta = tracer.scratch(nbytes(alpha), op)
    gradient = Scratch(tracer, op).make(x, x.shape)
    tracer.ledger.free(beta)
    return gradient


def _ctc_cudnn(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """The loss, its gradient at once, and a workspace as the states of torch's own would be."""
    x, op = args[0], func._schema.name
    made = Scratch(tracer, op).make(x, (x.shape[1],)), Scratch(tracer, op).make(x, x.shape)
    states = 2 * max(args[3], default=0) + 1
    tracer.ledger.free(tracer.scratch(x.shape[0] * x.shape[1] * states * x.element_size(), op))
    return made


HANDLERS: dict[str, Callable[..., Any]] = {
    "aten::_ctc_loss": _ctc,
    "aten::_ctc_loss_backward": _ctc_backward,
    "aten::_cudnn_ctc_loss": _ctc_cudnn,
}
"""Run here instead."""


def install(tracer: Any, library: Any) -> None:
    """Register what has to be replaced above autograd, for as long as the library lasts."""

    def ctc(
        x: Any, targets: Any, given: Any, wanted: Any, blank: int = 0, reduction: int = MEAN, finite: bool = False
    ) -> Any:
        return ctc_loss(tracer, x, targets, given, wanted, blank, reduction, finite)

    for overload in ("IntList", "Tensor"):
        library.impl(f"ctc_loss.{overload}", ctc, "AutogradCUDA")
    library.impl("istft", _istft, "AutogradCUDA")


def _istft(
    x: Any, n: int, hop: Any = None, width: Any = None, window: Any = None, center: bool = True,
    normalized: bool = False, onesided: Any = None, length: Any = None, return_complex: bool = False,
) -> Any:  # fmt: skip
    """In the operators of torch's own in SpectralOps.cpp; its check that no window is empty would read values."""
    hop, width = hop or n // 4, width or n
    batched = x.dim() == 3
    x = (x if batched else x.unsqueeze(0)).transpose(1, 2)
    frames, bins = x.shape[1:]
    if window is None:
        window = torch.ones(width, dtype=x.real.dtype, device=x.device)
    if width != n:
        left = (n - width) // 2
        window = torch.nn.functional.pad(window, (left, n - width - left))
    norm = "ortho" if normalized else "backward"
    if return_complex:
        y = torch.fft.ifft(x, n, -1, norm)
    else:
        half = bins != n if onesided is None else onesided
        y = torch.fft.irfft(x if half else x[..., : n // 2 + 1], n, -1, norm)
    whole = n + hop * (frames - 1)
    y = torch.ops.aten.unfold_backward(y * window.view(1, 1, n), [y.shape[0], whole], 1, n, hop)
    squares = window.pow(2).expand(1, frames, n)
    envelope = torch.ops.aten.unfold_backward(squares, [1, whole], 1, n, hop)
    start = n // 2 if center else 0
    end = start + length if length is not None else (whole - n // 2 if center else whole)
    y, envelope = y[:, start:end], envelope[:, start:end]
    envelope.abs().min().lt(1e-11)
    y = y / envelope
    if end > whole:
        y = torch.nn.functional.pad(y, (0, end - whole))
    return y if batched else y.squeeze(0)
