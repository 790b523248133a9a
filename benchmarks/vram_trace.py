"""The traces of `vram.py`: time and host memory, and sizes against what torch holds on a CPU. Prints Markdown.

    python benchmarks/vram_trace.py

No GPU is used: what is compared is what autograd saves (counted with saved_tensors_hooks) and the law of geomloss. The
time is that of one trace of three steps after torch is imported; the import is told on its own.
"""

from __future__ import annotations

import datetime
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = ROOT / "tests" / "vram" / "steps.py"
sys.path.insert(0, str(ROOT / "helpers"))

from reproof.vram import gpus  # noqa: E402
from reproof.vram.allocator import Settings  # noqa: E402
from reproof.vram.interpreter import Interpreter  # noqa: E402
from reproof.vram.sinkhorn import Clouds, backward, value, worst  # noqa: E402
from reproof.vram.timeline import Timeline  # noqa: E402
from reproof.vram.trace import judged  # noqa: E402
from reproof.vram.traced import TraceRequest  # noqa: E402

CASES = [
    ("MLP, 2.1 M parameters", "mlp", {"batch": 256}, "T4"),
    ("GPT-2 small, 124 M, 8 x 1024, fp32", "gpt",
     {"batch": 8, "length": 1024, "layers": 12, "width": 768, "vocab": 50304, "heads": 12}, "A100 40GB"),
    ("GPT-2 small, 124 M, 8 x 1024, bf16 autocast", "gpt",
     {"batch": 8, "length": 1024, "layers": 12, "width": 768, "vocab": 50304, "heads": 12, "amp": "bf16"}, "A100 40GB"),
    ("residual network, 24 blocks, 64 x 224 x 224", "resnet", {"batch": 64, "size": 224, "blocks": 24}, "T4"),
    ("GPT, 4.9 B, 1 x 256", "gpt",
     {"batch": 1, "layers": 24, "width": 4096, "vocab": 32000, "heads": 32}, "H200"),
]  # fmt: skip
CLOUDS = [(n, m, d, p) for p in (1, 2) for n, m, d in ((512, 512, 2), (1024, 512, 2), (512, 1024, 8), (2048, 2048, 2))]


def main() -> None:
    card = gpus.find("T4")
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp")) as interpreter:
        about = interpreter.hello
        today = datetime.date.today()
        print(f"\n{today}, {platform.machine()}, Python {about['python']}, torch {about['torch']}; ", end="")
        print(f"import of torch and warm-up {about['import_s']:.1f} s\n")
        print("| step | GPU | parameters | operators | time | host memory | allocated | reserved |")
        print("|---|---|---:|---:|---:|---:|---:|---:|")
        for name, function, given, gpu in CASES:
            interpreter.request = TraceRequest(target=f"{STEPS}:{function}")
            result = interpreter.trace(gpus.find(gpu), given)
            told = judged(gpus.find(gpu), result, Timeline.read(result), Settings())
            print(f"| {name} | {gpu} | {result['params']:,} | {result['ops']:,} | {result['took_s']:.2f} s | "
                  f"{result['host_bytes'] / 2**20:.0f} MiB | {told.allocated_bytes / 2**30:.3f} GiB | "
                  f"{told.reserved_bytes / 2**30:.3f} GiB |")  # fmt: skip
        print("\n| geomloss, N x M x D, p | traced / law, backward | traced / law, value |\n|---|---:|---:|")
        for n, m, d, p in CLOUDS:
            ratios = []
            for gradient, law in ((True, backward), (False, value)):
                interpreter.request = TraceRequest(target=f"{STEPS}:geomloss", steps=2)
                result = interpreter.trace(card, {"n": n, "m": m, "d": d, "p": p, "gradient": gradient})
                told = judged(card, result, Timeline.read(result), Settings())
                tensors = told.allocated_bytes - sum(x.bytes for x in told.parts if x.name == "workspace")
                ratios.append(tensors / (4 * worst(law(Clouds(n, m, d, p)))[1]))
            print(f"| {n} x {m} x {d}, {p} | {ratios[0]:.4f} | {ratios[1]:.4f} |")


if __name__ == "__main__":
    main()
