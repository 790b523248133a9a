"""The training of one phase. `training_step` is the step; the loop around it keeps a long training safe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from . import checkpoint, rng
from .config import Config, option, part_settings, settings_of
from .errors import ProjectError, Stopped
from .extra.buffer import Buffer
from .extra.health import check_finite
from .extra.optimizers import FUSED, OPTIMIZERS
from .extra.progress import Progress
from .records import log_to

if TYPE_CHECKING:
    from .phases import Train
    from .run import Run

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Part:
    """What one optimizer trains: the whole model (name ""), or one child of it."""

    name: str
    cfg: Config
    loss: Callable[..., Tensor]
    parameters: list[Tensor]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None  # of fp16


@dataclass
class State:
    """Everything that changes from step to step: what a checkpoint holds."""

    model: nn.Module
    parts: list[Part]
    parameters: list[Tensor]  # all that is trained; of sharded ones, the part that this process holds
    ema: dict[str, Tensor]  # averaged parameters; empty without ema_decay
    averages: list[Tensor]  # their values, as `parameters` are
    buffer: Buffer | None
    carry: dict[str, Any]
    frozen: dict[str, Tensor] = field(default_factory=dict)  # not saved: build_model makes them again
    step: int = 0
    time_s: float = 0.0

    def weights(self) -> dict[str, Tensor]:
        """The model without what is frozen."""
        return {k: v for k, v in self.model.state_dict().items() if k not in self.frozen}

    def to_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""
        rows = None if self.buffer is None else self.buffer.to_dict()  # an empty buffer is false, and still a buffer
        return {"optimizer": {part.name: part.optimizer.state_dict() for part in self.parts},
                "scaler": {part.name: part.scaler.state_dict() if part.scaler else {} for part in self.parts},
                "model": self.weights(), "ema": self.ema, "step": self.step, "time_s": self.time_s,
                "carry": self.carry, "buffer": rows}  # fmt: skip

    def load_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of to_dict."""
        self.model.load_state_dict(saved["model"] | self.frozen)
        for part in self.parts:
            part.optimizer.load_state_dict(saved["optimizer"][part.name])
            if part.scaler:
                part.scaler.load_state_dict(saved["scaler"][part.name])
        for name, average in self.ema.items():
            average.copy_(saved["ema"][name])
        self.carry.update(saved["carry"])
        if self.buffer is not None:
            self.buffer.load_dict(saved["buffer"])
        self.step, self.time_s = saved["step"], saved["time_s"]


def training_step(state: State, run: Run, name: str, phase: Train, cfg: Config,
                  with_norm: bool) -> tuple[dict[str, Tensor], Tensor | None]:  # fmt: skip
    """Collect if it is time to, then `updates` optimizer updates of every part; gives losses and the last norm."""
    losses: dict[str, Tensor] = {}
    run.at.step, run.at.micro, norm = state.step, 0, None
    if phase.collect and state.step % cfg.get("collect_every", 1) == 0:
        collect(state, run, name, phase, cfg)
    for part in state.parts:
        for _ in range(part.cfg.get("updates", 1)):
            losses[part.name], norm = update(state, part, run, name, with_norm)
    if state.averages:
        torch._foreach_lerp_(state.averages, state.parameters, 1 - cfg.ema_decay)
    state.step += 1
    return losses, norm


