"""What is optional: trackers, ablations, sweeps, the report, data sets, scores, leakage, overrides from a file."""

import gzip
import hashlib
import importlib.util
import json
import struct
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch

TINY = ["--device", "cpu", "--train-iters", "3", "--pool-batches", "1"]
TINY_EVALUATION = ["evaluation.n_samples=8", "evaluation.n_test=8", "evaluation.floor_draws=2"]


def run(project, capsys, *argv):
    code = project.main(list(argv), project.root)
    return code, capsys.readouterr()


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow", "trackio"])
def test_a_tracker_that_is_not_installed_is_said_before_anything_is_trained(toy, capsys, name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # importing it fails, wherever this runs
    assert toy("train", "--track", name) == 3
    error = capsys.readouterr().err
    assert f"the tracker needs {name}" in error and "pip install" in error and len(error.strip().splitlines()) == 3


def test_a_tracker_that_does_not_exist_is_refused_with_the_one_that_was_meant(toy, capsys):
    assert toy("train", "--track", "tensorbord") == 2
    assert "did you mean 'tensorboard'?" in capsys.readouterr().err


def test_a_tracker_gets_the_lines_of_the_file(project, toy, tmp_path, monkeypatch):
    got, closed = [], []
    fake = SimpleNamespace(log=got.append, close=lambda: closed.append(1))
    monkeypatch.setitem(project.tool("trackers").TRACKERS, "trackio", lambda _run: fake)
    assert toy("train", "--track", "trackio") == 0
    assert got == project.records.read_lines(tmp_path / "toy" / "seed0" / "metrics.jsonl") and len(closed) == 2
    record = {"phase": "gan", "step": 3, "loss": 1.0, "grad_norm": None, "losses": {"d": 2.0}}
    assert project.tool("trackers").numbers(record) == {"gan/loss": 1.0, "gan/loss_d": 2.0}


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="needs tensorboard")
def test_tensorboard_gets_every_scalar(toy, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert toy("train", "--track", "tensorboard") == 0
    events = EventAccumulator(str(tmp_path / "toy" / "seed0" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("flow/loss")] == [2, 4, 6]


@pytest.fixture
def ablations(project):
    path = project.root / "configs" / "ablations.yaml"
    yield path.write_text
    path.unlink()


DECLARED = """
no_ema: {experiment: toy, overrides: {phases.flow.ema_decay: null}, why: "table 4 | row 2"}
small: {experiment: toy, overrides: ["model.hidden=4"]}
"""


def test_ablations_are_trained_evaluated_tabulated_and_not_done_twice(project, ablations, tmp_path, capsys):
    ablations(DECLARED)
    words = ["ablate", *TINY, *TINY_EVALUATION, "--results", str(tmp_path / "results")]
    code, printed = run(project, capsys, *words)
    assert code == 0, printed.err
    table = (tmp_path / "results-ablations" / "ABLATIONS.md").read_text()
    assert table.count("\n| no_ema | toy | sliced_w2 |") == table.count("\n| small |") == 2  # two conditions each
    assert "table 4 / row 2" in table and "not run" in table
    config = json.loads((tmp_path / "results-ablations/no_ema/toy/seed0/run.json").read_text())["config"]
    assert config["phases"]["flow"]["ema_decay"] is None
    code, printed = run(project, capsys, "ablate", "small", *words[1:])
    assert code == 0 and printed.out.count("already done") == 3 and "no_ema" not in printed.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {experiment: tyo, overrides: {}}", "did you mean 'toy'?"),
        ("a: {experiment: toy, overrides: {phases.flow.setps: 1}}", "did you mean 'steps'?"),
        ("a: {overrides: {}}", "needs experiment and overrides"),
        ("", "nothing is declared there"),
    ],
)
def test_a_mistake_in_an_ablation_is_found_before_anything_runs(project, ablations, capsys, text, words):
    ablations(text)
    code, printed = run(project, capsys, "ablate")
    assert code == 2 and words in printed.err


