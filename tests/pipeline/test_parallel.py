"""Two processes of one training: the parameters of a single one; a process that is killed; what cannot be dealt out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.skipif(not torch.distributed.is_available() or sys.platform == "win32", reason="no gloo here")
FEATURES = Path(__file__).resolve().parents[2] / "benchmarks" / "engine_features_core.py"
WORDS = ["train", "toy", "--device", "cpu", "--train-iters", "12", "--pool-batches", "3", "checkpoint_every_steps=4"]


@pytest.fixture(scope="module")
def features(project, tmp_path_factory):
    """A project with the core that has two optimizers, a buffer, a loader and an adapter."""
    root = tmp_path_factory.mktemp("parallel") / "project"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns("results*", "__pycache__"))
    text = FEATURES.read_text()
    (root / "src/project/core/__init__.py").write_text(text)
    (root / "configs/toy.yaml").write_text(text.split('"""')[3].replace("{workers}", "0"))
    return root


def train(root, results, *words, **environment):
    command = [sys.executable, "run.py", *WORDS, "--results", str(results), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=240)


def weights(project, results):
    folder = results / "toy" / "seed0" / "checkpoints"
    return {f"{name}.{key}": value for name in ("flow", "one_step")
            for key, value in project.checkpoint.load(folder / f"{name}.ckpt")["model"].items()}  # fmt: skip


@pytest.mark.slow
def test_two_processes_end_with_the_parameters_of_one_also_after_one_was_killed(project, features, tmp_path):
    alone = train(features, tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    core = features / "src/project/core/__init__.py"
    original = core.read_text()
    core.write_text(original + DYING)
    together = train(features, tmp_path / "two", "--processes", "2", "--restarts", "1", DIES=str(tmp_path / "died"))
    core.write_text(original)
    assert together.returncode == 0, together.stderr
    assert (tmp_path / "died").exists() and "continues at step" in together.stdout
    one, two = weights(project, tmp_path / "one"), weights(project, tmp_path / "two")
    assert max((one[key] - two[key]).abs().max().item() for key in one) < 1e-5  # sums of two gradients in another order
    lines = project.records.read_lines(tmp_path / "two" / "toy" / "seed0" / "metrics.jsonl")
    assert {line["phase"] for line in lines} == {"flow", "one_step"}


DYING = """
import os
import signal

def dying(model, run, cfg, n, _loss=critic_loss):
    marker = os.environ.get("DIES")
    if marker and run.world.rank == 1 and run.at.step == 6 and not os.path.exists(marker):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return _loss(model, run, cfg, n)

PHASES["flow"] = Train(build_gan, {"critic": dying, "generator": generator_loss}, collect)
"""


def test_micro_batches_that_cannot_be_dealt_out_are_refused_with_the_flag_that_helps(project, open_toy):
    run = open_toy("phases.flow.accumulate=3", "phases.flow.batch_size=33")
    run.world = project.world.World()
    run.world.size = 2
    with pytest.raises(project.errors.ProjectError, match=r"accumulate = 3 for 2 processes(.|\n)*--accumulate 2"):
        project.loop.new_state(run, "flow", project.core.PHASES["flow"])
