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
checkpoint, config, errors, flags, loop, pool, preempt, runs = (
    importlib.import_module(f"{ENGINE}.{name}")
    for name in ("checkpoint", "config", "errors", "extra.flags", "loop", "pool", "preempt", "run")
)
CORE = importlib.import_module(f"{ENGINE.rpartition('.')[0]}.core")

CONFIGS = {name: config.read(path) for name, path in config.experiments(ROOT / "configs").items()}
EXPERIMENTS = list(CONFIGS)
SMALLER = {path.stem: config.load_yaml(path) for path in sorted((ROOT / "configs" / "smoke").glob("*.yaml"))}
TRAINED = [(e, p) for e in CONFIGS for p, phase in CONFIGS[e]["phases"].items() if phase["kind"] == "train"]
POOLS = [(e, p) for e in CONFIGS for p, phase in CONFIGS[e]["phases"].items() if phase["kind"] == "pool"]
SMOKE = ["--smoke", "--device", "cpu"]
LARGE = 1_000_000  # parameters; above it, a few steps have to do
REFERENCES = {}  # experiment -> (folder, seconds): one undisturbed smoke run each


def settings(experiment, *words):
    args, overrides = flags.parser().parse_known_args(["train", experiment, *SMOKE, *words])
    return config.Config(flags.read_settings(args, overrides, ROOT / "configs" / f"{experiment}.yaml")[0])


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

    def counted(original):
        def loss(*args):
            if next(count, None) == calls - 1:
                run.stop._handle(signal.SIGTERM, None)
            return original(*args)

        return loss

    several = isinstance(phase.loss, dict)
    return replace(phase, loss={k: counted(f) for k, f in phase.loss.items()} if several else counted(phase.loss))


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
            ledgers = [path.read_text() for path in folder.glob(f"pools/{name}/done-*.jsonl")]
            assert sum(text.count("\n") for text in ledgers) == phase["batches"]
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
    run = opened(experiment, reference(experiment), name, f"phases.{name}.batches=2")
    run.folder = tmp_path
    whole = pool.build_pool(run, name, CORE.PHASES[name])
    ledger = pool.pool_folder(run, name) / "done-0.jsonl"
    ledger.write_text(ledger.read_text().splitlines(keepends=True)[0])  # as if killed in the second batch
    for path in ledger.parent.glob("rows-*.bin"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    completed = pool.build_pool(run, name, CORE.PHASES[name])
    assert all(torch.equal(rows, completed.rows[key]) for key, rows in whole.rows.items())
    assert len(whole) == len(completed) > 0


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_evaluation_is_labelled_as_shortened_and_not_repeated(experiment, reference, capsys):
    folder = reference(experiment)
    words = [experiment, *SMOKE, "--results", str(folder.parents[1])]
    assert entry.main(["evaluate", *words], ROOT) == 0
    records = (folder / "records.jsonl").read_text()
    kinds = [record["kind"] for record in map(json.loads, records.splitlines())]
    for record in map(json.loads, records.splitlines()):
        if record["kind"] == "result":
            assert math.isfinite(record["value"]) and record["smoke"]
            assert all(record["steps_done"][name] < record["steps_planned"][name] for name in record["steps_done"])
    capsys.readouterr()
    assert entry.main(["evaluate", *words], ROOT) == 0
    assert capsys.readouterr().out.count("reused") == kinds.count("floor") + kinds.count("result") > 0
    assert (folder / "records.jsonl").read_text() == records


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_samples_and_figures_are_written(experiment, reference):
    if not hasattr(CORE, "sample"):
        pytest.skip("this core is scored without samples")
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
    cfg = settings(experiment, "--accumulate", "1", "--checkpointing", "--compile", "--workers", "3", "--device", "cpu",
                   "--deterministic", "off", "--overfit-one-batch", "--track", "trackio")  # fmt: skip
    assert all(cfg.phases[name].accumulate == 1 for name in trained)
    assert cfg.checkpointing and cfg.compile and cfg.overfit_one_batch
    assert (cfg.workers, cfg.device, cfg.deterministic, cfg.trackers) == (3, "cpu", "off", ("trackio",))
    own = [name for name in cfg.phases if "sinkhorn_batch" in cfg.phases[name]]
    batched = [name for name in pools if "batch_size" in cfg.phases[name]]
    if own or batched:
        cfg = settings(experiment, "--sinkhorn-batch", "3")
        assert all(cfg.phases[name]["sinkhorn_batch" if own else "batch_size"] == 3 for name in own or batched)


@pytest.mark.parametrize(("experiment", "name"), TRAINED)
def test_the_loss_falls_on_a_fixed_batch(experiment, name, reference):
    if isinstance(CORE.PHASES[name].loss, dict) or CORE.PHASES[name].collect:
        pytest.skip("several losses work against each other, or the data moves: no loss has to fall")
    run = opened(experiment, reference(experiment), name, f"phases.{name}.warmup_steps=0", f"phases.{name}.lr=1e-3")
    state = loop.new_state(run, name, CORE.PHASES[name])
    losses = []
    for _ in range(25 if sum(p.numel() for p in state.parameters) <= LARGE else 2):
        state.step = 0  # the random numbers of step 0, and with them its batch, every time
        step_losses = loop.training_step(state, run, name, CORE.PHASES[name], run.cfg.phases[name], True)[0]
        losses.append(sum(loss.item() for loss in step_losses.values()))
    assert losses[-1] < losses[0]


if SMALLER:  # where there are no smaller networks, there is nothing to ask

    @pytest.mark.parametrize("experiment", list(SMALLER))
    def test_the_networks_build_in_their_planned_sizes_too(experiment, reference):
        planned = []
        for key in SMALLER[experiment]:
            value = CONFIGS[experiment]
            for part in key.split("."):
                value = value[part]
            planned.append(f"{key}={json.dumps(value)}")
        folder, first = reference(experiment), next(iter(CONFIGS[experiment]["phases"]))
        small, large = opened(experiment, folder, ""), opened(experiment, folder, first, *planned)
        for name in small.models:
            with torch.device("meta"):  # shapes without memory
                large.models[name] = CORE.PHASES[name].build_model(large, large.cfg.phases[name])
        counts = [sum(p.numel() for model in run.models.values() for p in model.parameters()) for run in (small, large)]
        assert 0 < counts[0] < counts[1]


KILLED = """
import importlib, os, signal, sys
from dataclasses import replace
root, phase, calls = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
sys.path.insert(0, root)
import run
from pathlib import Path
core = importlib.import_module(run.main.__module__.rpartition(".engine")[0] + ".core")
left, original = iter(range(calls)), core.PHASES[phase]
def deadly(function):
    def loss(*args):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)
    return loss
losses = original.loss
losses = {k: deadly(f) for k, f in losses.items()} if isinstance(losses, dict) else deadly(losses)
core.PHASES[phase] = replace(original, loss=losses)
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
