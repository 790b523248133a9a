"""The gate computes the generated project's digests on its own; here they are held against the engine itself."""

import importlib
import sys

import pytest

from reproof.paths import TEMPLATES
from reproof.selfcheck import digests, gather

SOURCE = TEMPLATES / "pipeline" / "src"


@pytest.fixture
def engine(monkeypatch):
    """Imports a module of the template's engine."""
    monkeypatch.syspath_prepend(str(SOURCE))
    yield lambda name: importlib.import_module(f"project.engine.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "project"]:
        del sys.modules[name]


def test_settings_have_the_engines_digest(engine):
    config = engine("config")
    path = TEMPLATES / "pipeline" / "configs" / "toy.yaml"
    values = config.read(path) | {"seed": 3}
    last = list(values["phases"])[-1]
    theirs = config.digest(config.settings_of(config.Config(values), last))
    ours = gather.yamlio.load(path, "config")
    complete = digests.filled(ours, config.Config(values).to_dict())
    assert theirs in (digests.config_digest(complete, 3), digests.config_digest(complete, None))


def test_another_setting_has_another_digest():
    config = {"data": {"name": "moons"}, "phases": {"fit": {"lr": 1e-3}}, "device": "cpu"}
    assert digests.config_digest(config, 0) != digests.config_digest(config | {"data": {"name": "scurve"}}, 0)
    assert digests.config_digest(config, 0) != digests.config_digest(config, 1)
    assert digests.config_digest(config, 0) == digests.config_digest(config | {"device": "cuda"}, 0)


@pytest.mark.torch
def test_code_has_the_engines_digest(engine):
    assert digests.tree_digest(SOURCE) == engine("records").tree_hash(SOURCE)


@pytest.mark.torch
def test_checkpoints_have_the_engines_digest(engine, tmp_path):
    torch, checkpoint = pytest.importorskip("torch"), engine("checkpoint")
    weights = {"b": torch.arange(3.0), "a": torch.ones(2, 2, dtype=torch.bfloat16)}
    path = tmp_path / "fit.ckpt"
    checkpoint.save(path, {"model": weights})
    assert digests.checkpoint_damage(path) == ""
    assert digests.weights_digest(path) == checkpoint.tensors_digest(weights)
