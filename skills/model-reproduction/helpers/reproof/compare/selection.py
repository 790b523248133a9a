"""Which records of a claim are judged: run, at the protocol's sizes, of one state of the code, complete, by seed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from reproof.compare.results import Row


@dataclass(frozen=True)
class Protocol:
    """What the plan says about one experiment's runs, under one reading."""

    n_test: int
    n_generated: int
    steps: dict[str, int]
    """Planned steps, or batches of a pool, by phase."""
    seeds: tuple[int, ...]


@dataclass
class Selection:
    """The records that are judged, and what was left out."""

    by_seed: dict[int, list[Row]] = field(default_factory=dict)
    typed: list[Row] = field(default_factory=list)
    shortened: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """All judged records."""
        return [row for rows in self.by_seed.values() for row in rows]


def select(rows: Sequence[Row], protocol: Protocol) -> Selection:
    """Narrow a claim's records down, step by step, saying what each step left out."""
    chosen = Selection(typed=[row for row in rows if row.is_typed])
    kept = [row for row in rows if not row.is_typed]
    if chosen.typed:
        chosen.notes.append(f"{_many(chosen.typed)} without run id and config hash, typed by hand: not judged")
    kept = _of_size(kept, protocol, chosen)
    kept = _latest(kept, "core_hash", "an older core", chosen)
    whole = [row for row in kept if not shortfall(row, protocol)]
    if kept and not whole:
        chosen.shortened = shortfall(max(kept, key=lambda row: row.age), protocol)
    elif len(whole) < len(kept):
        chosen.notes.append(f"{_many(kept, len(kept) - len(whole))} of shortened runs left out")
    kept = _latest(whole or kept, "config_hash", "another configuration", chosen)
    chosen.by_seed = by_seed(kept, chosen.notes)
    return chosen


def _of_size(rows: list[Row], protocol: Protocol, chosen: Selection) -> list[Row]:
    size = (protocol.n_test, protocol.n_generated)
    kept = [row for row in rows if (row.n_test, row.n_generated) == size]
    if len(kept) < len(rows):
        others = sorted({f"{r.n_test}/{r.n_generated}" for r in rows if (r.n_test, r.n_generated) != size})
        chosen.notes.append(
            f"{_many(rows, len(rows) - len(kept))} with {', '.join(others)} test/generated samples refused: "
            f"the protocol says {size[0]}/{size[1]}"
        )
    return kept


def _latest(rows: list[Row], key: str, what: str, chosen: Selection) -> list[Row]:
    """The records that agree in `key` with the latest one."""
    if not rows:
        return rows
    newest = getattr(max(rows, key=lambda row: row.age), key)
    kept = [row for row in rows if getattr(row, key) == newest]
    if len(kept) < len(rows):
        chosen.notes.append(
            f"{_many(rows, len(rows) - len(kept))} of {what} left out: only {key} {newest[:12] or '(none)'}, the "
            "latest, is judged"
        )
        if key == "config_hash" and _one_per_seed(rows):
            chosen.notes.append("every seed has a config_hash of its own: a hash that leaves the seed out is needed")
    return kept


def _one_per_seed(rows: list[Row]) -> bool:
    seeds, hashes = {row.seed for row in rows}, {row.config_hash for row in rows}
    pairs = {(row.seed, row.config_hash) for row in rows}
    return len(seeds) > 1 and len(seeds) == len(hashes) == len(pairs)


def shortfall(row: Row, protocol: Protocol) -> str:
    """The first phase that stopped before its planned steps, by the plan or by the record; empty when none did."""
    done, planned = dict(row.steps_done), dict(row.steps_planned)
    for phase in {**protocol.steps, **planned}:
        of = [steps[phase] for steps in (protocol.steps, planned) if type(steps.get(phase)) is int]
        did = done.get(phase, 0)
        if of and (type(did) is not int or did < max(of)):
            return f"{phase} did {did} of {max(of)} planned"
    return ""


def by_seed(rows: Sequence[Row], notes: list[str]) -> dict[int, list[Row]]:
    """Records by seed. What shows that two seeds are one run, makes them one: run id, weights, or the very same value.

    A metric that counts, like accuracy, gives equal values by chance; there only equal weights or ids tell.
    """
    groups: dict[int, list[Row]] = {}
    owner: dict[Hashable, int] = {}
    seedless, doubled = 0, set()
    for row in sorted(rows, key=lambda row: (row.file, row.line)):
        if row.seed is None:
            seedless += 1
            continue
        marks = _marks(row)
        seed = next((owner[mark] for mark in marks if mark in owner), row.seed)
        if seed != row.seed:
            doubled.add((row.seed, seed))
        for mark in marks:
            owner.setdefault(mark, seed)
        groups.setdefault(seed, []).append(row)
    if seedless:
        notes.append(f"{_many(rows, seedless)} without a seed left out")
    if doubled:
        pairs = ", ".join(f"{a} is {b}" for a, b in sorted(doubled)[:5])
        notes.append(f"seeds that are one run by run id, weights or value count once: {pairs}")
    again = sum(len(group) - 1 for group in groups.values())
    if again:
        notes.append(f"{_many(rows, again)} of seeds evaluated more than once: each seed counts once, by its mean")
    return groups


def _marks(row: Row) -> list[Hashable]:
    """What no two independent runs share."""
    marks: list[Hashable] = [("seed", row.seed), ("run", row.run_id)]
    if row.checkpoints:
        marks.append(("weights", row.checkpoints))
    elif math.isfinite(row.value) and not _counts(row):
        marks.append(("value", row.value))
    return marks


def _counts(row: Row) -> bool:
    """Whether the value is a whole number of test samples, as fraction or percent."""
    return any(
        abs(hits - round(hits)) < 1e-9 * max(1.0, abs(hits))
        for hits in (row.value * (row.n_test or 1), row.value * (row.n_test or 1) / 100)
    )


def _many(rows: Sequence[Row], count: int | None = None) -> str:
    count = len(rows) if count is None else count
    return f"{count} record{'' if count == 1 else 's'}"
