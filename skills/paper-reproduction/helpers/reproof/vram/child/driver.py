"""What the driver tells of GPUs: NVML, asked through nvidia-ml-py, for whole cards and for MIG slices.

Used by the child that measures and by `vram.py watch`. An answer that the driver refuses is None or `Silent`, never 0.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, NamedTuple

NAME = "pynvml"
TOTALS_FRAC = 0.12
"""NVML's total of a card and CUDA's differ by what the driver reserves, 1 to 5 %; by more it is another device."""
UNLISTED_BYTES = 2**29
"""More than this beyond its listed share is not one process's: somebody else came meanwhile."""


class Silent(Exception):
    """NVML is not there, or does not answer."""


class Card(NamedTuple):
    """A GPU as nvidia-smi counts them, or a slice of one."""

    number: int
    uuid: str
    name: str
    handle: Any
    parent: str = ""
    """The UUID of the card that a slice belongs to."""
    sliced: bool = False
    """MIG is on: CUDA sees slices of this card only."""


class Usage(NamedTuple):
    """Bytes of one device."""

    total: int
    used: int
    """By programs, as nvidia-smi shows it; before R510 also what the driver reserves."""
    free: int


def _module(path: str) -> Any:
    """nvidia-ml-py: the file at `path`, where the caller has one, else that of this interpreter."""
    if not path or NAME in sys.modules:
        return importlib.import_module(NAME)
    spec = importlib.util.spec_from_file_location("reproof_pynvml", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # of a package too, as pynvml once was
    spec.loader.exec_module(module)
    return module


def file() -> str:
    """Where this interpreter has nvidia-ml-py, for a child whose interpreter may have none; or an empty string."""
    spec = importlib.util.find_spec(NAME)
    return spec.origin or "" if spec is not None else ""


class Driver:
    """A connection to NVML.

    Raises:
        ImportError: no nvidia-ml-py.
        Silent: no driver, or it does not answer.
    """

    def __init__(self, path: str = "") -> None:
        self.nvml = _module(path)
        # before R510 the driver lacks what an unversioned call means: an error that is no NVMLError
        self._errors = (self.nvml.NVMLError, getattr(self.nvml, "NVMLLibraryMismatchError", self.nvml.NVMLError))
        self._ask("nvmlInit")

    def _ask(self, name: str, *args: Any) -> Any:
        try:
            return getattr(self.nvml, name)(*args)
        except self._errors as error:
            raise Silent(f"{name}: {error}") from error
        except AttributeError as error:
            raise Silent(f"this nvidia-ml-py is too old: {error}") from error

    def version(self) -> str:
        """The driver's version, or an empty string."""
        try:
            return _text(self._ask("nvmlSystemGetDriverVersion"))
        except Silent:
            return ""

    def cards(self) -> list[Card]:
        """Every GPU, each followed by its MIG slices; one that does not answer is left out."""
        found: list[Card] = []
        for index in range(self._ask("nvmlDeviceGetCount")):
            try:
                handle = self._ask("nvmlDeviceGetHandleByIndex", index)
                uuid, name = (_text(self._ask(ask, handle)) for ask in ("nvmlDeviceGetUUID", "nvmlDeviceGetName"))
            except Silent:  # one card that is lost, or not ours to see, says nothing about the others
                continue
            slices = list(self._slices(handle))
            found.append(Card(index, uuid, name, handle, sliced=bool(slices)))
            found += [Card(index, each, f"{name} {own}", part, parent=uuid) for part, each, own in slices]
        return found

    def _slices(self, handle: Any) -> Any:
        try:
            if not self._ask("nvmlDeviceGetMigMode", handle)[0]:
                return
            most = self._ask("nvmlDeviceGetMaxMigDeviceCount", handle)
        except Silent:  # most cards have no such thing
            return
        for number in range(most):
            try:
                part = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, number)
                name = _text(self._ask("nvmlDeviceGetName", part))
                yield part, _text(self._ask("nvmlDeviceGetUUID", part)), name[max(0, name.find("MIG")) :]
            except Silent:  # no slice with this number
                continue

    def usage(self, card: Card) -> Usage:
        """Bytes now.

        Raises:
            Silent: not told, as on devices that share the host's memory, or the GPU is lost.
        """
        version = getattr(self.nvml, "nvmlMemory_v2", None)
        try:
            if version is not None:
                said = self._ask("nvmlDeviceGetMemoryInfo", card.handle, version)
                return Usage(int(said.total), int(said.used), int(said.free))
        except Silent:  # drivers before R510
            pass
        said = self._ask("nvmlDeviceGetMemoryInfo", card.handle)
        return Usage(int(said.total), int(said.used), int(said.free))

    def shares(self, card: Card) -> dict[int, int | None]:
        """Bytes by process, None where the driver does not tell how much (WSL); empty where it tells nothing."""
        for ask in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetComputeRunningProcesses_v2"):
            try:
                found: dict[int, int | None] = {}
                for each in self._ask(ask, card.handle):
                    size = None if each.usedGpuMemory is None else int(each.usedGpuMemory)
                    known = found.get(int(each.pid))
                    found[int(each.pid)] = size if known is None else known + (size or 0)
                return found
            except Silent:
                continue
        return {}