def test_ablations_and_base_are_no_experiments_and_base_is_below_all(project, ablations, capsys):
    ablations(DECLARED)
    base = project.root / "configs" / "base.yaml"
    base.write_text("keep_checkpoints: 7\nmodel: {hidden: 5, extra: 1}\n")
    values = project.config.read(project.root / "configs" / "toy.yaml")
    code, printed = run(project, capsys, "list")
    base.unlink()
    assert (code, printed.out.count("\n")) == (0, 1)
    assert values["keep_checkpoints"] == 2 and values["model"] == {"hidden": 64, "extra": 1, "dropout": 0.05}


def test_a_sweep_trains_every_seed_at_every_point_and_the_report_tabulates_the_seeds(project, tmp_path, capsys):
    words = [*TINY, *TINY_EVALUATION, "--results", str(tmp_path / "results")]
    assert run(project, capsys, "sweep", "toy", "--seeds", "0,1", *words)[0] == 0
    code, printed = run(project, capsys, "sweep", "toy", "--grid", "phases.flow.lr=1e-3,1e-4", *words)
    assert code == 0, printed.err
    assert sorted(path.name for path in (tmp_path / "results-sweep").iterdir()) == [
        "phases.flow.lr=1e-3", "phases.flow.lr=1e-4"]  # fmt: skip
    code, printed = run(project, capsys, "report", "--results", str(tmp_path / "results"))
    report = (tmp_path / "results" / "REPORT.md").read_text()
    line = next(line for line in report.splitlines() if "as_stated" in line and '"sampling_steps": 10' in line)
    assert code == 0 and "| 2 |" in line and "SHORTENED" in line and "±" in line
    assert "seed1/figures/learning_curves.png" in report and "| toy/seed1 | flow | 3 |" in report


def test_a_report_of_nothing_says_so(project, tmp_path, capsys):
    code, printed = run(project, capsys, "report", "--results", str(tmp_path))
    assert code == 2 and "nothing has been trained" in printed.err


