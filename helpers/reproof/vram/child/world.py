"""What user code sees of the machine: torch.cuda as on the target GPU, values of fake tensors, conversions of modules.

Everything here changes torch in this process for good; the process ends with the trace.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import collections
import inspect
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from . import quantised
from .truths import Noted
from .unknown import state_draw

MIB = 2**20


class OtherDevice(RuntimeError):
    """A tensor was put on a GPU that the traced machine does not have."""


class Idle:
    """A CUDA stream or event that does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None

    def elapsed_time(self, _other: Any) -> float:
        """Milliseconds that never pass."""
        return 1.0

    def query(self) -> bool:
        """Always done."""
        return True

    def __enter__(self) -> Idle:
        return self

    def __exit__(self, *_: Any) -> None:
        return None


def _constant(value: Any) -> Callable[..., Any]:
    """A new function each time: torch._dynamo refuses to be imported when two of torch's names are one function."""
    return lambda *_, **__: value


def _properties(target: Any) -> Any:
    major, minor = target.capability
    return types.SimpleNamespace(
        name=target.name, major=major, minor=minor, total_memory=target.usable_bytes, multi_processor_count=80,
        is_integrated=0, warp_size=32, max_threads_per_multi_processor=2048, regs_per_multiprocessor=65536,
        L2_cache_size=40 * MIB, gcnArchName="", shared_memory_per_block_optin=101376,
    )  # fmt: skip


def _device_functions(tracer: Any) -> dict[str, Any]:
    target, ledger = tracer.target, tracer.ledger

    class Stream(Idle):  # a class, because libraries name it in annotations
        def __init__(self, *_: Any, **__: Any) -> None:
            tracer.assume("several CUDA streams are counted as one; each really has a cache of its own")

    def set_device(device: Any) -> None:
        index = device if isinstance(device, int) else torch.device(device).index
        if index:
            raise OtherDevice(f"set_device({device!r}); the traced machine has one GPU, cuda:0")

    def bf16(including_emulation: bool = True) -> bool:
        return including_emulation or target.capability[0] >= 8

    def reset(*_: Any) -> None:
        ledger.peak = ledger.allocated

    def free(*_: Any) -> tuple[int, int]:
        return target.usable_bytes - ledger.allocated, target.usable_bytes

    properties = _properties(target)
    quiet = (
        "init _lazy_init synchronize manual_seed manual_seed_all seed seed_all set_rng_state "
        "set_rng_state_all set_stream ipc_collect reset_accumulated_memory_stats set_per_process_memory_fraction"
    )
    values = {
        "is_available": True, "device_count": 1, "current_device": 0, "is_initialized": True,
        "get_device_name": target.name, "get_device_properties": properties,
        "get_device_capability": target.capability, "is_current_stream_capturing": False,
        "get_arch_list": [], "_exchange_device": 0, "_maybe_exchange_device": 0, "_is_in_bad_fork": False,
    }  # fmt: skip
    return {
        **{name: _constant(None) for name in quiet.split()},
        **{name: _constant(value) for name, value in values.items()},
        "is_bf16_supported": bf16,
        "Event": Idle,
        "Stream": Stream,
        "set_device": set_device,
        "current_stream": _constant(Idle()),
        "default_stream": _constant(Idle()),
        "stream": lambda *_: Idle(),
        "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
        "get_rng_state_all": lambda *_: [torch.zeros(16, dtype=torch.uint8)],
        "memory_allocated": lambda *_: ledger.allocated,
        "max_memory_allocated": lambda *_: ledger.peak,
        "memory_reserved": lambda *_: ledger.allocated,
        "max_memory_reserved": lambda *_: ledger.peak,
        "reset_peak_memory_stats": reset,
        "reset_max_memory_allocated": lambda *_: reset(),
        "empty_cache": ledger.empty_cache,
        "mem_get_info": free,
        "memory_stats": lambda *_: collections.defaultdict(int),
        "memory_summary": lambda *_, **__: "",
    }


class _CpuGenerator(torch.Generator):
    """A generator asked for on the GPU; random numbers have no memory."""

    def __new__(cls, *_: Any, **__: Any) -> _CpuGenerator:
        return super().__new__(cls, "cpu")  # type: ignore[call-arg]


