"""How many known traps does probe report, does it leave right calls in peace, how fast is it, is its memory right?

    python benchmarks/probe_traps.py --header
    python benchmarks/probe_traps.py --python OTHER/bin/python       # an environment with torchdiffeq, einops, ...
    python benchmarks/probe_traps.py --only memory

traps: calls of tests/probe/specs that are each a known trap; found = a finding carries the slug of that trap.
held_out: silent traps of benchmarks/probe, none of which the checks know by name; the sets say when each was written.
right: calls that are right; complaints = those with a finding above a note. Libraries that are missing are left out.
speed: 50 calls of geomloss.SamplesLoss in all, and the seconds per call of 50 calls that do next to nothing, both with
    the import of the library left out and the machine's load as it is.
many: one spec of 500 calls of torch.nn and its functions: seconds, and the memory and CPU time of the parent itself.
memory: the peak that probe computes for 8 N from N/4, N/2 and N, against a fresh process that runs 8 N and in which
    malloc gives freed blocks back (VmHWM minus VmRSS before). Linux with glibc only.
stdout is one Markdown row per measurement (--header: the table's head first).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROBE = ROOT / "helpers" / "probe.py"
SPECS = ROOT / "tests" / "probe" / "specs"
HELD_OUT = ROOT / "benchmarks" / "probe"
LIBRARY = ROOT / "tests" / "probe" / "library"
HEADER = "| date | python | torch | machine | what | result | detail |\n|---|---|---|---|---|---|---|"

MEASURED = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
def status(key):
    return int(Path("/proc/self/status").read_text().partition(key + ":")[2].split()[0]) * 1024
def geomloss(n, d):
    from geomloss import SamplesLoss
    x, y = torch.randn(n, d, requires_grad=True), torch.randn(n, d)
    value = SamplesLoss("sinkhorn", p=2, blur=0.5, scaling=0.85, backend="tensorized")(x, y)
    torch.autograd.grad(value, x)
def emd2(n, d):
    import ot
    x, y = torch.randn(n, d, dtype=torch.float64), torch.randn(n, d, dtype=torch.float64) + 3
    a = torch.full((n,), 1 / n, dtype=torch.float64)
    ot.emd2(a, a, ot.dist(x, y), numItermax=10_000_000)
def pairwise(n, d):
    x, y = torch.randn(n, d), torch.randn(n, d)
    ((x[:, None] - y[None]) ** 2).sum(-1)
call, n, d = globals()[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])
call(16, d)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
call(n, d)
print(status("VmHWM") - before)
"""


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--header", action="store_true", help="print the head of the table first")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to probe in (default: this one)")
    parser.add_argument(
        "--only", choices=["traps", "held_out", "right", "speed", "many", "memory"], help="one of the measurements"
    )
    given = parser.parse_args()
    if given.header:
        print(HEADER)
    for name, rows in (
        ("traps", traps),
        ("held_out", held_out),
        ("right", right),
        ("speed", speed),
        ("many", many),
        ("memory", memory),
    ):
        if given.only in (None, name):
            for what, result, detail in rows(given.python):
                print(f"| {place()} | {what} | {result} | {detail} |", flush=True)


def place() -> str:
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"{datetime.date.today()} | {platform.python_version()} | {version('torch')} | {platform.machine()}, {cores}"