@pytest.mark.parametrize("set_name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_stand_ins_have_the_shape_of_the_set_and_their_splits_differ(project, set_name):
    datasets = project.tool("datasets")
    images, labels = datasets.stand_in(set_name, "train", 40)
    shape = {"mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28)}.get(set_name, (3, 32, 32))
    assert images.shape == (40, *shape) and images.dtype is torch.uint8 and labels.max() > 3
    assert torch.equal(images, datasets.stand_in(set_name, "train", 40)[0])
    assert not torch.equal(images, datasets.stand_in(set_name, "test", 40)[0])


def published(datasets, monkeypatch, name, root, files, sizes):
    """Small files in the published format, taken for the published ones."""
    md5 = {}
    for file, data in files.items():
        (root / file).write_bytes(data)
        md5[file] = hashlib.md5(data, usedforsecurity=False).hexdigest()
    monkeypatch.setitem(datasets.SETS, name, datasets.SETS[name] | {"md5": md5, "sizes": sizes})


def idx(array):
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def test_mnist_files_are_read_as_published_and_checked(project, tmp_path, monkeypatch):
    datasets, pixels = project.tool("datasets"), np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251
    files = {"t10k-images-idx3-ubyte.gz": idx(pixels), "t10k-labels-idx1-ubyte.gz": idx(np.array([7, 2, 1]))}
    published(datasets, monkeypatch, "mnist", tmp_path, files, {"test": 3})
    images, labels = datasets.load("mnist", tmp_path, "test")
    assert torch.equal(images[:, 0], torch.from_numpy(pixels).byte()) and labels.tolist() == [7, 2, 1]
    with pytest.raises(project.errors.ProjectError, match="against the plan: 3, expected 5"):
        datasets.load("mnist", tmp_path, "test", expected=5)
    with pytest.raises(project.errors.ProjectError, match="no split 'train'"):
        datasets.load("mnist", tmp_path, "train")
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(idx(pixels + 1))
    with pytest.raises(project.errors.ProjectError, match="md5") as error:
        datasets.load("mnist", tmp_path, "test")
    assert error.value.code == 3


@pytest.mark.parametrize(("name", "label_bytes"), [("cifar10", 1), ("cifar100", 2)])
def test_cifar_archives_are_read_without_pickle(project, tmp_path, monkeypatch, name, label_bytes):
    datasets = project.tool("datasets")
    member = datasets.SETS[name]["members"]["test"][0]
    rows = np.random.default_rng(0).integers(0, 100, (4, label_bytes + 3072), dtype=np.uint8)
    (tmp_path / "test.bin").write_bytes(rows.tobytes())
    archive = next(iter(datasets.SETS[name]["md5"]))
    with tarfile.open(tmp_path / archive, "w:gz") as file:
        file.add(tmp_path / "test.bin", member)
    published(datasets, monkeypatch, name, tmp_path, {archive: (tmp_path / archive).read_bytes()}, {"test": 4})
    images, labels = datasets.load(name, tmp_path, "test")
    assert labels.tolist() == rows[:, label_bytes - 1].tolist()  # the fine label of CIFAR-100 is the second
    assert images[2, 1, 0, 5] == rows[2, label_bytes + 1024 + 5]
    monkeypatch.setitem(datasets.SETS[name], "sizes", {"test": 5})
    with pytest.raises(project.errors.ProjectError, match="bytes of test"):
        datasets.load(name, tmp_path, "test")


def test_a_missing_set_and_a_misspelt_one(project, tmp_path):
    with pytest.raises(project.errors.ProjectError, match=r"curl -L -o") as error:
        project.tool("datasets").load("cifar10", tmp_path)
    assert error.value.code == 3
    with pytest.raises(project.errors.ProjectError, match="did you mean 'cifar10'"):
        project.tool("datasets").load("cifar1", tmp_path)


@pytest.mark.parametrize(("test_rows", "passed"), [([5.0, 6.0], True), ([5.0, 2.0], False)])
def test_a_leakage_check_is_recorded_once_and_finds_a_common_row(
    project, toy, tmp_path, monkeypatch, test_rows, passed
):
    splits = {"train": torch.tensor([[1.0], [2.0], [2.0]]), "test": torch.tensor(test_rows)[:, None]}
    monkeypatch.setattr(project.core, "splits", lambda _run: splits, raising=False)
    assert toy("train") == 0
    for _ in range(2):
        assert toy("evaluate", *TINY_EVALUATION) == 0
    lines = project.records.read_lines(tmp_path / "toy" / "seed0" / "records.jsonl")
    (record,) = [line for line in lines if line["kind"] == "leakage_check"]
    assert record["passed"] is passed and record["overlap"] == {"test": int(not passed)}
    assert record["experiment"] == "toy" and record["core_hash"] and record["duplicates_in_train"] == 1


@pytest.mark.parametrize(("honest", "differs"), [(True, True), (False, False)])
def test_samples_that_no_weight_changes_are_recorded_as_such(project, toy, tmp_path, monkeypatch, honest, differs):
    if not honest:
        monkeypatch.setattr(project.core, "sample", lambda run, n, _steps: project.core.draw_truth(run, n)[None])
    assert toy("train") == 0
    for _ in range(2):
        assert toy("evaluate", *TINY_EVALUATION) == 0
    lines = project.records.read_lines(tmp_path / "toy" / "seed0" / "records.jsonl")
    (record,) = [line for line in lines if line["kind"] == "dependence"]
    assert record["differs"] is differs and (record["rms_difference"] > 0) is differs and not record["all_zero"]
    assert record["checkpoints"] == next(line["checkpoints"] for line in lines if line["kind"] == "result")


def test_initial_weights_are_only_lent_to_the_dependence_check(project, toy, open_toy):
    assert toy("train") == 0
    run = open_toy()
    project.run.load_models(run)
    before = {name: project.checkpoint.tensors_digest(model.state_dict()) for name, model in run.models.items()}
    assert project.tool("dependence").check(run, [])["differs"]
    assert {name: project.checkpoint.tensors_digest(model.state_dict()) for name, model in run.models.items()} == before


def test_a_score_has_a_value_and_no_floor(project, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(
        project.core, "SCORES", {"accuracy": lambda run, n: n / 100 * ("flow" in run.models)}, raising=False
    )
    assert toy("train") == 0
    assert toy("evaluate", "evaluation.metric=accuracy", "evaluation.n_test=25", "evaluation.sampling_steps=[1]") == 0
    lines = project.records.read_lines(tmp_path / "toy" / "seed0" / "records.jsonl")
    assert {line["kind"] for line in lines} == {"result", "dependence"}
    assert not lines[-1]["differs"] and not lines[-1]["all_zero"]  # this score asks only whether there is a model
    assert next(line["value"] for line in lines if line["reading"] == "as_stated") == 0.25


def test_attention_maps_are_drawn_where_the_core_offers_them(project, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(project.core, "attention", lambda _run, n: torch.rand(3, n, n).softmax(-1), raising=False)
    assert toy("train") == 0
    assert toy("sample", "--n", "6") == 0 and toy("plot") == 0
    assert (tmp_path / "toy/seed0/figures/attention_steps10.png").stat().st_size > 0


def test_overrides_from_a_file_are_flags_and_settings_and_the_command_line_wins(project, settings, tmp_path):
    path = tmp_path / "fit.json"
    path.write_text(json.dumps({"micro_batch": 64, "precision": "bf16", "checkpointing": True, "phases.*.lr": 0.5}))
    cfg = settings("--overrides", str(path), "--precision", "fp16")
    assert (cfg.phases.flow.accumulate, cfg.precision, cfg.checkpointing, cfg.phases.flow.lr) == (4, "fp16", True, 0.5)
    with pytest.raises(project.errors.ProjectError, match="is not there"):
        settings("--overrides", str(tmp_path / "none.json"))


def test_the_sinkhorn_batch_is_a_phases_own_or_a_pools_batch_size(settings, project, tmp_path):
    assert settings("--sinkhorn-batch", "32").phases.pairs.batch_size == 32
    path = tmp_path / "own.yaml"
    path.write_text("phases: {flow: {kind: train, steps: 1, batch_size: 8, lr: 0.1, sinkhorn_batch: 4}}")
    args, _ = project.tool("flags").parser().parse_known_args(["train", "own", "--sinkhorn-batch", "2"])
    values = project.tool("flags").read_settings(args, [], path)[0]["phases"]["flow"]
    assert (values["sinkhorn_batch"], values["batch_size"]) == (2, 8)


def test_options_that_change_no_number_do_not_make_another_experiment(settings, project):
    of = project.config.settings_of
    words = ["--checkpointing", "--workers", "2", "estimate={flow: 5}", "trackers=[trackio]", "pools_in_memory_gib=0.1",
             "checkpoint_every_minutes=3", "--deterministic", "warn"]  # fmt: skip
    assert of(settings(*words), "one_step") == of(settings(), "one_step")
    assert of(settings("--overfit-one-batch"), "flow") != of(settings(), "flow")


def test_memory_is_measured_beside_the_estimate(toy, tmp_path, capsys):
    assert toy("train", "estimate={flow: 3221225472, one_step: {peak_bytes: 1073741824}}") == 0
    printed = capsys.readouterr().out
    assert "flow: at most" in printed and "estimated 3.00 GiB" in printed and "estimated 1.00 GiB" in printed
    facts = json.loads((tmp_path / "toy/seed0/run.json").read_text())
    assert facts["phases"]["flow"]["estimated_bytes"] == 3 * 2**30 and facts["hardware"]["device"] == "cpu"
