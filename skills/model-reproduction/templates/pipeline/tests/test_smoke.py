"""Every experiment and every phase, in tiny: does it run, resume exactly, obey overrides? Run `pytest` here.

All in one process on stand-in data, except for one experiment that is killed for real.
"""

import importlib
import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import run as entry  # noqa: E402

ENGINE = entry.main.__module__.rpartition(".")[0]  # so that this file need not know the package's name
checkpoint, cli, config, errors, loop, pool, preempt, runs = (
    importlib.import_module(f"{ENGINE}.{name}")
    for name in ("checkpoint", "cli", "config", "errors", "loop", "pool", "preempt", "run")
)
CORE = importlib.import_module(f"{ENGINE.rpartition('.')[0]}.core")

CONFIGS = {path.stem: config.read(path) for path in sorted((ROOT / "configs").glob("*.yaml"))}
EXPERIMENTS = list(CONFIGS)
TRAINED = [(e, p) for e in CONFIGS for p, phase in CONFIGS[e]["phases"].items() if phase["kind"] == "train"]
POOLS = [(e, p) for e in CONFIGS for p, phase in CONFIGS[e]["phases"].items() if phase["kind"] == "pool"]
SMOKE = ["--smoke", "--device", "cpu"]
LARGE = 1_000_000  # parameters; above it, a few steps have to do
REFERENCES = {}  # experiment -> (folder, seconds): one undisturbed smoke run each


def settings(experiment, *words):
    args, overrides = cli.parser().parse_known_args(["train", experiment, *SMOKE, *words])
    return config.Config(cli.read_settings(args, overrides, ROOT / "configs" / f"{experiment}.yaml")[0])


def train(experiment, results, *words):
    return entry.main(["train", experiment, *SMOKE, "--results", str(results), *words], ROOT)


def digests(folder):
    return {name: facts["digest"] for name, facts in json.loads((folder / "run.json").read_text())["phases"].items()}


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    def run_once(experiment):
        if experiment not in REFERENCES:
            results, begin_s = tmp_path_factory.getbasetemp() / "results-smoke", time.monotonic()
            assert train(experiment, results) == 0
            folder = results / experiment / f"seed{CONFIGS[experiment]['seed']}"
            REFERENCES[experiment] = (folder, time.monotonic() - begin_s)
        return REFERENCES[experiment][0]

    return run_once


def opened(experiment, folder, before, *words):
    """A run as the phase `before` gets to see it, on the files of `folder`."""
    about = {"core_hash": json.loads((folder / "run.json").read_text())["core_hash"]}
    run = runs.open_run(settings(experiment, *words), CORE, folder, preempt.Stop(), about)
    for name in run.cfg.phases:
        if name == before:
            break
        if run.cfg.phases[name].kind == "train":
            runs.load_model(run, name)
    return run


def interrupted_after(run, phase, calls):
    """The phase, except that its n-th call of the loss brings a SIGTERM."""
    count = iter(range(calls))

    def loss(*args):
        if next(count, None) == calls - 1:
            run.stop._handle(signal.SIGTERM, None)
        return phase.loss(*args)

    return replace(phase, loss=loss)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_phase_runs(experiment, reference):
    folder, cfg = reference(experiment), settings(experiment)
    facts = json.loads((folder / "run.json").read_text())["phases"]
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for name, phase in cfg.phases.to_dict().items():
        if phase["kind"] == "train":
            assert facts[name]["steps"] == phase["steps"]
            assert [m["step"] for m in metrics if m["phase"] == name] == list(range(1, phase["steps"] + 1))
        else:
            assert len(list(folder.glob(f"pools/{name}/*.ckpt"))) == phase["batches"]
    assert all(math.isfinite(m["loss"]) for m in metrics)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_training_again_changes_nothing(experiment, reference, capsys):
    folder = reference(experiment)
    before = {path: path.read_bytes() for path in folder.glob("checkpoints/*")}
    assert train(experiment, folder.parents[1]) == 0
    assert capsys.readouterr().out.count("already done") == len(CONFIGS[experiment]["phases"])
    assert {path: path.read_bytes() for path in folder.glob("checkpoints/*")} == before


@pytest.mark.parametrize(("experiment", "name"), TRAINED)
def test_an_interrupted_phase_resumes_to_the_same_bits(experiment, name, reference):
    folder = reference(experiment)
    run = opened(experiment, folder, name)
    phase, accumulate = CORE.PHASES[name], run.cfg.phases[name].accumulate
    with pytest.raises(errors.Stopped, match="SIGTERM"):
        loop.train_phase(run, name, interrupted_after(run, phase, accumulate))
    (saved,) = checkpoint.step_paths(folder / "checkpoints", name)
    assert saved.stem.endswith("step-000000001")
    result = loop.train_phase(opened(experiment, folder, name), name, phase)
    saved.unlink()
    assert checkpoint.tensors_digest(result["model"]) == digests(folder)[name]


