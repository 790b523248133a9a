"""The traces of `vram.py` against a real GPU. To be run on a machine with one; without, --dry-run traces only.

    python benchmarks/vram_truth.py --out truth.json            # about 50 cases, one process each, then the table
    python benchmarks/vram_truth.py --out truth.json --no-trace --budget-s 540   # short of GPU time: measure only,
    python benchmarks/vram_truth.py --out truth.json --no-trace --resume         # go on where it stopped,
    python benchmarks/vram_truth.py --out truth.json --no-gpu --resume           # and trace later, on any machine
    python benchmarks/vram_truth.py --only ResNet --out r.json
    python benchmarks/vram_truth.py --dry-run                   # every case is traced, nothing is measured
    python benchmarks/vram_truth.py --read truth.json           # the table again, from the file

Cases are split in halves by a hash of their names. On one half two constants are fitted: the CUDA context, and how much
of the guessed convolution workspace is really taken. The errors are told for the other half, which was not looked at,
and beside them those without any fit, and those of the first half with the fit of the second. A case is never fitted by
itself; but both halves hold variants of the same networks. vram-calibration.json is not used. A case that runs out of
memory counts for the verdicts. --out is written after every case, so that nothing is lost when the machine goes.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "helpers"), str(Path(__file__).parent)]

import vram_families  # noqa: E402

from reproof.errors import PackError  # noqa: E402
from reproof.vram import gpus  # noqa: E402
from reproof.vram.allocator import Settings, replay  # noqa: E402
from reproof.vram.estimate import CONTEXT_BYTES  # noqa: E402
from reproof.vram.fit import grade  # noqa: E402
from reproof.vram.hardware import CONFS, ask  # noqa: E402
from reproof.vram.interpreter import Interpreter  # noqa: E402
from reproof.vram.measure import card_of, truths  # noqa: E402
from reproof.vram.observed import MeasureRequest  # noqa: E402
from reproof.vram.timeline import Timeline  # noqa: E402
from reproof.vram.traced import TraceRequest  # noqa: E402

STEPS = ROOT / "tests" / "vram" / "steps.py"
GPT2 = {"batch": 8, "length": 1024, "layers": 12, "width": 768, "vocab": 50304, "heads": 12}
OTHERS = [
    ("geomloss, 4096 x 4096 x 2", "geomloss", {"n": 4096, "m": 4096}),
    ("geomloss, 2048 x 2048 x 3072", "geomloss", {"n": 2048, "m": 2048, "d": 3072}),
    ("geomloss, 4096 x 4096 x 2, no gradient", "geomloss", {"n": 4096, "m": 4096, "gradient": False}),
    ("LSTM", "rnn", {}), ("fp16 autocast with a scaler", "fp16_scaled", {}),
    ("MLP, 4 micro-batches", "mlp", {"batch": 16384, "width": 1024, "accumulate": 4}),
    ("MLP, loop over parameters", "mlp", {"width": 2048, "update": "loop"}),
    ("GPT, bf16 autocast, checkpointing", "gpt", {**GPT2, "amp": "bf16", "recompute": True}),
    ("residual network, channels last", "resnet", {"batch": 64, "size": 128, "channels": 64, "last": True}),
    ("residual network", "resnet", {"batch": 64, "size": 128, "channels": 64}),
    ("evaluation", "evaluation", {}), ("LoRA", "lora", {"batch": 4096}),
]  # fmt: skip
CAPACITIES = (0.8, 0.9, 0.97, 1.03, 1.1, 1.25)
"""Cards of these shares of the real need: below 1 the case does not fit, above it does."""


def cases():
    """Name, file, function, arguments."""
    for name, family, sizes, batch, given in vram_families.CASES:
        whole = vram_families.whole_sizes(family, sizes)
        yield name, vram_families.FAMILIES, "build", {"family": family, "sizes": whole, "batch": batch, **given}
    for name, function, given in OTHERS:
        yield name, STEPS, function, given


def first_half(name: str) -> bool:
    """Whether a case is fitted on, by its name alone."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def traced(interpreter, path, function, given, card):
    """The estimate of one case: allocated with and without the guesses, and reserved."""
    interpreter.request = TraceRequest(target=f"{path}:{function}", steps=3)
    result = interpreter.trace(card, given)
    line = Timeline.read(result)
    whole, least = replay(line.events, Settings()), replay(line.calibrated(), Settings())
    return {"allocated": whole.allocated_bytes, "sure": least.allocated_bytes, "reserved": whole.reserved_bytes,
            "reserved_sure": least.reserved_bytes, "took_s": round(result["took_s"], 2)}  # fmt: skip


