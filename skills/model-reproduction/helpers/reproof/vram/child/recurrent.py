"""Recurrent networks as cuDNN runs them: the flat buffer of weights, the casts of autocast, torch's own cells.

Autograd's own node of aten::_cudnn_rnn decides what is saved; what the operator itself takes is in rnnkernels.py.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from . import packed, rnnkernels
from .rnnkernels import Layout, layout, views

MODES = {"rnn_relu": 0, "rnn_tanh": 1, "lstm": 2, "gru": 3}
"""cudnnRNNMode_t."""
BF16_CUDNN, BF16_TORCH = (9, 13, 0), (2, 9)
HALF = torch.float16
COPIED = (
    "the weights of an RNN are no single chunk of memory: cuDNN gets a flat copy of them at every call, which the "
    "backward keeps; flatten_parameters() mends that, but for bf16 (torch warns of it)"
)
aten = torch.ops.aten


class Call(NamedTuple):
    """One call of an RNN; `sizes` are the samples at each step where the batch is packed, else none."""

    name: str
    x: Any
    state: Any
    weights: Any
    bias: bool
    layers: int
    dropout: float
    train: bool
    both: bool
    first: bool
    sizes: list[int]


def by_cudnn(tracer: Any, x: Any) -> bool:
    """Whether cuDNN runs an RNN on this input; `use_cudnn` in aten/src/ATen/native/RNN.cpp.

    bf16 since torch 2.9, with a cuDNN of 9.13 on (CUDAHooks::supportsBFloat16RNNWithCuDNN); a build without CUDA is
    taken as one with the newest.
    """
    if not torch.backends.cudnn.enabled or x.numel() == 0:
        return False
    if x.dtype != torch.bfloat16:
        return x.dtype in (torch.float16, torch.float32, torch.float64)
    cudnn = getattr(torch._C, "_cudnn", None)
    new = cudnn is None or _version(cudnn.getCompileVersion()) >= BF16_CUDNN
    return new and tracer.torch_version >= BF16_TORCH and bool(tracer.target.capability[0] >= 8)


def _version(found: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in found)


# ---- the flat buffer of weights


def _place(weight: Any) -> tuple[int, int]:
    return weight.untyped_storage()._cdata, weight.storage_offset()


def is_flat(weights: Any, where: Layout) -> bool:
    """Whether the weights lie in one buffer as cuDNN wants them; `try_get_weight_buf` in cudnn/RNN.cpp."""
    first = weights[0].untyped_storage()
    if first.nbytes() < where.numbers * weights[0].element_size():
        return False
    wanted = [(first._cdata, start) for start in where.starts]
    return [_place(each) for each in weights] == wanted and all(each.is_contiguous() for each in weights)


def flatten(module: Any) -> None:
    """RNNBase.flatten_parameters, with torch's own conditions: a new buffer, into which the weights move."""
    weights = module._flat_weights
    if len(weights) != len(module._flat_weights_names) or not all(isinstance(each, torch.Tensor) for each in weights):
        return
    acceptable = torch.backends.cudnn.CUDNN_TENSOR_DTYPES if torch.backends.cudnn.enabled else ()
    first = weights[0]
    if any(each.device.type != "cuda" or each.dtype != first.dtype or each.dtype not in acceptable for each in weights):
        return
    if len({_place(each) for each in weights}) != len(weights):
        return
    where = layout(weights, (4 if module.bias else 2) + (module.proj_size > 0))
    with torch.no_grad():
        flat = torch.zeros(where.numbers, dtype=first.dtype, device=first.device)
        for each, part in zip(weights, views(flat, weights, where)):  # noqa: B905 - Python 3.8; one for each
            each.set_(part)


def _copied(tensor: Any, memo: Any) -> Any:
    """A parameter is copied alone, as torch.nn.Parameter is; plain tensors with what else lies in their storage."""
    if type(tensor) is not FakeTensor or not getattr(tensor, "_is_param", False):
        return torch.Tensor.__deepcopy__(tensor, memo)
    if id(tensor) not in memo:
        memo[id(tensor)] = nn.Parameter(tensor.data.clone(), tensor.requires_grad)
    return memo[id(tensor)]


