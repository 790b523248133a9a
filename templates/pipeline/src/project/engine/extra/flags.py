"""The command line, read: its flags, what they change in the settings, and where results lie."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from .. import config
from ..errors import ProjectError, near
from .checks import check
from .overrides import override, shrink

COMMANDS = {"train": "do what is left of the phases", "evaluate": "measure, into records.jsonl",
            "sample": "save paths from source to result, into samples/", "plot": "draw what there is, into figures/",
            "status": "how far each phase is", "list": "experiments and their phases",
            "ablate": "train and evaluate what configs/ablations.yaml declares, and tabulate it",
            "sweep": "train and evaluate several seeds or settings, here or on a cluster",
            "report": "tables and learning curves of all results, into REPORT.md"}  # fmt: skip
OF_ONE = ("train", "evaluate", "sample", "plot", "status", "sweep")  # commands about one experiment
VALUES = ("seed", "device", "precision", "deterministic", "workers")  # flags that are a setting's name
SWITCHES = ("checkpointing", "compile", "overfit_one_batch")
FROM_FILE = {"seed", "device", "precision", "micro_batch", "accumulate", "sinkhorn_batch", "checkpointing", "compile",
             "train_iters", "pool_batches", "workers"}  # fmt: skip
PHASE_FLAGS = [("train_iters", "train", "steps"), ("pool_batches", "pool", "batches"),
               ("accumulate", "train", "accumulate"), ("micro_batch", "train", "accumulate")]  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Errors in three lines, like all others."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise ProjectError("usage", message, "the command line is not understood", f"{self.prog} --help")


def parser(manual: str | None = None) -> Parser:
    """Every flag is explained here and nowhere else."""
    named, shared = Parser(add_help=False, allow_abbrev=False), Parser(add_help=False, allow_abbrev=False)
    named.add_argument("experiment", help="a file of configs/, without .yaml")
    shared.add_argument("--seed", type=int, metavar="K", help="also the folder: results/EXPERIMENT/seedK")
    shared.add_argument("--device", help="auto, cpu, cuda, cuda:0")
    shared.add_argument("--precision", help="fp32, bf16, fp16")
    shared.add_argument("--deterministic", metavar="MODE", help="auto, strict, warn, off")
    shared.add_argument("--checkpointing", action="store_true", help="less memory: activations are computed twice")
    shared.add_argument("--compile", action="store_true", help="torch.compile the models")
    shared.add_argument("--workers", type=int, metavar="N", help="processes that load data")
    shared.add_argument("--track", action="append", metavar="NAME", help="also to tensorboard, wandb, mlflow, trackio")
    shared.add_argument("--train-iters", type=int, metavar="N", help="steps of every training phase")
    shared.add_argument("--pool-batches", type=int, metavar="N", help="batches of every pool")
    shared.add_argument("--micro-batch", type=int, metavar="N", help="samples per forward pass; sets accumulate")
    shared.add_argument("--accumulate", type=int, metavar="N", help="forward passes per step")
    shared.add_argument("--overrides", type=Path, metavar="FILE", help="flags and settings from YAML or JSON")
    shared.add_argument("--sinkhorn-batch", type=int, metavar="N", help="sinkhorn_batch, or a pool's batch_size")
    shared.add_argument("--overfit-one-batch", action="store_true", help="the same batch always, folder DIR-overfit")
    shared.add_argument("--smoke", action="store_true", help="2 steps of batch 4, stand-in data, folder DIR-smoke")
    shared.add_argument("--results", type=Path, metavar="DIR", help="default: results/ beside run.py")
    result = Parser("run.py", description=manual, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {
        name: commands.add_parser(name, help=words, description=words, allow_abbrev=False,
                                  parents=[named, shared] if name in OF_ONE else [shared] * (name == "ablate"),
                                  epilog="and any number of KEY=VALUE" if name in (*OF_ONE, "ablate") else None)
        for name, words in COMMANDS.items()
    }  # fmt: skip
    for name in ("train", "evaluate"):
        made[name].add_argument(
            "--max-hours", type=float, default=float("inf"), metavar="H", help="then save and leave with exit code 75"
        )
    made["train"].add_argument("--resume-phase", metavar="NAME", help="redo this phase and the following ones")
    made["train"].add_argument("--processes", type=int, default=1, metavar="N", help="start torchrun with so many")
    made["train"].add_argument("--parallel", choices=["ddp", "fsdp"], default="ddp",
                               help="what several processes do; fsdp: each keeps a part of the parameters")  # fmt: skip
    made["train"].add_argument("--restarts", type=int, default=0, metavar="N", help="of all, when one process dies")
    made["evaluate"].add_argument("--floor", action="store_true", help="only the metric floor; needs no training")
    made["sample"].add_argument("--n", type=int, default=512, metavar="N", help="how many; default 512")
    made["ablate"].add_argument("names", nargs="*", metavar="NAME", help="only these; default: all")
    made["sweep"].add_argument("--seeds", default="", metavar="0,1,2", help="default: the experiment's")
    made["sweep"].add_argument("--grid", action="append", default=[], metavar="KEY=V1,V2", help="every combination")
    for name in ("ablate", "sweep"):
        made[name].add_argument("--launcher", choices=["local", "slurm"], default="local", help="default: local")
    made["report"].add_argument("--results", type=Path, metavar="DIR", help="default: results/ beside run.py")
    return result


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """The name, if there is such a thing."""
    if name not in names:
        why = f"there are: {', '.join(names)}"
        raise ProjectError(f"no-{kind}", f"no {kind} '{name}'{near(name, names)}", why, "run.py list")
    return name


def results_folder(args: argparse.Namespace, root: Path) -> Path:
    """Smoke runs and overfitted ones go elsewhere, never to be mistaken for results."""
    results: Path = args.results or root / "results"
    for flag, end in (("smoke", "-smoke"), ("overfit_one_batch", "-overfit")):
        if getattr(args, flag) and not results.name.endswith(end):
            results = results.with_name(results.name + end)
    return results


def amount(phase: dict[str, Any]) -> Any:
    """How much work the settings of a phase plan: steps or batches."""
    return phase.get("steps" if phase.get("kind") == "train" else "batches")


def read_settings(args: argparse.Namespace, overrides: list[str], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of this run; and the steps that the file on disk plans, so that a shortened run shows."""
    values, overrides = config.read(path), [*from_file(args), *overrides]
    planned = {name: amount(phase) for name, phase in values["phases"].items()}
    if args.smoke:
        shrink(values, path.parent / "smoke" / path.name)
    given = [(flag, getattr(args, flag)) for flag in VALUES] + [
        (flag, getattr(args, flag) or None) for flag in SWITCHES
    ]
    for flag, value in [*given, ("trackers", json.dumps(args.track) if args.track else None)]:
        if value is not None:
            override(values, f"{flag}={str(value).lower() if value is True else value}")
    for flag, kind, key in PHASE_FLAGS:
        number, phases = getattr(args, flag), [p for p in values["phases"].values() if p.get("kind") == kind]
        if number is not None and not phases:
            flag = "--" + flag.replace("_", "-")
            raise ProjectError("no-setting", f"{flag} changes nothing", f"no phase is of kind {kind}", "leave it out")
        for phase in phases if number is not None else ():
            phase[key] = number if flag != "micro_batch" else -(-phase["batch_size"] // max(number, 1))
    if args.sinkhorn_batch is not None:
        own = [phase for phase in values["phases"].values() if "sinkhorn_batch" in phase]
        pools = [phase for phase in values["phases"].values() if phase.get("kind") == "pool" and "batch_size" in phase]
        if not own and not pools:
            why = "no phase has sinkhorn_batch, and no pool a batch_size"
            raise ProjectError("no-setting", "--sinkhorn-batch changes nothing", why, "leave it out")
        for phase in own or pools:
            phase["sinkhorn_batch" if own else "batch_size"] = args.sinkhorn_batch
    for text in sorted(overrides, key=lambda text: ".optimizer=" not in text):  # it decides what other keys there are
        override(values, text)
    check(values)
    return values, planned


def from_file(args: argparse.Namespace) -> list[str]:
    """--overrides FILE: its flags where the command line has none, the rest as KEY=VALUE."""
    if args.overrides is None:
        return []
    if not args.overrides.is_file():
        why = "it is read before the flags"
        raise ProjectError("no-file", f"--overrides {args.overrides} is not there", why, "KEY=VALUE instead")
    given, rest = config.load_yaml(args.overrides), []
    for key, value in given.items():
        flag = str(key).replace("-", "_").removeprefix("__")
        if flag in FROM_FILE:
            setattr(args, flag, value if getattr(args, flag) in (None, False) else getattr(args, flag))
        else:
            rest.append(f"{key}={json.dumps(value)}")
    return rest


def show_status(folder: Path, phases: dict[str, Any]) -> None:
    """Which phases are done and how far the others are, by the files that are there."""
    print(folder)
    for name, phase in phases.items():
        done = [int(path.stem[-9:]) for path in folder.glob(f"checkpoints/{name}.step-*.ckpt")]
        if phase["kind"] == "pool":
            ledgers = [path.read_text().split("\n")[:-1] for path in folder.glob(f"pools/{name}/done-*.jsonl")]
            done = [len({json.loads(line)["batch"] for lines in ledgers for line in lines})]
        elif (folder / "checkpoints" / f"{name}.ckpt").exists():
            done = [phase["steps"]]
        unit = "steps" if phase["kind"] == "train" else "batches"
        print(f"  {name}: {max(done, default=0)} of {amount(phase)} {unit}")
