"""An experiment's phases in order: what is finished is kept, what is not is done now. The step is in loop.py."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

from . import checkpoint, rng
from .config import Config, option, settings_of
from .errors import MISSING, ProjectError
from .extra.buffer import Buffer
from .loop import build_model, frozen_in, train_phase
from .phases import BuildPool, Train
from .pool import Pools, Rows, build_pool, is_built
from .preempt import Stop
from .records import write_json
from .world import World


@dataclass
class At:
    """Where a training is: what its random numbers and its order of examples are a function of."""

    seed: int = 0
    overfit: bool = False  # always as at step 0
    stride: int = 1  # processes
    phase: str = ""
    step: int = 0
    micro: int = 0  # counted through all optimizers of a step
    micros: int = 1  # per step

    def begin(self, phase: str, micros: int) -> None:
        """Another phase."""
        self.phase, self.step, self.micro, self.micros = phase, 0, 0, micros

    @property
    def key_step(self) -> int:
        """The step as random numbers see it."""
        return 0 if self.overfit else self.step

    def next_seed(self) -> int:
        """What torch will be seeded with for this process's next micro-batch."""
        micro = self.micro + self.stride
        step, micro = (self.step, micro) if micro < self.micros else (self.step + 1, micro - self.micros)
        return rng.number(self.seed, self.phase, 0 if self.overfit else step, micro)


@dataclass
class Run:
    """One experiment with one seed. `models` (frozen, in eval mode) and `pools` are those of the phases before."""

    cfg: Config
    device: torch.device
    data: Any
    folder: Path
    seed: int
    models: dict[str, nn.Module] = field(default_factory=dict)
    pools: dict[str, Rows] = field(default_factory=dict)
    buffers: dict[str, Buffer] = field(default_factory=dict)  # what `collect` of the phase in training gathered
    carry: dict[str, Any] = field(default_factory=dict)  # plain values and tensors that its checkpoints have to keep
    core: Any = field(default_factory=SimpleNamespace)  # this and what follows is the engine's own
    stop: Stop = field(default_factory=Stop)
    about: dict[str, Any] = field(default_factory=dict)  # code, versions, command
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)  # what is known of each finished phase
    at: At = field(default_factory=At)
    world: World = field(default_factory=World)

    def say(self, words: str) -> None:
        """Once, however many processes there are."""
        if self.world.rank == 0:
            print(words, flush=True)

    @staticmethod
    def tool(name: str) -> Any:
        """A module of extra/, imported only where it is asked for."""
        return importlib.import_module(f".extra.{name}", __package__)


def open_run(cfg: Config, core: ModuleType, folder: Path, stop: Stop, about: dict[str, Any],
             world: World | None = None) -> Run:  # fmt: skip
    """Choose the device, fix the generators, load the data."""
    world = world or World()
    device = Run.tool("hardware").choose_device(cfg, world)
    rng.make_deterministic(device, cfg.threads, option(cfg, "deterministic"))
    rng.others_too = Run.tool("provenance").draws_from_others(core)
    rng.seed_all(cfg.seed, "data")
    try:
        data = core.load_data(cfg, device)
    except FileNotFoundError as error:
        raise ProjectError("no-data", str(error), "the data set is not here", "README.md; --smoke", MISSING) from error
    except ValueError as error:
        raise ProjectError("data", str(error), "core/ refused the settings in `data`", "correct them") from error
    at = At(cfg.seed, option(cfg, "overfit_one_batch"), world.size)
    run = Run(cfg, device, data, folder, cfg.seed, core=core, stop=stop, about=about, at=at, world=world)
    run.pools = Pools(lambda phase: build_pool(run, phase, core.PHASES[phase]))
    return run


def train(run: Run, redo: str | None = None) -> None:
    """Do what is left to do; everything from phase `redo` on, if given. Running it again does nothing."""
    if redo and run.world.rank == 0:
        run.tool("redo").set_aside(run, redo)
    run.world.barrier()
    for name in run.cfg.phases:
        phase = run.core.PHASES[name]
        if isinstance(phase, BuildPool):
            if not (done := pool_is_done(run, name)):
                len(run.pools[name])  # asking for it builds it
        elif not (done := load_model(run, name)):
            finish(run, name, train_phase(run, name, phase))
            load_model(run, name)
        run.say(f"{name}: {'already done' if done else 'done'}")
        if run.world.rank == 0:
            content = run.about | {"config": run.cfg.to_dict(), "phases": run.facts}
            write_json(run.folder / "run.json", content | {"hardware": run.tool("hardware").hardware(run)})


def pool_is_done(run: Run, name: str) -> bool:
    """Built, or no longer needed (and perhaps deleted) since everything that could use it is trained."""
    names = list(run.cfg.phases)
    users = [later for later in names[names.index(name) :] if isinstance(run.core.PHASES[later], Train)]
    return is_built(run, name) or (bool(users) and all(is_finished(run, later) for later in users))


def finished_path(run: Run, name: str) -> Path:
    """The file of a finished training phase."""
    return run.folder / "checkpoints" / f"{name}.ckpt"


def is_finished(run: Run, name: str) -> bool:
    """Whether that file is there, whole, and made with these settings."""
    return checkpoint.restore(finished_path(run, name), settings_of(run.cfg, name)) is not None


def finish(run: Run, name: str, result: dict[str, Any]) -> None:
    """Write the file that says a phase is finished, then drop its states, its pools and the GPU's cache."""
    facts = result["facts"] | {"digest": checkpoint.tensors_digest(result["model"]), "device": run.device.type,
                               "core_hash": run.about["core_hash"], "processes": run.world.size,
                               "estimated_bytes": run.tool("hardware").estimated(run.cfg, name)}  # fmt: skip
    if run.world.rank == 0:
        checkpoint.save(finished_path(run, name), result | {"facts": facts})
        for path in checkpoint.step_paths(run.folder / "checkpoints", name):
            path.unlink()
    run.world.barrier()
    run.pools.clear()
    run.buffers.clear()
    run.carry.clear()
    run.say(f"{name}: {run.tool('hardware').in_words(facts)}")
    if run.device.type == "cuda":
        torch.cuda.empty_cache()


def load_model(run: Run, name: str) -> bool:
    """A finished phase's model into `run.models`, if it is finished. Always from its file: there is one way only."""
    content = checkpoint.restore(finished_path(run, name), settings_of(run.cfg, name))
    if content is None:
        return False
    run.facts[name] = content["facts"]
    if content["facts"]["core_hash"] != run.about["core_hash"]:
        run.say(f"note: core/ has changed since '{name}' was trained; --resume-phase {name} trains it again")
    model = build_model(run, name, run.core.PHASES[name])
    frozen = frozen_in(model)
    if frozen and checkpoint.tensors_digest(frozen) != content["facts"].get("frozen"):
        what, fix = f"the frozen weights of '{name}' are not those it was trained with", f"--resume-phase {name}"
        raise ProjectError("other-weights", what, "build_model must make them again, bit for bit", fix)
    model.load_state_dict(content["model"] | frozen)
    run.models[name] = model.eval().requires_grad_(False)
    return True


def load_models(run: Run) -> None:
    """All trained models, to sample from."""
    for name in run.cfg.phases:
        if isinstance(run.core.PHASES[name], Train) and not load_model(run, name):
            fix = f"run.py train {run.cfg.experiment}, with the same flags"
            raise ProjectError("not-trained", f"'{name}' is not finished in {run.folder}", "its model is needed", fix)
