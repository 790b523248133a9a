#!/usr/bin/env python3
"""Kill the demo with SIGKILL at random moments, start it again, and compare the end with an undisturbed run.

  python benchmarks/demo_kills.py FOLDER [KILLS] [SEED]        uses the reduced demo (300 steps)

The whole process group is killed, children included, so nothing gets to save or clean up. Prints one Markdown row.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = [sys.executable, str(ROOT / "examples" / "nsgf" / "demo.py"), "--reduced", "--out"]


def start(out: Path) -> subprocess.Popen[bytes]:
    """The demo in a process group of its own."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    return subprocess.Popen([*DEMO, str(out)], start_new_session=True, **quiet)


def numbers(out: Path) -> dict[str, object]:
    """Everything a report is made of: each record's value or values, and the digests of the weights."""
    found: dict[str, object] = {}
    for path in sorted(out.glob("results/*/seed*/records.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            steps = record.get("condition", {}).get("sampling_steps", "floor")
            key = f"{record['experiment']}/{record['seed']}/{record['reading']}/{steps}"
            found[key] = [record.get("value"), record.get("values"), record.get("checkpoints")]
    return found


def main() -> int:
    """Reference, kills, comparison."""
    folder = Path(sys.argv[1])
    kills, seed = int(sys.argv[2]) if len(sys.argv) > 2 else 10, int(sys.argv[3]) if len(sys.argv) > 3 else 0
    chance = random.Random(seed)
    began = time.monotonic()
    if start(folder / "reference").wait() != 0:
        print("the undisturbed run failed", file=sys.stderr)
        return 1
    whole_s = time.monotonic() - began
    done = 0
    while done < kills:
        process = start(folder / "killed")
        try:
            process.wait(timeout=chance.uniform(0.05, 0.5) * whole_s)
            break  # it got to the end between two kills
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
    code = start(folder / "killed").wait()
    same = numbers(folder / "reference") == numbers(folder / "killed")
    count = len(numbers(folder / "reference"))
    verdict = "identical" if same else "DIFFERENT"
    print(f"| {datetime.date.today()} | {done} | {whole_s:.0f} | {count} | {verdict} | {code} |")
    return 0 if same and code == 0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