def measured(path, function, given, index, timeout_s=300.0):
    """The truth of one case, in a process and a context of its own; None with what was found where there is none."""
    job = {"kind": "measure", "index": index, "path": str(path), "module": False, "function": function,
           "arguments": given, "offered": {}, "steps": 3}  # fmt: skip
    found = ask(job, None, timeout_s)
    if found.get("error") or found.get("ran_out"):
        return None, found
    truth = truths(found)
    return {"allocated": truth["peak allocated"], "reserved": truth["peak reserved"], "context": truth["context"],
            "device": truth["whole device"], "step_s": min(found["step_s"]), "peaks": found["peaks"],
            "categories": found["categories"], "workspace": found["workspace_bytes"],
            "how": found["taken_how"]}, found  # fmt: skip


def fitted(rows):
    """The two constants, from the rows of one half: context in bytes, and the share of the guess that is taken."""
    contexts = [row["truth"]["context"] for row in rows if row["truth"]["context"] is not None]
    shares = []
    for row in rows:
        guess = row["estimate"]["allocated"] - row["estimate"]["sure"]
        if guess > 0.01 * row["estimate"]["allocated"]:  # a guess that does not matter says nothing
            shares.append((row["truth"]["allocated"] - row["estimate"]["sure"]) / guess)
    return {
        "context": round(statistics.median(contexts)) if contexts else CONTEXT_BYTES,
        "share": min(2.0, max(0.0, statistics.median(shares))) if shares else 1.0,
    }


UNFITTED = {"context": CONTEXT_BYTES, "share": 1.0}


def estimated(said, constants):
    """Allocated and reserved, with the fitted share of what was guessed."""
    allocated = said["sure"] + constants["share"] * (said["allocated"] - said["sure"])
    return allocated, said["reserved_sure"] + constants["share"] * (said["reserved"] - said["reserved_sure"])


def errors(row, constants):
    """Estimate over truth minus 1: allocated, reserved; and the device size that is estimated."""
    truth = row["truth"]
    allocated, reserved = estimated(row["estimate"], constants)
    return allocated / truth["allocated"] - 1, reserved / truth["reserved"] - 1, reserved + constants["context"]


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * share // 100) - 1)] if ranked else float("nan")


def summary(rows, constants, ran_out=()):
    """The figures that the targets are about; where a case ran out of memory, the verdict had to be "no"."""
    found = [errors(row, constants) for row in rows]
    allocated, reserved = [abs(each[0]) for each in found], [abs(each[1]) for each in found]
    right = wrong = false_fits = 0
    for row, (_, _, device) in zip(rows, found, strict=True):
        for share in CAPACITIES:
            verdict, fits = grade(int(device), int(row["truth"]["device"] * share)), share >= 1
            right += (verdict != "no") == fits
            wrong += (verdict != "no") != fits
            false_fits += verdict == "fits" and not fits
    for row in ran_out:
        verdict = grade(int(estimated(row["estimate"], constants)[1] + constants["context"]), row["usable"])
        right, wrong, false_fits = (
            right + (verdict == "no"),
            wrong + (verdict != "no"),
            false_fits + (verdict == "fits"),
        )
    return {
        "cases": len(rows),
        "allocated, median": statistics.median(allocated), "allocated, 95th percentile": percentile(allocated, 95),
        "reserved, median": statistics.median(reserved), "reserved, 95th percentile": percentile(reserved, 95),
        "underestimates over 5 %": sum(each[0] < -0.05 for each in found) / len(found),
        "verdicts right": right / (right + wrong), "'fits' that run out": false_fits,
    }  # fmt: skip


