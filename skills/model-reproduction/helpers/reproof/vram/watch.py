"""Follow a GPU with NVML, from outside the job, and warn before it runs out of memory."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from reproof.errors import MissingError, PackError
from reproof.units import show_bytes, show_seconds
from reproof.vram.child.driver import Driver, Silent, Usage, named, visible
from reproof.vram.observed import Warned, WatchAnswer, WatchRequest

LOOKS = 120
"""Growth is the least-squares slope of so many looks."""
FEWEST = 10
"""Before so many, nothing is said about growth: a job's first steps always grow."""
GROWN_FRAC = 0.005
"""Growth over all looks below this share of the device is noise."""
STEADY_FRAC = 0.5
"""A leak grows as much in the last third of the looks as before; a model that was loaded does not any more."""
FIRST_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of Linux: outside of every container."""
CACHED = (
    "seen from outside, PyTorch's cache counts as used: a job can stay at a high level without running out, and needs "
    "no more as long as the level does not rise"
)
RESERVED = "used is all that is not free, so that it holds what the driver reserves, which nvidia-smi leaves out"
NO_SHARE = "NVML does not tell this process's share here (in a container or under WSL it cannot): the device is told"
NUMBERS = "this is a container: NVML may count processes by other numbers, so the share can be another process's"
SLICED = "MIG is on and the whole card is watched: --uuid MIG-... (nvidia-smi -L lists them) watches one slice"
UNIFIED = "the GPU shares the host's memory, for which NVML has no number: the host's free memory is told"
UNFOUND = "NVML lists the process on no GPU: GPU {index} is told; --index or --uuid choose another"


class Look(NamedTuple):
    """One look at the device."""

    at_s: float
    used: int
    process: int | None
    others: int | None = None
    """What NVML lists for other processes."""


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

    def moved(self, total: int) -> None:
        """Another device is looked at from now on; what was seen on the one before is not this job's."""
        self.total, self.count, self.most, self.most_process = total, 0, 0, None
        self.looks.clear()
        self.warnings.clear()
        self._over.clear()

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
        whose = f"; {show_bytes(look.others)} are other processes'" if look.others else ""
        if look.used > self.request.warn_frac * self.total:
            yield "level", f"{look.used / self.total:.1%} used, {show_bytes(free)} free{whose}"
        if free < self.request.keep_free:
            yield "free", f"{show_bytes(free)} free, less than {show_bytes(self.request.keep_free)}{whose}"
        rate = self.growth()
        if rate > 0 and free / rate <= self.request.ahead_s and self._grown():
            soon = f"full in {show_seconds(free / rate)} if it goes on"
            yield "growth", f"grows by {show_bytes(rate * 60)} a minute: {soon}{whose}"

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
        """Whether the growth is more than noise, and still goes on."""
        levels = [look.used for look in self.looks]
        third = len(levels) // 3
        early, late = levels[2 * third] - levels[0], levels[-1] - levels[2 * third]
        return levels[-1] - levels[0] > GROWN_FRAC * self.total and 2 * late >= STEADY_FRAC * early


class Source:
    """Where the looks come from: the card that was chosen, or the one on which NVML lists the process.

    Raises:
        MissingError: no such card, or it tells nothing.
    """

    def __init__(self, request: WatchRequest, driver: Driver) -> None:
        self.pid, self.driver, self.notes = request.pid, driver, [CACHED, RESERVED]
        self.cards = driver.cards()
        name = request.uuid or ("" if request.index is None else str(request.index))
        self.settled = bool(name)
        name = name or (visible() or ["0"])[0]
        card = named(self.cards, name)
        if card is None:
            names = ", ".join(f"{each.number}: {each.name}, {each.uuid}" for each in self.cards) or "none"
            raise _no_gpu(f"no GPU {name}, or several; there are {names}", "--index or the whole --uuid of one")
        self.card = card
        self.total = self.usage().total  # a card that tells nothing is no card to follow

    def usage(self) -> Usage:
        """Of the device; of the host, where they share their memory."""
        try:
            return self.driver.usage(self.card)
        except Silent as error:
            shared = _host() if "Not Supported" in str(error) else None
            if shared is None:
                raise
            if UNIFIED not in self.notes:
                self.notes.insert(0, UNIFIED)
            return shared

    def settle(self) -> bool:
        """Whether another card is looked at from now on, because the process was found there."""
        if self.settled or self.pid is None:
            return False
        listed = [(card, self.driver.shares(card)) for card in self.cards if not card.sliced]
        found = [(shares[self.pid] or 0, card) for card, shares in listed if self.pid in shares]
        if not found:
            return False
        self.settled = True
        before, (_, self.card) = self.card, max(found, key=lambda each: each[0])
        if len(found) > 1:
            rest = ", ".join(str(card.number) for _, card in found if card is not self.card)
            self.notes.insert(0, f"the process is on GPU {rest} too; the one where it holds most is told")
        return self.card is not before

    def look(self, at_s: float) -> Look:
        """Now."""
        usage, shares = self.usage(), self.driver.shares(self.card)
        mine = shares.pop(self.pid, None) if self.pid is not None else None
        return Look(at_s, usage.total - usage.free, mine, sum(filter(None, shares.values())) if self.pid else None)


