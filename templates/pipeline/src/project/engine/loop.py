"""The training of one phase. `training_step` is the step; the loop around it keeps a long training safe."""

from __future__ import annotations

import json
import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from . import checkpoint, rng
from .config import Config, settings_of
from .errors import NOT_FINITE, ProjectError, Stopped
from .records import Progress, open_lines

if TYPE_CHECKING:
    from .phases import Train
    from .run import Run

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class State:
    """Everything that changes from step to step: what a checkpoint holds."""

    model: nn.Module
    parameters: list[Tensor]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    ema: list[Tensor]  # averaged parameters; empty without ema_decay
    step: int = 0
    time_s: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scaler")}
        return parts | {"ema": self.ema, "step": self.step, "time_s": self.time_s}

    def load_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of to_dict."""
        for name in ("model", "optimizer", "scaler"):
            getattr(self, name).load_state_dict(saved[name])
        for mine, other in zip(self.ema, saved["ema"], strict=True):
            mine.copy_(other)
        self.step, self.time_s = saved["step"], saved["time_s"]


def training_step(
    state: State, run: Run, name: str, phase: Train, cfg: Config, with_norm: bool
) -> tuple[Tensor, Tensor | None]:
    """One optimizer update from `accumulate` micro-batches; gives the loss and the norm of its gradient."""
    losses = []
    for micro in range(cfg.accumulate):
        rng.seed_all(run.seed, name, state.step, micro)
        with nullcontext() if run.cfg.precision == "fp32" else autocast(run):
            loss = phase.loss(state.model, run, cfg, cfg.batch_size // cfg.accumulate)
        losses.append(loss.detach())
        state.scaler.scale(loss if cfg.accumulate == 1 else loss / cfg.accumulate).backward()
    state.scaler.unscale_(state.optimizer)
    norm = None
    if cfg.grad_clip or with_norm:  # to clip at infinity is only to measure
        norm = nn.utils.clip_grad_norm_(state.parameters, cfg.grad_clip or math.inf)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(cfg, state.step)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    if state.ema:
        torch._foreach_lerp_(state.ema, state.parameters, 1 - cfg.ema_decay)
    state.step += 1
    return losses[0] if cfg.accumulate == 1 else torch.stack(losses).mean(), norm


def learning_rate(cfg: Config, step: int) -> float:
    """Rises linearly over `warmup_steps`; then stays, or falls to 0 at the end (linear, cosine). `step` from 0."""
    if step < cfg.warmup_steps:
        return float(cfg.lr * (step + 1) / cfg.warmup_steps)
    done = (step - cfg.warmup_steps) / (cfg.steps - cfg.warmup_steps)
    if cfg.schedule == "cosine":
        return float(cfg.lr * (1 + math.cos(math.pi * done)) / 2)
    return float(cfg.lr * (1 - done if cfg.schedule == "linear" else 1))


def autocast(run: Run) -> torch.autocast:
    """Mixed precision as configured."""
    return torch.autocast(run.device.type, PRECISIONS[run.cfg.precision])


def build_model(run: Run, name: str, phase: Train) -> nn.Module:
    """The same initial weights whenever it is called."""
    rng.seed_all(run.seed, name, "build_model")
    return phase.build_model(run, run.cfg.phases[name]).to(run.device)


def new_state(run: Run, name: str, phase: Train) -> State:
    """Model, optimizer (fused: one kernel for all parameters) and averages before the first step."""
    cfg, model = run.cfg.phases[name], build_model(run, name, phase).train()
    parameters: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
    options = {"lr": cfg.lr, "weight_decay": cfg.weight_decay, "fused": True}
    if cfg.optimizer == "sgd":
        options |= {"momentum": cfg.get("momentum", 0.0)}
    else:
        options |= {"betas": cfg.betas, "eps": cfg.get("eps", 1e-8)}
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    optimizer: torch.optim.Optimizer = kinds[cfg.optimizer](parameters, **options)
    scaler = torch.amp.GradScaler(run.device.type, enabled=run.cfg.precision == "fp16")
    ema = [p.detach().clone() for p in parameters] if cfg.ema_decay else []
    return State(model, parameters, optimizer, scaler, ema)


def train_phase(run: Run, name: str, phase: Train) -> dict[str, Any]:
    """Train to the last step, from the newest checkpoint if there is one; gives the weights and some facts."""
    cfg, every, settings, folder = run.cfg.phases[name], run.cfg, settings_of(run.cfg, name), run.folder / "checkpoints"
    if run.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    state = new_state(run, name, phase)
    if saved := checkpoint.newest_step(folder, name, settings):
        state.load_dict(saved)
        print(f"{name}: continues at step {state.step} of {cfg.steps}", flush=True)
    del saved  # as large as model and optimizer together
    unchecked: list[Tensor] = []  # losses since the last check: to check is to wait for the GPU, so not every step
    progress = Progress(name, cfg.steps, "steps", state.step)
    begin_s, logged_s, logged = time.monotonic() - state.time_s, time.monotonic(), state.step

    def save() -> None:
        if checkpoint.step_path(folder, name, state.step).exists():
            return  # a moment ago, or it is where this session began
        check_finite(name, state, unchecked, parameters_too=True)
        state.time_s = time.monotonic() - begin_s
        checkpoint.save_step(folder, name, state.to_dict() | {"settings": settings}, every.keep_checkpoints)

    with open_lines(run.folder / "metrics.jsonl") as metrics:
        while state.step < cfg.steps:
            if run.stop.reason:
                save()
                raise Stopped(f"{run.stop.reason} at phase '{name}', step {state.step} of {cfg.steps}")
            last = state.step + 1 == cfg.steps
            log = last or (state.step + 1) % every.log_every_steps == 0
            loss, norm = training_step(state, run, name, phase, cfg, with_norm=log)
            unchecked.append(loss)
            if log:
                check_finite(name, state, unchecked)
                now_s = time.monotonic()
                speed, logged_s, logged = (state.step - logged) / (now_s - logged_s), now_s, state.step
                record = {"phase": name, "step": state.step, "loss": loss.item(), "steps_per_s": speed,
                          "lr": learning_rate(cfg, state.step - 1),
                          "grad_norm": norm.item() if norm is not None and norm.isfinite() else None}  # fmt: skip
                metrics.write(json.dumps(record) + "\n")
            if progress.due(state.step):
                progress.show(state.step, f"loss {loss.item():.4g}  lr {learning_rate(cfg, state.step - 1):.2g}  ")
            if state.step % every.checkpoint_every_steps == 0 and not last:
                save()
    check_finite(name, state, unchecked, parameters_too=True)
    for parameter, average in zip(state.parameters, state.ema, strict=bool(state.ema)):
        parameter.data.copy_(average)  # buffers, such as those of batch-norm, are not averaged
    peak = torch.cuda.max_memory_allocated() if run.device.type == "cuda" else None
    facts = {"steps": state.step, "time_s": time.monotonic() - begin_s, "peak_memory_bytes": peak}
    return {"settings": settings, "model": state.model.state_dict(), "facts": facts}


def check_finite(name: str, state: State, losses: list[Tensor], parameters_too: bool = False) -> None:
    """Name the step at which the loss stopped being a number. Empties `losses`."""
    finite = torch.stack(losses).isfinite().tolist() if losses else []
    step = state.step - len(finite) + finite.index(False) + 1 if False in finite else state.step
    losses.clear()
    if False in finite or (parameters_too and not all(bool(p.isfinite().all()) for p in state.parameters)):
        what = "loss" if False in finite else "a parameter"
        raise ProjectError(
            "not-finite",
            f"phase '{name}', step {step}: {what} is not a finite number",
            "training diverged; checkpoints are from before",
            "lower lr, grad_clip, fp32",
            NOT_FINITE,
        )