TARGETS = {"allocated, median": "≤ 1.5 %", "allocated, 95th percentile": "≤ 5 %", "reserved, median": "≤ 3 %",
           "reserved, 95th percentile": "≤ 8 %", "underestimates over 5 %": "≤ 5 %", "verdicts right": "≥ 97 %",
           "'fits' that run out": "0"}  # fmt: skip


def table(record):
    """The results as Markdown: constants, the figures on the half that was not fitted, and every case."""
    rows = [row for row in record["rows"] if row["truth"] and row["estimate"]]
    full = [row for row in record["rows"] if row.get("ran_out") and row["estimate"]]
    fit, rest = ([row for row in rows if first_half(row["name"]) is half] for half in (True, False))
    about = ", ".join(f"{name} {record[name]}" for name in ("torch", "cuda", "cudnn", "driver") if record.get(name))
    yield f"{record['date']}, {record['device']}, {about}\n"
    if not fit or not rest:
        yield f"{len(rows)} cases were measured and traced: too few for two halves.\n"
    else:
        constants, swapped = fitted(fit), fitted(rest)
        context = f"{constants['context'] / 2**20:.0f} MiB"
        yield f"Fitted on {len(fit)} cases: context {context}, {constants['share']:.2f} of "
        yield "the guessed convolution workspaces. Told for the others:\n"
        yield "| figure | target | without a fit | with the fit of the other half | halves swapped |"
        yield "|---|---|---:|---:|---:|"
        first_full, other_full = ([row for row in full if first_half(row["name"]) is half] for half in (True, False))
        plain, better = summary(rest, UNFITTED, other_full), summary(rest, constants, other_full)
        turned = summary(fit, swapped, first_full)
        for name in plain:
            shown = [f"{each[name]:.2%}" if isinstance(each[name], float) else str(each[name])
                     for each in (plain, better, turned)]  # fmt: skip
            yield f"| {name} | {TARGETS.get(name, '')} | {' | '.join(shown)} |"
    yield "\n| case | half | allocated, truth | error | reserved, truth | error |\n|---|---|---:|---:|---:|---:|"
    for row in rows:
        a, r, _ = errors(row, UNFITTED)
        yield (f"| {row['name']} | {'fitted' if first_half(row['name']) else 'told'} | "
               f"{row['truth']['allocated'] / 2**30:.3f} GiB | {a:+.2%} | {row['truth']['reserved'] / 2**30:.3f} GiB | "
               f"{r:+.2%} |")  # fmt: skip
    for row in record["rows"]:
        if row not in rows:
            lacking = "Not traced" if row["truth"] else "Not measured"
            yield f"\n{lacking}: {row['name']}: {row['why'] or 'not asked for yet'}"
    for note in record.get("notes", []):
        yield f"\n{note}"


def start(words):
    """The record so far: that of --out with --resume, else a new one with a row for every case."""
    if words.resume and words.out and words.out.is_file():
        record = json.loads(words.out.read_text(encoding="utf-8"))
    else:
        record = {"date": datetime.date.today().isoformat(), "device": "none", "torch": "", "driver": "", "rows": [],
                  "notes": []}  # fmt: skip
    there = {row["name"] for row in record["rows"]}
    record["rows"] += [{"name": name, "truth": None, "why": "not run", "estimate": None} for name, *_ in cases()
                       if words.only in name and name not in there]  # fmt: skip
    return record


