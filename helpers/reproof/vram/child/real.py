"""The same step for real: run build() and its steps on the GPU and tell what torch, the driver and NVML say.

One job per process, so that every measurement has a CUDA context of its own. Nothing of the tracer is imported here.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from typing import Any, Callable  # noqa: UP035 - Python 3.8

from .driver import Gauge
from .loading import told

FULL = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "unable to find an engine",
        "Unable to find a valid cuDNN algorithm", "NVML_SUCCESS == r INTERNAL ASSERT FAILED")  # fmt: skip
"""What other errors say where the GPU was full; a CUDA error is a RuntimeError, an AcceleratorError since torch 2.8."""


def main() -> None:
    """Answer the one job on stdin with one line on the stdout we were started with."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever user code prints is not an answer
    _die_with_parent()
    answer = run(json.loads(sys.stdin.readline()))
    out.write(json.dumps(answer) + "\n")
    out.flush()
    os._exit(0)  # a context that ran out of memory may not be able to clean up


def _die_with_parent() -> None:
    """Nobody may be left on the GPU when the one who asked is killed."""
    if sys.platform == "linux":
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL))


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The answer to a job; that there is no torch or no GPU is an answer too."""
    about: dict[str, Any] = {"python": platform.python_version(), "executable": sys.executable}
    try:
        import torch
    except ImportError as error:
        return {**about, "missing": f"no torch: {error}"}
    about["torch"] = torch.__version__
    gauge = Gauge(job.get("nvml") or "")  # before this process has a context
    if not torch.cuda.is_available():
        build = "is a CPU build" if torch.version.cuda is None else f"for CUDA {torch.version.cuda} sees none"
        return {**about, "missing": f"no GPU: torch {torch.__version__} {build}"}
    try:
        about["device"] = _device(torch, gauge)
    except RuntimeError as error:  # taken by another process that shares it with nobody, full, or too new or old
        return {**about, "missing": f"the GPU cannot be used: {' '.join(str(error).split())[:300]}"}
    about["cuda"], about["cudnn"] = torch.version.cuda, _cudnn(torch)
    if job["kind"] == "calibrate":
        from .constants import constants

        return {**about, **constants(gauge)}
    from .loading import load

    try:
        function = load(job)
    except BaseException as problem:
        return {**about, "error": told(problem)}
    return {**about, **measured(function, job["arguments"], job["steps"], gauge)}


def _device(torch: Any, gauge: Gauge) -> dict[str, Any]:
    torch.zeros(1, device="cuda")  # the context
    torch.cuda.empty_cache()  # and no segment of ours in what the step reserves
    properties = torch.cuda.get_device_properties(0)
    gauge.at(str(getattr(properties, "uuid", "")), properties.total_memory)  # torch tells it from 2.5 on
    return {
        "name": properties.name,
        "capability": [properties.major, properties.minor],
        "total_bytes": properties.total_memory,
        "driver": gauge.version(),
        "unified": bool(getattr(properties, "is_integrated", 0)),
        "allocator": _allocator(torch),
        "others_bytes": gauge.others(),
    }


def _cudnn(torch: Any) -> int | None:
    try:
        return torch.backends.cudnn.version()  # type: ignore[no-any-return]
    except RuntimeError:  # it was built for another one
        return None


def _allocator(torch: Any) -> str:
    try:
        return str(torch.cuda.memory.get_allocator_backend())
    except (AttributeError, RuntimeError):
        return "native"


def no_room(problem: BaseException) -> str:
    """The message where an error, or one that it came from, is that the GPU was full; else an empty string."""
    import torch

    seen: BaseException | None = problem
    while seen is not None:
        text = str(seen)
        if isinstance(seen, torch.cuda.OutOfMemoryError):
            return text or "out of memory"
        if isinstance(seen, RuntimeError) and any(word in text for word in FULL):
            return text
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return ""


def measured(
    build: Callable[..., Any], arguments: dict[str, Any], steps: int, gauge: Gauge | None = None
) -> dict[str, Any]:
    """Peaks, categories and times of a real run; an out-of-memory ends it and is told."""
    import torch

    found: dict[str, Any] = {"peaks": [], "step_s": [], "ran_out": "", "error": None}
    step: Any = None
    try:
        torch.cuda.reset_peak_memory_stats()
        step = build(**arguments)
        _peaks(found)
        for _ in range(steps):
            started = time.perf_counter()
            step()
            torch.cuda.synchronize()
            found["step_s"].append(time.perf_counter() - started)
            _peaks(found)
    except BaseException as problem:  # the user's own error is an answer, with its line; so is SystemExit
        found["ran_out"] = no_room(problem)[:2000]
        if not found["ran_out"]:
            found["error"] = told(problem)
    try:
        _peaks(found)
        found.update(_left(gauge or Gauge()))
    except RuntimeError as problem:  # an illegal access leaves a context that answers nothing
        found["error"] = found["error"] or told(problem)
    return found


def _peaks(found: dict[str, Any]) -> None:
    """Note allocated and reserved peak since the last note: of build(), of each step, of what followed."""
    import torch

    torch.cuda.synchronize()
    found["peaks"].append([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()])
    found["allocated_peak_bytes"] = max(allocated for allocated, _ in found["peaks"])
    found["reserved_peak_bytes"] = max(reserved for _, reserved in found["peaks"])
    torch.cuda.reset_peak_memory_stats()


def _left(gauge: Gauge) -> dict[str, Any]:
    """What is there after the last step; cuBLAS's workspaces last, since asking takes them away."""
    import torch

    free, total = torch.cuda.mem_get_info()
    reserved, stats = torch.cuda.memory_reserved(), torch.cuda.memory_stats()
    taken, how = gauge.taken(reserved)
    return {
        "left_bytes": torch.cuda.memory_allocated(),
        "reserved_bytes": reserved,
        "device_bytes": total - free,
        "taken_bytes": taken,
        "taken_how": how,
        "categories": categories(),
        "retries": int(stats.get("num_alloc_retries", 0)),
        "caught": int(stats.get("num_ooms", 0)),
        "expandable": _expandable(),
        "workspace_bytes": workspaces(),
    }


