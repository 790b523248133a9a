"""Follow a GPU with NVML, from outside the job, and warn before it runs out of memory."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reproof.errors import MissingError, PackError
from reproof.units import show_bytes, show_seconds
from reproof.vram.observed import Warned, WatchAnswer, WatchRequest

LOOKS = 120
"""Growth is the least-squares slope of so many looks."""
FEWEST = 10
"""Before so many, nothing is said about growth: a job's first steps always grow."""
GROWN_FRAC = 0.005
"""Growth over all looks below this share of the device is noise."""
CACHED = (
    "seen from outside, PyTorch's cache counts as used: a job can stay at a high level without running out, and needs "
    "no more as long as the level does not rise"
)
NO_SHARE = "NVML does not tell this process's share here (in a container it cannot): the whole device is told"


class Look(NamedTuple):
    """One look at the device."""

    at_s: float
    used: int
    process: int | None


@dataclass
class Watcher:
    """What was seen, and what was warned of; warns once each time a limit is crossed."""

    request: WatchRequest
    total: int
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=LOOKS))
    warnings: list[Warned] = field(default_factory=list)
    count: int = 0
    most: int = 0
    most_process: int | None = None
    _over: set[str] = field(default_factory=set)

    def see(self, look: Look) -> list[Warned]:
        """Take in one look; returns the warnings that are new."""
        self.looks.append(look)
        self.count += 1
        self.most = max(self.most, look.used)
        if look.process is not None:
            self.most_process = max(self.most_process or 0, look.process)
        now = dict(self._crossed(look))
        new = [Warned(at_s=round(look.at_s, 1), slug=slug, what=now[slug]) for slug in now if slug not in self._over]
        self._over = set(now)
        self.warnings += new
        return new

    def _crossed(self, look: Look) -> Iterator[tuple[str, str]]:
        free = self.total - look.used
        if look.used > self.request.warn_frac * self.total:
            yield "level", f"{look.used / self.total:.1%} used, {show_bytes(free)} free"
        if free < self.request.keep_free:
            yield "free", f"{show_bytes(free)} free, less than {show_bytes(self.request.keep_free)}"
        rate = self.growth()
        if rate > 0 and free / rate <= self.request.ahead_s and self._grown():
            yield "growth", f"grows by {show_bytes(rate * 60)} a minute: full in {show_seconds(free / rate)}"

    def growth(self) -> float:
        """Bytes per second, least squares over the last looks; 0 before there are enough."""
        if len(self.looks) < FEWEST:
            return 0.0
        mean_t = sum(look.at_s for look in self.looks) / len(self.looks)
        mean_y = sum(look.used for look in self.looks) / len(self.looks)
        spread = sum((look.at_s - mean_t) ** 2 for look in self.looks)
        product = sum((look.at_s - mean_t) * (look.used - mean_y) for look in self.looks)
        return product / spread if spread else 0.0

    def _grown(self) -> bool:
        return self.looks[-1].used - self.looks[0].used > GROWN_FRAC * self.total


def watch(
    request: WatchRequest, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], None] = time.sleep
) -> WatchAnswer:
    """Look until the process ends, the time is over or the user stops it.

    Raises:
        MissingError: no NVML, no driver, or no such GPU.
        PackError: no such process.
    """
    nvml, handle, name = _device(request.index)
    if request.pid is not None and not _alive(request.pid):
        raise PackError(
            "no-such-process", f"--pid {request.pid}", why="it is followed until it ends", fix="nvidia-smi lists them"
        )
    total = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    watcher, started = Watcher(request, total), clock()
    try:
        ended = _follow(request, watcher, nvml, handle, started, clock, wait)
    except KeyboardInterrupt:
        ended = "you stopped it"
    return _answer(request, watcher, name, ended, clock() - started)


def _follow(
    request: WatchRequest, watcher: Watcher, nvml: Any, handle: Any, started: float,
    clock: Callable[[], float], wait: Callable[[float], None],
) -> str:  # fmt: skip
    while True:
        look = _look(nvml, handle, request.pid, clock() - started)
        for warned in watcher.see(look):
            print(f"warning[{warned.slug}]: {show_seconds(warned.at_s)}: {warned.what}", file=sys.stderr, flush=True)
        if request.pid is not None and not _alive(request.pid):
            return f"process {request.pid} ended"
        if look.at_s + request.every_s > request.for_s:
            return f"{show_seconds(request.for_s)} are over"
        wait(request.every_s)


def _look(nvml: Any, handle: Any, pid: int | None, at_s: float) -> Look:
    used = int(nvml.nvmlDeviceGetMemoryInfo(handle).used)
    mine = None
    if pid is not None:
        try:
            shares = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        except nvml.NVMLError:
            shares = []
        mine = next((int(each.usedGpuMemory) for each in shares if each.pid == pid and each.usedGpuMemory), None)
    return Look(at_s, used, mine)


def _device(index: int) -> tuple[Any, Any, str]:
    try:
        import pynvml as nvml  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingError(
            "not-installed",
            f"no nvidia-ml-py: {error}",
            why="the driver is asked with it",
            fix="pip install nvidia-ml-py",
        ) from error
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        name = nvml.nvmlDeviceGetName(handle)
    except nvml.NVMLError as error:
        raise MissingError(
            "no-gpu",
            f"NVML finds no GPU {index} here: {error}",
            why="the device's memory is read from the driver",
            fix="run it on the machine that has the GPU, also inside the container (nvidia-smi must work there)",
        ) from error
    return nvml, handle, name.decode() if isinstance(name, bytes) else str(name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answer(request: WatchRequest, watcher: Watcher, name: str, ended: str, seconds: float) -> WatchAnswer:
    warned = f"{len(watcher.warnings)} warnings" if watcher.warnings else "no warning"
    notes = [CACHED]
    if request.pid is not None and watcher.most_process is None:
        notes.insert(0, NO_SHARE)
    return WatchAnswer(
        ok=not watcher.warnings,
        headline=f"{name}: at most {watcher.most / watcher.total:.1%} of {show_bytes(watcher.total)} used, {warned}",
        gpu=name,
        total_bytes=watcher.total,
        looks=watcher.count,
        seconds=round(seconds, 1),
        most_bytes=watcher.most,
        most_process_bytes=watcher.most_process,
        growth_bytes_per_s=round(watcher.growth(), 1),
        ended=ended,
        warnings=watcher.warnings,
        notes=notes,
    )
