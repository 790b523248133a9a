"""One process at a time in a folder of results: two that train there would overwrite each other's checkpoints."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..preempt import Stop

try:
    import fcntl
except ImportError:  # Windows: there it is up to the user
    fcntl = None  # type: ignore[assignment]

POLL_S = 0.2


@contextmanager
def only_one(folder: Path, stop: Stop) -> Iterator[None]:
    """Wait until no other process works in `folder`. The system frees the lock of a process that was killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        told = False
        while fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                stop.check("waiting for another process")
                if not told:
                    print(f"another process works in {folder}; waiting until it has ended", file=sys.stderr, flush=True)
                told = True
                time.sleep(POLL_S)
        yield
