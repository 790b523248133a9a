"""One copy of the template for all tests, imported as a user's project would be."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

if importlib.util.find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "templates" / "pipeline"
TINY = ["--device", "cpu", "--train-iters", "6", "--pool-batches", "2", "checkpoint_every_steps=2", "log_every_steps=2",
        "phases.*.batch_size=32", "model.hidden=8"]  # fmt: skip


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The engine's modules by name, `core`, `main` and `root`."""
    root = tmp_path_factory.mktemp("pipeline") / "project"
    shutil.copytree(TEMPLATE, root, ignore=shutil.ignore_patterns("results*", "__pycache__"))
    sys.path.insert(0, str(root / "src"))
    files = [path for path in (root / "src/project/engine").glob("*.py") if path.stem != "__init__"]
    modules = {path.stem: importlib.import_module(f"project.engine.{path.stem}") for path in files}
    modules["tool"] = lambda name: importlib.import_module(f"project.engine.extra.{name}")
    core = importlib.import_module("project.core")
    yield SimpleNamespace(**modules, core=core, main=modules["cli"].main, root=root)
    sys.path.remove(str(root / "src"))


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """The engine fixes threads and determinism for its process; other tests share this one."""
    import torch

    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)
    torch.utils.deterministic.fill_uninitialized_memory = fill


@pytest.fixture
def toy(project: SimpleNamespace, tmp_path: Path) -> Callable[..., int]:
    """`toy("train", "--seed", "1")` runs a tiny version of the toy experiment into tmp_path; gives the exit code."""

    def call(command: str, *words: str) -> int:
        code: int = project.main([command, "toy", "--results", str(tmp_path), *TINY, *words], project.root)
        return code

    return call


@pytest.fixture
def settings(project: SimpleNamespace) -> Callable[..., Any]:
    """`settings("--train-iters", "5")` gives the toy's configuration with these words."""

    def read(*words: str) -> Any:
        args, overrides = project.tool("flags").parser().parse_known_args(["train", "toy", *words])
        values, _ = project.tool("flags").read_settings(args, overrides, project.root / "configs" / "toy.yaml")
        return project.config.Config(values)

    return read


@pytest.fixture
def open_toy(project: SimpleNamespace, settings: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A Run of the tiny toy, nothing trained yet."""

    def open_run(*words: str) -> Any:
        about = {"core_hash": "", "engine_hash": ""}
        stop = project.preempt.Stop()
        return project.run.open_run(settings(*TINY, *words), project.core, tmp_path / "toy" / "seed0", stop, about)

    return open_run