def probed(python: str, spec: dict[str, Any], *more: str) -> dict[str, Any]:
    """The answer for a spec, as data."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.yaml"
        path.write_text(json.dumps(spec))
        command = [
            sys.executable,
            PROBE,
            "run",
            path,
            "--python",
            python,
            "--path",
            LIBRARY,
            "--path",
            HELD_OUT,
            "--json",
            *more,
        ]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def there(python: str, library: dict[str, Any]) -> bool:
    """Whether the environment has a library."""
    found = subprocess.run([python, "-c", f"import {library['name']}"], capture_output=True, check=False)
    return found.returncode == 0


def distribution(python: str, name: str) -> str:
    """The version of a distribution in that environment."""
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def specs(python: str, pattern: str, folder: Path = SPECS) -> Iterator[dict[str, Any]]:
    """The libraries of the matching files that are installed, one spec each."""
    for path in sorted(folder.glob(pattern)):
        for library in yaml.safe_load(path.read_text(encoding="utf-8"))["libraries"]:
            if there(python, library):
                installed = distribution(python, library["distribution"])  # what is installed is not the matter here
                yield {"libraries": [library | {"version": {"value": installed, "inferred": "what is installed"}}]}


def traps(python: str) -> Iterator[tuple[str, str, str]]:
    cases = []
    for spec in specs(python, "[!r]*.yaml"):
        cases += probed(python, spec, "--timeout-s", "60")["cases"]
    missed = [c["id"] for c in cases if c["because"] not in [finding["trap"] for finding in c["findings"]]]
    yield "traps", f"{len(cases) - len(missed)} of {len(cases)}", f"missed: {', '.join(missed) or 'none'}"


def held_out(python: str) -> Iterator[tuple[str, str, str]]:
    """`because` of these calls is "cause <- codes": found = a finding with one of the codes, at any severity."""
    for path in sorted(HELD_OUT.glob("held_out_*.yaml")):
        found, noted, missed = [], [], []
        for spec in specs(python, path.name, HELD_OUT):
            for case in probed(python, spec, "--timeout-s", "60")["cases"]:
                wanted = case["because"].partition("<-")[2].split()
                grades = [item["severity"] for item in case["findings"] if item["code"] in wanted]
                (found if {"fail", "warn"} & set(grades) else noted if grades else missed).append(case["id"])
        total = len(found + noted + missed)
        detail = f"{len(noted)} of them as a note; missed: {', '.join(missed) or 'none'}"
        yield path.stem.replace("_", " "), f"{len(found + noted)} of {total}", detail


def right(python: str) -> Iterator[tuple[str, str, str]]:
    cases = []
    for spec in [*specs(python, "right*.yaml"), *specs(python, "right*.yaml", HELD_OUT)]:
        cases += probed(python, spec, "--timeout-s", "60")["cases"]
    wrong = [c["id"] for c in cases if c["outcome"] != "pass"]
    yield "right calls", f"{len(wrong)} complaints in {len(cases)}", ", ".join(wrong) or "none"


def call(name: str, target: str, points: tuple[int, int], expect: dict[str, Any] | None = None, **more: Any) -> Any:
    inputs = {"x": {"shape": points, "requires_grad": True}, "y": {"shape": points}}
    return {"id": name, "target": target, "inputs": inputs, "experiments": ["speed"], "expect": expect or {}, **more}


def library(name: str, distribution: str, calls: list[Any]) -> dict[str, Any]:
    pinned = {"value": version(distribution), "inferred": "what is installed"}
    return {"libraries": [{"name": name, "distribution": distribution, "version": pinned, "calls": calls}]}


def speed(python: str) -> Iterator[tuple[str, str, str]]:
    shapes, blurs, scalings = (
        [(256, 2), (256, 64), (256, 784), (128, 3072), (512, 2)],
        [0.5, 1.0, 2.0, 4.0, 8.0],
        [0.8, 0.85],
    )
    grid = [(shape, blur, scaling) for shape in shapes for blur in blurs for scaling in scalings]
    calls = [
        call(f"c{i}", "geomloss.SamplesLoss", shape, {"grad": ["x"], "accepts": ["grad_mode"]},
             init={"loss": "sinkhorn", "p": 2, "blur": blur, "scaling": scaling})
        for i, (shape, blur, scaling) in enumerate(grid)
    ]  # fmt: skip
    before = cpu_s()
    answer = probed(python, library("geomloss", "geomloss", calls))
    detail = f"import {answer['libraries'][0]['import_s']:.1f} s of it; CPU time {cpu_s() - before:.1f} s on one core"
    yield "50 geomloss calls", f"{answer['took_s']:.1f} s", detail
    small = library("torch", "torch", [call(f"c{i}", "torch.nn.functional.mse_loss", (16, 2)) for i in range(50)])
    answer = probed(python, small)
    per_call = (answer["took_s"] - answer["libraries"][0]["import_s"]) / 50
    yield "overhead per call", f"{per_call:.3f} s", "mse_loss on (16, 2), all checks, growth measured"


def cpu_s() -> float:
    """CPU seconds of every child so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


