"""The closed form of `vram.py` against its own trace, on the families it claims. Prints Markdown.

    python benchmarks/vram_families.py [--only resnet]

The trace runs the step of tests/vram/families.py on fake tensors as on the named GPU; the closed form gets sizes only.
Compared is the peak of the tensors: workspaces, which are bounds in the closed form, are taken out of the trace. No GPU
is used. Ratios are closed form / trace; FLOPs and the two ends of the wall-clock range of one update, on the A100 80GB,
are compared as well: the closed form's range should not be narrower than the trace's.
"""

from __future__ import annotations

import datetime
import platform
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

from reproof.vram import gpus  # noqa: E402
from reproof.vram.allocator import replay  # noqa: E402
from reproof.vram.clock import step_time  # noqa: E402
from reproof.vram.estimate import net_of, training  # noqa: E402
from reproof.vram.interpreter import Interpreter  # noqa: E402
from reproof.vram.nets import checkpointed  # noqa: E402
from reproof.vram.timeline import Timeline  # noqa: E402
from reproof.vram.traced import TraceRequest  # noqa: E402
from reproof.vram.workload import PASSES, training_time, training_work  # noqa: E402

FAMILIES = ROOT / "tests" / "vram" / "families.py"
GPT2 = {"vocab": 50257, "layers": 12, "width": 768, "num_heads": 12, "seq": 1024}
SMALL = {"vocab": 5000, "layers": 6, "width": 384, "num_heads": 6, "seq": 256}
LLAMA = {"vocab": 32000, "layers": 8, "width": 1024, "num_heads": 16, "seq": 1024, "gated": True, "untied": True,
         "feed_forward": 2816}  # fmt: skip
CIFAR = {"image_size": 32, "in_channels": 3, "num_channels": 128, "num_res_blocks": 2, "channel_mult": [1, 2, 2, 2],
         "num_head_channels": 64, "attention_resolutions": [16]}  # fmt: skip
VIT = {"image_size": 224, "patch": 16, "layers": 12, "width": 768, "num_heads": 12, "outputs": 1000}
R50, R18 = {"depth": 50, "image_size": 224}, {"depth": 18, "image_size": 224}
MLP, CNN = {"dim": 784, "hidden": 2048, "layers": 4}, {"image_size": 64, "in_channels": 3,
                                                       "predictor_channels": [64, 128, 256]}  # fmt: skip
CASES = [
    ("MLP", "mlp", MLP, 4096, {}), ("MLP, bf16 autocast", "mlp", MLP, 4096, {"precision": "amp-bf16"}),
    ("MLP, bf16", "mlp", MLP, 4096, {"precision": "bf16"}), ("MLP, small batch", "mlp", MLP, 64, {}),
    ("MLP, small batch, fused", "mlp", MLP, 64, {"update": "fused"}),
    ("CNN", "cnn", CNN, 256, {}), ("CNN, fp16 autocast", "cnn", CNN, 256, {"precision": "amp-fp16"}),
    ("U-Net of CIFAR-10", "unet", CIFAR, 64, {}),
    ("U-Net of CIFAR-10, EMA", "unet", CIFAR, 64, {"ema": True}),
    ("U-Net of CIFAR-10, bf16 autocast", "unet", CIFAR, 64, {"precision": "amp-bf16"}),
    ("U-Net of CIFAR-10, fused attention", "unet", {**CIFAR, "attention": "fused"}, 64, {}),
    ("ResNet-18", "resnet", R18, 128, {"optimizer": "momentum"}),
    ("ResNet-50", "resnet", R50, 64, {"optimizer": "momentum"}),
    ("ResNet-50, bf16 autocast", "resnet", R50, 64, {"optimizer": "momentum", "precision": "amp-bf16"}),
    ("ResNet-50, checkpointing", "resnet", R50, 64, {"optimizer": "momentum", "checkpointing": True}),
    ("ResNet-50, 2 images", "resnet", R50, 2, {}),
    ("ViT-B/16", "vit", VIT, 32, {"optimizer": "adamw"}),
    ("ViT-B/16, bf16 autocast", "vit", VIT, 64, {"optimizer": "adamw", "precision": "amp-bf16"}),
    ("ViT-B/16, dropout", "vit", {**VIT, "dropout": 0.1}, 32, {"optimizer": "adamw"}),
    ("ViT-B/16, checkpointing", "vit", VIT, 64, {"optimizer": "adamw", "checkpointing": True}),
    ("GPT-2 small", "transformer", GPT2, 8, {}),
    ("GPT-2 small, bf16 autocast", "transformer", GPT2, 8, {"precision": "amp-bf16"}),
    ("GPT-2 small, bf16", "transformer", GPT2, 8, {"precision": "bf16"}),
    ("GPT-2 small, checkpointing", "transformer", GPT2, 8, {"checkpointing": True}),
    ("GPT-2 small, dropout", "transformer", {**GPT2, "dropout": 0.1}, 8, {}),
    ("GPT, scores kept", "transformer", {**SMALL, "attention": "matmul"}, 32, {}),
    ("GPT, scores kept, bf16 autocast", "transformer", {**SMALL, "attention": "matmul"}, 32, {"precision": "amp-bf16"}),
    ("GPT, scores kept, dropout", "transformer", {**SMALL, "attention": "matmul", "dropout": 0.1}, 32, {}),
    ("GPT, small, EMA", "transformer", SMALL, 32, {"ema": True}),
    ("LLaMA-like", "transformer", LLAMA, 4, {"optimizer": "adamw"}),
    ("LLaMA-like, bf16", "transformer", LLAMA, 4, {"optimizer": "adamw", "precision": "bf16"}),
    ("LLaMA-like, bf16 autocast", "transformer", LLAMA, 4, {"optimizer": "adamw", "precision": "amp-bf16"}),
    ("LLaMA-like, grouped keys, bf16", "transformer", {**LLAMA, "kv_heads": 4}, 4,
     {"optimizer": "adamw", "precision": "bf16"}),
    ("LLaMA-like, checkpointing", "transformer", LLAMA, 4, {"optimizer": "adamw", "checkpointing": True}),
]  # fmt: skip


