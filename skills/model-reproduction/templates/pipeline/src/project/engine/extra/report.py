"""REPORT.md: every result and floor of the project, what was run, and the learning curves. No claim is judged here."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import ProjectError
from ..records import read_lines, writing
from .ablate import shown
from .plots import plot


def main(args: argparse.Namespace, _overrides: list[str], root: Path) -> None:
    """Write it and say where."""
    results: Path = args.results or root / "results"
    folders = sorted(path.parent for path in results.glob("*/seed*/metrics.jsonl"))
    if not folders:
        raise ProjectError("no-results", f"nothing has been trained in {results}", "the report is made of results",
                           "run.py train EXPERIMENT")  # fmt: skip
    parts = ["# Results", "", *numbers(results), "", "## Runs", "", *runs(folders), "", "## Figures", ""]
    for folder in folders:
        parts += [f"![{path.stem}]({path.relative_to(results).as_posix()})" for path in plot(folder)]
    path = results / "REPORT.md"
    with writing(path):
        path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    print(path)


def numbers(results: Path) -> list[str]:
    """Mean over seeds of every result, beside the floor."""
    values: dict[Any, dict[int, float]] = {}
    floors: dict[Any, list[float]] = {}
    short: set[Any] = set()
    for path in sorted(results.glob("*/seed*/records.jsonl")):
        for record in read_lines(path):
            if record["kind"] == "floor":
                floors[record["experiment"], record["metric"], record["reading"]] = record["values"]
            if record["kind"] == "result":
                condition = json.dumps(record["condition"], sort_keys=True)
                key = (record["experiment"], record["metric"], record["reading"], condition)
                values.setdefault(key, {})[record["seed"]] = record["value"]
                short |= {key} if record["smoke"] or record["steps_done"] != record["steps_planned"] else set()
    lines = [
        "| experiment | metric | reading | condition | ours | seeds | floor | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key, by_seed in values.items():
        words = [*key, shown(list(by_seed.values())), len(by_seed), shown(floors[key[:3]]) if key[:3] in floors else "",
                 "SHORTENED" if key in short else ""]  # fmt: skip
        lines.append("| " + " | ".join(map(str, words)) + " |")
    return lines


def runs(folders: list[Path]) -> list[str]:
    """What each phase took."""
    lines = ["| run | phase | steps | time | memory at most | estimated | commit |", "|---|---|---|---|---|---|---|"]
    for folder in folders:
        path = folder / "run.json"
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"phases": {}}
        for phase, facts in about["phases"].items():
            peak, estimate = (gib(facts.get(key)) for key in ("peak_memory_bytes", "estimated_bytes"))
            name = f"{folder.parent.name}/{folder.name}"
            words = [name, phase, facts["steps"], f"{facts['time_s']:.0f} s", peak, estimate,
                     (about["commit"] or "")[:8]]  # fmt: skip
            lines.append("| " + " | ".join(map(str, words)) + " |")
    return lines


def gib(size: int | None) -> str:
    """Bytes for people."""
    return f"{size / 2**30:.2f} GiB" if size else ""