LAYERS: list[tuple[str, dict[str, Any], list[int]]] = [
    ("Linear", {"in_features": 8, "out_features": 4}, [16, 8]),
    ("LayerNorm", {"normalized_shape": 8}, [16, 8]),
    ("ReLU", {}, [16, 8]),
    ("GELU", {}, [16, 8]),
    ("Tanh", {}, [16, 8]),
    ("Conv1d", {"in_channels": 3, "out_channels": 4, "kernel_size": 3}, [8, 3, 16]),
    ("Conv2d", {"in_channels": 3, "out_channels": 4, "kernel_size": 3}, [4, 3, 8, 8]),
    ("GroupNorm", {"num_groups": 2, "num_channels": 4}, [8, 4, 6]),
    ("AvgPool2d", {"kernel_size": 2}, [4, 3, 8, 8]),
    ("Flatten", {}, [8, 3, 4]),
]


def many(python: str) -> Iterator[tuple[str, str, str]]:
    calls = []
    for place in range(500):
        name, init, shape = LAYERS[place % len(LAYERS)]
        inputs = {"x": {"shape": [shape[0] + place // len(LAYERS), *shape[1:]], "requires_grad": True}}
        calls.append({"id": f"c{place}", "target": f"torch.nn.{name}", "init": init, "inputs": inputs,
                      "experiments": ["many"], "expect": {"grad": ["x"]}})  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.yaml"
        path.write_text(json.dumps(library("torch", "torch", calls)))
        command = [sys.executable, str(PROBE), "run", str(path), "--python", python, "--json"]
        with (Path(folder) / "answer.json").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
            peak, cpu = 0, 0.0
            while process.poll() is None:
                peak, cpu = max(peak, own(process.pid)[0]), max(cpu, own(process.pid)[1])
                time.sleep(0.2)
        answer = json.loads((Path(folder) / "answer.json").read_text())
    count = {name: sum(case["outcome"] == name for case in answer["cases"]) for name in ("pass", "warn", "fail")}
    detail = f"parent {peak / 2**20:.0f} MiB at most and {cpu:.1f} s of CPU; {count}"
    yield "500 calls of torch.nn", f"{answer['took_s']:.0f} s", detail


def own(pid: int) -> tuple[int, float]:
    """Largest memory in bytes, and CPU seconds, of one process without its children; 0 when it has ended."""
    try:
        status, stat = (Path(f"/proc/{pid}/{name}").read_text() for name in ("status", "stat"))
        fields = stat.rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024, cpu
    except (OSError, IndexError):
        return 0, 0.0


def memory(python: str) -> Iterator[tuple[str, str, str]]:
    weights = {"shape": [512], "dtype": "float64", "dist": "equal_weights"}
    far = {"x": {"shape": [512, 2], "dtype": "float64"}, "y": {"shape": [512, 2], "dtype": "float64", "shift": 3.0}}
    cost = {"made_by": "ot.dist", "args": ["x", "y"]}
    sinkhorn = {"loss": "sinkhorn", "p": 2, "blur": 0.5, "scaling": 0.85, "backend": "tensorized"}
    wanted: list[tuple[str, str, str, int, int, Any]] = [
        *(("geomloss", "geomloss", "geomloss", n, d, call("c", "geomloss.SamplesLoss", (n, d), init=sinkhorn))
          for n, d in ((256, 2), (256, 784), (128, 3072))),
        ("ot", "POT", "emd2", 512, 2, {
            "id": "c", "target": "ot.emd2", "args": ["a", "a", "M"], "kwargs": {"numItermax": 10_000_000},
            "experiments": ["memory"], "inputs": far | {"a": weights, "M": cost}}),
        ("torch", "torch", "pairwise", 64, 32, {
            "id": "c", "target": "rules.pairwise", "experiments": ["memory"],
            "inputs": {"x": {"shape": [64, 32]}, "y": {"shape": [64, 32]}}}),
    ]  # fmt: skip
    for name, distribution, function, n, d, item in wanted:
        (case,) = probed(python, library(name, distribution, [item]))["cases"]
        growth = case["growth"]
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "16384", "OMP_NUM_THREADS": "1"}
        command = [python, "-c", MEASURED, function, str(8 * n), str(d)]
        seen = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
        off = growth["peak_ahead_bytes"] / seen - 1
        detail = f"computed {growth['peak_ahead_bytes'] / 2**20:.1f} MiB, measured {seen / 2**20:.1f} MiB"
        yield f"memory of {function} at {8 * n} x {d} from {n}", f"{off:+.1%}", f"{detail}, {growth['counted']}"


if __name__ == "__main__":
    main()
