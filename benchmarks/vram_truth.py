"""The traces of `vram.py` against a real GPU. To be run on a machine with one; without, --dry-run traces only.

    python benchmarks/vram_truth.py --out truth.json            # about 50 cases, one process each, then the table
    python benchmarks/vram_truth.py --only ResNet --out r.json
    python benchmarks/vram_truth.py --dry-run                   # every case is traced, nothing is measured
    python benchmarks/vram_truth.py --read truth.json           # the table again, from the file

Cases are split in halves by a hash of their names. On one half two constants are fitted: the CUDA context, and how much
of the guessed convolution workspace is really taken. The errors are told for the other half, which was not looked at,
and beside them those without any fit. A case is never fitted by itself.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "helpers"), str(Path(__file__).parent)]

import vram_families  # noqa: E402

from reproof.errors import PackError  # noqa: E402
from reproof.vram import gpus  # noqa: E402
from reproof.vram.allocator import Settings, replay  # noqa: E402
from reproof.vram.calibration import named  # noqa: E402
from reproof.vram.estimate import CONTEXT_BYTES  # noqa: E402
from reproof.vram.fit import grade  # noqa: E402
from reproof.vram.hardware import ask  # noqa: E402
from reproof.vram.interpreter import Interpreter  # noqa: E402
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
    """The truth of one case, in a process and a context of its own."""
    job = {"kind": "measure", "index": index, "path": str(path), "module": False, "function": function,
           "arguments": given, "offered": {}, "steps": 3}  # fmt: skip
    found = ask(job, None, timeout_s)
    if found.get("error") or found.get("ran_out"):
        return None, found
    process = found["process_bytes"]
    context = process - found["reserved_bytes"] if process is not None else None
    return {"allocated": found["allocated_peak_bytes"], "reserved": found["reserved_peak_bytes"], "context": context,
            "device": process or found["device_bytes"], "step_s": min(found["step_s"])}, found  # fmt: skip


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


def errors(row, constants):
    """Estimate over truth minus 1: allocated, reserved; and the device size that is estimated."""
    said, truth = row["estimate"], row["truth"]
    allocated = said["sure"] + constants["share"] * (said["allocated"] - said["sure"])
    reserved = said["reserved_sure"] + constants["share"] * (said["reserved"] - said["reserved_sure"])
    return allocated / truth["allocated"] - 1, reserved / truth["reserved"] - 1, reserved + constants["context"]


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * share // 100) - 1)] if ranked else float("nan")


def summary(rows, constants):
    """The figures that the targets are about."""
    found = [errors(row, constants) for row in rows]
    allocated, reserved = [abs(each[0]) for each in found], [abs(each[1]) for each in found]
    right = wrong = false_fits = 0
    for row, (_, _, device) in zip(rows, found, strict=True):
        for share in CAPACITIES:
            verdict, fits = grade(int(device), int(row["truth"]["device"] * share)), share >= 1
            right += (verdict != "no") == fits
            wrong += (verdict != "no") != fits
            false_fits += verdict == "fits" and not fits
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
    rows = [row for row in record["rows"] if row["truth"]]
    fit, rest = ([row for row in rows if first_half(row["name"]) is half] for half in (True, False))
    yield f"{record['date']}, {record['device']}, torch {record['torch']}, driver {record['driver']}\n"
    if not fit or not rest:
        yield f"{len(rows)} cases were measured: too few for two halves.\n"
    else:
        constants = fitted(fit)
        context = f"{constants['context'] / 2**20:.0f} MiB"
        yield f"Fitted on {len(fit)} cases: context {context}, {constants['share']:.2f} of "
        yield "the guessed convolution workspaces. Told for the others:\n"
        yield "| figure | target | without a fit | with the fit of the other half |\n|---|---|---:|---:|"
        plain, better = summary(rest, UNFITTED), summary(rest, constants)
        for name, value in plain.items():
            shown = [f"{each:.2%}" if isinstance(each, float) else str(each) for each in (value, better[name])]
            yield f"| {name} | {TARGETS.get(name, '')} | {shown[0]} | {shown[1]} |"
    yield "\n| case | half | allocated, truth | error | reserved, truth | error |\n|---|---|---:|---:|---:|---:|"
    for row in rows:
        a, r, _ = errors(row, UNFITTED)
        yield (f"| {row['name']} | {'fitted' if first_half(row['name']) else 'told'} | "
               f"{row['truth']['allocated'] / 2**30:.3f} GiB | {a:+.2%} | {row['truth']['reserved'] / 2**30:.3f} GiB | "
               f"{r:+.2%} |")  # fmt: skip
    for row in record["rows"]:
        if not row["truth"]:
            yield f"\nNot measured: {row['name']}: {row['why']}"


def collect(words):
    """Run every case; what fails is kept with its reason."""
    record = {"date": datetime.date.today().isoformat(), "device": "none", "torch": "", "driver": "", "rows": []}
    started = time.monotonic()
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp")) as interpreter:
        record["torch"] = interpreter.hello["torch"]
        for name, path, function, given in cases():
            if words.only not in name or time.monotonic() - started > words.budget_s:
                continue
            row = {"name": name, "truth": None, "why": "dry run", "estimate": None}
            card = gpus.find(words.gpu)
            try:
                if not words.dry_run:
                    row["truth"], found = measured(path, function, given, words.index)
                    device = found["device"]
                    row["why"] = str(found.get("error") or found.get("ran_out"))[:200]
                    record.update(device=device["name"], torch=found["torch"], driver=device["driver"])
                    card = gpus.find(named(device["name"]))
                row["estimate"] = traced(interpreter, path, function, given, card)
            except PackError as error:
                if error.slug == "no-gpu":
                    raise
                row.update(truth=None, why=error.what[:200])
            record["rows"].append(row)
            print(f"{name}: {row['estimate'] and row['estimate']['allocated']} {row['truth'] or row['why']}",
                  file=sys.stderr, flush=True)  # fmt: skip
    return record


def main() -> int:
    """Collect or read, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write all numbers there, as JSON")
    parser.add_argument("--read", type=Path, help="print the table of such a file")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--dry-run", action="store_true", help="no GPU: trace only")
    parser.add_argument("--gpu", default="A100 80GB", help="with --dry-run: the card to trace for")
    parser.add_argument("--index", type=int, default=0, help="which GPU of this machine")
    parser.add_argument("--budget-s", type=float, default=3600.0, help="start no further case after this time")
    words = parser.parse_args()
    try:
        record = json.loads(words.read.read_text(encoding="utf-8")) if words.read else collect(words)
    except PackError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if words.out:
        words.out.write_text(json.dumps(record, indent=1), encoding="utf-8")
    print("\n".join(table(record)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
