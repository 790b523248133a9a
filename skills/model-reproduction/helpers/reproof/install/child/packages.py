"""Says, as JSON, which Python this is, which distributions it has, and which GPUs it sees. Changes nothing."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib import metadata


def version_of(name: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def gpus() -> tuple[list[str], str, str]:
    """(names with memory, driver, note), from NVML, or from nvidia-smi where NVML's package is missing."""
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return from_nvidia_smi()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return [], "", f"NVML: {error}"
    try:
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name = text(pynvml.nvmlDeviceGetName(handle))
            found.append(f"{name}, {memory.total / 2**30:.1f} GiB, {memory.free / 2**30:.1f} GiB free")
        return found, text(pynvml.nvmlSystemGetDriverVersion()), ""
    except pynvml.NVMLError as error:
        return [], "", f"NVML: {error}"
    finally:
        pynvml.nvmlShutdown()


def text(value: str | bytes) -> str:
    """Old NVML bindings answer in bytes."""
    return value.decode() if isinstance(value, bytes) else value


def from_nvidia_smi() -> tuple[list[str], str, str]:
    """The same answer without the package."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        ran = subprocess.run(command, capture_output=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return [], "", "nvidia-ml-py is not installed and nvidia-smi does not answer: no NVIDIA GPU seen"
    rows = [row.split(", ") for row in ran.stdout.decode().strip().splitlines()]
    return [", ".join(row[:2]) for row in rows], rows[0][-1] if rows else "", "from nvidia-smi"


def main() -> None:
    """Answer for the distributions named on the command line."""
    names, driver, note = gpus()
    json.dump(
        {
            "path": sys.executable,
            "version": platform.python_version(),
            "packages": {name: version_of(name) for name in sys.argv[1:]},
            "gpus": names,
            "driver": driver,
            "note": note,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
