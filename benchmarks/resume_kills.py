"""Kill a generated project's training again and again; does it end with the weights of an undisturbed run?

    python benchmarks/resume_kills.py --kills 100            kill -9 at random moments
    python benchmarks/resume_kills.py --every-write          die before, in the middle of and after each file operation
    python benchmarks/resume_kills.py --kills 20 --signal TERM
    python benchmarks/resume_kills.py --kills 100 --features     two optimizers, buffer, workers, pool on disk, adapter
    python benchmarks/resume_kills.py --flips 300            flip one bit in a checkpoint: found, and the end the same?

stdout is one Markdown row (--header prints the table's head first); exit code 4 if any run ended differently.
torch is imported once; every training is a forked child, so that a kill costs milliseconds.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HEADER = """| date | python | torch | machine | how | kills | runs | bit-identical | killed in | torn files left |
|---|---|---|---|---|---|---|---|---|---|"""
TINY = ["--device", "cpu", "checkpoint_every_steps=2", "phases.*.batch_size=32"]
SIZES = [*TINY, "--train-iters", "60", "--pool-batches", "60"]
SHORT = [*TINY, "--train-iters", "4", "--pool-batches", "2"]


class Project:
    """A copy of the project, imported once."""

    def __init__(self, source: Path, workplace: Path, features: bool = False) -> None:
        self.root = workplace / "project"
        shutil.copytree(source, self.root, ignore=shutil.ignore_patterns("results*", "__pycache__"))
        if features:
            text = (Path(__file__).parent / "engine_features_core.py").read_text(encoding="utf-8")
            (self.root / "src/project/core/__init__.py").write_text(text, encoding="utf-8")
            config = text.split('"""')[3].replace("{workers}", "1")
            (self.root / "configs/toy.yaml").write_text(config, encoding="utf-8")
        sys.path.insert(0, str(self.root))
        self.main = importlib.import_module("run").main
        package = self.main.__module__.rpartition(".")[0]
        for name in (f"{package}.extra.evaluate", f"{package.rpartition('.')[0]}.core", "torch._dynamo"):
            importlib.import_module(name)  # seconds, here and not in every child

    def start(self, results: Path, words: list[str], die_at: tuple[int, str] | None = None) -> int:
        """Fork a training; gives its process id."""
        if pid := os.fork():
            return pid
        log = os.open(results.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if die_at:
            die_at_operation(*die_at)
        code = 1
        try:
            code = self.main(["train", "toy", "--results", str(results), *words], self.root)
        finally:
            sys.stdout.flush()
            os._exit(code)


def die_at_operation(number: int, when: str) -> None:
    """Make this process kill itself at the n-th time that a file is replaced, or a batch of a pool written."""
    left, replace = iter(range(number)), Path.replace
    store = next(m for name, m in sys.modules.items() if name.endswith(".engine.pool")).Store
    write = store.write

    def deadly_write(self: Any, index: int, batch: Any) -> Any:
        last = next(left, None) == number - 1
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = write(self, index, batch)
        if last and when == "middle":  # as if only half of it had arrived
            for path in self.folder.glob("rows-*.bin"):
                os.truncate(path, path.stat().st_size - path.stat().st_size // (index + 1) // 2)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    store.write = deadly_write

    def deadly(path: Path, target: Path) -> Path:
        last = next(left, None) == number - 1
        if last and when == "middle":  # as if the write had come half-way
            os.truncate(path, path.stat().st_size // 2)
        if last and when in ("before", "middle"):
            os.kill(os.getpid(), signal.SIGKILL)
        result = replace(path, target)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Path.replace = deadly  # type: ignore[method-assign,assignment]


def wait(pid: int, limit_s: float) -> int | None:
    """Exit code (negative: signal), or None if it still runs after the limit."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if (done := os.waitpid(pid, os.WNOHANG))[0]:
            return os.waitstatus_to_exitcode(done[1])
        time.sleep(0.002)
    return None


def digests(results: Path) -> dict[str, str]:
    """The weights that a run ended with."""
    facts = json.loads((results / "toy" / "seed0" / "run.json").read_text())["phases"]
    return {name: phase["digest"] for name, phase in facts.items()}


def place(results: Path, batches: int) -> str:
    """Where a killed run was, by what it left."""
    folder = results / "toy" / "seed0"
    if sum(path.read_bytes().count(b"\n") for path in folder.glob("pools/pairs/done-*.jsonl")) < batches:
        return "pool"
    return next((name for name in ("flow", "one_step") if not (folder / f"checkpoints/{name}.ckpt").exists()), "end")


def finish(project: Project, results: Path, words: list[str]) -> bool:
    """Let a run come to its end; whether it did."""
    return wait(project.start(results, words), 120) == 0


def random_kills(project: Project, work: Path, kills: int, number: int, seed: int) -> dict[str, Any]:
    """Up to six kills per run, at moments drawn uniformly, until there were enough."""
    chance, begin_s = random.Random(seed), time.monotonic()
    assert finish(project, work / "reference", SIZES), (work / "reference.log").read_text()
    took_s, wanted = time.monotonic() - begin_s, digests(work / "reference")
    counts: dict[str, Any] = {"kills": 0, "runs": 0, "same": 0, "torn": 0, "places": collections.Counter()}
    while counts["kills"] < kills:
        results = work / f"run{counts['runs']}"
        for _ in range(min(6, kills - counts["kills"])):
            pid = project.start(results, SIZES)
            if wait(pid, chance.uniform(0.0, 0.6) * took_s) is None:
                os.kill(pid, number)
                os.waitpid(pid, 0)
                counts["kills"] += 1
                counts["places"][place(results, 60)] += 1
                counts["torn"] += bool(list(results.rglob("*.tmp")))
        counts["runs"] += 1
        counts["same"] += finish(project, results, SIZES) and digests(results) == wanted
        shutil.rmtree(results)
    return counts


def kills_at_every_write(project: Project, work: Path) -> dict[str, Any]:
    """One run per file operation and moment, killed there once, then finished."""
    assert finish(project, work / "reference", SHORT), (work / "reference.log").read_text()
    wanted = digests(work / "reference")
    counts: dict[str, Any] = {"kills": 0, "runs": 0, "same": 0, "torn": 0, "places": collections.Counter()}
    for operation in range(1, 1000):
        for when in ("before", "middle", "after"):
            results = work / f"operation{operation}-{when}"
            if wait(project.start(results, SHORT, (operation, when)), 120) == 0:
                return counts  # there are fewer operations than this
            counts["kills"] += 1
            counts["runs"] += 1
            counts["places"][place(results, 2)] += 1
            counts["torn"] += bool(list(results.rglob("*.tmp")))
            counts["same"] += finish(project, results, SHORT) and digests(results) == wanted
    raise AssertionError("a run never ended")


def flipped_bits(project: Project, work: Path, flips: int, seed: int) -> dict[str, Any]:
    """Stop in the middle of a phase, flip one bit of the newest checkpoint, go on: found, and the same end?"""
    chance, words, stopped = random.Random(seed), [*SHORT, "--train-iters", "8"], work / "stopped"
    assert finish(project, work / "reference", words), (work / "reference.log").read_text()
    wanted = digests(work / "reference")
    pid = project.start(stopped, words, (6, "after"))  # four writes of the pool, then two states of the first phase
    wait(pid, 120)
    counts: dict[str, Any] = {"kills": 0, "runs": 0, "same": 0, "torn": 0, "places": collections.Counter()}
    for flip in range(flips):
        results = work / f"flip{flip}"
        shutil.copytree(stopped, results)
        path = max(results.glob("toy/seed0/checkpoints/*.ckpt"))
        data = bytearray(path.read_bytes())
        position = chance.randrange(8 * len(data))
        data[position // 8] ^= 1 << position % 8
        path.write_bytes(data)
        counts["runs"] += 1
        counts["same"] += finish(project, results, words) and digests(results) == wanted
        counts["places"]["found"] += (path.parent / (path.name + ".damaged")).exists()
        shutil.rmtree(results)
    return counts


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--every-write", action="store_true")
    arguments.add_argument("--features", action="store_true", help="the core of engine_features_core.py")
    arguments.add_argument("--flips", type=int, default=0)
    arguments.add_argument("--signal", choices=["KILL", "TERM", "INT"], default="KILL")
    arguments.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments.add_argument("--project", type=Path, default=Path(__file__).parents[1] / "templates" / "pipeline")
    arguments.add_argument("--header", action="store_true")
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        project = Project(args.project, Path(name), args.features)
        if args.flips:
            counts, how = flipped_bits(project, Path(name), args.flips, args.seed), "one bit flipped"
        elif args.every_write:
            counts, how = kills_at_every_write(project, Path(name)), "KILL at every write"
        else:
            number = getattr(signal, f"SIG{args.signal}")
            counts = random_kills(project, Path(name), args.kills, number, args.seed)
            how = f"{args.signal} at random"
    how += ", features" * args.features
    places = ", ".join(f"{where} {count}" for where, count in sorted(counts["places"].items()))
    versions = f"{platform.python_version()} | {importlib.import_module('torch').__version__}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(HEADER) if args.header else None
    cells = [f"{datetime.now(timezone.utc):%Y-%m-%d}", versions, machine, how, counts["kills"], counts["runs"],
             counts["same"], places, counts["torn"]]  # fmt: skip
    print("|", " | ".join(map(str, cells)), "|")
    return 0 if counts["same"] == counts["runs"] else 4


if __name__ == "__main__":
    sys.exit(main())
