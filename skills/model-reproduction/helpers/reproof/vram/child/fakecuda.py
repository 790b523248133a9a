"""Make FakeTensorMode's device 'cuda' usable, autograd included, where torch has no GPU; CPU-only builds included.

Out of the box the first backward or `.to("cuda")` fails there ("not linked with support for cuda devices", or
"hasPrimaryContext expects a valid device index"). Two changes in this process's memory cure it, nothing is compiled:

1. The table of device guards: c10 is brought to install its own FakeGuardImpl<CUDA>; before torch 2.10, which cannot,
   a guard of ours is put there whose every function does nothing and returns 1.
2. The CUDA hooks object: it gets a private copy of its table of virtual functions, in which isBuilt() (hasCUDA() before
   torch 2.7) is true, so that CUDA is the accelerator, which the autograd engine asks, and hasPrimaryContext() is false
   (both builds throw there).

The positions in that table are read from the headers in torch's own wheel and tried by calling them before anything is
changed; a mismatch is a refusal. It must run before the first backward of the process.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import ctypes
import mmap
import platform
import re
from pathlib import Path
from typing import Any

import torch

POINTER = ctypes.sizeof(ctypes.c_void_p)
REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"
HOOKS = "_ZN2at6detail12getCUDAHooksEv"
CUDA = 1  # DeviceType::CUDA
BEFORE = 2  # words before the first function of a table: offset to top, and type information
TABLE = 80  # functions copied; CUDAHooks has fewer
CUDNN_VERSION, CUDNN_MIN_EPSILON = 91900, 1e-5
CUDNN_YES = (
    "compiledWithCuDNN",
    "supportsDilatedConvolutionWithCuDNN",
    "supportsDepthwiseConvolutionWithCuDNN",
    "supportsBFloat16ConvolutionWithCuDNNv8",
    "supportsBFloat16RNNWithCuDNN",
)
FULL = (2, 6)
"""The oldest torch that was seen to run a backward on fakes; 2.4.1 and 2.5.1 raise or crash there."""
CODE = {
    "x86_64": bytes.fromhex("b801000000 31d2 c3"),  # mov eax, 1; xor edx, edx; ret
    "aarch64": bytes.fromhex("200080d2 010080d2 c0035fd6"),  # mov x0, #1; mov x1, #0; ret
}
_kept: list[Any] = []  # C++ holds raw pointers to these


class Refused(RuntimeError):
    """This torch is not laid out as expected; nothing was changed."""


def enable() -> str:
    """Enable fake CUDA in this process; returns how the build was found ('cpu' or 'cuda').

    Raises:
        Refused: the headers, the symbols or the tables are not what is known.
    """
    if tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2]) < FULL:
        raise Refused(
            f"torch {torch.__version__}: a backward on fake CUDA tensors raises or crashes there; from 2.6 on it runs"
        )
    try:
        built = torch.backends.cuda.is_built()
        _install_guard()
        _patch_hooks(built)
    except (OSError, AttributeError, ValueError, KeyError) as error:
        raise Refused(f"torch {torch.__version__}: {type(error).__name__}: {error}") from error
    if torch._C._accelerator_getAccelerator().type != "cuda":
        raise Refused(f"torch {torch.__version__} did not take CUDA as its accelerator")
    return "cuda" if built else "cpu"


def _library(name: str) -> Any:
    return ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / name))


def _install_guard() -> None:
    """A guard that says it has no devices makes c10 put its own no-op guard in its place; before 2.10, ours."""
    first = ctypes.addressof(ctypes.c_void_p.in_dll(_library("libc10.so"), REGISTRY))
    entry = ctypes.c_void_p.from_address(first + CUDA * POINTER)
    ensure = getattr(torch._C, "_ensureCUDADeviceGuardSet", None)
    if ensure is None:
        entry.value = _guard(_says_one())
        return
    if entry.value:
        ensure()
        return
    zero = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(lambda _: 0)
    _kept.append(zero)
    guard = _guard(ctypes.cast(zero, ctypes.c_void_p).value)
    entry.value = guard
    ensure()
    if entry.value == guard:
        entry.value = None
        raise Refused(f"torch {torch.__version__} kept the stand-in device guard")


def _says_one() -> int:
    """The address of a function that returns 1 and a further 0 whatever it is given, and takes no lock of Python's.

    It is true, one device, and DeviceType CUDA; as a Device, two bytes in the low word, cuda:0; and as a Stream, two
    words, the default stream of cuda:0. ctypes cannot make a function that returns two words.
    """
    code = CODE[platform.machine()]
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    _kept.append(memory)
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _guard(function: int | None) -> int:
    """The address of a device guard all of whose virtual functions are this one."""
    table = (ctypes.c_void_p * 64)(*([function] * 64))
    guard = (ctypes.c_void_p * 2)(ctypes.addressof(table), 0)
    _kept.extend([table, guard])
    return ctypes.addressof(guard)


def _header(name: str) -> str:
    text = (Path(torch.__file__).parent / "include" / "ATen" / "detail" / name).read_text(encoding="utf-8")
    return re.sub(r"//[^\n]*", "", text)


def _base_slots() -> dict[str, int]:
    """Position of every virtual function of AcceleratorHooksInterface; a destructor takes two."""
    slots, position = {}, 0
    for name in re.findall(r"virtual\s+[^;{]*?([~\w]+)\s*\(", _header("AcceleratorHooksInterface.h")):
        slots[name] = position
        position += 2 if name.startswith("~") else 1
    return slots


def _cuda_slots(base: dict[str, int]) -> dict[str, int]:
    """Position of what CUDAHooksInterface adds, in the order of declaration after the base's."""
    text = _header("CUDAHooksInterface.h")
    text = re.sub(
        r"#ifdef USE_ROCM.*?#endif", "", text[text.index("struct TORCH_API CUDAHooksInterface") :], flags=re.S
    )
    slots, position = {}, max(base.values()) + 1
    for found in re.finditer(r"virtual\s+([^;{]*?)([~\w]+)\s*\(([^)]*)\)\s*const(\s+override)?", text):
        if not found[4] and found[2] not in base:
            slots[found[2]] = position
            position += 1
    return slots


