"""A small plan in the shape of NSGF's, written out by each test that needs one."""

import importlib.util
from pathlib import Path

import pytest


def inferred(value) -> str:
    return f"{{value: {value}, inferred: for the tests}}"


EVALUATION = f"""
    evaluation:
      metric: {inferred("w2")}
      n_test: {inferred(64)}
      n_samples: {inferred(64)}
      sampling_steps: {inferred([5])}
"""


def train(law, batch, steps, more="") -> str:
    return f"""{{kind: train, law: {law}, steps: {inferred(steps)}, batch_size: {inferred(batch)},
        optimizer: {inferred("adam")}, lr: {inferred(0.001)}{more}}}"""


def pool(batches, batch, settings) -> str:
    return f"""{{kind: pool, law: sinkhorn, batches: {inferred(batches)}, batch_size: {inferred(batch)},
        settings: {{{settings}}}}}"""


HEAD = """schema_version: 1
name: toy
paper: {title: Toy paper}
problem: A plan that only the tests read.
contribution: None at all, it is a test.
experiments:
"""

MOONS_POOL = "flow_steps: " + inferred(5)
MOONS = f"""
  moons:
    summary: two moons
    data: {{shape: {inferred([2])}}}
    model: {{family: {inferred("mlp")}, hidden: {inferred(256)}, layers: {inferred(3)}, dim: {inferred(2)}}}
    phases:
      trajectory_pool: {pool(100, 256, MOONS_POOL)}
      velocity_matching: {train("mlp", 256, 20000)}
{EVALUATION}"""

CIFAR_POOL = "flow_steps: " + inferred(5) + ", stated_pool: " + inferred("45GB")
CIFAR = f"""
  cifar10:
    summary: images
    data: {{shape: {inferred([3, 32, 32])}}}
    model:
      family: {inferred("unet")}
      num_channels: {inferred(128)}
      num_res_blocks: {inferred(2)}
      channel_mult: {inferred([1, 2, 2, 2])}
      num_heads: {inferred(4)}
      num_head_channels: {inferred(64)}
      attention_resolutions: {inferred([16])}
      predictor_channels: {inferred([32, 64, 128, 256])}
    phases:
      trajectory_pool: {pool(2500, 128, CIFAR_POOL)}
      velocity_matching: {train("unet", 128, 100000)}
      phase_predictor: {train("cnn", 128, 40000, ", frozen: [velocity_matching]")}
{EVALUATION}"""


IMAGES = f"""
  images:
    summary: a residual network on photographs, and what looks at it
    data: {{shape: {inferred([3, 224, 224])}}}
    model: {{family: {inferred("resnet")}, depth: {inferred(50)}, num_classes: {inferred(1000)},
            patch_size: {inferred(16)}, embed_dim: {inferred(768)}, num_layers: {inferred(12)},
            num_heads: {inferred(12)}}}
    phases:
      teacher: {train("resnet", 64, 1000)}
      student: {train("vit", 64, 500)}
{EVALUATION}"""

WORDS = f"""
  words:
    summary: GPT-2 small
    model: {{vocab_size: {inferred(50257)}, n_layer: {inferred(12)}, n_embd: {inferred(768)}, n_head: {inferred(12)},
            block_size: {inferred(1024)}}}
    phases:
      pretraining: {train("transformer", 8, 100)}
{EVALUATION}"""


@pytest.fixture
def write_plan(tmp_path):
    """Writes the experiments with these names, with one text replaced; gives the path."""

    def write(*names, old="", new=""):
        text = HEAD + "".join(
            {"moons": MOONS, "cifar10": CIFAR, "images": IMAGES, "words": WORDS}[name] for name in names
        )
        assert old in text, "the test changes something that is there"
        path = tmp_path / "plan.yaml"
        path.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def reference():
    """The networks written for the tests, in torch."""
    pytest.importorskip("torch", reason="counts against real torch modules")
    spec = importlib.util.spec_from_file_location("vram_reference", Path(__file__).with_name("reference.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
