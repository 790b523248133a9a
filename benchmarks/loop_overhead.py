"""How much slower is the generated project's training loop than a bare PyTorch loop that does the same work?

    python benchmarks/loop_overhead.py --header

Both train the same network with the same loss, fused Adam, gradient clipping and learning-rate schedule. The
project's loop also seeds every step, checks and logs losses, and listens for signals, with its default settings. The
two take turns every 25 steps in one process; the ratio is the median over neighbouring turns of their CPU times, one
thread, and the times are medians too. stdout is one Markdown row per network (--header: the table's head first).
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

ENGINE = Path(__file__).parents[1] / "templates" / "pipeline" / "src"
HEADER = """| date | python | torch | machine | network | batch | bare µs/step | project µs/step | ratio |
|---|---|---|---|---|---|---|---|---|"""
SIZES = (256, 128, 96, 64)  # hidden width, and samples in a batch
TURN = 25


def mlp(hidden: int) -> nn.Module:
    """Three hidden layers, (x, t) -> R^2."""
    layers: list[nn.Module] = [nn.Linear(3, hidden), nn.SiLU()]
    for _ in range(2):
        layers += [nn.Linear(hidden, hidden), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, 2))


def loss(model: nn.Module, batch: int) -> Tensor:
    """A regression on fresh random points."""
    x = torch.randn(batch, 3)
    return nn.functional.mse_loss(model(x), x[:, :2].sin())


def bare_loop(hidden: int, batch: int, steps: int) -> Iterator[None]:
    """What one writes by hand; one step per `next`."""
    model = mlp(hidden).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    while True:
        value = loss(model, batch)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        yield


def take_turns(hidden: int, batch: int, steps: int, folder: Path) -> list[tuple[float, float]]:
    """CPU times in s of (25 steps of the project's loop, 25 steps of the bare loop), again and again."""
    names = ("config", "loop", "phases", "run")
    config, loop, phases, runs = (importlib.import_module(f"project.engine.{name}") for name in names)
    sizes = {"kind": "train", "steps": steps, "batch_size": batch}
    mine = config.TRAIN | sizes | {"lr": 1e-3, "schedule": "linear", "grad_clip": 1.0}
    cfg = config.Config(config.TOP | {"phases": {"mlp": mine}})
    # as open_run finds for a core that imports only torch, like this one
    importlib.import_module("project.engine.rng").others_too = False
    by_hand, pairs, calls, begin_s = bare_loop(hidden, batch, steps), [], itertools.count(1), [0.0]

    def loss_with_turns(model: nn.Module, _run: Any, _cfg: Any, size: int) -> Tensor:
        if next(calls) % TURN == 0:
            project_s = time.process_time() - begin_s[0]
            middle_s = time.process_time()
            for _ in range(TURN):
                next(by_hand)
            begin_s[0] = time.process_time()
            pairs.append((project_s, begin_s[0] - middle_s))
        return loss(model, size)

    phase = phases.Train(lambda _run, _cfg: mlp(hidden), loss_with_turns)
    run = runs.Run(cfg, torch.device("cpu"), None, folder, 0, core=SimpleNamespace(PHASES={"mlp": phase}))
    loop.train_phase(run, "mlp", phase)
    return pairs[2:]  # the first ones warm up


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=4000, help="of each network")
    arguments.add_argument("--header", action="store_true")
    args = arguments.parse_args()
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ENGINE))
    torch.set_num_threads(1)
    print(HEADER) if args.header else None
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            pairs = take_turns(size, size, args.steps, Path(folder))
        project_us, bare_us = (median(times) / TURN * 1e6 for times in zip(*pairs, strict=True))
        ratio = median(project_s / bare_s for project_s, bare_s in pairs)
        machine = f"{platform.machine()}, {os.cpu_count()} cores, 1 thread"
        cells = [f"{datetime.now(timezone.utc):%Y-%m-%d}", platform.python_version(), torch.__version__, machine,
                 f"MLP 3x{size}", size, f"{bare_us:.0f}", f"{project_us:.0f}", f"{ratio:.3f}"]  # fmt: skip
        print("|", " | ".join(map(str, cells)), "|", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
