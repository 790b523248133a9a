"""Reproduce the paper's experiments: train, evaluate, sample, plot.

Any setting of configs/EXPERIMENT.yaml can be changed with KEY=VALUE; `*` stands for every name at its place.
Training may be stopped at any moment, by Ctrl-C, a signal, a time limit or a power cut: the same command goes on
where it was and ends with the same numbers. The flags of a run belong to all its commands.

  python run.py train toy
  python run.py train toy --seed 1 --max-hours 11.5 "phases.*.lr=1e-3"
  python run.py evaluate toy --floor          the metric between two draws of the truth; needs no training
  python run.py train toy --smoke             every phase in seconds, on stand-in data, into results-smoke/

Exit codes: 0 done; 2 bad input; 3 a library, data set or device is missing, or the disk is full; 4 a loss or metric
is not finite; 75 stopped early and saved, run it again.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import MISSING, STOPPED, ProjectError, Stopped, near
from .extra.flags import amount, known, parser, read_settings, results_folder, show_status
from .preempt import Stop


def main(argv: list[str], root: Path) -> int:
    """Run one command; gives the exit code."""
    with Stop() as stop:  # before torch is imported, so that no signal is missed
        try:
            commands = parser(__doc__)
            args, rest = commands.parse_known_args(argv)
            overrides = [word for word in rest if "=" in word and not word.startswith("-")]
            if unknown := [word for word in rest if word not in overrides]:
                flags = ["--" + name.replace("_", "-") for name in vars(args)]
                commands.error(f"unknown: {' '.join(unknown)}{near(unknown[0].split('=')[0], flags)}")
            run_command(args, overrides, root, stop)
        except ProjectError as error:
            print(error, file=sys.stderr)
            return error.code
        except Stopped as why:
            but = " without --resume-phase" * any(word.startswith("--resume-phase") for word in argv)
            print(f"\nstopped: {why}. Saved; the same command{but} goes on from there.", file=sys.stderr)
            return STOPPED
    return 0


def run_command(args: argparse.Namespace, overrides: list[str], root: Path, stop: Stop) -> None:
    """What needs no torch first, then the rest."""
    files = engine("config").experiments(root / "configs")
    if args.command == "list":
        for name, path in files.items():
            phases = engine("config").read(path)["phases"]
            print(name, *(f"{phase} ({amount(settings)})" for phase, settings in phases.items()), sep="  ")
        return
    if args.command in ("ablate", "report"):
        return engine(f"extra.{args.command}").main(args, overrides, root)  # type: ignore[no-any-return]
    values, planned = read_settings(args, overrides, files[known("experiment", args.experiment, files)])
    folder = results_folder(args, root) / values["experiment"] / f"seed{values['seed']}"
    if args.command == "sweep":
        engine("extra.sweep").main(args, overrides, root)
    elif args.command == "status":
        show_status(folder, values["phases"])
    elif args.command == "plot":
        print(*engine("extra.plots").plot(folder) or [f"nothing to draw yet in {folder}"], sep="\n")
    elif getattr(args, "processes", 1) > 1:
        engine("extra.launch").torchrun(args.processes, args.restarts, root)
    else:
        stop.after_hours(getattr(args, "max_hours", float("inf")))
        core = import_core(values["phases"])
        about = engine("extra.provenance").provenance(root, Path(str(core.__file__)).parent) | {"smoke": args.smoke}
        world = engine("world").find_world(values["device"], getattr(args, "parallel", "ddp"))
        try:
            with engine("extra.lock").only_one(folder, stop) if world.rank == 0 else nullcontext():
                world.barrier()  # nobody begins before process 0 has the folder for itself
                run = engine("run").open_run(engine("config").Config(values), core, folder, stop, about, world)
                if args.command == "train" or world.rank == 0:
                    work(args, run, planned)
        finally:
            world.close()


def work(args: argparse.Namespace, run: Any, planned: dict[str, int]) -> None:
    """What needs torch, and the folder for itself."""
    runs = engine("run")
    if args.command == "train":
        redo = args.resume_phase and known("phase", args.resume_phase, run.cfg.phases)
        return runs.train(run, redo)  # type: ignore[no-any-return]
    if not getattr(args, "floor", False):
        runs.load_models(run)
    if args.command == "evaluate":
        return engine("extra.evaluate").evaluate(run, planned, args.floor)  # type: ignore[no-any-return]
    print(*engine("extra.evaluate").save_samples(run, args.n), sep="\n")


def engine(name: str) -> Any:
    """A module of the engine, imported only when it is needed: most of them import torch."""
    return importlib.import_module(f".{name}", __package__)


def import_core(phases: dict[str, Any]) -> ModuleType:
    """The algorithm; its phases must be those that the settings name."""
    try:
        core = importlib.import_module("..core", __package__)
    except ModuleNotFoundError as error:
        fix = "pip install -r requirements.txt"
        raise ProjectError("no-library", str(error), "core/ imports it", fix, MISSING) from error
    for name, phase in phases.items():
        kind = {"BuildPool": "pool", "Train": "train"}[type(core.PHASES[known("phase", name, core.PHASES)]).__name__]
        if kind != phase["kind"]:
            what = f"phases.{name}.kind = {phase['kind']}"
            raise ProjectError("config", what, f"in core/ it is {kind}", f"kind: {kind}")
    return core