@pytest.mark.parametrize(("experiment", "name"), POOLS)
def test_a_half_built_pool_is_completed_to_the_same_bits(experiment, name, reference, tmp_path):
    run = opened(experiment, reference(experiment), name, "--pool-batches", "2")
    run.folder = tmp_path
    whole = pool.build_pool(run, name, CORE.PHASES[name])
    pool.part_path(run, name, 1).unlink()
    completed = pool.build_pool(run, name, CORE.PHASES[name])
    assert all(torch.equal(rows, completed.rows[key]) for key, rows in whole.rows.items())
    assert len(whole) == len(completed) > 0


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_evaluation_is_labelled_as_shortened_and_not_repeated(experiment, reference, capsys):
    folder = reference(experiment)
    words = [experiment, *SMOKE, "--results", str(folder.parents[1])]
    assert entry.main(["evaluate", *words], ROOT) == 0
    records = (folder / "records.jsonl").read_text()
    for record in map(json.loads, records.splitlines()):
        if record["kind"] == "result":
            assert math.isfinite(record["value"]) and record["smoke"]
            assert all(record["steps_done"][name] < record["steps_planned"][name] for name in record["steps_done"])
    capsys.readouterr()
    assert entry.main(["evaluate", *words], ROOT) == 0
    assert capsys.readouterr().out.count("reused") == len(records.splitlines()) > 0
    assert (folder / "records.jsonl").read_text() == records


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_samples_and_figures_are_written(experiment, reference):
    folder = reference(experiment)
    words = [experiment, *SMOKE, "--results", str(folder.parents[1])]
    assert entry.main(["sample", *words, "--n", "2"], ROOT) == 0
    assert entry.main(["plot", *words], ROOT) == 0
    assert len(list(folder.glob("samples/*.npz"))) == 1
    assert (folder / "figures" / "learning_curves.png").stat().st_size > 0


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_overrides_reach_every_phase(experiment):
    pools, trained = ([p for e, p in pairs if e == experiment] for pairs in (POOLS, TRAINED))
    words = ["--train-iters", "7", *(["--pool-batches", "3"] if pools else []), "--seed", "5", "--precision", "bf16"]
    cfg = settings(experiment, *words, "--micro-batch", "1", "phases.*.lr=1.5e-2", "log_every_steps=9")
    assert (cfg.seed, cfg.precision, cfg.log_every_steps) == (5, "bf16", 9)
    for name in trained:
        phase = cfg.phases[name]
        assert (phase.steps, phase.lr, phase.batch_size // phase.accumulate) == (7, 0.015, 1)
        assert loop.learning_rate(phase, phase.warmup_steps) == 0.015
    assert all(cfg.phases[name].batches == 3 for name in pools)


@pytest.mark.parametrize(("experiment", "name"), TRAINED)
def test_the_loss_falls_on_a_fixed_batch(experiment, name, reference):
    run = opened(experiment, reference(experiment), name, f"phases.{name}.warmup_steps=0", f"phases.{name}.lr=1e-3")
    state = loop.new_state(run, name, CORE.PHASES[name])
    losses = []
    for _ in range(25 if sum(p.numel() for p in state.parameters) <= LARGE else 2):
        state.step = 0  # the random numbers of step 0, and with them its batch, every time
        losses.append(loop.training_step(state, run, name, CORE.PHASES[name], run.cfg.phases[name], True)[0].item())
    assert losses[-1] < losses[0]


KILLED = """
import importlib, os, signal, sys
from dataclasses import replace
root, phase, calls = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
sys.path.insert(0, root)
import run
from pathlib import Path
core = importlib.import_module(run.main.__module__.rpartition(".engine")[0] + ".core")
left, original = iter(range(calls)), core.PHASES[phase]
def loss(*args):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return original.loss(*args)
core.PHASES[phase] = replace(original, loss=loss)
run.main(sys.argv[1:], Path(root))
"""


@pytest.mark.skipif(not TRAINED, reason="nothing is trained")
def test_a_killed_run_ends_with_the_same_bits(reference, tmp_path):
    for experiment in EXPERIMENTS:
        reference(experiment)
    smallest = min(REFERENCES, key=lambda experiment: REFERENCES[experiment][1])
    phase = next(name for experiment, name in reversed(TRAINED) if experiment == smallest)
    words = ["--train-iters", "12", "checkpoint_every_steps=5"]
    assert train(smallest, tmp_path / "undisturbed-smoke", *words) == 0
    command = ["train", smallest, *SMOKE, "--results", str(tmp_path / "killed-smoke"), *words]
    child = [sys.executable, "-c", KILLED, str(ROOT), phase, "8", *command]
    child = subprocess.run(child, capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert entry.main(command, ROOT) == 0
    undisturbed, killed = sorted(tmp_path.glob("*-smoke/*/seed*"), reverse=True)
    assert digests(undisturbed) == digests(killed)


def test_a_typo_is_refused_with_a_suggestion(capsys):
    assert train(EXPERIMENTS[0], "unused", "phases.*.setps=5") == errors.BAD_INPUT
    assert "did you mean" in capsys.readouterr().err