def save(words, record):
    """Write all that is known, whole or not at all."""
    if words.out:
        part = words.out.with_suffix(".part")
        part.write_text(json.dumps(record, indent=1), encoding="utf-8")
        part.replace(words.out)


def measure_all(words, record, known):
    """The truth of every row that has none yet."""
    began = time.monotonic()
    for row in record["rows"]:
        left_s = words.budget_s - (time.monotonic() - began)
        if row["truth"] or row.get("ran_out") or words.only not in row["name"]:
            continue
        if left_s <= 0:
            row["why"] = "no time was left"
            continue
        try:
            row["truth"], found = measured(*known[row["name"]], words.index, min(300.0, left_s))
        except PackError as error:
            if error.slug == "no-gpu":
                raise
            row["why"] = error.what[:200]
        else:
            device = found.get("device")
            row.update(ran_out=bool(found.get("ran_out")), why=str(found.get("error") or found.get("ran_out"))[:200])
            if device:
                row["usable"] = device["total_bytes"]
                record.update(device=device["name"], driver=device["driver"], about=device,
                              **{name: found[name] for name in ("torch", "cuda", "cudnn")})  # fmt: skip
                if (device["others_bytes"] or 0) > 2**28:
                    note = "Other programs were on the GPU: cases that ran out of memory may be theirs."
                    record["notes"] = sorted({*record.get("notes", []), note})
        print(f"{row['name']}: {row['truth'] or row['why']}", file=sys.stderr, flush=True)
        save(words, record)


def trace_all(words, record, known):
    """The estimate of every row that has none yet, for the card that was measured, without its calibration."""
    card = gpus.find(words.gpu)
    if record.get("about"):
        found = card_of(record["about"], MeasureRequest(target=f"{STEPS}:mlp"))
        card = replace(found, constants=None, context_bytes=None)
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp")) as interpreter:
        record["traced_with"] = interpreter.hello["torch"]
        record["torch"] = record["torch"] or record["traced_with"]
        for row in record["rows"]:
            wanted = row["truth"] or row.get("ran_out") or words.dry_run
            if row["estimate"] or not wanted or words.only not in row["name"]:
                continue
            try:
                row["estimate"] = traced(interpreter, *known[row["name"]], card)
                row["why"] = "dry run" if words.dry_run else row["why"]
            except PackError as error:
                row["why"] = error.what[:200]
            print(f"{row['name']}: {row['estimate'] or row['why']}", file=sys.stderr, flush=True)
            save(words, record)


def collect(words):
    """Measure every case, then trace it; what fails is kept with its reason."""
    for name in CONFS:
        if os.environ.pop(name, None):
            print(f"{name} is left out: the traces are of the allocator's defaults", file=sys.stderr)
    record, known = start(words), {name: tuple(rest) for name, *rest in cases()}
    if not words.dry_run and not words.no_gpu:
        measure_all(words, record, known)
    if not words.no_trace:
        trace_all(words, record, known)
    save(words, record)
    return record


def main() -> int:
    """Collect or read, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write all numbers there, as JSON, after every case")
    parser.add_argument("--resume", action="store_true", help="keep what --out holds already, and do the rest")
    parser.add_argument("--read", type=Path, help="print the table of such a file")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--dry-run", action="store_true", help="no GPU: trace only")
    parser.add_argument("--no-gpu", action="store_true", help="trace the cases of --out that were measured before")
    parser.add_argument("--no-trace", action="store_true", help="only measure")
    parser.add_argument("--gpu", default="A100 80GB", help="with --dry-run: the card to trace for")
    parser.add_argument("--index", type=int, default=0, help="which GPU, of those that CUDA_VISIBLE_DEVICES shows")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further measurement after this time")
    words = parser.parse_args()
    if words.out and words.out.is_file() and not words.resume and not words.read:
        parser.error(f"{words.out} is there already: --resume goes on with it, or give another name")
    try:
        record = json.loads(words.read.read_text(encoding="utf-8")) if words.read else collect(words)
    except PackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(table(record)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
