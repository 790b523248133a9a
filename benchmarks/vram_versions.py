"""Which torch can trace: the core cases of tests/vram/steps.py under other interpreters. Prints Markdown.

    python benchmarks/vram_versions.py --python .venv/bin/python --python /other/venv/bin/python

Each interpreter has its own torch. Compared is the allocated peak with that of this interpreter, case by case: other
versions may differ honestly (another optimizer, another choice of attention), so that a ratio is told and not judged.
An interpreter that is refused is asked again with --weaker. No GPU is used; vram_stand_ins.py makes an interpreter of a
CUDA wheel alone.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = ROOT / "tests" / "vram" / "steps.py"
sys.path.insert(0, str(ROOT / "helpers"))

from reproof.errors import PackError  # noqa: E402
from reproof.vram import gpus  # noqa: E402
from reproof.vram.allocator import Settings  # noqa: E402
from reproof.vram.interpreter import Interpreter  # noqa: E402
from reproof.vram.timeline import Timeline  # noqa: E402
from reproof.vram.trace import judged  # noqa: E402
from reproof.vram.traced import TraceRequest  # noqa: E402

CASES = [
    ("linear layer", "linear", {}), ("MLP", "mlp", {"batch": 4096}),
    ("MLP, fused update", "mlp", {"update": "fused"}), ("GPT", "gpt", {"layers": 4, "batch": 8}),
    ("GPT, bf16 autocast", "gpt", {"layers": 4, "batch": 8, "amp": "bf16"}),
    ("GPT, checkpointing", "gpt", {"layers": 4, "batch": 8, "recompute": True}),
    ("residual network", "resnet", {}), ("fp16 with a scaler", "fp16_scaled", {}), ("LoRA", "lora", {}),
    ("LSTM", "rnn", {}), ("accumulation", "mlp", {"batch": 4096, "accumulate": 2}),
    ("FSDP2", "sharded", {}), ("torch.compile", "compiled", {}),
]  # fmt: skip


def sizes(python: Path | None, *, weaker: bool = False) -> tuple[str, dict[str, int | str]]:
    """The version of torch, and for every case its allocated peak or the slug of what went wrong."""
    found: dict[str, int | str] = {}
    card = gpus.find("A100 40GB")
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp", python=python, weaker=weaker)) as interpreter:
        for name, function, given in CASES:
            interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=2, python=python, weaker=weaker)
            try:
                result = interpreter.trace(card, given)
                found[name] = judged(card, result, Timeline.read(result), Settings(), weaker=weaker).allocated_bytes
            except PackError as error:
                found[name] = f"{error.slug} ({error.exit_code})"
                print(name, error, file=sys.stderr)
        return str(interpreter.hello["torch"]), found


def rows(pythons: list[Path]) -> list[tuple[str, str, dict[str, int | str]]]:
    """Version, way, and sizes of every interpreter; a refusal is a row, and the weaker way another."""
    found = []
    for python in pythons:
        try:
            version, full = sizes(python)
            found.append((version, "full", full))
        except PackError as error:
            found.append((str(python), f"refused, exit {error.exit_code}: {error.what[:160]}", {}))
            try:
                version, less = sizes(python, weaker=True)
                found.append((version, "weaker", less))
            except PackError as again:
                found.append((str(python), f"weaker refused, exit {again.exit_code}: {again.what[:160]}", {}))
    return found


def main() -> None:
    """Print the matrix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, action="append", default=[], help="an interpreter; repeatable")
    words = parser.parse_args()
    version, mine = sizes(None)
    print(f"{datetime.date.today()}, {platform.machine()}; allocated peak over that of torch {version}\n")
    print("| torch | way | " + " | ".join(name for name, _, _ in CASES) + " |\n|---|---|" + "---:|" * len(CASES))
    for other, way, found in [(version, "full", mine), *rows(words.python)]:
        cells = []
        for name, _, _ in CASES:
            here, base = found.get(name, "–"), mine[name]
            both = isinstance(here, int) and isinstance(base, int)
            cells.append(f"{here / base:.4f}" if both else str(here))
        print(f"| {other} | {way} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
