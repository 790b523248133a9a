"""PyTorch's CUDA caching allocator as a pure model: allocations and frees in, peak allocated and reserved out.

Modelled: rounding, small and large pools, best fit, splitting, merging, release and retry when the device is full,
garbage collection, max_split_size, roundup_power2_divisions and expandable segments. Not modelled: several streams,
CUDA graphs, private pools, other processes on the device.

Source: c10/cuda/CUDACachingAllocator.cpp and docs.pytorch.org/docs/stable/notes/cuda.html, "Memory management".
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Literal

MIB = 2**20
MIN_BLOCK = 512  # kMinBlockSize: every block is a multiple of it
SMALL = MIB  # kSmallSize: the largest request that is served from the small pool
SMALL_SEGMENT = 2 * MIB  # kSmallBuffer: what the small pool asks the driver for
LARGE_SEGMENT = 20 * MIB  # kLargeBuffer: for requests below MIN_LARGE; also the page of the large expandable pool
MIN_LARGE = 10 * MIB  # kMinLargeAlloc: from here on a request gets a segment of its own,
ROUND_LARGE = 2 * MIB  # kRoundLarge: rounded up to this

Event = tuple[Literal["alloc", "free", "empty"], int, int]
"""("alloc", id, bytes), ("free", id, 0), or ("empty", 0, 0) for torch.cuda.empty_cache()."""


@dataclass(frozen=True)
class Settings:
    """What PYTORCH_CUDA_ALLOC_CONF can change; sizes in bytes."""

    expandable_segments: bool = False
    max_split_bytes: float = math.inf
    roundup_power2_divisions: int = 0
    garbage_collection_threshold: float = 0.0


@dataclass(frozen=True)
class Oom:
    """The allocation that did not fit, even after the cache was released."""

    event: int
    wanted_bytes: int
    allocated_bytes: int
    reserved_bytes: int


@dataclass(frozen=True)
class Replay:
    """What a sequence of events does to the allocator."""

    allocated_bytes: int
    """Peak of torch.cuda.memory_allocated(): whole blocks, so a little more than was asked for."""
    reserved_bytes: int
    """Peak of torch.cuda.memory_reserved()."""
    peak_event: int
    """Index of the event that first reached the allocated peak; -1 when nothing was allocated."""
    retries: int
    """How often the cache had to be released because the device was full."""
    oom: Oom | None
    left_out: int = 0
    """Optional allocations that did not fit."""


class _Full(Exception):
    """The device cannot give another segment."""


@dataclass(eq=False)
class _Block:
    pool: _Pool
    address: int
    size: int
    used: bool = False
    mapped: bool = True
    before: _Block | None = None
    after: _Block | None = None
    born: int = 0

    @property
    def whole(self) -> bool:
        """A segment of its own: only such a block can go back to the driver."""
        return self.before is None and self.after is None


@dataclass(eq=False)
class _Pool:
    small: bool
    order: list[tuple[int, int]] = field(default_factory=list)
    blocks: dict[tuple[int, int], _Block] = field(default_factory=dict)
    holes: list[_Block] = field(default_factory=list)
    calls: int = 0

    @property
    def page(self) -> int:
        return SMALL_SEGMENT if self.small else LARGE_SEGMENT

    def add(self, block: _Block) -> None:
        key = (block.size, block.address)
        bisect.insort(self.order, key)
        self.blocks[key] = block

    def remove(self, block: _Block) -> None:
        key = (block.size, block.address)
        del self.order[bisect.bisect_left(self.order, key)]
        del self.blocks[key]

    def free_from(self, size: int) -> Iterable[_Block]:
        """Free blocks of at least `size`, smallest first, lowest address first."""
        for index in range(bisect.bisect_left(self.order, (size, -1)), len(self.order)):
            yield self.blocks[self.order[index]]


class Allocator:
    """One device, one stream, one process.

    >>> one = Allocator()
    >>> one.allocate(1, 100)
    >>> one.allocated, one.reserved
    (512, 2097152)
    """

    def __init__(self, settings: Settings | None = None, capacity_bytes: float = math.inf) -> None:
        self.settings, self.capacity = settings or Settings(), capacity_bytes
        self.small, self.large = _Pool(True), _Pool(False)
        self.live: dict[int, _Block] = {}
        self.allocated = self.reserved = self.most_allocated = self.most_reserved = self.retries = 0
        self._next_address = 0
        if self.settings.expandable_segments:
            for pool in (self.small, self.large):  # one range of addresses each, larger than any device
                pool.holes = [_Block(pool, 0, 2**60, mapped=False)]

    def allocate(self, key: int, wanted: int) -> None:
        """Hand out a block for `wanted` bytes under the name `key`.

        Raises:
            MemoryError: the device is full, also after the cache was released.
        """
        if wanted == 0:
            return
        size = self.rounded(wanted)
        pool = self.small if size <= SMALL else self.large
        block = self._cached(pool, size) or self._segment(pool, size)
        if self._splits(block, size):
            self._cut(block, size)
        block.used = True
        self.live[key] = block
        self.allocated += block.size
        self.most_allocated = max(self.most_allocated, self.allocated)

    def free(self, key: int) -> None:
        """Take the block of `key` back into the cache and merge it with free neighbours."""
        block = self.live.pop(key, None)
        if block is None:
            return
        self.allocated -= block.size
        block.used = False
        self._cache(block)

    def release(self) -> None:
        """Give what is cached and not split back to the driver: torch.cuda.empty_cache()."""
        for pool in (self.small, self.large):
            for block in list(pool.blocks.values()):
                if self.settings.expandable_segments:
                    self._unmap(block)
                elif block.whole:
                    self._give_back(block)

    def rounded(self, wanted: int) -> int:
        """The size of the block for `wanted` bytes.

        >>> Allocator().rounded(1), Allocator().rounded(513)
        (512, 1024)
        >>> Allocator(Settings(roundup_power2_divisions=4)).rounded(1200 * MIB) // MIB
        1280
        """
        divisions, below = self.settings.roundup_power2_divisions, 1 << max(wanted.bit_length() - 1, 0)
        if divisions > 1 and wanted > MIN_BLOCK * divisions and wanted != below:
            return _up(wanted, below // divisions)
        return max(_up(wanted, MIN_BLOCK), MIN_BLOCK)

    def _cached(self, pool: _Pool, size: int) -> _Block | None:
        """The best fitting free block, taken out of the cache."""
        pool.calls += 1
        block = self._best(pool, size)
        if block is not None:
            pool.remove(block)
        return block

    def _best(self, pool: _Pool, size: int) -> _Block | None:
        fitting = iter(pool.free_from(size))
        block = next(fitting, None)
        if block is None:
            return None
        if self.settings.expandable_segments:
            # the block before free addresses counts as being as large as it can grow, so any other one is a better fit
            if block.after is not None and not block.after.mapped:
                return next(fitting, block)
            return block
        most = self.settings.max_split_bytes
        if size < most <= block.size or (size >= most and block.size >= size + LARGE_SEGMENT):
            return None
        return block

    def _splits(self, block: _Block, size: int) -> bool:
        left = block.size - size
        if block.pool.small or self.settings.expandable_segments:
            return left >= MIN_BLOCK
        return size < self.settings.max_split_bytes and left > SMALL

    def _cut(self, block: _Block, size: int) -> None:
        """Shorten `block` to `size`; the rest is cached."""
        block.pool.add(self._after(block, size))

    @staticmethod
    def _after(block: _Block, size: int) -> _Block:
        rest = _Block(block.pool, block.address + size, block.size - size, mapped=block.mapped)
        rest.before, rest.after = block, block.after
        if block.after is not None:
            block.after.before = rest
        block.after, block.size = rest, size
        return rest

    def _cache(self, block: _Block) -> None:
        for other in (block.before, block.after):
            if other is not None and other.mapped and not other.used:
                other.pool.remove(other)
                _join(block, other)
        block.born = block.pool.calls
        block.pool.add(block)

    def _segment(self, pool: _Pool, size: int) -> _Block:
        """New memory from the driver, after collecting garbage, and after releasing the cache when it is full."""
        self._collect()
        make = self._expand if self.settings.expandable_segments else self._new
        try:
            return make(pool, size)
        except _Full:
            self.retries += 1
            self.release()
        try:
            return make(pool, size)
        except _Full:
            raise MemoryError(f"{size} bytes do not fit: {self.reserved} of {self.capacity} are reserved") from None

    def _new(self, pool: _Pool, size: int) -> _Block:
        total = SMALL_SEGMENT if pool.small else LARGE_SEGMENT if size < MIN_LARGE else _up(size, ROUND_LARGE)
        self._reserve(total)
        block = _Block(pool, self._next_address, total, born=pool.calls)
        self._next_address += total
        return block

    def _expand(self, pool: _Pool, size: int) -> _Block:
        """Map pages at the lowest address where `size` bytes can be had, together with a free block before them."""
        for hole in pool.holes:
            before = hole.before if hole.before is not None and hole.before.mapped and not hole.before.used else None
            missing = size - (before.size if before else 0)
            if hole.size >= missing:
                break
        else:  # the last hole is larger than any request
            raise AssertionError("expandable address space ran out")
        pages = _up(missing, pool.page)
        self._reserve(pages)
        pool.holes.remove(hole)
        if hole.size > pages:
            rest = self._after(hole, pages)
            bisect.insort(pool.holes, rest, key=lambda block: block.address)
        hole.mapped = True
        if before:
            pool.remove(before)
            _join(hole, before)
        return hole

    def _unmap(self, block: _Block) -> None:
        """Give the whole pages inside a free expandable block back to the driver."""
        page, pool = block.pool.page, block.pool
        first, last = _up(block.address, page), (block.address + block.size) // page * page
        if last <= first:
            return
        pool.remove(block)
        if block.address + block.size > last:
            self._cut(block, last - block.address)
        if first > block.address:
            inner = self._after(block, first - block.address)
            pool.add(block)
            block = inner
        self.reserved -= block.size
        block.mapped = False
        for other in (block.before, block.after):
            if other is not None and not other.mapped:
                pool.holes.remove(other)
                _join(block, other)
        bisect.insort(pool.holes, block, key=lambda each: each.address)

    def _reserve(self, size: int) -> None:
        if self.reserved + size > self.capacity:
            raise _Full
        self.reserved += size
        self.most_reserved = max(self.most_reserved, self.reserved)

    def _give_back(self, block: _Block) -> None:
        block.pool.remove(block)
        self.reserved -= block.size

    def _collect(self) -> None:
        """Garbage collection: give back cached large segments that were not used for longer than their average."""
        most = self.settings.garbage_collection_threshold * self.capacity
        if not self.settings.garbage_collection_threshold or self.reserved <= most or math.isinf(self.capacity):
            return
        target, pool = self.reserved - most, self.large
        idle = {block: pool.calls - block.born for block in pool.blocks.values() if block.whole}
        while target > 0 and idle:
            average = sum(idle.values()) / len(idle)
            old = [block for block, age in idle.items() if age >= average]
            for block in old:
                target -= block.size
                del idle[block]
                self._give_back(block)


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


def _join(block: _Block, other: _Block) -> None:
    """Make `block` cover its neighbour `other` as well."""
    if other is block.before:
        block.address, block.before = other.address, other.before
        if other.before is not None:
            other.before.after = block
    else:
        block.after = other.after
        if other.after is not None:
            other.after.before = block
    block.size += other.size


def replay(
    events: Iterable[Event],
    settings: Settings | None = None,
    capacity_bytes: float = math.inf,
    optional: Container[int] = (),
) -> Replay:
    """Run a sequence of events through an allocator; stops at the first allocation that does not fit.

    Args:
        events: what is allocated and freed, in order.
        settings: of the allocator.
        capacity_bytes: what the driver can give to it.
        optional: ids of allocations that the program can do without; those that do not fit are left out and counted.

    >>> replay([("alloc", 1, 100), ("alloc", 2, 30 * MIB), ("free", 1, 0)]).reserved_bytes // MIB
    32
    """
    device, most, at = Allocator(settings, capacity_bytes), 0, -1
    oom, left_out = None, 0
    for index, (what, key, size) in enumerate(events):
        if what == "alloc":
            try:
                device.allocate(key, size)
            except MemoryError:
                if key in optional:
                    left_out += 1
                    continue
                oom = Oom(index, size, device.allocated, device.reserved)
                break
            if device.allocated > most:
                most, at = device.allocated, index
        elif what == "free":
            device.free(key)
        else:
            device.release()
    return Replay(device.most_allocated, device.most_reserved, at, device.retries, oom, left_out)
