#!/usr/bin/env python3
"""How long the gate takes on a project with many evidence records, and compare on many claims and many rows.

  python benchmarks/selfcheck_speed.py                     10,000 records, 5,000 claims, 1,000,000 rows
  python benchmarks/selfcheck_speed.py --records 1000 --claims 500 --rows 10000

Everything is made in a temporary folder. Load of the machine is printed beside: wall-clock under load says little.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "helpers"))

from reproof import evidence
from reproof.compare.command import compare
from reproof.compare.models import CompareRequest
from reproof.paths import hash_path
from reproof.selfcheck.gate import gate
from reproof.selfcheck.models import GateRequest


def plan(claims: int) -> dict:
    said = lambda value: {"value": value, "inferred": "for timing"}  # noqa: E731
    fit = {"kind": "train", "steps": said(200), "batch_size": said(16), "optimizer": said("adam"), "lr": said(1e-3)}
    evaluation = {"metric": said("w2"), "n_test": said(64), "n_samples": said(64), "sampling_steps": said([10])}
    toy = {"summary": "a toy", "seeds": [0, 1, 2, 3, 4], "phases": {"fit": fit}, "evaluation": evaluation}
    one = {
        "table": "Table 1",
        "method": "Ours",
        "experiment": "toy",
        "metric": "w2",
        "printed": "1.00",
        "direction": "lower",
        "quote": "Ours 1.00",
        "where": "Table 1",
    }
    return {
        "schema_version": 1,
        "name": "timing",
        "paper": {"title": "Timing"},
        "problem": "How long does it take?",
        "contribution": "It says how long it takes.",
        "experiments": {"toy": toy},
        "claims": [one | {"id": f"cell/{i}", "condition": {"cell": i}} for i in range(claims)],
    }


def write_rows(folder: Path, claims: int, rows: int) -> None:
    """`rows` results, spread over claims and five seeds."""
    common = {
        "kind": "result",
        "experiment": "toy",
        "metric": "w2",
        "n_test": 64,
        "n_generated": 64,
        "config_hash": "c",
        "core_hash": "k",
        "steps_done": {"fit": 200},
        "created": "2026-01-01T00:00:00+00:00",
    }
    path = folder / "results/toy/seed0/records.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for i in range(rows):
            seed, cell = i // claims % 5, i % claims
            own = {
                "seed": seed,
                "run_id": f"r{seed}",
                "condition": {"cell": cell},
                "value": 1 + seed / 1000 + i * 1e-12,
                "checkpoints": {"fit": f"w{seed}"},
            }
            file.write(json.dumps(common | own) + "\n")


def write_records(folder: Path, count: int) -> None:
    """A whole chain of `count` records, as helpers leave it."""
    place, previous = folder / "evidence", evidence.FIRST
    place.mkdir()
    inputs = {"plan.yaml": hash_path(folder / "plan.yaml")}
    now = datetime.datetime.now(datetime.timezone.utc)
    for number in range(1, count + 1):
        record = evidence.Evidence(
            number=number,
            helper="probe run",
            argv=["run"],
            created=now,
            seconds=1.0,
            ok=True,
            headline="it passed",
            inputs=inputs,
            versions={"python": "3.11"},
            previous=previous,
            answer={
                "ok": True,
                "headline": "it passed",
                "cases": [{"id": f"c{i}", "outcome": "pass"} for i in range(10)],
            },
        ).sealed()
        (place / f"{number:04d}-probe-run.json").write_text(record.model_dump_json(indent=1) + "\n")
        previous = record.digest


def timed(what: str, run: Callable[[], object], times: int = 3) -> None:
    took = []
    for _ in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        run()
        took.append((time.perf_counter() - began, time.process_time() - cpu))
    wall, cpu = min(took)
    print(f"| {what} | {wall:.2f} s | {cpu:.2f} s | {os.getloadavg()[0]:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--claims", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    print("| what | wall, best of 3 | CPU | load |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "many-claims"
        folder.mkdir()
        (folder / "plan.yaml").write_text(yaml.safe_dump(plan(given.claims)))
        write_rows(folder, given.claims, 5 * given.claims)
        from reproof.document import load_plan

        timed(f"reading a plan of {given.claims} claims", lambda: load_plan(folder / "plan.yaml"))
        timed(f"compare, {given.claims} claims, with reading", lambda: compare(CompareRequest(project=folder)))
        small = Path(place) / "many-rows"
        small.mkdir()
        (small / "plan.yaml").write_text(yaml.safe_dump(plan(10)))
        write_rows(small, 10, given.rows)
        timed(f"compare, {given.rows} rows", lambda: compare(CompareRequest(project=small)), 1)
        records = Path(place) / "many-records"
        records.mkdir()
        (records / "plan.yaml").write_text(yaml.safe_dump(plan(10)))
        write_records(records, given.records)
        timed(f"gate, {given.records} evidence records", lambda: gate(GateRequest(project=records)))


if __name__ == "__main__":
    main()