def _expandable() -> bool | None:
    """Whether segments could grow, as the allocator itself says; None where it does not."""
    import torch

    try:
        return bool(torch.cuda.memory._snapshot()["allocator_settings"]["expandable_segments"])
    except (AttributeError, KeyError, RuntimeError, TypeError):  # another backend, or before torch 2.1
        return None


def workspaces() -> int | None:
    """What cuBLAS keeps: it is given back, and the difference counted."""
    import torch

    clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if clear is None:
        return None
    before = torch.cuda.memory_allocated()
    clear()
    return int(before - torch.cuda.memory_allocated())


def _tensors(value: Any) -> Iterator[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)


def categories() -> dict[str, int]:
    """Bytes of parameters, gradients, optimizer state and buffers that lie on the GPU; each storage once."""
    import torch

    kinds: dict[str, list[Any]] = {"parameters": [], "gradients": [], "optimizer state": [], "buffers": []}
    for each in gc.get_objects():
        kind = type(each)
        if issubclass(kind, torch.nn.Module) and "_parameters" in each.__dict__:
            kinds["parameters"] += [p for p in each._parameters.values() if p is not None]
            kinds["buffers"] += [b for b in each._buffers.values() if b is not None]
        elif issubclass(kind, torch.optim.Optimizer) and "state" in each.__dict__:
            kinds["parameters"] += [p for group in each.param_groups for p in group["params"]]
            kinds["optimizer state"] += list(_tensors(list(each.state.values())))
    kinds["gradients"] = [p.grad for p in kinds["parameters"] if p.grad is not None]
    seen: set[int] = set()
    return {kind: sum(_storage_bytes(each, seen) for each in found) for kind, found in kinds.items()}


def _storage_bytes(tensor: Any, seen: set[int]) -> int:
    if hasattr(tensor, "__tensor_flatten__"):  # a subclass made of tensors: sharded, quantised
        return sum(_storage_bytes(getattr(tensor, name), seen) for name in tensor.__tensor_flatten__()[0])
    if tensor.device.type != "cuda":
        return 0
    try:
        storage = tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):  # sparse and the like have none of their own
        return 0
    if storage._cdata in seen:
        return 0
    seen.add(storage._cdata)
    return int(storage.nbytes())
