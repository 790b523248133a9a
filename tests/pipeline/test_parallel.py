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


SHARDED = """
import os
import signal

def build_net(_run, _cfg):
    return nn.Sequential(nn.Linear(2, 17), nn.Tanh(), nn.Sequential(nn.Linear(17, 16), nn.Tanh()), nn.Linear(16, 2))

def net_loss(model, run, _cfg, n):
    old, noise = run.buffers["flow"].sample(n)["x"], run.pools["pairs"].sample(n)["noise"]
    return (model(noise) - run.data(run, n)).square().mean() + model(old).square().mean()

def collect(model, run, _cfg, _step):
    run.carry["x"] = 0.9 * run.carry.get("x", torch.zeros(3, 2)) + model(torch.randn(3, 2))
    return {"x": run.carry["x"]}

def tuning_loss(model, run, _cfg, n):
    deaths = os.environ.get("DIES", "")
    died = os.path.getsize(deaths) if deaths else 0  # in step 6, again in step 9 of the restarted run
    if deaths and run.world.rank == 1 and run.at.step == (6, 9)[died]:
        with open(deaths, "a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    x = torch.randn(n, 2)
    return (model["base"](x) + model["adapter"](x) - run.models["flow"](x)).square().mean()

PHASES |= {"flow": Train(build_net, net_loss, collect), "one_step": Train(build_adapter, tuning_loss)}
"""


@pytest.mark.slow
def test_sharded_processes_end_with_the_parameters_of_one_and_one_goes_on_from_their_checkpoint(
    project, features, tmp_path
):
    """Phase 1 ends under FSDP; in phase 2 it is killed, restarted, killed again, and finished by one process."""
    root = tmp_path / "project"
    shutil.copytree(features, root)
    core, toy = root / "src/project/core/__init__.py", root / "configs/toy.yaml"
    core.write_text(core.read_text() + SHARDED)
    before, _, after = toy.read_text().partition("         optimizers:")
    toy.write_text(f"{before}         grad_clip: 0.5, ema_decay: 0.9}}\n{after.partition(chr(10))[2]}")
    alone = train(root, tmp_path / "one")
    assert alone.returncode == 0, alone.stderr
    deaths = tmp_path / "deaths"
    deaths.touch()
    words = ["--parallel", "fsdp", "--processes", "2", "--restarts", "1"]
    together = train(root, tmp_path / "two", *words, DIES=str(deaths))
    assert deaths.read_text() == "xx" and together.returncode != 0, together.stderr
    assert "one_step: continues at step 4 of 12" in together.stdout
    last = train(root, tmp_path / "two")
    assert "flow: already done" in last.stdout and "one_step: continues at step 8 of 12" in last.stdout, last.stderr
    one, two = weights(project, tmp_path / "one"), weights(project, tmp_path / "two")
    assert {key: value.shape for key, value in one.items()} == {key: value.shape for key, value in two.items()}
    assert max((one[key] - two[key]).abs().max().item() for key in one) < 1e-5  # sums of two gradients in another order


@pytest.fixture
def group_of_one(project, monkeypatch):
    """Processes that are only this one: everything but the exchange happens."""
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    worlds = []

    def begin(parallel):
        worlds.append(project.tool("parallel").Processes("cpu", parallel))
        return worlds[-1]

    yield begin
    for world in worlds:
        world.close()


def test_a_sharded_phase_saves_resumes_and_ends_as_a_whole_one_does(project, open_toy, group_of_one):
    """Averages, clipping, accumulation, running statistics, a frozen layer, a model that collects: bit for bit."""

    def build(*_):
        layers = [torch.nn.Linear(4, 17), torch.nn.BatchNorm1d(17), torch.nn.Tanh(), torch.nn.Linear(17, 1)]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(1, 1))
        model[4].requires_grad_(False)
        return model

    def loss(model, run, _cfg, n):
        return (model(torch.randn(n, 4)) - run.buffers["flow"].sample(n)["x"]).square().mean()

    phase = project.phases.Train(build, loss, lambda model, *_: {"x": model(torch.randn(3, 4))})
    words = ["phases.flow.grad_clip=0.01", "phases.flow.ema_decay=0.5", "phases.flow.accumulate=2"]
    ends, worlds = [], [project.world.World(), group_of_one("fsdp")]
    for world in worlds:
        run = open_toy(*words)
        run.world, run.folder = world, run.folder / str(len(ends))
        ends.append(project.checkpoint.tensors_digest(project.loop.train_phase(run, "flow", phase)["model"]))
        newest = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")[0]
        assert "distributed" not in str(project.checkpoint.load(newest)["optimizer"])
        for other in worlds:  # either goes on from what either has saved
            run.world = other
            resumed = project.loop.train_phase(run, "flow", phase)
            assert project.checkpoint.tensors_digest(resumed["model"]) == ends[-1]
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("words", "optimizers", "said"),
    [([], 2, "phase 'flow' has 2 optimizers"), (["precision=fp16"], 1, "precision = fp16"),
     (["compile=true"], 1, "compile = true")],
)  # fmt: skip
def test_what_cannot_be_sharded_is_refused(project, settings, words, optimizers, said):
    sharded = project.tool("sharded")
    sharded.check(settings("precision=bf16"), "flow", 1)
    with pytest.raises(project.errors.ProjectError, match=f"--parallel fsdp: {said}\n(.|\n)*try: --parallel ddp"):
        sharded.check(settings(*words), "flow", optimizers)


def test_a_block_that_is_looked_into_is_named_as_the_reason(project):
    def loss(*_):
        raise RuntimeError("aten.mul.Tensor got mixed torch.Tensor and DTensor")

    with pytest.raises(project.errors.ProjectError, match=r"used elsewhere than in its own call(.|\n)*call the block"):
        project.tool("sharded").guarded(loss)()
