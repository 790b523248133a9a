"""Every allocation and free of the fake device, in order, and for each where it was made and what it is."""

from __future__ import annotations

import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

HERE = str(Path(__file__).parent) + "/"
TORCH = str(Path(torch.__file__).parent) + "/"
BLOCK = 512
FREE, EMPTY = -1, -2

if TYPE_CHECKING:
    Place = tuple[str, str, str, str]
    """Operator, phase, module, and file:line of the nearest code that is neither torch's nor ours."""


def site() -> str:
    """`path:line` of the innermost frame outside torch and this tracer, or an empty string."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(TORCH) and not name.startswith(HERE) and not name.startswith("<"):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


class Ledger:
    """The allocations of one trace; an id is the position of an allocation among all allocations."""

    def __init__(self) -> None:
        self.events: list[int] = []  # pairs: id and bytes, id and FREE, or 0 and EMPTY
        self.sizes: list[int] = []
        self.places: dict[Place, int] = {}
        self.place_of: list[int] = []
        self.kinds: dict[int, str] = {}
        self.owners: dict[int, str] = {}
        self.live: dict[int, list[int]] = {}  # storage -> id, bytes
        self.allocated = self.peak = 0

    def allocate(self, size: int, place: Place, kind: str = "") -> int:
        """Note an allocation of `size` bytes; returns its id."""
        key = len(self.sizes)
        self.sizes.append(size)
        self.place_of.append(self.places.setdefault(place, len(self.places)))
        self.events += (key, size)
        if kind:
            self.kinds[key] = kind
        self.allocated += -(-size // BLOCK) * BLOCK
        self.peak = max(self.peak, self.allocated)
        return key

    def free(self, key: int) -> None:
        """Note that the allocation `key` is gone."""
        self.events += (key, FREE)
        self.allocated -= -(-self.sizes[key] // BLOCK) * BLOCK

    def empty_cache(self) -> None:
        """Note a call of torch.cuda.empty_cache()."""
        self.events += (0, EMPTY)

    def knows(self, storage: Any) -> bool:
        """Whether this storage is noted with its present size."""
        entry = self.live.get(storage._cdata)
        return entry is not None and entry[1] == storage.nbytes()

    def see(self, storage: Any, place: Place) -> None:
        """Note a storage that was just made, or resized."""
        handle, size = storage._cdata, storage.nbytes()
        entry = self.live.get(handle)
        if entry is not None:
            self.free(entry[0])
            entry[:] = [self.allocate(size, place), size]
            return
        entry = [self.allocate(size, place), size]
        self.live[handle] = entry
        weakref.finalize(storage, self._gone, handle, entry)

    def _gone(self, handle: int, entry: list[int]) -> None:
        # the address may have been given to another storage meanwhile
        if self.live.get(handle) is entry:
            del self.live[handle]
            self.free(entry[0])

    def name(self, tensor: Any, kind: str, owner: str = "") -> None:
        """Say what a tensor's memory is, and which module it belongs to; the first word counts."""
        try:
            entry = self.live.get(tensor.untyped_storage()._cdata)
        except (RuntimeError, NotImplementedError):  # sparse and the like have no storage of their own
            return
        if entry is not None:
            self.kinds.setdefault(entry[0], kind)
            if owner:
                self.owners.setdefault(entry[0], owner)

    def kind_of(self, tensor: Any) -> str | None:
        """What a tensor's memory was named."""
        entry = self.live.get(tensor.untyped_storage()._cdata)
        return self.kinds.get(entry[0]) if entry is not None else None