def install(tracer: Any) -> None:
    """Turn this process's torch into one that runs on the tracer's target."""
    import torch.cuda.amp.common as amp
    import torch.optim.optimizer as optim
    import torch.utils._foreach_utils as foreach

    FakeTensorMode.avoid_device_init = property(lambda _: True)  # type: ignore[assignment,method-assign]
    fake_tensor.init_gpu_context = _constant(None)  # type: ignore[assignment]
    # deepcopy of a tensor copies what it holds, its mode too, and a copied mode frees the weak references twice
    FakeTensorMode.__deepcopy__ = lambda self, _: self  # type: ignore[attr-defined]
    for name, value in _device_functions(tracer).items():
        setattr(torch.cuda, name, value)
    for name in ("range_push", "range_pop", "range_start", "range_end", "mark"):
        setattr(torch.cuda.nvtx, name, _constant(0))
    for name in ("_cuda_getCurrentRawStream", "_cuda_getDevice"):  # a CPU build has none, a CUDA build asks the driver
        setattr(torch._C, name, _constant(0))
    amp.amp_definitely_not_available = _constant(False)
    torch.Generator = _CpuGenerator  # type: ignore[misc]
    for module in (optim, foreach):  # else the optimizers loop over parameters, which a GPU does not
        known = getattr(module, "_foreach_supported_types", None)
        if known is not None and FakeTensor not in known:
            known.append(FakeTensor)
    _values(tracer)
    _conversions(tracer)
    _loading(tracer)
    _one_hot(tracer)
    _copies(tracer)
    quantised.install(tracer)
    _leave_out(tracer)


def _loading(tracer: Any) -> None:
    """Workers would be processes, and streams are not there. Neither changes what is on the GPU."""
    torch.Tensor.record_stream = lambda *_: None  # type: ignore[method-assign]
    loader = torch.utils.data.DataLoader
    made = loader.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        given = inspect.signature(made).bind(self, *args, **kwargs).arguments
        if given.get("num_workers"):
            tracer.assume("DataLoader: its workers' batches are made in the process itself, num_workers=0")
            given.update(num_workers=0, prefetch_factor=None, persistent_workers=False, timeout=0)
            given.pop("multiprocessing_context", None)
        made(**given)

    loader.__init__ = init  # type: ignore[method-assign]


def _one_hot(tracer: Any) -> None:
    """As on a GPU, zeros and a scatter; fake tensors are compared with a range instead (native/Onehot.cpp)."""

    def scattered(tensor: Any, num_classes: int = -1) -> Any:
        if num_classes < 0:
            known = tracer.shadows.value(tensor)
            told = tracer.hint() if known is None else int(known.max()) + 1
            if told is None:
                raise NotImplementedError("one_hot() of unknown values without num_classes: give it, or a hint")
            num_classes = int(told)
        zeros = torch.zeros((*tensor.shape, num_classes), dtype=tensor.dtype, device=tensor.device)
        return zeros.scatter_(-1, tensor.unsqueeze(-1), 1)

    torch.nn.functional.one_hot = scattered


def _copies(tracer: Any) -> None:
    """Deep copies of fake tensors, and checks of tensors by torch's own assert."""
    copied, checked = torch.Tensor.__deepcopy__, torch._assert

    def copy(self: Any, memo: dict[int, Any]) -> Any:
        if not isinstance(self, FakeTensor) or not self.is_leaf or id(self) in memo:
            return copied(self, memo)
        memo[id(self)] = new = self.detach().clone().requires_grad_(self.requires_grad)
        return new

    def check(condition: Any, message: str) -> None:
        if isinstance(condition, FakeTensor) and tracer.shadows.value(condition) is None:
            tracer.assume("a condition on values is taken as True: the program goes on")
        else:
            checked(condition, message)

    torch.Tensor.__deepcopy__ = copy  # type: ignore[method-assign]
    torch._assert = check


def _leave_out(tracer: Any) -> None:
    """What is not traced: compilation, graphs, and writing checkpoints."""

    def compiled(function: Any = None, *_: Any, **__: Any) -> Any:
        if quantised.is_update(function):
            return quantised.fused(tracer, function)
        tracer.assume("torch.compile is left out: the eager step is traced, which usually needs more")
        return function if function is not None else lambda inner: inner

    def saved(*_: Any, **__: Any) -> None:
        tracer.assume("torch.save is left out")

    class Graph:  # a class, because libraries name it in annotations
        def __init__(self, *_: Any, **__: Any) -> None:
            raise NotImplementedError("CUDA graphs keep private pools, which the tracer does not model")

    def compiled_in_place(self: nn.Module, *_: Any, **__: Any) -> None:
        compiled(self)

    torch.compile = compiled  # type: ignore[assignment]
    nn.Module.compile = compiled_in_place  # type: ignore[method-assign]
    torch.save = saved
    for name in ("CUDAGraph", "graph", "make_graphed_callables"):
        setattr(torch.cuda, name, Graph)


