"""Counter-based randomness: every step's generators are a function of (seed, phase, step, micro-batch).

Nothing about random numbers has to be saved, so a resumed run draws exactly what the undisturbed one draws.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np
import torch

others_too = True  # numpy and python; off where core/ imports nothing that could draw from them


def number(*key: object) -> int:
    """64 bits from a key such as (seed, phase, step, micro)."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little")


def seed_all(*key: object) -> None:
    """Seed torch (CPU and the current GPU), numpy and python from a key."""
    seed = number(*key)
    torch.default_generator.manual_seed(seed)  # 1 us; torch.manual_seed takes 80 us
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.default_generators[torch.cuda.current_device()].manual_seed(seed)
    if others_too:
        np.random.seed(seed & 0xFFFFFFFF)
        random.seed(seed)  # 4 us


@contextmanager
def preserved() -> Iterator[None]:
    """Leave every generator as it was: for work that may seed them in the middle of a step."""
    python, numpy = random.getstate(), np.random.get_state()
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng([torch.cuda.current_device()] if on_gpu else []):
        yield
    random.setstate(python)
    np.random.set_state(numpy)


def make_deterministic(device: torch.device, threads: int, mode: str = "auto") -> None:
    """Same numbers on every run. `auto`: an error for what cannot be on a CPU (costs nothing), a warning on a GPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read once, when CUDA starts
    torch.set_num_threads(threads)
    # the same as torch.use_deterministic_algorithms, without the two seconds that it takes to import the compiler
    auto = "warn" if device.type == "cuda" else "error"
    torch.set_deterministic_debug_mode({"strict": "error", "warn": "warn", "off": "default"}.get(mode, auto))
    # the default also fills what torch.empty returns, which takes 500 times as long as torch.empty
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = mode == "off"
