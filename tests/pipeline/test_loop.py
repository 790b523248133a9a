"""The training loop: the update it makes, the schedule, the averages, and what stops it."""

import json
import math
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

LINEAR = "phases.flow.ema_decay=null", "phases.flow.grad_clip=null", "phases.flow.warmup_steps=0"


def one_weight(project, loss):
    """A phase that trains a single weight, 2.0 at first."""

    def build(_run, _cfg):
        model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(model.weight, 2.0)
        return model

    return project.phases.Train(build, loss)


def step(project, run, phase, count=1):
    state = project.loop.new_state(run, "flow", phase)
    for _ in range(count):
        losses, norm = project.loop.training_step(state, run, "flow", phase, run.cfg.phases.flow, True)
    return state, losses[""].item(), norm.item()


def test_one_step_of_sgd_is_the_textbook_update(project, open_toy):
    run = open_toy(*LINEAR, "phases.flow.optimizer=sgd", "phases.flow.lr=0.1", "phases.flow.schedule=constant")
    state, loss, norm = step(project, run, one_weight(project, lambda model, *_: model.weight.square().sum()))
    assert (loss, norm) == (4.0, 4.0)  # w^2 and its derivative 2w at w = 2
    assert state.model.weight.item() == pytest.approx(2.0 - 0.1 * 4.0)


def test_accumulation_averages_the_micro_batches(project, open_toy):
    seen = []

    def loss(model, _run, _cfg, size):
        seen.append(size)
        return len(seen) * model.weight.sum()  # gradients 1 and 2

    run = open_toy(*LINEAR, "phases.flow.optimizer=sgd", "phases.flow.lr=0.1", "phases.flow.schedule=constant",
                   "phases.flow.batch_size=8", "phases.flow.accumulate=2")  # fmt: skip
    state, value, norm = step(project, run, one_weight(project, loss))
    assert seen == [4, 4]
    assert (value, norm) == (3.0, 1.5)  # the mean of 1 * 2 and 2 * 2; the mean of 1 and 2
    assert state.model.weight.item() == pytest.approx(2.0 - 0.1 * 1.5)


def test_micro_batches_and_steps_draw_different_numbers(project, open_toy):
    drawn = []
    run = open_toy(*LINEAR, "phases.flow.accumulate=2")
    phase = one_weight(project, lambda model, *_: (drawn.append(torch.rand(1).item()), model.weight.sum())[1])
    step(project, run, phase, count=3)
    assert len(set(drawn)) == 6


def test_clipping_bounds_the_update_and_reports_the_norm_before(project, open_toy):
    run = open_toy(*LINEAR[:1], "phases.flow.optimizer=sgd", "phases.flow.lr=0.1", "phases.flow.grad_clip=0.5",
                   "phases.flow.warmup_steps=0", "phases.flow.schedule=constant")  # fmt: skip
    state, _, norm = step(project, run, one_weight(project, lambda model, *_: 10 * model.weight.sum()))
    assert norm == 20.0 / 2
    assert state.model.weight.item() == pytest.approx(2.0 - 0.1 * 0.5, abs=1e-5)


def test_averages_follow_the_weights(project, open_toy):
    run = open_toy("phases.flow.ema_decay=0.9", "phases.flow.optimizer=sgd", "phases.flow.lr=1.0",
                   "phases.flow.schedule=constant", *LINEAR[1:])  # fmt: skip
    state, _, _ = step(project, run, one_weight(project, lambda model, *_: model.weight.sum()), count=2)
    assert state.model.weight.item() == pytest.approx(0.0)  # 2, 1, 0
    assert state.ema["weight"].item() == pytest.approx(0.9 * (0.9 * 2.0 + 0.1 * 1.0) + 0.1 * 0.0)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1.0, 1.0, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]),
    ],
)
def test_the_rate_warms_up_in_two_steps_and_falls_over_the_other_four(project, settings, schedule, rates):
    words = ["phases.flow.lr=1.0", "phases.flow.steps=6", "phases.flow.warmup_steps=2"]
    cfg = settings(*words, f"phases.flow.schedule={schedule}").phases.flow
    assert [project.loop.learning_rate(cfg, step) for step in range(6)] == pytest.approx(rates)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_reaches_the_loss(project, open_toy, precision):
    types = []

    def loss(model, *_):
        y = model(torch.ones(4, 1))
        types.append(y.dtype)
        return y.float().square().mean()

    step(project, open_toy(*LINEAR, f"precision={precision}"), one_weight(project, loss))
    assert set(types) == {{"bf16": torch.bfloat16, "fp16": torch.float16}[precision]}