def _values(tracer: Any) -> None:
    """numpy(), tolist() and the like of a fake tensor: its real value, or zeros and a stated assumption."""

    def array(tensor: Any) -> Any:
        import numpy as np

        known = tracer.shadows.value(tensor)
        if known is not None and tracer.shadows.drawn(tensor):
            state_draw(tracer)
        if known is None:
            tracer.assume("values read with numpy() or tolist() are taken as zeros")
            dtype = str(tensor.dtype).replace("torch.", "").replace("bfloat16", "float32")
            return np.zeros(tuple(tensor.shape), dtype=dtype)
        with torch._C._DisableTorchDispatch():
            return (known.float() if known.dtype == torch.bfloat16 else known).detach().numpy().copy()

    def wrap(name: str, instead: Callable[[Any], Any]) -> None:
        original = getattr(torch.Tensor, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return instead(self) if isinstance(self, FakeTensor) else original(self, *args, **kwargs)

        setattr(torch.Tensor, name, method)

    wrap("numpy", array)
    wrap("__array__", array)
    wrap("tolist", lambda tensor: array(tensor).tolist())
    isfinite = torch.isfinite

    def finite(*args: Any, **kwargs: Any) -> Any:
        """A composite, whose last operator is a product and tells nothing about what is asked."""
        out = isfinite(*args, **kwargs)
        tracer.truths[out] = Noted(True, False)
        return out

    torch.isfinite = torch.Tensor.isfinite = finite  # type: ignore[method-assign]


def _become(parameter: Any, data: Any, gradient: Any) -> None:
    """Put other data behind a parameter, which stays the object that optimizers and lists hold.

    torch.utils.swap_tensors does it, but refuses what has weak references, as every fake tensor has.
    """
    new = nn.Parameter(data, parameter.requires_grad)
    parameter.grad = None
    kept = {name: each for name, each in parameter.__dict__.items() if name not in new.__dict__}
    torch._C._swap_tensor_impl(parameter, new)
    parameter.__dict__.update({**new.__dict__, **kept})
    parameter.grad = gradient


class _Apply:
    """Module._apply for fake parameters, whose data cannot be set. Ties are kept."""

    def __init__(self, shadows: Any) -> None:
        self.shadows = shadows
        self.depth = 0
        self.done: dict[int, tuple[Any, Any]] = {}

    def __call__(self, module: nn.Module, convert: Callable[[Any], Any], recurse: bool = True) -> nn.Module:
        self.depth += 1
        try:
            for child in module.children() if recurse else ():
                child._apply(convert)
            for table, change in ((module._parameters, self._parameter), (module._buffers, self._buffer)):
                for name, value in table.items():
                    if value is not None:
                        table[name] = change(value, convert)
        finally:
            self.depth -= 1
            if not self.depth:
                self.done = {}  # the old tensors go, as they do where their data is swapped
        return module

    def _buffer(self, value: Any, convert: Callable[[Any], Any]) -> Any:
        if id(value) not in self.done:
            self.done[id(value)] = (value, convert(value))  # the old one is kept, so that its id stays its own
        return self.done[id(value)][1]

    def _parameter(self, value: Any, convert: Callable[[Any], Any]) -> Any:
        if id(value) in self.done:
            return self.done[id(value)][1]
        with torch.no_grad():
            data = convert(value)
            if quantised.moves_itself(value):
                value.data = data
                data = value
        if data is not value:
            self.shadows.replace(value, data)
            _become(value, data, None if value.grad is None else convert(value.grad))
        self.done[id(value)] = (value, value)
        return value


def _conversions(tracer: Any) -> None:
    apply = _Apply(tracer.shadows)

    def of_module(self: Any, convert: Any, recurse: bool = True) -> Any:
        return apply(self, convert, recurse)

    nn.Module._apply = of_module  # type: ignore[method-assign]