def _text(said: Any) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def visible(environment: Any = os.environ) -> list[str] | None:
    """The devices that CUDA shows by number, as CUDA_VISIBLE_DEVICES names them; None: all there are.

    >>> visible({"CUDA_VISIBLE_DEVICES": "2, GPU-5ebe,-1,0"}), visible({})
    (['2', 'GPU-5ebe'], None)
    """
    said = environment.get("CUDA_VISIBLE_DEVICES")
    if said is None:
        return None
    names: list[str] = []
    for name in (each.strip() for each in said.split(",")):
        if not (name.isdigit() or name.startswith(("GPU-", "MIG-"))):
            break  # CUDA ignores the first invalid entry and all after it
        names.append(name)
    return names


def named(cards: list[Card], name: str) -> Card | None:
    """The card with that number, or whose UUID begins so; one only."""
    if name.isdigit():
        found = [card for card in cards if card.number == int(name) and not card.parent]
    else:
        found = [card for card in cards if name and card.uuid.startswith(name)]
    return found[0] if len(found) == 1 else None


def matching(cards: list[Card], driver: Driver, names: list[str], total: int) -> Card | None:
    """The first of the cards so named whose memory is CUDA's `total`; a slice's card stands for its slices."""
    for name in names:
        card = named(cards, name)
        parts = [] if card is None else [card, *(each for each in cards if each.parent == card.uuid)]
        fitting = [each for each in parts if _is(driver, each, total)]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _is(driver: Driver, card: Card, total: int) -> bool:
    try:
        return abs(driver.usage(card).total / total - 1) <= TOTALS_FRAC
    except Silent:  # shares the host's memory: its name must do
        return True


class Gauge:
    """What this process takes of its GPU, as the driver sees it. Made before CUDA is touched, then told the device.

    A process finds itself by its number; in a container, where NVML counts by other numbers, as the only process that
    came since; else by what the whole device lost, which is only right while nobody else is at work there.
    """

    def __init__(self, path: str = "") -> None:
        self.driver: Driver | None = None
        self.card: Card | None = None
        self.usages: dict[str, Usage] = {}
        self.pids: dict[str, set[int]] = {}
        try:
            self.driver = Driver(path)
            self.cards = self.driver.cards()
        except (ImportError, Silent):
            self.driver = None
            return
        for card in self.cards:
            self.pids[card.uuid] = set(self.driver.shares(card))
            try:
                self.usages[card.uuid] = self.driver.usage(card)
            except Silent:
                continue

    def at(self, uuid: str, total: int) -> None:
        """The device is the one with this UUID of CUDA's, or that CUDA_VISIBLE_DEVICES names, and of that size."""
        if self.driver is None:
            return
        first = (visible() or ["0"])[0]
        names = [] if first.isdigit() else [first]
        names += ["GPU-" + uuid, "MIG-" + uuid] if uuid else []
        self.card = matching(self.cards, self.driver, [*names, first], total)

    def version(self) -> str:
        """The driver's, or an empty string."""
        return self.driver.version() if self.driver is not None else ""

    def others(self) -> int | None:
        """Used on the device before this process came; None where it is not told."""
        usage = self.usages.get(self.card.uuid) if self.card is not None else None
        return usage.used if usage is not None else None

    def process(self) -> int | None:
        """What NVML lists for this process."""
        if self.driver is None or self.card is None:
            return None
        shares, before = self.driver.shares(self.card), self.pids[self.card.uuid]
        new = [pid for pid in shares if pid not in before]
        mine = os.getpid() if os.getpid() in new else new[0] if len(new) == 1 else None
        return shares[mine] if mine is not None else None

    def grown(self) -> int | None:
        """What the whole device lost since this process came."""
        if self.driver is None or self.card is None or self.card.uuid not in self.usages:
            return None
        try:
            return self.driver.usage(self.card).used - self.usages[self.card.uuid].used
        except Silent:
            return None

    def taken(self, reserved: int) -> tuple[int | None, str]:
        """This process's memory, of which PyTorch reserved so much, and how it is known: process, growth or nothing."""
        process, grown = self.process(), self.grown()
        if process is not None and process >= reserved:
            # what the driver keeps for a process beyond its list, the device lost all the same
            known = grown is not None and process <= grown <= process + UNLISTED_BYTES
            return (grown, "growth and process") if known else (process, "process")
        if grown is not None and grown >= reserved:
            return grown, "growth"
        return None, ""
