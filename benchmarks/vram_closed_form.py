"""The closed form of `vram.py` against what torch and geomloss really hold, on a CPU. Prints Markdown.

    python benchmarks/vram_closed_form.py

Three tables: activations that autograd saves (counted with saved_tensors_hooks), the peak of a whole training step and
the peak of geomloss calls (both: the most that torch's CPU allocator held, temporaries inside operators included).
Ratios are ours / measured. A GPU runs the same operators; its workspaces are not in either side of these tables.
"""

from __future__ import annotations

import datetime
import importlib.util
import itertools
import platform
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "helpers"))

import geomloss  # noqa: E402
import torch  # noqa: E402

from reproof.vram.estimate import NETS  # noqa: E402
from reproof.vram.sinkhorn import Clouds, backward, value, velocity_ways, worst  # noqa: E402
from reproof.vram.sizes import CnnSizes, MlpSizes, TransformerSizes, UnetSizes  # noqa: E402
from reproof.vram.states import WIDTHS, state  # noqa: E402
from reproof.vram.step import peak  # noqa: E402

PREDICTOR = [32, 64, 128, 256]
MNIST = UnetSizes(image_size=28, in_channels=1, num_channels=32, num_res_blocks=1, channel_mult=[1, 2, 2],
                  attention_resolutions=[16])  # fmt: skip
CIFAR = UnetSizes(image_size=32, in_channels=3, num_channels=128, num_res_blocks=2, channel_mult=[1, 2, 2, 2],
                  num_head_channels=64, attention_resolutions=[16])  # fmt: skip
STEPS = [
    ("NSGF 2D MLP", "mlp", MlpSizes(dim=2, hidden=256, layers=3), 256),
    ("MLP, ReLU, 784 inputs", "mlp", MlpSizes(dim=784, hidden=512, layers=5, activation="relu"), 128),
    ("NSGF phase predictor, MNIST", "cnn", CnnSizes(image_size=28, in_channels=1, predictor_channels=PREDICTOR), 64),
    ("NSGF phase predictor, CIFAR-10", "cnn", CnnSizes(image_size=32, in_channels=3, predictor_channels=PREDICTOR), 64),
    ("U-Net, NSGF MNIST", "unet", MNIST, 16),
    ("U-Net, NSGF MNIST, fused attention", "unet", MNIST.model_copy(update={"attention": "fused"}), 16),
    ("U-Net, NSGF CIFAR-10", "unet", CIFAR, 2),
    ("U-Net, NSGF CIFAR-10", "unet", CIFAR, 8),
    ("GPT, fused attention", "transformer", TransformerSizes(vocab=5000, layers=4, width=256, num_heads=8, seq=256), 4),
    ("GPT, scores kept", "transformer",
     TransformerSizes(vocab=5000, layers=4, width=256, num_heads=8, seq=256, attention="matmul"), 4),
]  # fmt: skip
SHAPES = [(256, 256, 2), (1024, 1024, 2), (512, 1024, 10), (1024, 512, 64), (256, 256, 784), (128, 128, 3072),
          (400, 400, 1200), (300, 200, 500), (200, 64, 4000), (64, 200, 4000), (900, 300, 300)]  # fmt: skip


def reference():
    """The torch modules and the two measures of the tests."""
    spec = importlib.util.spec_from_file_location("vram_reference", ROOT / "tests" / "vram" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def step_row(ref, family, sizes, batch):
    """Differences in parameters, and ratios for saved bytes and for the peak of a step with foreach Adam."""
    net = NETS[family](sizes)
    module, forward, inputs_bytes = ref.step_of(family, sizes, batch)
    params = sum(p.numel() for p in module.parameters())
    saved = ref.saved_bytes(module, forward)
    optimizer = torch.optim.Adam(module.parameters(), foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        result = forward()
        (result[1] if isinstance(result, tuple) else result).backward()
        optimizer.step()

    step()  # Adam's moments appear in the first step
    optimizer.zero_grad(set_to_none=True)
    kept = state(params)
    measured = ref.peak_bytes(step) + kept.resident_bytes + inputs_bytes
    return (
        net.params - params,
        4 * batch * net.saved / saved,
        peak(net, kept, WIDTHS["fp32"], batch).total / measured,
        measured,
    )


def calls(n, m, d, p):
    """Name, numbers by the law, and the geomloss call."""
    clouds = torch.randn(n, d), torch.randn(m, d)

    def loss(debias, potentials):
        return geomloss.SamplesLoss("sinkhorn", p=p, blur=0.5, scaling=0.5, debias=debias, potentials=potentials,
                                    backend="tensorized")  # fmt: skip

    def run(way):
        x, y = (cloud.clone() for cloud in clouds)
        if way == "value":
            with torch.no_grad():
                return loss(True, False)(x, y)
        x.requires_grad_()
        if way == "backward":
            return torch.autograd.grad(loss(True, False)(x, y), x)
        if way == "velocity, one call":
            return torch.autograd.grad(loss(True, True)(x, y)[0].sum(), x)
        f_self, _ = loss(False, True)(x, x.detach())
        if way == "velocity, two calls together":
            return torch.autograd.grad((f_self - loss(False, True)(x, y)[0]).sum(), x)
        (own,) = torch.autograd.grad(f_self.sum(), x)
        return own - torch.autograd.grad(loss(False, True)(x, y)[0].sum(), x)[0]

    one, apart, together = (alive for _, alive in velocity_ways(n, m, d, p).values())
    laws = {
        "value": worst(value(Clouds(n, m, d, p)))[1],
        "backward": worst(backward(Clouds(n, m, d, p)))[1],
        "velocity, one call": one,
        "velocity, two calls apart": apart,
        "velocity, two calls together": together,
    }
    return [(way, said, lambda way=way: run(way)) for way, said in laws.items()]


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ref = reference()
    print(f"{datetime.date.today()}, {platform.machine()} CPU, Python {platform.python_version()}, "
          f"torch {torch.__version__}, geomloss {geomloss.__version__}\n")  # fmt: skip
    print(
        "| training step | batch | parameters, difference | saved, ours / measured | peak, ours / measured | peak MiB |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    peaks = []
    for name, family, sizes, batch in STEPS:
        params, saved, whole, measured = step_row(ref, family, sizes, batch)
        peaks.append(abs(whole - 1))
        print(f"| {name} | {batch} | {params:+d} | {saved:.4f} | {whole:.4f} | {measured / 2**20:.1f} |")
    print(f"\nWhole steps: median error {statistics.median(peaks):.2%}, largest {max(peaks):.2%}.\n")
    print("| N × M × D | p | " + " | ".join(way for way, *_ in calls(2, 2, 2, 2)) + " |")
    print("|---|---:|" + "---:|" * 5)
    small, large = [], []
    for (n, m, d), p in itertools.product(SHAPES, (1, 2)):
        ratios = []
        for _, said, call in calls(n, m, d, p):
            call()
            ratios.append(4 * said / ref.peak_bytes(call))
        (small if d <= 10 else large).extend(abs(ratio - 1) for ratio in ratios)
        print(f"| {n} × {m} × {d} | {p} | " + " | ".join(f"{ratio:.4f}" for ratio in ratios) + " |")
    print(f"\ngeomloss, D ≤ 10: median error {statistics.median(small):.2%}, largest {max(small):.2%}; "
          f"larger D: median {statistics.median(large):.2%}, largest {max(large):.2%}.")  # fmt: skip


if __name__ == "__main__":
    main()
