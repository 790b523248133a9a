"""Operators of other libraries than cuBLAS and cuDNN's convolutions: cuFFT, cuSOLVER, CTC, samplers.

Rules yield what an operator takes while it runs; handlers are operators that fake tensors do not have. Sources are
named below aten/src/ATen/native unless said. cuFFT's and cuSOLVER's workspaces are guesses: GUESSES.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch._subclasses import fake_impls

from . import recurrent, speech
from .scratch import Scratch, nbytes, numbers

CLONE = "aten::clone"
FFT = ("aten::_fft_c2c", "aten::_fft_r2c", "aten::_fft_c2r")
GUESSES = (*FFT, "aten::_linalg_eigh", "aten::_linalg_svd", "aten::_cudnn_ctc_loss")
"""Operators whose workspace is a guess."""
EIGH_SQUARES = 2
EXP_COPIES = 12
EMBEDDING_ROWS = 10
EXPONENTIAL = "matrix_exp: as for matrices of a large norm, an upper bound of 12 copies; small norms take fewer"
BLUESTEIN = "cuFFT's workspace for a length with a prime factor above 127 is not known; taken as for other lengths"


# ---- cuFFT


def _hard(length: int) -> bool:
    """Whether a length has a prime factor above 127, for which cuFFT has no kernel; its guide, section on accuracy."""
    for prime in range(2, 128):
        while length % prime == 0:
            length //= prime
    return length > 1


def fft(tracer: Any, args: Any) -> Iterator[int]:
    """A clone of what is transformed back to real numbers, and the work area: the spectrum once more, from 2-D on.

    The clone is in cuda/SpectralOps.cpp. The work area is what was printed of 2-D plans of 100 x 100 to 100 x 1500
    complex numbers, 8 bytes for each (github.com/arrayfire/arrayfire/issues/1443); along one dimension cuFFT is taken
    to need none. Real transforms are by analogy: half a spectrum.
    """
    x, axes = args[0], list(args[1])
    if x.device.type != "cuda" or x.numel() == 0:
        return
    to_real = not isinstance(args[3], bool)
    if any(_hard(x.shape[axis]) for axis in axes[:-1]) or _hard(args[3] if to_real else x.shape[axes[-1]]):
        tracer.assume(BLUESTEIN)
    held = tracer.scratch(nbytes(x), CLONE) if to_real else None
    if len(axes) > 1:
        last, numbers = x.shape[axes[-1]], x.numel()
        yield nbytes(x) if x.is_complex() else numbers // last * (last // 2 + 1) * 2 * x.element_size()
    if held is not None:
        tracer.ledger.free(held)


# ---- cuSOLVER


def _on_gpu(rule: Callable[[Any, Any], Iterator[int]]) -> Callable[[Any, Any], Iterator[int]]:
    def run(tracer: Any, args: Any) -> Iterator[int]:
        if args[0].device.type == "cuda" and args[0].numel():
            yield from rule(tracer, args)

    return run


def _eigh(_tracer: Any, args: Any) -> Iterator[int]:
    """The work area of syevd, as LAPACK's asks for: twice the square; one matrix after the other."""
    x = args[0]
    yield EIGH_SQUARES * x.shape[-1] ** 2 * x.element_size()


def _svd(_tracer: Any, args: Any) -> Iterator[int]:
    """A copy that is destroyed, and a work area of one matrix."""
    x = args[0]
    yield nbytes(x)
    yield x.shape[-1] * x.shape[-2] * x.element_size()


def _inverse(_tracer: Any, args: Any) -> Iterator[int]:
    """The factors, since the inverse solves for the identity; linalg_inv_ex_out in BatchLinearAlgebra.cpp."""
    yield nbytes(args[0])


def _exponential(tracer: Any, args: Any) -> Iterator[int]:
    """Five powers, five sums of them, the scaled matrix and a product; compute_T18 in LinearAlgebra.cpp."""
    tracer.assume(EXPONENTIAL)
    yield EXP_COPIES * nbytes(args[0])


# ---- draws and bags


def _multinomial(_tracer: Any, args: Any) -> Iterator[int]:
    """One exponential draw for each probability; with replacement a copy, the normed and the summed ones.

    Source: multinomial_out in Distributions.cpp, multinomial_with_replacement_kernel_impl in cuda/MultinomialKernel.cu.
    """
    x, count, again = args[0], args[1], len(args) > 2 and bool(args[2])
    for _ in range(3 if again and count > 1 else 1):
        yield nbytes(x)


def _bag_backward(_tracer: Any, args: Any) -> Iterator[int]:
    """As an embedding's, however few the indices are; embedding_bag_backward_cuda_sum_avg in cuda/EmbeddingBag.cu."""
    gradient, index, rows, scaled, mode, sparse = args[0], args[1], args[6], args[7], args[8], args[9]
    if mode > 1 or sparse or not index.numel():  # the largest value of a bag needs nothing
        return
    count, segments = index.numel(), min(index.numel(), rows)
    pieces = count // EMBEDDING_ROWS + segments
    for many in (count, count, count, *((count,) if scaled else ()), segments, segments, pieces):
        yield many * index.element_size()
    yield pieces * gradient.shape[-1] * max(4, gradient.element_size())


