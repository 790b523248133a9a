"""An experiment's phases in order: what is finished is kept, what is not is done now. The step is in loop.py."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

from . import checkpoint, rng
from .config import Config, settings_of
from .errors import MISSING, ProjectError
from .loop import build_model, train_phase
from .phases import BuildPool, Train
from .pool import Pool, Pools, build_pool, is_built
from .preempt import Stop
from .records import write_json


@dataclass
class Run:
    """One experiment with one seed. `models` (frozen, in eval()) and `pools` are those of the phases before."""

    cfg: Config
    device: torch.device
    data: Any
    folder: Path
    seed: int
    models: dict[str, nn.Module] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    core: Any = field(default_factory=SimpleNamespace)  # this and what follows is the engine's own
    stop: Stop = field(default_factory=Stop)
    about: dict[str, Any] = field(default_factory=dict)  # code, versions, command
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)  # what is known of each finished phase


def open_run(cfg: Config, core: ModuleType, folder: Path, stop: Stop, about: dict[str, Any]) -> Run:
    """Choose the device, fix the generators, load the data."""
    name = cfg.device if cfg.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ProjectError("no-gpu", f"no device {name}", "torch sees no CUDA device", "--device cpu", MISSING)
    device = torch.device(name)
    rng.make_deterministic(device, cfg.threads)
    rng.seed_all(cfg.seed, "data")
    try:
        data = core.load_data(cfg, device)
    except FileNotFoundError as error:
        raise ProjectError("no-data", str(error), "the data set is not here", "README.md; --smoke", MISSING) from error
    except ValueError as error:
        raise ProjectError("data", str(error), "core/ refused the settings in `data`", "correct them") from error
    run = Run(cfg, device, data, folder, cfg.seed, core=core, stop=stop, about=about)
    run.pools = Pools(lambda phase: build_pool(run, phase, core.PHASES[phase]))
    return run


def train(run: Run, redo: str | None = None) -> None:
    """Do what is left to do; everything from phase `redo` on, if given. Running it again does nothing."""
    run.folder.mkdir(parents=True, exist_ok=True)
    if redo:
        set_aside(run, redo)
    for name in run.cfg.phases:
        phase = run.core.PHASES[name]
        if isinstance(phase, BuildPool):
            if not (done := pool_is_done(run, name)):
                len(run.pools[name])  # asking for it builds it
        elif not (done := load_model(run, name)):
            finish(run, name, train_phase(run, name, phase))
            load_model(run, name)
        print(f"{name}: {'already done' if done else 'done'}", flush=True)
        write_json(run.folder / "run.json", run.about | {"config": run.cfg.to_dict(), "phases": run.facts})


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
                               "core_hash": run.about["core_hash"]}  # fmt: skip
    checkpoint.save(finished_path(run, name), result | {"facts": facts})
    for path in checkpoint.step_paths(run.folder / "checkpoints", name):
        path.unlink()
    run.pools.clear()
    if run.device.type == "cuda":
        print(f"{name}: at most {facts['peak_memory_bytes'] / 2**30:.2f} GiB allocated on the GPU")
        torch.cuda.empty_cache()


def load_model(run: Run, name: str) -> bool:
    """A finished phase's model into `run.models`, if it is finished. Always from its file: there is one way only."""
    content = checkpoint.restore(finished_path(run, name), settings_of(run.cfg, name))
    if content is None:
        return False
    run.facts[name] = content["facts"]
    if content["facts"]["core_hash"] != run.about["core_hash"]:
        print(f"note: core/ has changed since '{name}' was trained; --resume-phase {name} trains it again")
    model = build_model(run, name, run.core.PHASES[name])
    model.load_state_dict(content["model"])
    run.models[name] = model.eval().requires_grad_(False)
    return True


def load_models(run: Run) -> None:
    """All trained models, to sample from."""
    for name in run.cfg.phases:
        if isinstance(run.core.PHASES[name], Train) and not load_model(run, name):
            fix = f"run.py train {run.cfg.experiment}, with the same flags"
            raise ProjectError("not-trained", f"'{name}' is not finished in {run.folder}", "its model is needed", fix)


def set_aside(run: Run, first: str) -> None:
    """Move what a phase and the following ones have made to replaced/, so that it is made again."""
    names = list(run.cfg.phases)
    aside = run.folder / "replaced" / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for name in names[names.index(first) :]:
        for path in [*run.folder.glob(f"checkpoints/{name}.*"), *run.folder.glob(f"pools/{name}")]:
            (aside / path.parent.name).mkdir(parents=True, exist_ok=True)
            path.replace(aside / path.parent.name / path.name)
