"""The NSGF core is tested where it runs: inside a package, beside the pipeline's engine."""

import importlib
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def nsgf(tmp_path_factory):
    """`nsgf.flow`, `nsgf.data` ...: the modules of examples/nsgf/core. `nsgf.core` is all of it; `nsgf.engine.run` ...

    The package has a name of its own, so that it never meets another project's copy of the engine.
    """
    for needed in ("torch", "geomloss", "ot", "sklearn"):
        pytest.importorskip(needed)
    package = tmp_path_factory.mktemp("project") / "nsgf_under_test"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "templates/pipeline/src/project/engine", package / "engine", ignore=ignored)
    shutil.copytree(ROOT / "examples/nsgf/core", package / "core", ignore=ignored)
    (package / "__init__.py").write_text("")
    sys.path.insert(0, str(package.parent))
    try:
        names = sorted(path.stem for path in (package / "core").glob("[a-z]*.py"))
        modules = {name: importlib.import_module(f"nsgf_under_test.core.{name}") for name in names}
        parts = ("config", "errors", "run")
        engine = {name: importlib.import_module(f"nsgf_under_test.engine.{name}") for name in parts}
        core = importlib.import_module("nsgf_under_test.core")
        yield SimpleNamespace(core=core, engine=SimpleNamespace(**engine), **modules)
    finally:
        sys.path.remove(str(package.parent))
        for name in [name for name in sys.modules if name.startswith("nsgf_under_test")]:
            del sys.modules[name]


@pytest.fixture
def make_run(nsgf, tmp_path):
    """make_run(data={...}, model={...}, phases={...}): a real Run with real data, no phase done yet."""
    import torch

    def make(**settings):
        cfg = nsgf.engine.config.Config({"data": {}, "model": {}, "phases": {}} | settings)
        cpu = torch.device("cpu")
        data = nsgf.core.load_data(cfg, cpu) if settings.get("data") else None
        return nsgf.engine.run.Run(cfg, cpu, data, tmp_path, 0)

    return make


@pytest.fixture(autouse=True)
def _reproducible():
    """Every test draws the same numbers, and leaves the generator as it was."""
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
