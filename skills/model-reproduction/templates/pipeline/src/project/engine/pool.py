"""Pools: simulated rows, built once, batch by batch; then drawn from in constant time.

Every batch is a file of its own, so that a killed build goes on where it was and a damaged file costs one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import checkpoint, rng
from .config import settings_of
from .records import Progress

if TYPE_CHECKING:
    from .phases import BuildPool
    from .run import Run


class Pool:
    """Named rows on the CPU. The first batch tells how much memory all of them need; nothing is copied twice."""

    def __init__(self, batches: int, device: torch.device) -> None:
        self.batches, self.device, self.filled = batches, device, 0
        self.rows: dict[str, Tensor] = {}

    def add(self, batch: dict[str, Tensor]) -> None:
        """Copy one batch in."""
        if not self.rows:
            self.rows = {k: v.new_empty((len(v) * self.batches, *v.shape[1:])) for k, v in batch.items()}
        count = len(self) // self.batches
        for name, rows in self.rows.items():
            if batch.keys() != self.rows.keys() or batch[name].shape != (count, *rows.shape[1:]):
                raise ValueError("make_batch must give the same names and shapes for every batch")
            rows[self.filled : self.filled + count] = batch[name]
        self.filled += count

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))

    def sample(self, n: int) -> dict[str, Tensor]:
        """`n` rows, uniformly with replacement, on the run's device; the cost does not depend on len(pool)."""
        index = torch.randint(len(self), (n,))
        rows = {name: rows.index_select(0, index) for name, rows in self.rows.items()}
        if self.device.type == "cpu":
            return rows
        return {name: r.pin_memory().to(self.device, non_blocking=True) for name, r in rows.items()}


class Pools(dict[str, Pool]):
    """Pools by phase name, read from disk when first asked for: a phase pays only for those that it uses."""

    def __init__(self, open_pool: Callable[[str], Pool]) -> None:
        super().__init__()
        self.open_pool = open_pool

    def __missing__(self, name: str) -> Pool:
        self[name] = self.open_pool(name)
        return self[name]


def part_path(run: Run, name: str, index: int) -> Path:
    """Where one batch of a pool lies."""
    return run.folder / "pools" / name / f"batch-{index:06d}.ckpt"


def is_built(run: Run, name: str) -> bool:
    """Whether every batch is there (not yet read); refuses a pool that was made with other settings."""
    paths = [part_path(run, name, index) for index in range(run.cfg.phases[name].batches)]
    return checkpoint.restore(paths[0], settings_of(run.cfg, name)) is not None and all(p.exists() for p in paths)


def build_pool(run: Run, name: str, phase: BuildPool) -> Pool:
    """Read the batches that are there, simulate the others. May happen inside a step, so generators are kept."""
    cfg, settings = run.cfg.phases[name], settings_of(run.cfg, name)
    pool, progress = Pool(cfg.batches, run.device), Progress(name, cfg.batches, "batches")
    with rng.preserved():
        for index in range(cfg.batches):
            path = part_path(run, name, index)
            part = checkpoint.restore(path, settings)
            if part is None:
                run.stop.check(f"phase '{name}', batch {index} of {cfg.batches}")
                rng.seed_all(run.seed, name, index)
                rows = phase.make_batch(run, cfg, index)
                part = {"settings": settings, "rows": {k: v.detach().cpu().contiguous() for k, v in rows.items()}}
                checkpoint.save(path, part, durable=False)  # no fsync: a lost batch is noticed and made again
            pool.add(part["rows"])
            if progress.due(index + 1):
                progress.show(index + 1)
    return pool
