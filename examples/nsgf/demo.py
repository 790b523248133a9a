#!/usr/bin/env python3
"""Plan to verdict on a real paper: every step through a helper that can be called alone.

  python examples/nsgf/demo.py                       what `make demo` runs: moons and 8gaussians, 20,000 steps each
  python examples/nsgf/demo.py --seeds 0 1 2         three training seeds instead of one
  python examples/nsgf/demo.py --paper paper.txt     verify the quotes again against the paper's text
  python examples/nsgf/demo.py --reduced             300 steps: shows the chain, and is labelled SHORTENED

Running it again reuses what is there and says so; Ctrl-C, or worse, and running it again goes on.
exit 0 the report is written, whatever the verdict · 2 or 3 a step could not run · 130 interrupted, run it again
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

from reproof import evidence  # noqa: E402
from reproof.units import show_seconds  # noqa: E402

PLAN, CORE = HERE / "plan.yaml", HERE / "core"
EXPERIMENTS = ("moons", "8gaussians")
FLOORS = (
    "8gaussians_moons",
    "scurve",
    "checkerboard",
)  # not trained here; what the truth itself scores is known anyway
GPUS = ("T4", "RTX 3090", "A100 40GB")
REDUCED = ("--train-iters", "300", "--pool-batches", "4")
ANSWERED = (0, 4)  # yes, or: checked, and the answer is no
SAVED = 75  # the project's exit code for "stopped early and saved"
LINE_S = {True: 0.5, False: 15.0}  # seconds between progress lines on a terminal, in a pipe


class StepFailed(Exception):
    """A step could not run; its own words are on the screen already."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class Demo:
    """The steps, in order; each prints one line."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.out = options.out.resolve()
        self.evidence = self.out / "evidence"
        self.logs = self.evidence / "printed"
        self.number = 0
        self.training = (*EXPERIMENTS, *options.more)

    def run(self) -> None:
        """Plan, probe, vram, scaffold, smoke, train, evaluate, compare, gate, report."""
        began = time.monotonic()
        paper = ["--paper", str(self.options.paper)] if self.options.paper else []
        self.helper("plan check", str(PLAN), *paper)
        self.render_plan()
        self.helper("probe run", str(PLAN))
        gpus = [word for gpu in GPUS for word in ("--gpu", gpu)]
        self.helper("vram plan", str(PLAN), *gpus)
        self.helper("scaffold new", str(PLAN), "--core", str(CORE), "--out", str(self.out), "--update", must=True)
        self.helper("scaffold smoke", str(self.out), must=True)
        self.train()
        self.helper("compare", str(self.out))
        self.helper("selfcheck gate", str(self.out), always=True)
        self.helper("selfcheck report", str(self.out), always=True)
        self.say("done", f"report: {self.out / 'report.md'} and {self.out / 'report.html'}", time.monotonic() - began)

    def say(self, name: str, words: str, seconds: float | None = None) -> None:
        """One line per step."""
        took = f"  ({show_seconds(seconds)})" if seconds is not None else ""
        print(f"{name:<16} {words}{took}", flush=True)

    def helper(self, name: str, *words: str, must: bool = False, always: bool = False) -> None:
        """Run a helper, or reuse its record when nothing it read has changed."""
        argv = [*name.split()[1:], *words]
        old = None if always else self.fresh(name, argv)
        if old is not None:
            self.say(name, f"{old.headline}  [reused, record {old.number:04d}]")
            return
        command = [sys.executable, str(ROOT / "helpers" / f"{name.split()[0]}.py"), *argv]
        began = time.monotonic()
        with progress(name):
            process = subprocess.run(
                [*command, "--evidence", str(self.evidence)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", check=False,
            )  # fmt: skip
        self.keep(name, process.stdout)
        if process.returncode not in ANSWERED or (must and process.returncode != 0):
            print(process.stdout + process.stderr, file=sys.stderr)
            raise StepFailed(process.returncode)
        records = [r for r in evidence.audit(self.evidence)[0] if r.helper == name]
        self.say(name, records[-1].headline, time.monotonic() - began)

    def fresh(self, name: str, argv: list[str]) -> evidence.Evidence | None:
        """The latest record of this very command, unless an input or the pack has changed since."""
        records, findings = evidence.audit(self.evidence) if self.evidence.is_dir() else ([], [])
        mine = [record for record in records if record.helper == name]
        if findings or not mine:
            return None
        said = [word for word in mine[-1].argv if word != "--evidence" and word != str(self.evidence)]
        same = said == argv and mine[-1].versions.get("reproof") == evidence.versions()["reproof"]
        return mine[-1] if same and not evidence.changed_inputs(mine[-1], self.out) else None

    def keep(self, name: str, text: str) -> None:
        """What the helper printed, for reading later."""
        path = self.logs / f"{name.replace(' ', '-')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def render_plan(self) -> None:
        """The plan for a person."""
        command = [sys.executable, str(ROOT / "helpers" / "plan.py"), "render", str(PLAN)]
        process = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
        self.keep("plan render", process.stdout)
        self.say("plan render", str(self.logs / "plan-render.md"))

    def jobs(self) -> list[Job]:
        """One per experiment and seed: train, then measure and draw. Experiments that are not trained: floor only."""
        short = REDUCED if self.options.reduced else ()
        found = []
        for seed in self.options.seeds:
            for name in self.training:
                words = [name, "--seed", str(seed), *short]
                commands = [self.project(step, *words) for step in ("train", "evaluate", "sample", "plot")]
                found.append(Job(f"{name} seed {seed}", commands, self.folder(name, seed) / "metrics.jsonl"))
        alone = [name for name in FLOORS if name not in self.training]
        return found + [Job(f"{name} floor", [self.project("evaluate", name, "--floor")]) for name in alone]

    def project(self, *words: str) -> list[str]:
        """A command of the generated project."""
        return [sys.executable, str(self.out / "run.py"), *words]

    def folder(self, name: str, seed: int) -> Path:
        """Where an experiment's results of one seed lie."""
        return self.out / "results" / name / f"seed{seed}"

    def train(self) -> None:
        """All jobs, side by side, one CPU thread each. Each of their commands resumes, or reuses, on its own."""
        began = time.monotonic()
        jobs = self.jobs()
        if self.options.interrupt:
            stopped = self.work(jobs, interrupt=True)
            self.say("interrupt", f"{stopped} of {len(jobs)} jobs were stopped with SIGTERM, their state is saved")
        self.work(jobs)
        self.say("train, evaluate", "; ".join(job.label for job in jobs) + ": done", time.monotonic() - began)

    def work(self, jobs: list[Job], *, interrupt: bool = False) -> int:
        """Run the jobs; with `interrupt`, stop them once they train. Gives how many stopped early."""
        due, started, stopped = 0.0, time.monotonic(), 0
        waiting, running = list(jobs), list[Job]()
        try:
            while waiting or running:
                while waiting and len(running) < max(1, os.cpu_count() or 1):
                    running.append(waiting.pop(0))
                    running[-1].start(self.logs)
                for job in list(running):
                    if interrupt and job.trains() and not job.stopped:
                        job.signal(signal.SIGTERM)
                    if (code := job.poll()) is not None:
                        running.remove(job)
                        stopped += code == SAVED
                        if code not in (0, SAVED) or (code == SAVED and not job.stopped):
                            raise StepFailed(code if code in (2, 3) else 1)
                if time.monotonic() > due:
                    due = time.monotonic() + LINE_S[sys.stderr.isatty()]
                    note("; ".join(job.state() for job in running), started)
                time.sleep(0.05)
        finally:
            note("")
            for job in running:  # after Ctrl-C: they were told too, they save and leave
                job.signal(signal.SIGINT)
            for job in running:
                job.wait()
        return stopped