class _Cast(torch.autograd.Function):
    """Autocast's 16-bit weights, one flat buffer for each call, and their gradients cast back one by one.

    Source: _cudnn_rnn_cast_reflatten in aten/src/ATen/cudnn/AutocastRNN.cpp: fp16, whatever autocast's own type is.
    """

    @staticmethod
    def forward(ctx: Any, where: Layout, *weights: Any) -> Any:
        flat = torch.zeros(where.numbers, dtype=HALF, device=weights[0].device)
        ctx.dtypes = [each.dtype for each in weights]
        ctx.mark_non_differentiable(flat)
        ctx.set_materialize_grads(False)
        return (flat, *views(flat, weights, where))

    @staticmethod
    def backward(ctx: Any, _flat: Any, *gradients: Any) -> Any:
        pairs = zip(gradients, ctx.dtypes)  # noqa: B905 - Python 3.8; one for each weight
        return (None, *(each if each is None else each.to(dtype) for each, dtype in pairs))


def _casts(tensor: Any) -> bool:
    """Whether autocast turns it into fp16."""
    return tensor is not None and tensor.dtype not in (HALF, torch.float64)


def _narrowed(tensor: Any) -> Any:
    return tensor.to(HALF) if _casts(tensor) else tensor


# ---- what torch calls


class _Dropout:
    """The state of dropout's random numbers: made when an RNN first needs it, kept for good."""

    def __init__(self, tracer: Any) -> None:
        self.tracer, self.made = tracer, False

    def need(self, call: Call) -> None:
        """Make it, where this call is the first to use it; `get_dropout_state` in cudnn/RNN.cpp."""
        if call.train and call.dropout > 0 and not self.made:
            self.made = True
            self.tracer.scratch(rnnkernels.dropout_state_bytes(self.tracer.target), rnnkernels.DROPOUT)


def install(tracer: Any, library: Any) -> None:
    """Register what runs RNNs on the target, for as long as the library lasts."""
    state = _Dropout(tracer)
    for name in MODES:
        library.impl(f"{name}.input", _of_input(tracer, name, state), "AutogradCUDA")
        library.impl(f"{name}.data", _of_data(tracer, name, state), "AutogradCUDA")
    packed.install(tracer, library)
    rnnkernels.install()
    FakeTensor.__deepcopy__ = _copied  # type: ignore[method-assign]
    nn.RNNBase.flatten_parameters = flatten  # type: ignore[assignment,method-assign]


def _of_input(tracer: Any, name: str, state: _Dropout) -> Callable[..., Any]:
    whole = getattr(aten, name).input

    def run(x: Any, hidden: Any, weights: Any, *how: Any) -> Any:
        if not by_cudnn(tracer, x):
            return _apart(whole, x, hidden, weights, *how)
        return _run(tracer, Call._make((name, x, hidden, weights, *how, [])), state)

    return run


def _of_data(tracer: Any, name: str, state: _Dropout) -> Callable[..., Any]:
    whole = getattr(aten, name).data

    def run(x: Any, sizes: Any, hidden: Any, weights: Any, *how: Any) -> Any:
        if not by_cudnn(tracer, x):
            return _apart(whole, x, sizes, hidden, weights, *how)
        call = Call._make((name, x, hidden, weights, *how, False, packed.steps(tracer, sizes)))
        return _run(tracer, call, state)

    return run


@contextmanager
def _without_cudnn() -> Iterator[None]:
    before = torch.backends.cudnn.enabled
    torch._C._set_cudnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_cudnn_enabled(before)


def _apart(whole: Any, *args: Any) -> Any:
    """Torch's own cells, one step after the other."""
    with _without_cudnn():
        return whole._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args)


def _run(tracer: Any, call: Call, state: _Dropout) -> Any:
    hx, cx = call.state if call.name == "lstm" else (call.state, None)
    units, projected = hx.shape[2], 0
    if cx is not None and cx.shape[2] != units:
        units, projected = cx.shape[2], hx.shape[2]
    x, weights, buffer = call.x, list(call.weights), None
    stride = (4 if call.bias else 2) + (projected > 0)
    where, narrows = layout(weights, stride), torch.is_autocast_enabled("cuda")
    state.need(call)
    with torch.autocast("cuda", enabled=False):
        if narrows and _casts(weights[0]):
            buffer, *weights = _Cast.apply(where, *weights)
        elif is_flat(weights, where):
            buffer = weights[0].detach()  # a stand-in for the whole, whose memory it holds
        else:
            tracer.assume(COPIED)
        if narrows:
            x, hx, cx = _narrowed(x), _narrowed(hx), _narrowed(cx)
        out, last, last_cell, _, _ = aten._cudnn_rnn.default(
            x, weights, stride, buffer, hx, cx, MODES[call.name], units, projected, call.layers, call.first,
            call.dropout, call.train, call.both, call.sizes, None,
        )  # fmt: skip
    return (out, last, last_cell) if call.name == "lstm" else (out, last)
