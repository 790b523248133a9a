"""The device, how much of its memory a phase took at most, and what else a run ran on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import MISSING, ProjectError

if TYPE_CHECKING:
    from ..config import Config
    from ..run import Run
    from ..world import World

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def choose_device(cfg: Config, world: World) -> torch.device:
    """The device of this process."""
    name, there = cfg.device, torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if there else "cpu"
    if name == "cuda" and world.size > 1:
        name = f"cuda:{world.local_rank}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ProjectError("device", f"no device {name!r}", "auto, cpu, cuda, cuda:0", "--device auto") from error
    if device.type == "cuda" and (device.index or 0) >= there:
        why = f"torch sees {there or 'no'} CUDA device{'s' * (there > 1)}; it was perhaps there before: nvidia-smi"
        raise ProjectError("no-gpu", f"no device {name}", why, "--device auto, or --device cpu", MISSING)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def reset_peak(device: torch.device) -> None:
    """Begin to watch."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):  # Linux only; elsewhere there is no peak per phase, and none is reported
            RESET.write_text("5")


def peak(device: torch.device) -> dict[str, Any]:
    """Bytes at most since reset_peak: allocated on the GPU, or resident memory of the process."""
    if device.type == "cuda":
        return {"peak_memory_bytes": torch.cuda.max_memory_allocated(device), "peak_memory_of": "GPU, allocated"}
    with suppress(OSError):
        lines = [line.split() for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        return {"peak_memory_bytes": int(lines[0][1]) * 1024, "peak_memory_of": "process, resident"}
    return {"peak_memory_bytes": None, "peak_memory_of": "not known on this system"}


def estimated(cfg: Config, phase: str) -> int | None:
    """What `estimate` in the settings says of a phase: bytes, or {peak_bytes: ...}."""
    found = cfg.get("estimate", {}).get(phase)
    size: int | None = found.get("peak_bytes") if hasattr(found, "get") else found
    return size


def in_words(facts: dict[str, Any]) -> str:
    """Measured beside estimated."""
    measured, expected = facts["peak_memory_bytes"], facts["estimated_bytes"]
    words = f"at most {measured / 2**30:.2f} GiB ({facts['peak_memory_of']})" if measured else "memory not measured"
    return words + (f", estimated {expected / 2**30:.2f} GiB" if expected else ", no estimate")


def hardware(run: Run) -> dict[str, Any]:
    """What the run ran on."""
    found = {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count(),
             "threads": torch.get_num_threads(), "device": str(run.device), "processes": run.world.size}  # fmt: skip
    if run.device.type == "cuda":
        about = torch.cuda.get_device_properties(run.device)
        found |= {"gpu": about.name, "gpu_memory_bytes": about.total_memory, "cuda": torch.version.cuda}
    return found