def train(project, run, phase):
    return project.loop.train_phase(run, "flow", phase)


def test_a_loss_that_is_not_finite_names_phase_and_step_and_leaves_the_good_checkpoint(project, open_toy):
    calls = []

    def loss(model, *_):
        calls.append(1)
        return model.weight.sum() * (float("nan") if len(calls) == 5 else 1.0)

    run = open_toy(*LINEAR, "--train-iters", "10", "phases.flow.accumulate=1", "log_every_steps=50",
                   "checkpoint_every_steps=4")  # fmt: skip
    with pytest.raises(project.errors.ProjectError, match=r"phase 'flow', step 5: loss") as error:
        train(project, run, one_weight(project, loss))
    assert error.value.code == 4
    newest = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")[0]
    assert newest.name.endswith("4.ckpt")
    assert all(w.isfinite().all() for w in project.checkpoint.load(newest)["model"].values())


def test_a_broken_training_ends_at_the_next_logged_step(project, open_toy):
    calls = []

    def loss(model, *_):
        calls.append(1)
        return model.weight.sum() * float("inf")

    run = open_toy(*LINEAR, "--train-iters", "10", "phases.flow.accumulate=1", "log_every_steps=3",
                   "checkpoint_every_steps=100")  # fmt: skip
    with pytest.raises(project.errors.ProjectError, match="step 1: loss"):
        train(project, run, one_weight(project, loss))
    assert len(calls) == 3


def test_a_parameter_that_is_not_finite_is_never_saved(project, open_toy):
    def loss(model, *_):
        loss = model.weight.sum()
        loss.register_hook(lambda gradient: gradient * float("nan"))  # a finite loss with a broken gradient
        return loss

    run = open_toy(*LINEAR, "--train-iters", "1", "phases.flow.accumulate=1")
    with pytest.raises(project.errors.ProjectError, match="a parameter is not a finite number"):
        train(project, run, one_weight(project, loss))
    assert not list(run.folder.glob("checkpoints/*"))


def test_metrics_are_one_object_per_logged_step(project, open_toy):
    run = open_toy(*LINEAR, "--train-iters", "5", "log_every_steps=2")
    train(project, run, one_weight(project, lambda model, *_: model.weight.square().sum()))
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert set(lines[0]) == {"phase", "step", "loss", "lr", "grad_norm", "steps_per_s"}


def test_logging_does_not_change_what_is_learnt(project, open_toy, tmp_path):
    weights = []
    for every in ("1", "50"):
        run = open_toy(f"log_every_steps={every}", "phases.flow.grad_clip=null")
        run.folder = tmp_path / every
        weights.append(train(project, run, project.core.PHASES["flow"])["model"])
    assert project.checkpoint.tensors_digest(weights[0]) == project.checkpoint.tensors_digest(weights[1])


def test_a_signal_stops_after_the_step_with_everything_saved(project, open_toy):
    run, phase, calls = open_toy("phases.flow.accumulate=1"), project.core.PHASES["flow"], []

    def loss(*args):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGUSR1)
        return phase.loss(*args)

    with run.stop, pytest.raises(project.errors.Stopped, match="SIGUSR1 at phase 'flow', step 3 of 6"):
        train(project, run, replace(phase, loss=loss))
    (path, _) = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")
    assert project.checkpoint.load(path)["step"] == 3


@pytest.mark.parametrize("piece", ["model", "optimizer", "ema", "step"])
def test_every_piece_of_a_checkpoint_is_needed(project, open_toy, piece):
    """Leave one piece of a saved state out: the end must differ, or it would not have to be saved."""
    phase = project.core.PHASES["flow"]
    run = open_toy("--train-iters", "6", "checkpoint_every_steps=4")
    whole = project.checkpoint.tensors_digest(train(project, run, phase)["model"])
    (path,) = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")
    saved, fresh = project.checkpoint.load(path), project.loop.new_state(run, "flow", phase).to_dict()
    project.checkpoint.save(path, saved | {piece: fresh[piece]})
    assert project.checkpoint.tensors_digest(train(project, run, phase)["model"]) != whole
    project.checkpoint.save(path, saved)
    assert project.checkpoint.tensors_digest(train(project, run, phase)["model"]) == whole


