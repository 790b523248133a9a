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
import traceback
from collections.abc import Iterator
from typing import Any, Callable  # noqa: UP035 - Python 3.8


def main() -> None:
    """Answer the one job on stdin with one line on the stdout we were started with."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever user code prints is not an answer
    answer = run(json.loads(sys.stdin.readline()))
    out.write(json.dumps(answer) + "\n")
    out.flush()
    os._exit(0)  # a context that ran out of memory may not be able to clean up


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The answer to a job; that there is no torch or no GPU is an answer too."""
    about: dict[str, Any] = {"python": platform.python_version(), "executable": sys.executable}
    try:
        import torch
    except ImportError as error:
        return {**about, "missing": f"no torch: {error}"}
    about["torch"] = torch.__version__
    if not torch.cuda.is_available():
        build = "is a CPU build" if torch.version.cuda is None else f"for CUDA {torch.version.cuda} sees none"
        return {**about, "missing": f"no GPU: torch {torch.__version__} {build}"}
    if job["index"] >= torch.cuda.device_count():
        return {**about, "missing": f"no GPU {job['index']}: there are {torch.cuda.device_count()}"}
    before = nvml_used(job["index"], own=False)
    torch.cuda.set_device(job["index"])
    about["device"] = _device(torch, job["index"])
    if job["kind"] == "calibrate":
        from .constants import constants

        return {**about, **constants(before)}
    from .loading import load, told

    try:
        function = load(job)
    except BaseException as problem:
        return {**about, "error": told(problem)}
    return {**about, **measured(function, job["arguments"], job["steps"], job["index"])}


def _device(torch: Any, index: int) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(index)
    return {
        "name": properties.name,
        "capability": [properties.major, properties.minor],
        "total_bytes": properties.total_memory,
        "driver": driver(),
    }


def _nvml() -> Any:
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def driver() -> str:
    """The driver's version, where NVML tells it."""
    nvml = _nvml()
    if nvml is None:
        return ""
    said = nvml.nvmlSystemGetDriverVersion()
    return said.decode() if isinstance(said, bytes) else str(said)


def nvml_used(index: int, own: bool) -> int | None:
    """Bytes that this process, or everybody, holds on a device; None where NVML does not tell."""
    nvml = _nvml()
    if nvml is None:
        return None
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        if not own:
            return int(nvml.nvmlDeviceGetMemoryInfo(handle).used)
        for each in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
            if each.pid == os.getpid() and each.usedGpuMemory:
                return int(each.usedGpuMemory)
    except nvml.NVMLError:
        return None
    return None  # in a container the process has another number outside


def measured(build: Callable[..., Any], arguments: dict[str, Any], steps: int, index: int = 0) -> dict[str, Any]:
    """Peaks, categories and times of a real run; an out-of-memory ends it and is told."""
    import torch

    torch.cuda.reset_peak_memory_stats()
    found: dict[str, Any] = {"peaks": [], "step_s": [], "ran_out": "", "error": None}
    try:
        step = build(**arguments)
        torch.cuda.synchronize()
        found["built_bytes"] = torch.cuda.memory_allocated()
        for _ in range(steps):
            started = time.perf_counter()
            step()
            torch.cuda.synchronize()
            found["step_s"].append(time.perf_counter() - started)
            found["peaks"].append([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()])
    except torch.cuda.OutOfMemoryError as error:
        found["ran_out"] = str(error)[:2000]
    except Exception as error:  # the user's own error is an answer, with its line
        from .loading import told

        found["error"] = told(error)
        found["traceback"] = traceback.format_exc()[-2000:]
    free, total = torch.cuda.mem_get_info()
    found.update(
        allocated_peak_bytes=torch.cuda.max_memory_allocated(),
        reserved_peak_bytes=torch.cuda.max_memory_reserved(),
        left_bytes=torch.cuda.memory_allocated(),
        reserved_bytes=torch.cuda.memory_reserved(),
        device_bytes=total - free,
        process_bytes=nvml_used(index, own=True),
        categories=categories(),
        retries=int(torch.cuda.memory_stats().get("num_alloc_retries", 0)),
    )
    found["workspace_bytes"] = workspaces()
    return found


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
    if tensor.device.type != "cuda":
        return 0
    storage = tensor.untyped_storage()
    if storage._cdata in seen:
        return 0
    seen.add(storage._cdata)
    return int(storage.nbytes())
