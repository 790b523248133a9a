#!/usr/bin/env python3
"""How long a helper takes to show its manual and to give a closed-form answer, against a bare Python and torch.

  python benchmarks/startup.py [REPEATS]

Prints one Markdown row per command: the best and the median of interleaved runs, and the ratio to `python -c pass`.
"""

from __future__ import annotations

import datetime
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELPERS = ROOT / "helpers"
TARGET_S = 0.25
CASES: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "import pydantic": ["-c", "import pydantic"],
    "import torch": ["-c", "import torch"],
    **{f"{path.stem} --help": [str(path), "--help"] for path in sorted(HELPERS.glob("*.py"))},
    "vram estimate --json": [str(HELPERS / "vram.py"), "estimate", "--params", "124M", "--gpu", "24GiB", "--json"],
    "vram estimate": [str(HELPERS / "vram.py"), "estimate", "--params", "124M", "--gpu", "24GiB"],
    "vram sinkhorn --json": [str(HELPERS / "vram.py"), "sinkhorn", "--n", "256", "--d", "3072", "--json"],
}


def once(words: list[str]) -> float:
    """Wall-clock seconds of one fresh process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def main() -> None:
    """Print the rows."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for words in CASES.values():
        once(words)  # bytecode and file cache
    for _ in range(repeats):
        for name, words in CASES.items():
            times[name].append(once(words))
    bare = min(times["python -c pass"])
    print(f"{datetime.date.today()}, Python {platform.python_version()}, {platform.machine()}, best of {repeats}\n")
    print("| command | best, s | median, s | × bare Python | target 0.25 s |\n|---|---:|---:|---:|---|")
    for name, seconds in times.items():
        best = min(seconds)
        kept = "" if name.startswith(("python", "import")) else "met" if best <= TARGET_S else "missed"
        print(f"| {name} | {best:.3f} | {statistics.median(seconds):.3f} | {best / bare:.1f} | {kept} |")


if __name__ == "__main__":
    main()