def test_averages_remember_no_history(project, open_toy):
    """They once kept the graph of every step: memory that grew with the training."""
    run = open_toy("phases.flow.ema_decay=0.9", *LINEAR[1:])
    state, _, _ = step(project, run, one_weight(project, lambda model, *_: model.weight.sum()), count=2)
    assert [average.grad_fn for average in state.ema.values()] == [None]


@pytest.mark.parametrize(
    ("optimizer", "words", "expected"),
    [
        ("sgd", ["momentum=0.5"], [2.0 - 0.1, 1.9 - 0.1 * 1.5]),
        ("sgd", ["momentum=0.5", "nesterov=true"], [2.0 - 0.1 * 1.5, 1.85 - 0.1 * 1.75]),
        ("rmsprop", ["alpha=0.75"], [2.0 - 0.1 / 0.25**0.5, 1.8 - 0.1 / 0.4375**0.5]),
        ("adagrad", [], [2.0 - 0.1, 1.9 - 0.1 / 2**0.5]),
        ("adam", ["betas=[0.5,0.5]"], [1.9, 1.8]),
        ("adam", ["eps=1.0"], [2.0 - 0.1 / 2, 1.95 - 0.1 / 2]),
    ],
)
def test_hyperparameters_reach_the_optimizer(project, open_toy, optimizer, words, expected):
    """A gradient of 1 and a rate of 0.1: two steps by hand."""
    own = [f"phases.flow.{word}" for word in words]
    run = open_toy(*LINEAR, *own, f"phases.flow.optimizer={optimizer}", "phases.flow.lr=0.1",
                   "phases.flow.schedule=constant")  # fmt: skip
    phase = one_weight(project, lambda model, *_: model.weight.sum())
    found = [step(project, run, phase, count)[0].model.weight.item() for count in (1, 2)]
    assert found == pytest.approx(expected, abs=1e-5)


def test_every_optimizer_is_torchs_with_torchs_own_values(project):
    for kind, own in project.tool("optimizers").OPTIMIZERS.values():
        optimizer = getattr(torch.optim, kind)([torch.zeros(1, requires_grad=True)], lr=0.1)
        there = {key: list(v) if isinstance(v, tuple) else v for key, v in optimizer.defaults.items()}
        assert own == {key: there[key] for key in own}
        others = {"lr", "weight_decay", "foreach", "maximize", "capturable", "differentiable", "fused"}
        assert there.keys() - own.keys() <= others | {"decoupled_weight_decay"}


def test_gradients_of_fp16_are_clipped_and_reported_unscaled(project, open_toy):
    words = ["phases.flow.optimizer=sgd", "phases.flow.lr=0.1", "phases.flow.schedule=constant", "precision=fp16"]
    run = open_toy(*LINEAR, *words, "phases.flow.grad_clip=0.5")
    state, _, norm = step(project, run, one_weight(project, lambda model, *_: model.weight.square().sum()))
    assert norm == 4.0  # 2w at w = 2; the scaler multiplies by 65536
    assert state.model.weight.item() == pytest.approx(2.0 - 0.1 * 0.5, abs=1e-5)


@pytest.mark.parametrize(("minutes", "saved"), [("1e-9", [5, 4]), ("1e9", []), ("null", [])])
def test_a_checkpoint_is_also_written_when_enough_time_has_passed(project, open_toy, minutes, saved):
    run = open_toy(*LINEAR, "phases.flow.accumulate=1", "checkpoint_every_steps=1000", "keep_checkpoints=2",
                   f"checkpoint_every_minutes={minutes}")  # fmt: skip
    train(project, run, one_weight(project, lambda model, *_: model.weight.square().sum()))
    paths = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")
    assert [int(path.stem[-9:]) for path in paths] == saved  # of six steps; the last one ends the phase instead
