"""What other estimators say of the same training steps, beside `vram.py`'s. Prints Markdown.

    python benchmarks/vram_peers.py --peers PYTHON     # an interpreter that has accelerate, deepspeed and torchinfo

Without a GPU the common yardstick is our own trace, which is no truth: where all agree nothing is proved, and a peer is
not wrong because it differs. What differs is what each leaves out, and by how much. Published measurements, where a
peer's record can be checked, are told in the second table, with their sources.

accelerate: `accelerate estimate-memory`'s rule for training with Adam, 4 times the weights. DeepSpeed: its ZeRO-2
estimator for one GPU without offloading. torchinfo: its "estimated total size" of the same model and inputs.
MemTracker: torch.distributed._tools on fake CPU tensors, since fake CUDA tensors run no backward without our patches;
autocast for CUDA does nothing there.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "helpers"), str(Path(__file__).parent), str(ROOT / "tests" / "vram")]

NAMES = ("MLP", "MLP, bf16 autocast", "CNN", "U-Net of CIFAR-10", "ResNet-18", "ResNet-50", "ResNet-50, bf16 autocast",
         "ViT-B/16", "ViT-B/16, checkpointing", "GPT-2 small", "GPT-2 small, bf16 autocast",
         "LLaMA-like, bf16")  # fmt: skip
PEERS = ("accelerate", "DeepSpeed ZeRO-2", "torchinfo", "MemTracker")
PUBLISHED = [
    ("63 PEFT fine-tunings of Llama-3.2-3B on an L40S, median error of max_memory_reserved",
     "accelerate's rule 15.0 %, 16 bytes per parameter 71 %; the prototype of this tracer 2.66 % on reserved and "
     "0.18 % on allocated over 56 of them (github.com/huggingface/peft, method_comparison/MetaMathQA)"),
    ("39 timm models, largest batch on an RTX 3090, torch 1.12",
     "verdict of the prototype right in 72 of 78; no peer answers that question (results of "
     "github.com/huggingface/pytorch-image-models)"),
    ("loading bert-base-cased", "accelerate 413.18 against 413.68 MB (its documentation)"),
    ("MemTracker", "its own tests accept 10 % of active bytes (pytorch, test/distributed/_tools/test_mem_tracker.py)"),
]  # fmt: skip
"""Measured by others, or by the prototype against others' measurements; not repeated here."""


def peers(family, sizes, batch, given):
    """Bytes that each peer estimates, in its own process; None with the reason where it fails."""
    found = {}
    for name, peer in (("accelerate", _accelerate), ("DeepSpeed ZeRO-2", _deepspeed), ("torchinfo", _torchinfo),
                       ("MemTracker", _mem_tracker)):  # fmt: skip
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                found[name] = [peer(family, sizes, batch, given), ""]
        except Exception as error:  # a peer that fails is a result
            found[name] = [None, f"{type(error).__name__}: {error}"[:120]]
    return found


def _fake_model(family, sizes, given):
    import families
    import torch

    torch.set_default_device("cpu")
    s = families.sized(family, sizes)
    wrap = families.Again if given.get("checkpointing") else lambda block: block
    return families, s, families.network(family, s, wrap)


def _fake():
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode()


def _accelerate(family, sizes, _batch, given):
    """4 times the weights' size in the format that is trained in."""
    from accelerate.utils import calculate_maximum_sizes

    with _fake():
        _, _, net = _fake_model(family, sizes, given)
        total, _ = calculate_maximum_sizes(net)
    return 4 * total // (2 if given.get("precision") == "bf16" else 1)


def _deepspeed(family, sizes, _batch, given):
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs

    with _fake():
        _, _, net = _fake_model(family, sizes, given)
        count = sum(each.numel() for each in net.parameters())
    _, gpu = estimate_zero2_model_states_mem_needs(count, num_gpus_per_node=1, num_nodes=1, cpu_offload=False)
    return int(gpu)


def _torchinfo(family, sizes, batch, given):
    import torchinfo

    with _fake():
        families, s, net = _fake_model(family, sizes, given)
        x, _ = families.inputs(family, s, batch)
        count = {"transformer": 2, "mlp": 2, "unet": 2}.get(family, 1)
        told = torchinfo.summary(net, input_data=list(x[:count]), verbose=0)
    return told.total_input + told.total_output_bytes + told.total_param_bytes


def _mem_tracker(family, sizes, batch, given):
    import families
    import torch
    from torch.distributed._tools.mem_tracker import MemTracker

    with _fake():
        step = families.build(family, sizes, batch, **given, device="cpu")
        step()  # the optimizer's state
        tracker = MemTracker()
        names = dict(zip(step.__code__.co_freevars, (cell.cell_contents for cell in step.__closure__), strict=True))
        tracker.track_external(names["net"], names["opt"])
        with tracker:
            step()
        peak = tracker.get_tracker_snapshot("peak")
    return int(peak[torch.device("cpu")]["Total"])


def ask(python, family, sizes, batch, given):
    """The peers' answers from their interpreter."""
    job = json.dumps({"family": family, "sizes": sizes, "batch": batch, "given": given})
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([python, __file__, "--job", job], capture_output=True, text=True, check=False, timeout=280,
                         env=environment)  # fmt: skip
    if run.returncode:
        raise SystemExit(run.stderr[-500:])
    return json.loads(run.stdout.strip().splitlines()[-1])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="interpreter with accelerate, deepspeed, torchinfo")
    parser.add_argument("--only", action="append", choices=NAMES, help="this step; repeatable (default: all)")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.job:
        print("\n" + json.dumps(peers(**json.loads(words.job))))
        return
    import vram_families

    from reproof.vram.interpreter import Interpreter
    from reproof.vram.traced import TraceRequest

    print(f"{datetime.date.today()}; estimate / trace of the same step\n")
    print("| step | traced GiB | closed form | " + " | ".join(PEERS) + " |\n|---|---:|---:|" + "---:|" * len(PEERS))
    gaps = {name: [] for name in ("closed form", *PEERS)}
    with Interpreter(TraceRequest(target=f"{vram_families.FAMILIES}:build")) as interpreter:
        for name, family, sizes, batch, given in vram_families.CASES:
            if name not in (words.only or NAMES):
                continue
            _, peak, _, _ = vram_families.traced(interpreter, family, sizes, batch, given)
            ours = vram_families.closed(family, sizes, batch, given)[1].total
            theirs = ask(words.peers, family, vram_families.whole_sizes(family, sizes), batch, given)
            cells = {"closed form": ours, **{peer: theirs[peer][0] for peer in PEERS}}
            for peer, size in cells.items():
                if size is not None:
                    gaps[peer].append(abs(size / peak - 1))
            shown = ("failed" if size is None else f"{size / peak:.3f}" for size in cells.values())
            print(f"| {name} | {peak / 2**30:.3f} | " + " | ".join(shown) + " |", flush=True)
            for peer in PEERS:
                if theirs[peer][1]:
                    print(f"{peer}: {theirs[peer][1]}", file=sys.stderr)
    print("| **median distance** | | " + " | ".join(
        f"{statistics.median(each):.1%}" if each else "–" for each in gaps.values()) + " |")  # fmt: skip
    print("\n| measured by others | what is on record |\n|---|---|")
    for what, said in PUBLISHED:
        print(f"| {what} | {said} |")


if __name__ == "__main__":
    main()