def closed(family, sizes, batch, given):
    """Peak of the tensors by the closed form, and when."""
    net = net_of(family, sizes, family)
    net = checkpointed(net) if given.get("checkpointing") else net
    step = training(net, given.get("optimizer", "adam"), given.get("precision", "fp32"), given.get("update", "foreach"),
                    ema=given.get("ema", False), weight_decay=False)  # fmt: skip
    return net.params, step.moment(batch, False)


def timed(family, sizes, batch, given, work):
    """FLOPs, and low and high end of the range, over those of the trace."""
    net = net_of(family, sizes, family)
    net = checkpointed(net) if given.get("checkpointing") else net
    precision, update = given.get("precision", "fp32"), given.get("update", "foreach")
    optimizer, card = given.get("optimizer", "adam"), gpus.find("A100 80GB")
    kept = training(net, optimizer, precision, update, ema=given.get("ema", False), weight_decay=False).state
    ours = training_time(card, net, kept, precision, batch, 1, optimizer, update, None)
    theirs = step_time(card, work)
    rows = training_work(net, kept, precision, batch, 1, PASSES[1], optimizer, update)
    flops, really = (sum(flops * count for _, flops, _, count in each) for each in (rows, work))
    return flops / really, ours.low_s / theirs.low_s, ours.high_s / theirs.high_s


def whole_sizes(family, sizes):
    """The sizes with the family's defaults, as the torch modules want them."""
    from reproof.vram.sizes import SIZES

    return SIZES[family](**sizes).model_dump()


def traced(interpreter, family, sizes, batch, given):
    """Parameters, peak of the tensors by the trace, where it is, and what it computes and moves."""
    card = gpus.find("A100 80GB")
    interpreter.request = TraceRequest(target=f"{FAMILIES}:build", steps=2)
    more = {"family": family, "sizes": whole_sizes(family, sizes), "batch": batch, **given}
    result = interpreter.trace(card, more)
    line = Timeline.read(result)
    tensors = [each for each in line.events if each[0] == "empty" or not line.kinds[each[1]].startswith("workspace")]
    most = replay(tensors)
    moment = line.moments[tensors[most.peak_event][1]]
    return result["trained"], most.allocated_bytes, f"{moment.phase} {moment.module}", result["work"]


def main() -> None:
    """Print the table."""
    only = sys.argv[2] if sys.argv[1:2] == ["--only"] else ""
    with Interpreter(TraceRequest(target=f"{FAMILIES}:build")) as interpreter:
        print(f"{datetime.date.today()}, {platform.machine()}, torch {interpreter.hello['torch']}\n")
        print("| step | batch | parameters, difference | traced GiB | closed form / trace | peaks: closed; traced "
              "| FLOPs | time, low end | high end |")  # fmt: skip
        print("|---|---:|---:|---:|---:|---|---:|---:|---:|")
        errors, clocks = [], []
        for name, family, sizes, batch, given in CASES:
            if only not in name + family:
                continue
            params, moment = closed(family, sizes, batch, given)
            really, peak, where, work = traced(interpreter, family, sizes, batch, given)
            errors.append(abs(moment.total / peak - 1))
            clocks.append(timed(family, sizes, batch, given, work))
            flops, low, high = clocks[-1]
            print(f"| {name} | {batch} | {params - really:+d} | {peak / 2**30:.3f} | {moment.total / peak:.4f} | "
                  f"{moment.name}; {where} | {flops:.3f} | {low:.2f} | {high:.2f} |", flush=True)  # fmt: skip
    print(f"\n{len(errors)} cases: median error {statistics.median(errors):.2%}, largest {max(errors):.2%}, "
          f"{sum(e <= 0.12 for e in errors)} within 12 %.")  # fmt: skip
    for name, ratios in zip(("FLOPs", "low end", "high end"), zip(*clocks, strict=True), strict=True):
        print(f"{name}: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
