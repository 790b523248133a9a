"""Results, floors and readings: what is compared with what, and when it is not computed again."""

import json

import numpy as np
import pytest
import torch

TINY_EVALUATION = ["evaluation.n_samples=64", "evaluation.n_test=32", "evaluation.floor_draws=3"]


@pytest.fixture
def evaluated(toy, tmp_path):
    def run(*words):
        assert toy("train") == 0
        assert toy("evaluate", *TINY_EVALUATION, *words) == 0
        return records(tmp_path)

    return run


def records(tmp_path, seed=0):
    lines = (tmp_path / "toy" / f"seed{seed}" / "records.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def result(found, reading, steps):
    (one,) = [r for r in found if r.get("reading") == reading and r.get("condition") == {"sampling_steps": steps}]
    return one


def value(found, reading, steps):
    return result(found, reading, steps)["value"]


def values(found, reading, steps):
    return result(found, reading, steps)["values"]


def floor(found, reading):
    return next(r["values"] for r in found if r["reading"] == reading and r["kind"] == "floor")


def test_there_is_a_floor_per_reading_and_a_result_per_reading_and_condition(evaluated):
    found = evaluated()
    assert sum(r["kind"] == "floor" for r in found) == 5
    assert sum(r["kind"] == "result" for r in found) == 5 * 2
    assert found[0]["reading"] == "as_stated" and len(floor(found, "as_stated")) == 3


def test_records_hold_what_the_contract_names(evaluated):
    result = next(r for r in evaluated() if r["kind"] == "result")
    assert set(result) >= {
        "run_id", "experiment", "seed", "metric", "reading", "condition", "value", "n_test", "n_generated",
        "steps_done", "steps_planned", "config_hash", "core_hash", "engine_hash", "commit", "checkpoints",
        "versions", "device", "time_s", "created", "command",
    }  # fmt: skip
    assert (result["n_test"], result["n_generated"]) == (32, 64)
    assert all(digest.startswith("sha256:") for digest in result["checkpoints"].values())


def test_a_shortened_run_shows_in_its_records(evaluated):
    result = next(r for r in evaluated() if r["kind"] == "result")
    assert result["steps_done"] == {"pairs": 2, "flow": 6, "one_step": 6}
    assert result["steps_planned"] == {"pairs": 20, "flow": 2000, "one_step": 1000}  # configs/toy.yaml as it lies there


def test_readings_that_square_or_scale_share_their_draws(evaluated):
    found = evaluated()
    for steps in (1, 10):
        stated = value(found, "as_stated", steps)
        assert value(found, "unit_radius", steps) == pytest.approx(stated * 0.25)
        assert values(found, "squared", steps) == pytest.approx([v**2 for v in values(found, "as_stated", steps)])
    assert floor(found, "squared") == pytest.approx([v**2 for v in floor(found, "as_stated")])


def test_scale_comes_before_the_square(project, open_toy):
    reading = project.config.Config({"name": "both", "scale": 3.0, "squared": True})
    known = {("iid", 1, 1, 10, 0): 2.0, ("iid", 1, 1, 10, 1): 1.0}
    measured = project.tool("evaluate").measure(open_toy(), reading, 1, 1, 10, known)
    assert measured == {"values": [36.0, 9.0], "value": 22.5}  # and the mean comes last


def test_equal_mode_counts_lower_the_floor(evaluated):
    found = evaluated("evaluation.n_samples=256", "evaluation.n_test=256")
    assert max(floor(found, "equal_mode_counts")) < min(floor(found, "as_stated"))


def test_floor_pairs_are_independent(evaluated):
    assert len(set(floor(evaluated(), "as_stated"))) == 3


def test_a_result_is_the_mean_over_test_sets_with_their_own_samples(evaluated):
    one = result(evaluated("evaluation.test_draws=4"), "as_stated", 10)
    assert len(set(one["values"])) == 4
    assert one["value"] == pytest.approx(sum(one["values"]) / 4)


def test_a_core_may_draw_its_pairs_itself(project, toy, tmp_path, monkeypatch):
    pairs = []

    def draw_truth_pair(_run, n, m, variant):
        pairs.append((n, m, variant))
        return torch.zeros(n, 2), torch.ones(m, 2)

    monkeypatch.setattr(project.core, "draw_truth_pair", draw_truth_pair, raising=False)
    assert toy("evaluate", "--floor", *TINY_EVALUATION) == 0
    assert set(pairs) == {(32, 64, "iid"), (32, 64, "stratified"), (32, 4096, "iid")}
    assert floor(records(tmp_path), "as_stated") == pytest.approx([1.0] * 3)  # the mean of (cos a + sin a)^2 is 1


def test_the_second_evaluation_reuses_and_says_so(evaluated, toy, tmp_path, capsys):
    before = evaluated()
    capsys.readouterr()
    assert toy("evaluate", *TINY_EVALUATION) == 0
    assert capsys.readouterr().out.count("already recorded, reused") == len(before) - 1 == 15
    assert records(tmp_path) == before  # the look at initial weights is not repeated either


def test_new_sizes_are_measured_and_old_records_stay(evaluated, toy, tmp_path):
    before = evaluated()
    assert toy("evaluate", *TINY_EVALUATION, "evaluation.n_test=33") == 0
    after = records(tmp_path)
    assert after[:16] == before and len(after) == 31  # initial weights were looked at


def test_new_weights_are_measured_but_their_floor_is_not(evaluated, toy, capsys):
    evaluated()
    other = ["phases.one_step.lr=0.5"]
    assert toy("train", "--resume-phase", "one_step", *other) == 0
    capsys.readouterr()
    assert toy("evaluate", *TINY_EVALUATION, *other) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "reused" in line] == [line for line in lines if " floor " in line]


