"""Pools: simulated rows, built once, batch by batch; then drawn from in constant time.

A pool is one flat file per kind of row, written in place, and a ledger with a digest per batch: a killed build goes
on where it was, a damaged batch is made again, and a pool beyond `pools_in_memory_gib` is used from disk.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import checkpoint, rng
from .config import option, settings_of
from .extra.progress import Progress
from .records import open_lines, read_lines, writing

if TYPE_CHECKING:
    from .phases import BuildPool
    from .run import Run


class Rows:
    """Named rows on the CPU, in memory or memory-mapped; the first `count` of them are there."""

    def __init__(self, rows: dict[str, Tensor], device: torch.device, next_seed: Callable[[], int] | None = None):
        self.rows, self.device, self.next_seed = rows, device, next_seed
        self.count = len(next(iter(rows.values()))) if rows else 0
        self.ahead: tuple[Tensor, dict[str, Tensor]] | None = None  # what the next step will probably ask for

    def __len__(self) -> int:
        return self.count

    def sample(self, n: int) -> dict[str, Tensor]:
        """`n` rows, uniformly with replacement, on the run's device; the cost does not depend on len(self)."""
        index = torch.randint(self.count, (n,))
        if self.device.type == "cpu":
            return {name: rows.index_select(0, index) for name, rows in self.rows.items()}
        ahead, self.ahead = self.ahead, None
        drawn = ahead[1] if ahead and torch.equal(ahead[0], index) else self.send(index)
        if self.next_seed:  # the next step's generator is known already, so its rows can travel during this one
            index = torch.randint(self.count, (n,), generator=torch.Generator().manual_seed(self.next_seed()))
            self.ahead = index, self.send(index)
        return drawn

    def send(self, index: Tensor) -> dict[str, Tensor]:
        """Rows to the device, without waiting for it."""
        chosen = {name: rows.index_select(0, index).pin_memory() for name, rows in self.rows.items()}
        return {name: rows.to(self.device, non_blocking=True) for name, rows in chosen.items()}


class Pools(dict[str, Rows]):
    """Pools by phase name, read from disk when first asked for: a phase pays only for those that it uses."""

    def __init__(self, open_pool: Callable[[str], Rows]) -> None:
        super().__init__()
        self.open_pool = open_pool

    def __missing__(self, name: str) -> Rows:
        self[name] = self.open_pool(name)
        return self[name]


class Store:
    """The files of one pool."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings
        self.fields = (checkpoint.restore(folder / "pool.ckpt", settings) or {}).get("fields", {})
        lines = [line for path in sorted(folder.glob("done-*.jsonl")) for line in read_lines(path)]
        self.digests = {line["batch"]: line["sha256"] for line in lines} if self.fields else {}

    def describe(self, batch: dict[str, Tensor], save: bool) -> None:
        """The first batch tells names, types and shapes of all."""
        fields = {name: [str(rows.dtype).split(".")[-1], list(rows.shape)] for name, rows in batch.items()}
        if not self.fields and save:
            checkpoint.save(self.folder / "pool.ckpt", {"settings": self.settings, "fields": fields})
        if self.fields not in ({}, fields):
            raise ValueError("make_batch must give the same names and shapes for every batch")
        self.fields = fields

    def write(self, index: int, batch: dict[str, Tensor]) -> str:
        """Put one batch in its place; gives its digest. Half of it is as good as nothing: it is not in the ledger."""
        sha256 = hashlib.sha256()
        for number, rows in enumerate(batch.values()):
            data, path = rows.reshape(-1).view(torch.uint8).numpy().data, self.folder / f"rows-{number}.bin"
            with writing(path), os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
                file.seek(index * len(data))
                file.write(data)
            sha256.update(data)
        return sha256.hexdigest()

    def rows(self, batches: int) -> dict[str, Tensor]:
        """All rows, memory-mapped (changes would stay in memory)."""
        found = {}
        for number, (name, (dtype, shape)) in enumerate(self.fields.items()):
            path, kind = self.folder / f"rows-{number}.bin", getattr(torch, dtype)
            flat = torch.from_file(str(path), shared=False, size=batches * math.prod(shape), dtype=kind)
            found[name] = flat.view(batches * shape[0], *shape[1:])
        return found

    def whole(self, index: int) -> bool:
        """Whether a batch was written, and is as it was written."""
        if index not in self.digests:
            return False
        sha256 = hashlib.sha256()
        for number, (dtype, shape) in enumerate(self.fields.values()):
            size = math.prod(shape) * getattr(torch, dtype).itemsize
            with (self.folder / f"rows-{number}.bin").open("rb") as file:
                file.seek(index * size)
                sha256.update(file.read(size))
        if sha256.hexdigest() == self.digests[index]:
            return True
        print(f"damaged: {self.folder}, batch {index}: the digest does not match; made again", file=sys.stderr)
        return False


def pool_folder(run: Run, name: str) -> Path:
    """Where a pool lies."""
    return run.folder / "pools" / name


def is_built(run: Run, name: str) -> bool:
    """Whether every batch is there (not yet read); refuses a pool that was made with other settings."""
    store = Store(pool_folder(run, name), settings_of(run.cfg, name))
    return store.digests.keys() >= set(range(run.cfg.phases[name].batches))


def build_pool(run: Run, name: str, phase: BuildPool) -> Rows:
    """Verify the batches that are there, simulate the others. May happen inside a step, so generators are kept."""
    cfg, world, store = run.cfg.phases[name], run.world, Store(pool_folder(run, name), settings_of(run.cfg, name))
    progress, asked = Progress(name, cfg.batches, "batches"), ""
    world.barrier()  # nobody writes before everybody has read the ledgers
    with rng.preserved(), open_lines(store.folder / f"done-{world.rank}.jsonl") as ledger:
        for index in range(world.rank, cfg.batches, world.size):
            if not store.whole(index):
                if asked := run.stop.reason:
                    break
                rng.seed_all(run.seed, name, index)
                batch = {k: v.detach().cpu().contiguous() for k, v in phase.make_batch(run, cfg, index).items()}
                store.describe(batch, save=world.rank == 0)
                ledger.write(json.dumps({"batch": index, "sha256": store.write(index, batch)}) + "\n")
            if progress.due(index + 1):
                progress.show(index + 1)
    world.leave_if_any(asked, f"phase '{name}', batch {index} of {cfg.batches}")
    store = store if store.fields else Store(store.folder, store.settings)  # fewer batches than processes
    rows = store.rows(cfg.batches)
    if sum(tensor.nbytes for tensor in rows.values()) <= option(run.cfg, "pools_in_memory_gib") * 2**30:
        rows = {key: tensor.clone() for key, tensor in rows.items()}
    return Rows(rows, run.device, run.at.next_seed)
