"""A trace as data: what every allocation is, what is held at the peak, and how the steps compare. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reproof.vram.allocator import MIN_BLOCK, Event
from reproof.vram.traced import Held, Moment, Share, StepPeak

FREE = -1
MODULES, LARGEST = 12, 10
DEPTH = 2
"""Modules are shown by so many parts of their path."""
BY_PHASE = {
    "build": "other tensors from build()",
    "forward": "temporaries",
    "recompute": "activations, recomputed",
    "backward": "temporaries",
    "optimizer": "optimizer temporaries",
}
ORDER = (
    "parameters",
    "frozen parameters",
    "buffers",
    "optimizer state",
    "gradients",
    "autocast copies",
    "activations",
    "activations, recomputed",
    "temporaries",
    "optimizer temporaries",
    "other tensors from build()",
    "workspace",
    "workspace, a guess",
)
"""What memory is, in the order in which it is shown."""


CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")


@dataclass(frozen=True)
class Timeline:
    """The allocations of one trace, by id; an id is the position of an allocation among all."""

    events: list[Event]
    moments: list[Moment]
    kinds: list[str]
    owners: list[str]
    marks: list[tuple[str, int]]

    @classmethod
    def read(cls, result: dict[str, Any]) -> Timeline:
        """From what the child wrote."""
        events = list(_events(result["events"]))[: result["marks"][-1][1]]  # what follows is the step's own end
        places = [Moment(op=op, phase=phase, module=module, line=line) for op, phase, module, line in result["places"]]
        moments = [places[index] for index in result["place_of"]]
        named = {int(key): kind for key, kind in result["kinds"].items()}
        owned = {int(key): owner for key, owner in result["owners"].items()}
        kept = _kept_for_backward(events, moments)
        guessed = set(result["uncalibrated"])
        kinds = [_kind(named.get(key), moment, key in kept, moment.op in guessed) for key, moment in enumerate(moments)]
        owners = [owned.get(key) or moment.module for key, moment in enumerate(moments)]
        return cls(events, moments, kinds, owners, [(name, index) for name, index in result["marks"]])

    def calibrated(self) -> list[Event]:
        """The events without the workspaces that are a guess."""
        return [each for each in self.events if each[0] == "empty" or self.kinds[each[1]] != "workspace, a guess"]

    def other_algorithms(self) -> set[int]:
        """Ids of convolution workspaces: torch takes an algorithm with a smaller one where they do not fit.

        Source: try_plans in aten/src/ATen/native/cudnn/Conv_v8.cpp, which goes on after an OutOfMemoryError.
        """
        return {
            key
            for key, (kind, moment) in enumerate(zip(self.kinds, self.moments, strict=True))
            if kind.startswith("workspace") and moment.op in CONVOLUTIONS
        }

    def held(self, event: int) -> dict[int, int]:
        """Ids and bytes of what is allocated after the event with that index."""
        live: dict[int, int] = {}
        for what, key, size in self.events[: event + 1]:
            if what == "alloc":
                live[key] = size
            elif what == "free":
                live.pop(key, None)
        return live

    def at(self, event: int) -> Moment:
        """Where the allocation of that event was made."""
        return self.moments[self.events[event][1]]

    def by_kind(self, held: dict[int, int]) -> dict[str, int]:
        """Bytes of each kind, in the order in which they are shown."""
        sizes: Counter[str] = Counter()
        for key, size in held.items():
            sizes[self.kinds[key]] += size
        return {kind: sizes[kind] for kind in ORDER if sizes[kind]}

    def by_module(self, held: dict[int, int]) -> list[Share]:
        """The modules that hold most; workspaces belong to none."""
        sizes: Counter[str] = Counter()
        for key, size in held.items():
            if not self.kinds[key].startswith("workspace"):
                sizes[".".join(self.owners[key].split(".")[:DEPTH]) or "outside any module"] += size
        shares = [Share(name=name, bytes=size) for name, size in sizes.most_common(MODULES)]
        rest = sum(sizes.values()) - sum(share.bytes for share in shares)
        return [*shares, Share(name="all others", bytes=rest)] if rest else shares

    def largest(self, held: dict[int, int]) -> list[Held]:
        """What takes most, the same operator on the same line taken together."""
        groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for key in held:
            groups[self.kinds[key], self.moments[key].op, self.moments[key].line].append(key)
        rows = [
            Held(
                kind=kind,
                op=op,
                line=line,
                module=self.owners[keys[0]],
                count=len(keys),
                bytes=sum(held[key] for key in keys),
            )
            for (kind, op, line), keys in groups.items()
        ]
        return sorted(rows, key=lambda row: -row.bytes)[:LARGEST]

    def most(self, kind: str) -> int:
        """The most bytes of one kind at any time."""
        level = most = 0
        sizes: dict[int, int] = {}
        for what, key, size in self.events:
            if what == "alloc" and self.kinds[key] == kind:
                sizes[key] = size
                level += size
                most = max(most, level)
            elif what == "free":
                level -= sizes.pop(key, 0)
        return most

    def steps(self) -> list[StepPeak]:
        """Peak and rest of build() and of every step, in whole blocks of 512 bytes."""
        levels, most = self.levels(), []
        for (name, start), (_, end) in zip(self.marks, self.marks[1:], strict=False):
            inside = levels[start:end]
            before = levels[start - 1] if start else 0
            after = levels[end - 1] if end else 0
            most.append(StepPeak(name=name, peak_bytes=max([before, *inside]), after_bytes=after))
        return most

    def levels(self) -> list[int]:
        """Allocated after every event, in whole blocks of 512 bytes."""
        level, sizes, levels = 0, {}, []
        for what, key, size in self.events:
            if what == "alloc":
                sizes[key] = -(-size // MIN_BLOCK) * MIN_BLOCK
                level += sizes[key]
            elif what == "free":
                level -= sizes.pop(key, 0)
            levels.append(level)
        return levels


def _events(flat: list[int]) -> Iterator[Event]:
    for key, size in zip(flat[::2], flat[1::2], strict=True):
        yield ("alloc", key, size) if size >= 0 else ("free", key, 0) if size == FREE else ("empty", 0, 0)


def _kept_for_backward(events: list[Event], moments: list[Moment]) -> set[int]:
    """Allocations of the forward that are still there when the next backward begins: the activations."""
    waiting: set[int] = set()
    kept: set[int] = set()
    for what, key, _ in events:
        if what == "free":
            waiting.discard(key)
        elif what == "alloc" and moments[key].phase == "forward":
            waiting.add(key)
        elif what == "alloc" and moments[key].phase in ("backward", "recompute"):
            kept |= waiting
            waiting.clear()
    return kept


def _kind(named: str | None, moment: Moment, kept: bool, guessed: bool) -> str:
    if named == "workspace":
        return "workspace, a guess" if guessed else "workspace"
    if named:
        return named
    return "activations" if kept else BY_PHASE[moment.phase]