def _host() -> Usage | None:
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        total, free = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None
    return Usage(total, total - free, free)


def watch(
    request: WatchRequest, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], None] = time.sleep
) -> WatchAnswer:
    """Look until the process ends, the time is over or the user stops it.

    Raises:
        MissingError: no NVML, no driver, or no such GPU.
        PackError: no such process.
    """
    try:
        source = Source(request, Driver())
    except ImportError as error:
        raise MissingError(
            "not-installed",
            f"no nvidia-ml-py: {error}",
            why="the driver is asked with it",
            fix="pip install nvidia-ml-py",
        ) from error
    except Silent as error:
        raise _no_gpu(f"NVML does not answer here: {error}") from error
    born = _life(request.pid) if request.pid is not None else ""
    if request.pid is not None and not born:
        raise PackError(
            "no-such-process", f"--pid {request.pid}", why="it is followed until it ends", fix="nvidia-smi lists them"
        )
    watcher, started = Watcher(request, source.total), clock()
    with _stoppable():
        try:
            ended = _follow(request, watcher, source, born, started, clock, wait)
        except KeyboardInterrupt:
            ended = "you stopped it"
    return _answer(request, watcher, source, ended, clock() - started)


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends the watch as Ctrl-C does: with the report, also under timeout(1) or a scheduler."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _follow(
    request: WatchRequest, watcher: Watcher, source: Source, born: str, started: float,
    clock: Callable[[], float], wait: Callable[[float], None],
) -> str:  # fmt: skip
    while True:
        at_s = clock() - started
        try:
            if source.settle():
                watcher.moved(source.usage().total)
            new = watcher.see(source.look(at_s))
        except Silent as error:
            new = [Warned(at_s=round(at_s, 1), slug="silent", what=f"the driver does not answer any more: {error}")]
            watcher.warnings += new
        for warned in new:
            print(f"warning[{warned.slug}]: {show_seconds(warned.at_s)}: {warned.what}", file=sys.stderr, flush=True)
        if any(warned.slug == "silent" for warned in new):
            return "the driver stopped answering"
        if request.pid is not None and _life(request.pid) != born:
            return f"process {request.pid} ended"
        if at_s + request.every_s > request.for_s:
            return f"{show_seconds(request.for_s)} are over"
        wait(request.every_s)


def _no_gpu(what: str, fix: str = "run it where the GPU is, and nvidia-smi works, in a container too") -> MissingError:
    return MissingError("no-gpu", what, why="the device's memory is read from the driver", fix=fix)


def _life(pid: int) -> str:
    """When the process began; empty when it is gone, or dead and only not yet asked for by its parent."""
    try:
        state, *rest = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        return "" if state in "ZX" else rest[18]
    except (OSError, ValueError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # gone, or a number that no process can have
        return ""
    except OSError:  # another user's
        pass
    return "alive"


def _contained() -> bool:
    try:
        return str(Path("/proc/self/ns/pid").readlink()) != FIRST_NAMESPACE
    except OSError:
        return False


def _answer(request: WatchRequest, watcher: Watcher, source: Source, ended: str, seconds: float) -> WatchAnswer:
    warned = f"{len(watcher.warnings)} warnings" if len(watcher.warnings) > 1 else "1 warning"
    name, notes = source.card.name, source.notes
    if source.card.sliced:
        notes.insert(0, SLICED)
    if request.pid is not None and not source.settled and len(source.cards) > 1:
        notes.insert(0, UNFOUND.format(index=source.card.number))
    if request.pid is not None:
        if watcher.most_process is None:
            notes.insert(0, NO_SHARE)
        elif _contained():
            notes.insert(0, NUMBERS)
    return WatchAnswer(
        ok=not watcher.warnings,
        headline=f"{name}: at most {watcher.most / watcher.total:.1%} of {show_bytes(watcher.total)} used, "
        + (warned if watcher.warnings else "no warning"),
        gpu=name,
        uuid=source.card.uuid,
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
