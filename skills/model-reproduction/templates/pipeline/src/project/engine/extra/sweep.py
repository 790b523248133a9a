"""Several seeds and settings of one experiment: `run.py sweep toy --seeds 0,1,2 --grid phases.flow.lr=1e-3,1e-4`."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from ..errors import ProjectError
from .launch import both, flags_of, run_all


def main(args: argparse.Namespace, overrides: list[str], root: Path) -> None:
    """Train and evaluate every combination, each in its own folder."""
    grid = [
        [f"{key}={value}" for value in values.split(",")] for key, _, values in (g.partition("=") for g in args.grid)
    ]
    if not all(text.partition("=")[2] for point in grid for text in point):
        raise ProjectError("usage", f"--grid {' '.join(args.grid)}", "a grid needs values", "--grid KEY=V1,V2")
    results = args.results or root / "results"
    jobs = {}
    for point in itertools.product(*grid):
        folder = results.with_name(f"{results.name}-sweep") / "+".join(point).replace("*", "all") if point else results
        for seed in args.seeds.split(",") if args.seeds else [""]:
            words = [args.experiment, *flags_of(args), *overrides, *point, "--results", str(folder)]
            words += ["--seed", seed or str(args.seed)] if seed or args.seed is not None else []
            jobs[" ".join([args.experiment, *point, *([f"seed {seed}"] if seed else [])])] = both(words)
    run_all(jobs, root, args.launcher, results / "jobs")
