"""Batches of a data set: order = f(seed, phase, epoch), augmentation = f(seed, epoch, index). Nothing to save.

In core/: `run.data = Loader(dataset)` in load_data, and in a loss `images, labels = run.data(run, micro_batch)`.
Where a batch begins follows from the step alone, so a resumed run gets the same examples, in the same order, with
the same augmentation, in the middle of an epoch, whatever the number of loading processes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, default_collate

from .. import rng
from ..config import option

if TYPE_CHECKING:
    from ..run import Run

Key = tuple[int, int]  # epoch, index
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Keyed:
    """The data set, whose random numbers depend on the seed, the epoch and the index only."""

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: Key) -> Any:
        rng.seed_all(self.seed, "example", *key)
        return self.dataset[key[1]]


class Loader:
    """Batches of `dataset` (anything with len() and [index]; what it gives is stacked as torch's DataLoader does)."""

    def __init__(self, dataset: Any, shuffle: bool = True) -> None:
        self.dataset, self.shuffle = dataset, shuffle
        self.order: tuple[Any, list[int]] = (None, [])  # of one epoch, with its key
        self.stream: tuple[Any, Iterator[Any]] = (None, iter(()))  # of the worker processes, with what comes next

    def __call__(self, run: Run, n: int) -> Any:
        """This micro-batch: `n` examples on the run's device. A batch may span two epochs, so none is cut short."""
        at, workers = run.at, option(run.cfg, "workers")
        place = (at.key_step, at.micro)
        if not workers or at.overfit:
            with rng.preserved():
                keyed = Keyed(self.dataset, run.seed)
                batch = default_collate([keyed[key] for key in self.keys(run, n, *place)])
        else:
            settings = (at.phase, at.micros, at.stride, n, workers)  # never one made for another batch size
            if self.stream[0] != (settings, place):
                self.stream = (None, self.workers(run, n, place, workers))
            batch = next(self.stream[1])
            self.stream = ((settings, following(run, *place)), self.stream[1])
        return to(batch, run.device)

    def keys(self, run: Run, n: int, step: int, micro: int) -> list[Key]:
        """Epoch and index of every example of a micro-batch."""
        first, found = (step * run.at.micros + micro) * n, []
        for position in range(first, first + n):
            epoch, place = divmod(position, len(self.dataset))
            found.append((epoch, self.epoch(run, epoch)[place]))
        return found

    def epoch(self, run: Run, epoch: int) -> list[int]:
        """The order of one epoch."""
        key = (run.seed, run.at.phase, epoch)
        if self.order[0] != key:
            generator = torch.Generator().manual_seed(rng.number(*key, "order"))
            count = len(self.dataset)
            self.order = (
                key,
                (torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)).tolist(),
            )
        return self.order[1]

    def workers(self, run: Run, n: int, place: Key, count: int) -> Iterator[Any]:
        """Batches from here on, made ahead by other processes."""
        ahead = Loader(self.dataset, self.shuffle)  # with an order of its own: the sampler is ahead of the training

        def batches() -> Iterator[list[Key]]:
            here = place
            while True:
                yield ahead.keys(run, n, *here)
                here = following(run, *here)

        keyed: Any = Keyed(self.dataset, run.seed)
        with rng.preserved():  # DataLoader draws a seed
            return iter(DataLoader(keyed, batch_sampler=batches(), num_workers=count,
                                   worker_init_fn=partial(settle, os.getpid()),
                                   pin_memory=run.device.type == "cuda"))  # fmt: skip


def following(run: Run, step: int, micro: int) -> Key:
    """Where this process's next micro-batch is."""
    micro += run.at.stride
    return (step, micro) if micro < run.at.micros else (step + 1, micro - run.at.micros)


def settle(parent: int, _worker: int) -> None:
    """Live as long as the training, no longer and no shorter; called first thing in every worker.

    A signal to the whole group must not end it before the training has saved. And a training that is killed takes it
    along: an orphan would keep the lock on the results (torch looks for its parent only every few seconds, and not at
    all if the parent dies while the worker starts).
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def to(batch: Any, device: torch.device) -> Any:
    """All tensors to the device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: to(value, device) for key, value in batch.items()}
    return type(batch)(to(value, device) for value in batch) if isinstance(batch, (list, tuple)) else batch
