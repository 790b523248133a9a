"""Does drawing from a pool cost the same from 10^4 to 10^7 rows, in memory and memory-mapped? And beside no pool?

    python benchmarks/engine_pools.py --header

256 rows of 16 floats per draw, one thread; median of the CPU time of 40 blocks of 50 draws, sizes and kinds taking
turns. "Bare" is `x[torch.randint(len(x), (256,))]` on the same tensor: what a row costs that is not in a cache, no
pool can avoid; the ratio is what the pool adds (or saves), the median over neighbouring blocks. stdout is one
Markdown row per size.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from statistics import median

import torch

ENGINE = Path(__file__).parents[1] / "templates" / "pipeline" / "src"
HEADER = """| date | python | torch | machine | rows | bare µs | in memory µs | ratio | on disk µs | ratio |
|---|---|---|---|---|---|---|---|---|---|"""
SIZES, DRAWN = (10**4, 10**5, 10**6, 10**7), 256


def bare(rows: torch.Tensor) -> torch.Tensor:
    """A draw without a pool."""
    return rows[torch.randint(len(rows), (DRAWN,))]


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--header", action="store_true")
    args = arguments.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ENGINE))
    rows_class = importlib.import_module("project.engine.pool").Rows
    torch.set_num_threads(1)
    cpu, times = torch.device("cpu"), {}
    with tempfile.TemporaryDirectory() as folder:
        draws: dict[tuple[int, str], Callable[[], object]] = {}
        for size in SIZES:
            path = Path(folder) / str(size)
            memory = torch.rand(size, 16)
            memory.numpy().tofile(path)
            draws[size, "bare"] = partial(bare, memory)
            draws[size, "memory"] = partial(rows_class({"x": memory}, cpu).sample, DRAWN)
            mapped = torch.from_file(str(path), shared=False, size=size * 16).view(size, 16)
            mapped.sum()  # once through it, as the check of the digests does
            draws[size, "disk"] = partial(rows_class({"x": mapped}, cpu).sample, DRAWN)
        for _ in range(40):
            for key, draw in draws.items():
                begin_s = time.process_time()
                for _ in range(50):
                    draw()
                times.setdefault(key, []).append((time.process_time() - begin_s) / 50 * 1e6)
    print(HEADER) if args.header else None
    for size in SIZES:
        bare_us = times[size, "bare"]
        shown = [f"{median(bare_us):.1f}"]
        for kind in ("memory", "disk"):
            mine_us = times[size, kind]
            ratio = median(mine / bare for mine, bare in zip(mine_us, bare_us, strict=True))
            shown += [f"{median(mine_us):.1f}", f"{ratio:.2f}"]
        cells = [f"{datetime.now(timezone.utc):%Y-%m-%d}", platform.python_version(), torch.__version__,
                 f"{platform.machine()}, {os.cpu_count()} cores, 1 thread", f"{size:,}",
                 *shown]  # fmt: skip
        print("|", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
