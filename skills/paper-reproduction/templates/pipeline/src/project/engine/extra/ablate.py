"""The ablations that configs/ablations.yaml declares: trained, evaluated, and put beside what they take away from.

    no_ema: {experiment: moons, overrides: {phases.flow.ema_decay: null}, why: "table 4, second row"}

Each lies in a folder of its own beside results/; those that are done are not done again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .. import config
from ..errors import ProjectError
from ..records import read_lines
from .flags import known, results_folder
from .launch import both, flags_of, run_all
from .overrides import override


def main(args: argparse.Namespace, overrides: list[str], root: Path) -> None:
    """Train and evaluate all or the named ones, then the table."""
    declared, results = read(root), results_folder(args, root)
    overrides = [*overrides, *(word for word in args.names if "=" in word)]  # argparse takes them for names
    chosen = [known("ablation", name, declared) for name in args.names if "=" not in name] or list(declared)
    seed = ["--seed", str(args.seed)] if args.seed is not None else []
    jobs = {}
    for name in chosen:
        words = [declared[name]["experiment"], *flags_of(args), *seed, *declared[name]["overrides"], *overrides]
        jobs[name] = both([*words, "--results", str(folder_of(results, name))])
    run_all(jobs, root, args.launcher, results.with_name(results.name + "-ablations") / "jobs")
    text = table({name: declared[name] for name in chosen}, results)
    path = results.with_name(results.name + "-ablations") / "ABLATIONS.md"
    path.write_text(text, encoding="utf-8")
    print(text, path, sep="\n")


def read(root: Path) -> dict[str, dict[str, Any]]:
    """What is declared, every override as KEY=VALUE."""
    path = root / "configs" / "ablations.yaml"
    declared, files = config.load_yaml(path) if path.exists() else {}, config.experiments(root / "configs")
    if not declared:
        why, fix = "nothing is declared there", "NAME: {experiment: ..., overrides: {KEY: VALUE}, why: ...}"
        raise ProjectError("no-ablations", f"no ablations in {path}", why, fix)
    for name, ablation in declared.items():
        if not isinstance(ablation, dict) or not {"experiment", "overrides"} <= ablation.keys():
            raise ProjectError(
                "config", f"{path}: {name}", "it needs experiment and overrides", "see run.py ablate --help"
            )
        known("experiment", ablation["experiment"], files)
        if isinstance(ablation["overrides"], dict):
            ablation["overrides"] = [f"{key}={json.dumps(value)}" for key, value in ablation["overrides"].items()]
        values = config.read(files[ablation["experiment"]])
        for text in ablation["overrides"]:  # a typo is found now, not after a day
            override(values, text)
    return declared


def folder_of(results: Path, name: str) -> Path:
    """Where an ablation's results are."""
    return results.with_name(results.name + "-ablations") / name


def values_of(folder: Path, experiment: str) -> dict[tuple[str, Any], list[float]]:
    """Results of every seed by (metric, condition), as the paper's protocol was stated."""
    found: dict[tuple[str, Any], dict[int, float]] = {}
    for path in sorted((folder / experiment).glob("seed*/records.jsonl")):
        for record in read_lines(path):
            if record["kind"] == "result" and record["reading"] == "as_stated":
                condition = json.dumps(record["condition"], sort_keys=True)
                found.setdefault((record["metric"], condition), {})[record["seed"]] = record["value"]  # the last counts
    return {key: list(by_seed.values()) for key, by_seed in found.items()}


def table(chosen: dict[str, dict[str, Any]], results: Path) -> str:
    """One row per ablation and condition; the experiment itself is trained by `run.py train`."""
    lines = ["| ablation | experiment | metric | condition | ablated | full | seeds | why |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, ablation in chosen.items():
        full = values_of(results, ablation["experiment"])
        for key, values in values_of(folder_of(results, name), ablation["experiment"]).items():
            beside = shown(full[key]) if key in full else "not run"
            words = [name, ablation["experiment"], key[0], key[1], shown(values), beside, len(values),
                     ablation.get("why", "")]  # fmt: skip
            lines.append("| " + " | ".join(str(word).replace("|", "/") for word in words) + " |")
    return "\n".join(lines) + "\n"


def shown(values: list[float]) -> str:
    """The mean over seeds, and the standard deviation where there is one."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.4g}"
    return f"{mean:.4g} ± {(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5:.2g}"