def test_other_weights_from_the_same_settings_are_measured_too(project, evaluated, toy, monkeypatch, capsys):
    evaluated()
    phase = project.core.PHASES["one_step"]

    def build_model(run, cfg):
        torch.rand(1)  # other initial weights
        return phase.build_model(run, cfg)

    monkeypatch.setitem(project.core.PHASES, "one_step", project.phases.Train(build_model, phase.loss))
    assert toy("train", "--resume-phase", "one_step") == 0
    capsys.readouterr()
    assert toy("evaluate", *TINY_EVALUATION) == 0
    assert capsys.readouterr().out.count("reused") == 5  # the floors


def test_an_interrupted_evaluation_gives_the_same_numbers(evaluated, toy, tmp_path):
    whole = evaluated()
    path = tmp_path / "toy" / "seed0" / "records.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:4]) + lines[4][:50])  # killed in the middle of the fifth record
    assert toy("evaluate", *TINY_EVALUATION) == 0
    outcomes = [[r.get("value", r.get("values")) for r in found] for found in (whole, records(tmp_path))]
    assert outcomes[0] == outcomes[1]


def test_the_floor_needs_no_training(toy, tmp_path):
    assert toy("evaluate", "--floor", *TINY_EVALUATION) == 0
    assert [r["kind"] for r in records(tmp_path)] == ["floor"] * 5


def test_results_need_training(toy, capsys):
    assert toy("evaluate") == 2
    assert "error[not-trained]" in capsys.readouterr().err


def test_a_reading_that_the_truth_does_not_have_is_left_out_and_said(project, toy, tmp_path, monkeypatch, capsys):
    original = project.core.draw_truth

    def draw_truth(run, n, variant="iid"):
        if variant != "iid":
            raise ValueError(f"the truth has no variant '{variant}'")
        return original(run, n)

    monkeypatch.setattr(project.core, "draw_truth", draw_truth)
    assert toy("evaluate", "--floor", *TINY_EVALUATION) == 0
    assert "reading 'equal_mode_counts' left out" in capsys.readouterr().out
    assert "equal_mode_counts" not in [r["reading"] for r in records(tmp_path)]


def test_an_unknown_metric_is_refused_with_the_known_ones(toy, capsys):
    assert toy("evaluate", "--floor", "evaluation.metric=sliced_w1") == 2
    assert "did you mean 'sliced_w2'" in capsys.readouterr().err


def test_a_distance_that_is_not_finite_is_no_result(project, toy, tmp_path, monkeypatch):
    monkeypatch.setitem(project.core.METRICS, "sliced_w2", lambda _test, _other: float("nan"))
    assert toy("evaluate", "--floor", *TINY_EVALUATION) == 4
    assert records(tmp_path) == []


def test_sampling_in_batches_joins_all_of_them(project, open_toy, monkeypatch):
    run, sizes = open_toy("evaluation.sample_batch=10"), []

    def sample(_run, n, steps):
        sizes.append(n)
        return torch.rand(steps + 1, n, 2)

    monkeypatch.setattr(project.core, "sample", sample)
    samples = project.tool("evaluate").generate(run, 25, 3, 0)
    assert sizes == [10, 10, 5] and samples.shape == (25, 2) and len(samples.unique(dim=0)) == 25
    assert torch.equal(project.tool("evaluate").generate(run, 25, 3, 0), samples)  # whatever was drawn in between
    assert not torch.equal(project.tool("evaluate").generate(run, 25, 4, 0), samples)
    assert not torch.equal(project.tool("evaluate").generate(run, 25, 3, 1), samples)


def test_the_distance_of_the_toy_is_the_known_one(project):
    """Two points at distance 2: the mean over directions of (2 cos a)^2 is 2, its root 1.414."""
    distance = project.core.METRICS["sliced_w2"]
    assert distance(torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])) == pytest.approx(2**0.5)
    assert distance(torch.tensor([[0.0, 0], [1, 1]]), torch.tensor([[1.0, 1], [0, 0]])) == 0.0


def test_samples_hold_the_whole_path_and_figures_are_drawn(evaluated, toy, tmp_path):
    evaluated()
    assert toy("sample", "--n", "20") == 0 and toy("plot") == 0
    folder = tmp_path / "toy" / "seed0"
    with np.load(folder / "samples" / "steps10.npz") as samples:
        assert samples["path"].shape == (11, 20, 2) and samples["truth"].shape == (20, 2)
    names = {path.name for path in folder.glob("figures/*.png")}
    assert names == {"learning_curves.png", "trajectories_steps1.png", "trajectories_steps10.png"}


@pytest.mark.parametrize("shape", [(3, 5, 1, 4, 4), (3, 5, 3, 4, 4), (3, 5, 4, 4)])
def test_images_become_a_grid(project, tmp_path, shape):
    (tmp_path / "samples").mkdir()
    np.savez(tmp_path / "samples" / "steps2.npz", path=np.random.rand(*shape), truth=np.random.rand(5, *shape[2:]))
    (figure,) = project.tool("plots").plot(tmp_path)
    assert figure.name == "images_steps2.png" and figure.stat().st_size > 500


def test_repeated_steps_count_once_in_the_learning_curve(project):
    metrics = [{"phase": "flow", "step": step, "loss": loss} for step, loss in [(1, 9.0), (2, 8.0), (1, 5.0)]]
    drawn = project.tool("plots").learning_curves(metrics).axes[0].lines[0]
    assert drawn.get_xdata().tolist() == [1, 2] and drawn.get_ydata().tolist() == [5.0, 8.0]