class Job:
    """Commands of the project that follow each other; one is running at a time."""

    def __init__(self, label: str, commands: list[list[str]], metrics: Path | None = None) -> None:
        self.label, self.commands, self.metrics = label, commands, metrics
        self.number, self.stopped, self.process, self.log = 0, False, None, Path()
        self.began_s = 0.0

    def start(self, logs: Path) -> None:
        """Start from the first command; what is done already is reused by the commands themselves."""
        self.number, self.stopped, self.log = 0, False, logs / f"{self.label.replace(' ', '-')}.log"
        self.next()

    def next(self) -> None:
        """Start the command that is due."""
        with self.log.open("ab") as log:
            command, streams = self.commands[self.number], {"stdout": log, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **streams)
        self.began_s = time.time()

    def poll(self) -> int | None:
        """None while it runs; else the exit code of the last command, shown with its log if it failed."""
        code = self.process.poll()
        if code == 0 and self.number + 1 < len(self.commands) and not self.stopped:
            self.number += 1
            self.next()
            return None
        if code not in (None, 0, SAVED):
            print(self.log.read_text(encoding="utf-8", errors="replace")[-3000:], file=sys.stderr)
        return code

    def trains(self) -> bool:
        """Whether steps have been logged since this command was started."""
        return bool(self.metrics and self.metrics.exists() and self.metrics.stat().st_mtime > self.began_s)

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        self.stopped = True
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def wait(self) -> None:
        """Until the running command has left."""
        self.process.wait()

    def state(self) -> str:
        """How far it is: the last whole line of the metrics, or the command."""
        word = self.commands[self.number][2]
        lines = self.metrics.read_bytes().splitlines()[-2:] if word == "train" and self.trains() else []
        for line in reversed(lines):
            with contextlib.suppress(ValueError, KeyError):
                last = json.loads(line)
                return f"{self.label}: {last['phase']} step {last['step']}, loss {last['loss']:.3g}"
        return f"{self.label}: {word}"


def note(words: str, started: float | None = None) -> None:
    """Progress on stderr: one line that is overwritten on a terminal, a plain line in a pipe."""
    elapsed = f" ({show_seconds(time.monotonic() - started)})" if started is not None and words else ""
    if sys.stderr.isatty():
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        print("\r\033[K" + (words + elapsed)[:width], end="", file=sys.stderr, flush=True)
    elif words:
        print(words + elapsed, file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(name: str) -> Iterator[None]:
    """Say what is running, on a terminal only."""
    if sys.stderr.isatty():
        note(f"{name} …")
    yield
    if sys.stderr.isatty():
        note("")


def main() -> int:
    """Parse, run, and say how to go on when it could not end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "nsgf", help="folder of the project")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="training seeds")
    parser.add_argument("--more", nargs="*", default=[], metavar="EXPERIMENT", help="train these too, like scurve")
    parser.add_argument("--paper", type=Path, help="the paper's text, .txt or .md")
    parser.add_argument("--reduced", action="store_true", help="300 steps and small pools; never a result")
    parser.add_argument("--interrupt", action="store_true", help="stop the training once and resume it")
    demo = Demo(parser.parse_args())
    try:
        demo.run()
    except KeyboardInterrupt:
        print("\ninterrupted; what is done is kept. The same command goes on from there.", file=sys.stderr)
        return 130
    except StepFailed as stop:
        print("this step could not run; mend it and run the same command: what is done is reused", file=sys.stderr)
        return stop.code if stop.code in (2, 3) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
