"""Does drawing from a pool cost the same from 10^4 to 10^7 rows, in memory and memory-mapped?

    python benchmarks/engine_pools.py --header

256 rows of 16 floats per draw, one thread; median of the CPU time of 40 blocks of 50 draws, sizes taking turns.
stdout is one Markdown row per size.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import torch

ENGINE = Path(__file__).parents[1] / "templates" / "pipeline" / "src"
HEADER = (
    "| date | python | torch | machine | rows | in memory µs/draw | on disk µs/draw |\n|---|---|---|---|---|---|---|"
)
SIZES = (10**4, 10**5, 10**6, 10**7)


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
        pools = {}
        for size in SIZES:
            path = Path(folder) / str(size)
            memory = torch.rand(size, 16)
            memory.numpy().tofile(path)
            pools[size, "memory"] = rows_class({"x": memory}, cpu)
            mapped = torch.from_file(str(path), shared=False, size=size * 16).view(size, 16)
            mapped.sum()  # once through it, as the check of the digests does
            pools[size, "disk"] = rows_class({"x": mapped}, cpu)
        for _ in range(40):
            for key, pool in pools.items():
                begin_s = time.process_time()
                for _ in range(50):
                    pool.sample(256)
                times.setdefault(key, []).append((time.process_time() - begin_s) / 50 * 1e6)
    print(HEADER) if args.header else None
    for size in SIZES:
        cells = [f"{datetime.now(timezone.utc):%Y-%m-%d}", platform.python_version(), torch.__version__,
                 f"{platform.machine()}, {os.cpu_count()} cores, 1 thread", f"{size:,}",
                 *(f"{median(times[size, kind]):.1f}" for kind in ("memory", "disk"))]  # fmt: skip
        print("|", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