AFTER: dict[str, Callable[[Any, Any], Iterator[int]]] = {
    **dict.fromkeys(FFT, fft),
    "aten::_linalg_eigh": _on_gpu(_eigh),
    "aten::_linalg_svd": _on_gpu(_svd),
    "aten::linalg_inv_ex": _on_gpu(_inverse),
    "aten::linalg_matrix_exp": _on_gpu(_exponential),
    "aten::multinomial": _on_gpu(_multinomial),
    "aten::_embedding_bag_backward": _on_gpu(_bag_backward),
}
"""Taken after the results are."""


# ---- operators that fake tensors do not have


def _transformed(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """A transform from or to real numbers in a torch whose fake tensors would run it for want of its strides (2.6)."""
    runs = getattr(fake_impls, "stride_incorrect_op", None)
    if runs is None or not runs(func) or args[0].device.type != "cuda":
        return NotImplemented
    x, last, scratch = args[0], args[1][-1], Scratch(tracer, func._schema.name)
    shape = list(x.shape)
    if x.is_complex():
        shape[last] = args[3]
    elif args[3]:
        shape[last] = shape[last] // 2 + 1
    made = scratch.make(x, shape, x.dtype.to_real() if x.is_complex() else x.dtype.to_complex())
    for size in fft(tracer, args):
        scratch.take(size)
    scratch.end()
    return made


def _sampled(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """What grid_sample takes where corners are aligned; cudnn/GridSampler.cpp."""
    x, grid = args[:2]
    return Scratch(tracer, func._schema.name).make(x, (*x.shape[:2], *grid.shape[1:3]))


def _sampled_backward(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    return tuple(Scratch(tracer, func._schema.name).make(each, each.shape) for each in args[:2])


def _least_squares(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """gels, the one driver on a GPU: both sides are copied, and the solution lies in the right one's copy."""
    a, b, scratch = args[0], args[1], Scratch(tracer, func._schema.name)
    (rows, columns), batch = a.shape[-2:], a.shape[:-2]
    vector = b.dim() == 1 or (b.dim() == a.dim() - 1 and b.shape == a.shape[:-1])
    wide = 1 if vector else b.shape[-1]
    scratch.take(nbytes(a))
    solution = scratch.make(a, (*batch, max(rows, columns), wide)).narrow(-2, 0, columns)
    scratch.end()
    residuals = scratch.make(a, (*batch, wide) if rows > columns else (0,))
    rank, values = scratch.make(a, (0,), torch.int64), scratch.make(a, (0,))
    return (solution.squeeze(-1) if vector else solution), residuals, rank, values


def _alike(position: int, temporaries: int = 0) -> Callable[..., Any]:
    """One result in the shape of an argument, and as large temporaries."""

    def run(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
        scratch, like = Scratch(tracer, func._schema.name), args[position]
        for _ in range(temporaries):
            scratch.take(nbytes(like))
        made = scratch.make(like, like.shape)
        scratch.end()
        return made

    return run


def _repeated(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
    """The index of each repetition; how many there are is told, known, hinted at, or not to be had."""
    known = numbers(tracer, args[0])
    total = kwargs.get("output_size") or (args[1] if len(args) > 1 else None)
    if total is None:
        total = sum(known) if known is not None else tracer.hint()
    if total is None:
        return NotImplemented
    made = Scratch(tracer, func._schema.name).make(args[0], (int(total),))
    if known is not None:
        with torch._C._DisableTorchDispatch():
            values = torch.repeat_interleave(torch.tensor(known, dtype=made.dtype))
        tracer.shadows.learn(made, values, tracer.shadows.drawn(args[0]))
    return made


HANDLERS: dict[str, Callable[..., Any]] = {
    **speech.HANDLERS,
    **dict.fromkeys(FFT[1:], _transformed),
    "aten::cudnn_grid_sampler": _sampled,
    "aten::cudnn_grid_sampler_backward": _sampled_backward,
    "aten::linalg_lstsq": _least_squares,
    "aten::_standard_gamma": _alike(0),
    "aten::_standard_gamma_grad": _alike(0),
    "aten::_sample_dirichlet": _alike(0, 1),
    "aten::_dirichlet_grad": _alike(0),
    "aten::multilabel_margin_loss_backward": _alike(1),
    "aten::repeat_interleave.Tensor": _repeated,
}
"""Run here instead."""


def install(tracer: Any, library: Any) -> None:
    """Register what has to be replaced above autograd, for as long as the library lasts."""
    recurrent.install(tracer, library)
    speech.install(tracer, library)
