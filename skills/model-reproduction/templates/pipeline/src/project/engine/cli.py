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
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .errors import MISSING, STOPPED, ProjectError, Stopped, near
from .preempt import Stop

COMMANDS = {"train": "do what is left of the phases", "evaluate": "measure, into records.jsonl",
            "sample": "save paths from source to result, into samples/", "plot": "draw what there is, into figures/",
            "status": "how far each phase is", "list": "experiments and their phases"}  # fmt: skip
PHASE_FLAGS = [("train_iters", "train", "steps"), ("pool_batches", "pool", "batches"),
               ("accumulate", "train", "accumulate"), ("micro_batch", "train", "accumulate")]  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Errors in three lines, like all others."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise ProjectError("usage", message, "the command line is not understood", f"{self.prog} --help")


def parser() -> Parser:
    """Every flag is explained here and nowhere else."""
    shared = Parser(add_help=False, allow_abbrev=False)
    shared.add_argument("experiment", help="a file of configs/, without .yaml")
    shared.add_argument("--seed", type=int, metavar="K", help="also the folder: results/EXPERIMENT/seedK")
    shared.add_argument("--device", help="auto, cpu, cuda, cuda:0")
    shared.add_argument("--precision", help="fp32, bf16, fp16")
    shared.add_argument("--train-iters", type=int, metavar="N", help="steps of every training phase")
    shared.add_argument("--pool-batches", type=int, metavar="N", help="batches of every pool")
    shared.add_argument("--micro-batch", type=int, metavar="N", help="samples per forward pass; sets accumulate")
    shared.add_argument("--accumulate", type=int, metavar="N", help="forward passes per step")
    shared.add_argument("--smoke", action="store_true", help="2 steps of batch 4, stand-in data, folder DIR-smoke")
    shared.add_argument("--results", type=Path, metavar="DIR", help="default: results/ beside run.py")
    result = Parser("run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {
        name: commands.add_parser(name, help=words, description=words, allow_abbrev=False,
                                  parents=[shared] if name != "list" else [],
                                  epilog="and any number of KEY=VALUE" if name != "list" else None)
        for name, words in COMMANDS.items()
    }  # fmt: skip
    for name in ("train", "evaluate"):
        made[name].add_argument(
            "--max-hours", type=float, default=float("inf"), metavar="H", help="then save and leave with exit code 75"
        )
    made["train"].add_argument("--resume-phase", metavar="NAME", help="redo this phase and the following ones")
    made["evaluate"].add_argument("--floor", action="store_true", help="only the metric floor; needs no training")
    made["sample"].add_argument("--n", type=int, default=512, metavar="N", help="how many; default 512")
    return result


def main(argv: list[str], root: Path) -> int:
    """Run one command; gives the exit code."""
    with Stop() as stop:  # before torch is imported, so that no signal is missed
        try:
            commands = parser()
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
    files = {path.stem: path for path in sorted((root / "configs").glob("*.yaml"))}
    if args.command == "list":
        for name, path in files.items():
            phases = engine("config").read(path)["phases"]
            print(name, *(f"{phase} ({amount(settings)})" for phase, settings in phases.items()), sep="  ")
        return
    values, planned = read_settings(args, overrides, files[known("experiment", args.experiment, files)])
    results = args.results or root / "results"
    if args.smoke and not results.name.endswith("-smoke"):  # never to be mistaken for results
        results = results.with_name(results.name + "-smoke")
    folder = results / values["experiment"] / f"seed{values['seed']}"
    if args.command == "status":
        show_status(folder, values["phases"])
    elif args.command == "plot":
        print(*engine("plots").plot(folder) or [f"nothing to draw yet in {folder}"], sep="\n")
    else:
        stop.after_hours(getattr(args, "max_hours", float("inf")))
        core = import_core(values["phases"])
        about = engine("records").provenance(root, Path(str(core.__file__)).parent) | {"smoke": args.smoke}
        with engine("lock").only_one(folder, stop):
            run = engine("run").open_run(engine("config").Config(values), core, folder, stop, about)
            return work(args, run, planned)


def work(args: argparse.Namespace, run: Any, planned: dict[str, int]) -> None:
    """What needs torch, and the folder for itself."""
    runs = engine("run")
    if args.command == "train":
        redo = args.resume_phase and known("phase", args.resume_phase, run.cfg.phases)
        return runs.train(run, redo)  # type: ignore[no-any-return]
    if not getattr(args, "floor", False):
        runs.load_models(run)
    if args.command == "evaluate":
        return engine("evaluate").evaluate(run, planned, args.floor)  # type: ignore[no-any-return]
    print(*engine("evaluate").save_samples(run, args.n), sep="\n")


def engine(name: str) -> Any:
    """A module of the engine, imported only when it is needed: most of them import torch."""
    return importlib.import_module(f".{name}", __package__)


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """The name, if there is such a thing."""
    if name not in names:
        why = f"there are: {', '.join(names)}"
        raise ProjectError(f"no-{kind}", f"no {kind} '{name}'{near(name, names)}", why, "run.py list")
    return name


def amount(phase: dict[str, Any]) -> Any:
    """How much work the settings of a phase plan: steps or batches."""
    return phase.get("steps" if phase.get("kind") == "train" else "batches")


def read_settings(args: argparse.Namespace, overrides: list[str], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of this run; and the steps that the file on disk plans, so that a shortened run shows."""
    config = engine("config")
    values = config.read(path)
    planned = {name: amount(phase) for name, phase in values["phases"].items()}
    if args.smoke:
        config.shrink(values)
    for flag in ("seed", "device", "precision"):
        if getattr(args, flag) is not None:
            config.override(values, f"{flag}={getattr(args, flag)}")
    for flag, kind, key in PHASE_FLAGS:
        number, phases = getattr(args, flag), [p for p in values["phases"].values() if p.get("kind") == kind]
        if number is not None and not phases:
            flag = "--" + flag.replace("_", "-")
            raise ProjectError("no-setting", f"{flag} changes nothing", f"no phase is of kind {kind}", "leave it out")
        for phase in phases if number is not None else ():
            phase[key] = number if flag != "micro_batch" else -(-phase["batch_size"] // max(number, 1))
    for text in overrides:
        config.override(values, text)
    config.check(values)
    return values, planned


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


def show_status(folder: Path, phases: dict[str, Any]) -> None:
    """Which phases are done and how far the others are, by the files that are there."""
    print(folder)
    for name, phase in phases.items():
        done = [int(path.stem[-9:]) for path in folder.glob(f"checkpoints/{name}.step-*.ckpt")]
        if phase["kind"] == "pool":
            done = [len(list(folder.glob(f"pools/{name}/*.ckpt")))]
        elif (folder / "checkpoints" / f"{name}.ckpt").exists():
            done = [phase["steps"]]
        unit = "steps" if phase["kind"] == "train" else "batches"
        print(f"  {name}: {max(done, default=0)} of {amount(phase)} {unit}")
