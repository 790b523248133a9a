"""Quantised weights and optimizer states: the library's own Python runs, and only its native kernels do nothing.

bitsandbytes allocates whatever it needs in Python (packed weights, scales, the dequantised copy of a weight in forward
and backward, 8-bit states) and hands addresses to a native library, which allocates nothing from torch. So the library
is replaced by one that does nothing, and every size is that of the installed version: nothing is copied from it here.
The operators that it registers have fake kernels of their own, but those show results only; the CUDA kernels are run.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor

from . import imports, unknown
from .shadows import tensors

LIBRARY = "bitsandbytes"
OWN = frozenset(
    "aten prim prims rngprims profiler c10d _c10d_functional _dtensor symm_mem sparse mkldnn quantized _quantized "
    "inductor torchvision".split()
)
"""Namespaces of operators that are torch's, or as plain; any other is an extension's."""
KEYS = ("CUDA", "CompositeExplicitAutograd")
MIB = 2**20
PAGED = (
    "paged optimizer states are managed memory, which torch does not count: they take what is free on the GPU and go "
    "to the host's memory where it is not; the host needs {mib} MiB for them"
)
OUTLIERS = (
    "LLM.int8: no column of the input is taken as an outlier; each that is one adds 2 bytes per token and layer, kept "
    "until the backward"
)
FUSED = (
    "torchao's update of a parameter is compiled: its temporaries are taken as none, as in its own benchmarks; "
    "uncompiled it would hold 13 fp32 copies of the parameter"
)
OUTSIDE = "{name} is not torch's own: its results are counted, what its kernel takes inside is not known"


TRACED, UNTRACED = (LIBRARY, "torchao", "hqq"), ("gptqmodel", "auto_gptq", "awq", "eetq", "aqlm", "quanto")
BOUND = (
    "{name} did not let itself be traced. An upper bound: the same step with plain 16-bit layers, and one 16-bit copy "
    "of the largest more. Its weights alone: 0.5 bytes each in 4 bits, 1 in 8, and 2 to 4 bytes for each group's "
    "scale. It said: "
)


def untraced(files: Iterable[str], kind: str) -> str:
    """The library of quantised layers in whose code something went wrong for want of a GPU, or nothing.

    In one that is traced, what goes wrong is the user's, unless it is of the `kind` that fake tensors cannot do.
    """
    folders = {part for each in files for part in each.split("/")[:-1]}
    names = UNTRACED + (TRACED if kind == "cannot-trace" else ())
    return next((name for name in names if name in folders), "")


class Nothing:
    """A native library whose every function does nothing and returns 0; its types may be set."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def function(*_: Any) -> int:
            return 0

        setattr(self, name, function)
        return function

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def _silence(module: Any) -> None:
    module.lib = Nothing()
    module.COMPILED_WITH_CUDA = True  # asked for by versions up to 0.42


def _page(tracer: Any, module: Any) -> None:
    """What is paged lies outside torch's allocator, as a CPU tensor of the library's."""
    held, key = 0, ("", "")

    def get_paged(*shape: int, dtype: torch.dtype = torch.float32, **_: Any) -> Any:
        nonlocal held, key
        out = torch.empty(shape, dtype=dtype)
        out.is_paged, out.page_deviceid = True, 0  # type: ignore[attr-defined]
        held += out.numel() * out.element_size()
        tracer.assumed.pop(key, None)
        key = PAGED.format(mib=f"{held / MIB:.1f}"), ""
        tracer.assumed[key] = 1
        return out

    module.get_paged = get_paged


def _claim(_module: Any) -> None:
    """From now on its operators are run as on a GPU."""
    from .server import _short_cut_dynamo

    for name in torch._C._dispatch_get_all_op_names():
        if name.startswith(LIBRARY + "::"):
            unknown.HANDLERS[name] = _as_on_cuda
    _short_cut_dynamo()  # its kernels are wrapped by torch._disable_dynamo