def _patch_hooks(built: bool) -> None:
    get = getattr(_library("libtorch_cpu.so"), HOOKS)
    get.restype, get.argtypes = ctypes.c_void_p, []
    hooks = get()
    pointer = ctypes.c_void_p.from_address(hooks)
    before = pointer.value
    assert before is not None, "an object with virtual functions points to its table"
    size = (TABLE + BEFORE) * POINTER
    table = (ctypes.c_void_p * (TABLE + BEFORE)).from_buffer_copy(ctypes.string_at(before - BEFORE * POINTER, size))
    slots = _base_slots()

    def says(name: str, where: dict[str, int]) -> bool:
        address = table[BEFORE + where[name]] or 0
        return bool(ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)(address)(hooks))

    newer = "isBuilt" in slots  # before 2.7 hasCUDA() says both: that CUDA is the accelerator, and that it has devices
    more = {} if newer and built else _cuda_slots(slots)
    where = {**more, **slots}
    yes = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value  # a C function that returns 1
    is_built, accelerator, devices = ("isBuilt", "isBuilt", "isAvailable") if newer else ("hasCUDART", *2 * ["hasCUDA"])
    if says(is_built, where) != built or says(devices, where):
        raise Refused(f"torch {torch.__version__}: its CUDA hooks answer otherwise than its Python side")
    table[BEFORE + slots["hasPrimaryContext"]] = table[BEFORE + where[devices]]  # false, and never throws
    table[BEFORE + where[accelerator]] = yes
    if not built and not says("compiledWithCuDNN", more) and not says("hasCuDNN", more):
        _claim_cudnn(table, more, yes)
    _kept.append(table)
    pointer.value = ctypes.addressof(table) + BEFORE * POINTER


def _claim_cudnn(table: Any, slots: dict[str, int], yes: int | None) -> None:
    """A CPU build must think it has cuDNN: convolution layouts and batch norm are then chosen as on a GPU."""
    epsilon = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p)(lambda _: CUDNN_MIN_EPSILON)
    version = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(lambda _: CUDNN_VERSION)
    _kept.extend([epsilon, version])
    for name in CUDNN_YES:
        if name in slots:
            table[BEFORE + slots[name]] = yes
    table[BEFORE + slots["batchnormMinEpsilonCuDNN"]] = ctypes.cast(epsilon, ctypes.c_void_p).value
    for name in ("versionCuDNN", "versionRuntimeCuDNN"):
        if name in slots:
            table[BEFORE + slots[name]] = ctypes.cast(version, ctypes.c_void_p).value