def update(state: State, part: Part, run: Run, name: str, with_norm: bool) -> tuple[Tensor, Tensor | None]:
    """One optimizer update from `accumulate` micro-batches, dealt out to the processes; gives the loss and its norm."""
    cfg, at, world, scaler, losses, norm = part.cfg, run.at, run.world, part.scaler, [], None
    only = None if len(state.parts) == 1 else part.parameters  # the loss of one part has gradients in the others too
    first, share = at.micro, world.size / cfg.accumulate  # gradients are averaged over the processes
    for micro in range(world.rank, cfg.accumulate, world.size):
        at.micro = first + micro
        rng.seed_all(run.seed, name, at.key_step, at.micro)
        world.exchange(part.loss, micro + world.size >= cfg.accumulate)
        loss = part.loss(state.model, run, run.cfg.phases[name], cfg.batch_size // cfg.accumulate)
        losses.append(loss.detach())
        loss = loss if share == 1 else loss * share
        (scaler.scale(loss) if scaler else loss).backward(inputs=only)
    at.micro = first + cfg.accumulate
    if scaler:
        scaler.unscale_(part.optimizer)
    if cfg.grad_clip or with_norm:  # to clip at infinity is only to measure
        norm = nn.utils.clip_grad_norm_(part.parameters, cfg.grad_clip or math.inf)
    for group in part.optimizer.param_groups:
        group["lr"] = learning_rate(cfg, state.step)
    scaler.step(part.optimizer) if scaler else part.optimizer.step()
    if scaler:
        scaler.update()
    for parameter in part.parameters:
        parameter.grad = None
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean(), norm


def collect(state: State, run: Run, name: str, phase: Train, cfg: Config) -> None:
    """Let the algorithm gather rows with the model as it is."""
    assert phase.collect and state.buffer is not None
    for call in range(cfg.get("collect_first", 1) if state.step == 0 else 1):
        rng.seed_all(run.seed, name, "collect", state.step, call)
        state.model.eval()
        with torch.no_grad():
            rows = run.world.inside(state.parts[0].loss, phase.collect, state.model, run, cfg, state.step)
        state.model.train()
        if rows:
            state.buffer.add(rows)


def learning_rate(cfg: Config, step: int) -> float:
    """Rises linearly over `warmup_steps`; then stays, or falls to 0 at the end (linear, cosine). `step` from 0."""
    if step < cfg.warmup_steps:
        return float(cfg.lr * (step + 1) / cfg.warmup_steps)
    if cfg.schedule == "constant":
        return float(cfg.lr)
    if cfg.schedule == "step":  # times step_gamma every step_every steps
        return float(cfg.lr * cfg.get("step_gamma", 0.1) ** ((step - cfg.warmup_steps) // cfg.step_every))
    done = (step - cfg.warmup_steps) / max(cfg.steps - cfg.warmup_steps, 1)
    return float(cfg.lr * (1 - done if cfg.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2))


def build_model(run: Run, name: str, phase: Train) -> nn.Module:
    """The same initial weights whenever it is called."""
    rng.seed_all(run.seed, name, "build_model")
    return phase.build_model(run, run.cfg.phases[name]).to(run.device)


def frozen_in(model: nn.Module) -> dict[str, Tensor]:
    """Parameters that no optimizer is to change: the base of a LoRA, a teacher."""
    return {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}


def new_state(run: Run, name: str, phase: Train) -> State:
    """Model, optimizers (fused: one kernel for all parameters), averages and buffer before the first step."""
    cfg, model = run.cfg.phases[name], build_model(run, name, phase).train()
    losses = phase.loss if isinstance(phase.loss, dict) else {"": phase.loss}
    run.world.check(run.cfg, name, len(losses))
    if option(run.cfg, "checkpointing"):
        run.tool("activations").checkpoint_blocks(model)
    if option(run.cfg, "compile"):
        model.compile()
    parts = [new_part(run, part_settings(cfg, child), child, loss, model.get_submodule(child))
             for child, loss in losses.items()]  # fmt: skip
    mine = {id(p) for part in parts for p in part.parameters}
    trained = {key: p for key, p in model.named_parameters() if id(p) in mine}
    ema = {key: p.detach().clone() for key, p in trained.items()} if cfg.ema_decay else {}
    held, averages = ([run.world.local(t.detach()) for t in group.values()] for group in (trained, ema))
    run.carry.clear()
    run.buffers.clear()
    if phase.collect:
        run.buffers[name] = Buffer(cfg.get("capacity", 10_000), run.device)
    run.at.begin(name, sum(part.cfg.get("updates", 1) * part.cfg.accumulate for part in parts))
    return State(model, parts, held, ema, averages, run.buffers.get(name), run.carry, frozen_in(model))


def new_part(run: Run, cfg: Config, name: str, loss: Callable[..., Tensor], module: nn.Module) -> Part:
    """One optimizer with what it trains."""
    if cfg.accumulate % run.world.size:
        what = f"phases.{run.at.phase or name or '*'}.accumulate = {cfg.accumulate} for {run.world.size} processes"
        why = "the micro-batches of a step are dealt out to the processes, equally many to each"
        raise ProjectError("parallel", what, why, f"--accumulate {run.world.size}")
    if run.cfg.precision != "fp32":
        loss = torch.autocast(run.device.type, PRECISIONS[run.cfg.precision])(loss)
    loss = run.world.wrap(loss, module, run.device)
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]  # perhaps sharded by now
    kind, own = OPTIMIZERS[cfg.optimizer]
    options = {key: cfg[key] for key in own if key in cfg} | ({"fused": True} if cfg.optimizer in FUSED else {})
    optimizer = getattr(torch.optim, kind)(parameters, lr=cfg.lr, weight_decay=cfg.weight_decay, **options)
    scaler = torch.amp.GradScaler(run.device.type) if run.cfg.precision == "fp16" else None
    return Part(name, cfg, loss, parameters, optimizer, scaler)


def train_phase(run: Run, name: str, phase: Train) -> dict[str, Any]:
    """Train to the last step, from the newest checkpoint if there is one; gives the weights and some facts."""
    cfg, every, settings, folder = run.cfg.phases[name], run.cfg, settings_of(run.cfg, name), run.folder / "checkpoints"
    run.at.phase, memory = name, run.tool("hardware")
    memory.reset_peak(run.device)
    state = new_state(run, name, phase)
    if saved := checkpoint.newest_step(folder, name, settings):
        state.load_dict(run.world.dealt(saved, state))
        run.say(f"{name}: continues at step {state.step} of {cfg.steps}")
    del saved  # as large as model and optimizer together
    unchecked: list[Tensor] = []  # losses since the last check: to check is to wait for the GPU, so not every step
    progress = Progress(name, cfg.steps, "steps", state.step, cfg.batch_size)
    begin_s, logged_s, logged, saved_s = time.monotonic() - state.time_s, time.monotonic(), state.step, time.monotonic()
    minutes = option(run.cfg, "checkpoint_every_minutes") or math.inf

    def save() -> None:
        nonlocal saved_s
        saved_s = time.monotonic()
        if checkpoint.step_path(folder, name, state.step).exists():
            return  # a moment ago, or it is where this session began
        check_finite(run, name, state, unchecked, parameters_too=True)
        run.world.share(state.weights().values())  # statistics of batch-norms differ between processes
        state.time_s = time.monotonic() - begin_s
        content = run.world.whole(state.to_dict())
        if run.world.rank == 0:
            checkpoint.save_step(folder, name, content | {"settings": settings}, every.keep_checkpoints)
        run.world.barrier()

    with log_to(run) as write:
        while state.step < cfg.steps:
            if reason := run.world.asked(run.stop.reason, state.step):
                save()
                raise Stopped(f"{reason} at phase '{name}', step {state.step} of {cfg.steps}")
            last = state.step + 1 == cfg.steps
            log = last or (state.step + 1) % every.log_every_steps == 0
            losses, norm = training_step(state, run, name, phase, cfg, with_norm=log)
            unchecked.append(losses[""] if "" in losses else torch.stack(list(losses.values())).sum())
            if log:
                loss = check_finite(run, name, state, unchecked)
                norm, now_s = run.world.whole(norm), time.monotonic()
                speed, logged_s, logged = (state.step - logged) / (now_s - logged_s), now_s, state.step
                record = {"phase": name, "step": state.step, "loss": loss, "steps_per_s": speed,
                          "lr": learning_rate(cfg, state.step - 1),
                          "grad_norm": norm.item() if norm is not None and norm.isfinite() else None}  # fmt: skip
                if "" not in losses:
                    record["losses"] = {part: value.item() for part, value in losses.items()}
                write(record)
                progress.words = f"loss {loss:.4g}  lr {record['lr']:.2g}  grad {record['grad_norm'] or math.nan:.2g}  "
            if progress.due(state.step):
                progress.show(state.step)
            late = run.world.size == 1 and time.monotonic() - saved_s > 60 * minutes
            if not last and (late or state.step % every.checkpoint_every_steps == 0):
                save()
    check_finite(run, name, state, unchecked, parameters_too=True)
    for parameter, average in zip(state.parameters, state.averages, strict=bool(state.averages)):
        parameter.copy_(average)  # buffers, such as those of batch-norm, are not averaged
    run.world.share(state.weights().values())
    facts = {"steps": state.step, "time_s": time.monotonic() - begin_s, **memory.peak(run.device)}
    facts |= {"frozen": checkpoint.tensors_digest(run.world.whole(state.frozen))} if state.frozen else {}
    return {"settings": settings, "model": run.world.whole(state.weights()), "facts": facts}
