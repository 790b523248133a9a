# ruff: noqa: E501
"""Models too large to be held: seconds and memory of `parity check` on a GPT-2-sized and a 7B-sized pair, random weights.

  python benchmarks/parity_large.py [gpt2] [llama] [--python .venv/bin/python]

The pairs lie in benchmarks/parity/large; that interpreter needs transformers. Memory is the sum over all processes of the
comparison of what is theirs alone (PSS, Linux), looked at ten times a second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LARGE = HERE / "parity" / "large"


def family(pid: int) -> list[int]:
    """A process and everything it started."""
    try:
        tasks = [each / "children" for each in Path(f"/proc/{pid}/task").iterdir()]
        children = [int(each) for task in tasks for each in task.read_text().split()]
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(child))]


def memory_bytes(pid: int) -> int:
    """PSS of a family of processes."""
    total = 0
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def measured(name: str, python: str) -> None:
    command = [sys.executable, str(HERE.parent / "helpers" / "parity.py"), "check", "--reference", str(LARGE / f"{name}_ref.py"),
               "--port", str(LARGE / f"{name}_port.py"), "--python", python, "--timeout-s", "3000", "--json"]  # fmt: skip
    started, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        while process.poll() is None:
            peak = max(peak, memory_bytes(process.pid))
            time.sleep(0.1)
        took = time.perf_counter() - started
        out.seek(0), err.seek(0)
        text, said = out.read(), err.read()
    print(
        f"{name}: exit {process.returncode}, {took:.0f} s, peak {peak / 2**30:.2f} GiB, load {os.getloadavg()[0]:.1f}"
    )
    if not text.strip():
        print(said)
        return
    answer = json.loads(text)
    print(answer["headline"])
    for each in answer["rungs"]:
        print(f"  {each['status']:>12}  {each['id']} ({each['at']}, {each['took_s']} s): {each['says'][:150]}")
    for each in answer["claims"]:
        print(f"  {each['level']}: {each['status']}: {each['says']}")
    for each in answer["weaker"]:
        print(f"  weaker: {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pair", nargs="*", default=["gpt2", "llama"])
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    for name in given.pair:
        measured(name, given.python)


if __name__ == "__main__":
    main()
