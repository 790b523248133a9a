"""The project's loop, a bare loop, Lightning, Accelerate and Ignite, side by side: µs per step and ratio to bare.

    python benchmarks/engine_peers.py            peers that are not installed are left out

One network, loss, fused Adam and linear schedule for all; clipping for all but Ignite, which has none of its own. The
network is sized to about 1 ms per step. Each loop runs in a child process of its own, rounds interleaved; the figure
is the minimum over rounds of CPU time per step, one thread, start-up and the first 20 steps left out. Accelerate and
Lightning run as their examples do; logging is each one's default, except that Lightning shows no progress bar and
writes no checkpoint.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

ENGINE = Path(__file__).parents[1] / "templates" / "pipeline" / "src"
WIDTH, BATCH, STEPS, WARM, ROUNDS = 128, 128, 400, 20, 4
HEADER = "| date | python | torch | machine | loop | µs/step | ratio to bare |\n|---|---|---|---|---|---|---|"


def mlp() -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(3, WIDTH), nn.SiLU()]
    for _ in range(2):
        layers += [nn.Linear(WIDTH, WIDTH), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 2))


def loss_of(model: nn.Module) -> Tensor:
    x = torch.randn(BATCH, 3)
    return nn.functional.mse_loss(model(x), x[:, :2].sin())


class Clock:
    """CPU time of all steps after the first ones."""

    def __init__(self) -> None:
        self.steps, self.begin_s = 0, 0.0

    def tick(self) -> None:
        """A step begins."""
        self.steps += 1
        if self.steps == WARM:
            self.begin_s = time.process_time()

    def per_step_us(self) -> float:
        """The mean over the steps that count."""
        return (time.process_time() - self.begin_s) / (self.steps - WARM) * 1e6


def optimizer_of(model: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (STEPS + 1))


def bare(clock: Clock) -> None:
    model = mlp()
    optimizer, schedule = optimizer_of(model)
    for _ in range(STEPS):
        clock.tick()
        loss_of(model).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()


def project(clock: Clock) -> None:
    sys.path.insert(0, str(ENGINE))
    names = ("config", "loop", "phases", "run", "rng")
    config, loop, phases, runs, rng = (importlib.import_module(f"project.engine.{name}") for name in names)
    rng.others_too = False  # as open_run finds for a core that imports torch only, like this one
    mine = {"kind": "train", "steps": STEPS, "batch_size": BATCH, "lr": 1e-3, "schedule": "linear", "grad_clip": 1.0}
    cfg = config.Config(config.TOP | {"phases": {"mlp": config.TRAIN | mine}})
    phase = phases.Train(lambda _run, _cfg: mlp(), lambda model, *_: (clock.tick(), loss_of(model))[1])
    with tempfile.TemporaryDirectory() as folder:
        run = runs.Run(cfg, torch.device("cpu"), None, Path(folder), 0, core=SimpleNamespace(PHASES={"mlp": phase}))
        loop.train_phase(run, "mlp", phase)


def accelerate(clock: Clock) -> None:
    from accelerate import Accelerator

    accelerator, model = Accelerator(cpu=True), mlp()
    optimizer, schedule = optimizer_of(model)
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)
    for _ in range(STEPS):
        clock.tick()
        with accelerator.accumulate(model):
            accelerator.backward(loss_of(model))
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()


def ignite(clock: Clock) -> None:
    from ignite.engine import Engine, Events

    model = mlp()
    optimizer, schedule = optimizer_of(model)

    def step(_engine: Any, _batch: Any) -> float:
        clock.tick()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    engine = Engine(step)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: schedule.step())
    engine.run(range(STEPS), max_epochs=1)


def lightning(clock: Clock) -> None:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()

        def training_step(self, _batch: Any, _index: int) -> Tensor:
            clock.tick()
            loss = loss_of(self.net)
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer, schedule = optimizer_of(self.net)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(max_steps=STEPS, accelerator="cpu", gradient_clip_val=1.0,
                                    enable_checkpointing=False,
                                    enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
                                    logger=lightning.pytorch.loggers.CSVLogger(folder))  # fmt: skip
        trainer.fit(Module(), torch.utils.data.DataLoader(range(STEPS), batch_size=1))


LOOPS = {"bare": bare, "project": project, "ignite": ignite, "accelerate": accelerate, "lightning": lightning}


def main() -> int:
    """Children measure, the parent prints."""
    torch.set_num_threads(1)
    if len(sys.argv) == 2:
        clock = Clock()
        LOOPS[sys.argv[1]](clock)
        print(f"TIME {clock.per_step_us()}")
        return 0
    there = [name for name in LOOPS if name in ("bare", "project") or importlib.util.find_spec(name)]
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name in there:
            out = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True).stdout
            time_us = float(out.rsplit("TIME ", 1)[1])
            best[name] = min(best.get(name, time_us), time_us)
    print(HEADER)
    for name in there:
        cells = [f"{datetime.now(timezone.utc):%Y-%m-%d}", platform.python_version(), torch.__version__,
                 f"{platform.machine()}, {os.cpu_count()} cores, 1 thread", name, f"{best[name]:.0f}",
                 f"{best[name] / best['bare']:.3f}"]  # fmt: skip
        print("|", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
