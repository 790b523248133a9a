"""A phase of a scaffolded project as a subject: its model, its loss, and a batch that the engine's seed fixes."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from .subject import BadSubject


def given_by(job: dict[str, Any]) -> dict[str, Any]:
    """Model and step of one phase; models of earlier phases are loaded where they are trained, else as initialised."""
    root = Path(job["project"])
    sys.path.insert(0, str(root))
    entry = importlib.import_module("run")
    package = entry.main.__module__.rpartition(".engine.")[0]
    cli, config, loop, preempt, runs = (
        importlib.import_module(f"{package}.engine.{name}") for name in ("cli", "config", "loop", "preempt", "run")
    )
    core = importlib.import_module(f"{package}.core")
    path = root / "configs" / "{}.yaml".format(job["experiment"])
    words = ["train", job["experiment"], "--device", job.get("device") or "cpu"]
    words += [] if job.get("full") else ["--smoke"]
    args, rest = cli.parser().parse_known_args(words)
    settings = config.Config(cli.read_settings(args, rest, path)[0])
    if job["phase"] not in core.PHASES or not hasattr(core.PHASES[job["phase"]], "loss"):
        trained = [name for name, phase in core.PHASES.items() if hasattr(phase, "loss")]
        raise BadSubject("no-phase", "no training phase {!r}; there are {}".format(job["phase"], ", ".join(trained)))
    folder = Path(tempfile.mkdtemp(prefix="debug-"))
    run = runs.open_run(settings, core, folder, preempt.Stop(), {"core_hash": ""})
    for name in settings.phases:
        if name == job["phase"]:
            break
        if hasattr(core.PHASES[name], "build_model"):
            run.models[name] = loop.build_model(run, name, core.PHASES[name]).eval().requires_grad_(False)
    phase, name = core.PHASES[job["phase"]], job["phase"]
    chosen = settings.phases[name]
    size = max(int(chosen.batch_size) // max(int(chosen.accumulate), 1), 1)
    size = size if job.get("full") else max(size, int(job.get("batch") or 16))
    return {
        "model": loop.build_model(run, name, phase),
        "step": lambda model, _: phase.loss(model, run, chosen, size),
        "batch": None,
        "lr": float(chosen.lr),
    }