def _as_on_cuda(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
    """The Python kernel that is registered for CUDA, under the tracer: its temporaries are seen."""
    if not any(each.device.type == "cuda" for each in tensors((args, kwargs))):
        return NotImplemented
    name = func.name()
    key = next((each for each in KEYS if torch._C._dispatch_has_kernel_for_dispatch_key(name, each)), None)
    if key is None:
        return NotImplemented
    given = (*args, *kwargs.values())
    if func._schema.name.endswith("int8_vectorwise_quant") and any(isinstance(each, float) and each for each in given):
        tracer.assume(OUTLIERS)
    with tracer:
        out = func._op_dk(getattr(torch._C.DispatchKey, key), *args, **kwargs)
    if func._schema.is_mutable:
        tracer.shadows.poison(given)
    if tracer.counting and key == "CUDA":  # what it moves; products are seen where torch computes them
        tracer.work.add(func, args, kwargs, out, tracer.device)
    return out


def handler(func: Any) -> Any:
    """How to treat an operator of an extension; None for torch's own."""
    return None if func._schema.name.partition("::")[0] in OWN else _named


def _named(tracer: Any, func: Any, _args: Any, _kwargs: Any) -> Any:
    tracer.assume(OUTSIDE.format(name=func._schema.name))
    return NotImplemented


def is_update(function: Any) -> bool:
    """Whether what is to be compiled is torchao's update of one parameter, whose library has no eager form."""
    return str(getattr(function, "__module__", "")).startswith("torchao.optim")


def fused(tracer: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The update without its temporaries; the states are there before it and stay after it."""

    def update(*args: Any, **kwargs: Any) -> Any:
        tracer.assume(FUSED)
        tracer.see = lambda *_: None
        try:
            return function(*args, **kwargs)
        finally:
            del tracer.see  # the method is back

    return update


# ---- weights of a class of their own


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8
def _fake_class(cls: Any) -> Any:
    """The class of weights, as one of fake tensors: `isinstance` holds for both, and so do the methods of both."""

    def get(self: Any) -> Any:
        return torch.Tensor.data.__get__(self)  # type: ignore[attr-defined]

    def put(self: Any, value: Any) -> None:
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]
        if isinstance(value, FakeTensor):
            self.fake_device = value.fake_device  # the weight moves by getting other data

    body = {"data": property(get, put), "__module__": cls.__module__}
    return type(cls)(cls.__name__, (cls, FakeTensor), body)


def _make_subclass(plain: Callable[..., Any]) -> Callable[..., Any]:
    def make(cls: Any, data: Any, require_grad: bool = False, *more: Any, **options: Any) -> Any:
        if not isinstance(data, FakeTensor) or not issubclass(cls, nn.Parameter) or hasattr(cls, "cls_to_become"):
            return plain(cls, data, require_grad, *more, **options)
        made = data.detach()
        made.requires_grad_(require_grad)
        made.__class__ = cls if issubclass(cls, FakeTensor) else _fake_class(cls)
        return made

    return make


def moves_itself(value: Any) -> bool:
    """Whether a weight is of a class that swaps its data, as real weights do when a module moves."""
    return isinstance(value, FakeTensor) and type(value) is not FakeTensor


def parts(tensor: Any) -> Iterator[Any]:
    """The tensors that a quantised one is made of: codes, scales, nested scales, and the tables of their values."""
    if hasattr(tensor, "__tensor_flatten__"):
        yield from (getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
        return
    state = getattr(tensor, "quant_state", None)
    for each in (state, getattr(state, "state2", None), tensor if moves_itself(tensor) else None):
        yield from tensors(list(vars(each).values()) if hasattr(each, "__dict__") else each)  # a list up to 0.41.1


def wrapped(types: Any) -> bool:
    """Whether an operator was given a tensor that only holds others, like torchao's."""
    return any(each is not FakeTensor and not issubclass(each, FakeTensor) for each in types)


def numel(parameter: Any) -> int:
    """The weights that a parameter stands for, also where two of them lie in one byte."""
    state = getattr(parameter, "quant_state", None)
    shape = state[1] if isinstance(state, list) else getattr(state, "shape", None)
    return int(math.prod(shape) if shape is not None else parameter.numel())


def install(tracer: Any) -> None:
    """Let quantised layers be built, moved and run on the fake device."""
    torch.Tensor._make_subclass = staticmethod(_make_subclass(torch.Tensor._make_subclass))  # type: ignore[method-assign]
    imports.install(
        {
            f"{LIBRARY}.cextension": imports.Change(_silence, may_fail=True),  # without a GPU's driver it may refuse
            f"{LIBRARY}.functional": imports.Change(functools.partial(_page, tracer)),
            LIBRARY: imports.Change(_claim),
        }
    )
