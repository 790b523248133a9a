"""Several optimizers in one phase, buffers that grow while training, frozen weights, loaders: what must resume too."""

import copy
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

WORDS = ["phases.flow.optimizers={critic: {lr: 0.02, updates: 2}, generator: {lr: 0.01}}", "phases.flow.ema_decay=null",
         "phases.flow.grad_clip=null", "phases.flow.schedule=constant", "phases.flow.warmup_steps=0",
         "phases.flow.optimizer=sgd", "phases.flow.accumulate=1"]  # fmt: skip


def build_gan(_run, _cfg):
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return nn.ModuleDict({"generator": nn.Linear(2, 2), "critic": critic, "target": nn.Linear(2, 2)})


def critic_loss(model, _run, _cfg, n):
    fake = model["generator"](torch.randn(n, 2))  # on purpose not detached: the engine keeps gradients apart
    return model["critic"](fake).mean() - model["critic"](torch.randn(n, 2) + 3).mean()


def generator_loss(model, _run, _cfg, n):
    return -model["critic"](model["generator"](torch.randn(n, 2))).mean()


@pytest.fixture
def gan(project):
    return project.phases.Train(build_gan, {"critic": critic_loss, "generator": generator_loss})


def test_two_optimizers_make_the_updates_that_one_would_write_by_hand(project, open_toy, gan):
    run = open_toy(*WORDS)
    state = project.loop.new_state(run, "flow", gan)
    model = copy.deepcopy(state.model)
    optimizers = {"critic": torch.optim.SGD(model["critic"].parameters(), lr=0.02),
                  "generator": torch.optim.SGD(model["generator"].parameters(), lr=0.01)}  # fmt: skip
    for step in range(3):
        project.loop.training_step(state, run, "flow", gan, run.cfg.phases.flow, False)
        for micro, (name, loss) in enumerate(
            [("critic", critic_loss), ("critic", critic_loss), ("generator", generator_loss)]
        ):
            project.rng.seed_all(0, "flow", step, micro)
            model.zero_grad()
            loss(model, run, None, 32).backward()
            optimizers[name].step()
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter, state.model.get_parameter(name), atol=1e-6), name


def test_an_update_of_one_part_leaves_the_others_bit_for_bit(project, open_toy, gan):
    run = open_toy(*WORDS)
    only = replace(gan, loss={"generator": generator_loss})
    state = project.loop.new_state(run, "flow", only)
    before = copy.deepcopy(state.model.state_dict())
    project.loop.training_step(state, run, "flow", only, run.cfg.phases.flow, False)
    changed = {name for name, value in state.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"generator.weight", "generator.bias"}


def test_every_loss_is_logged_and_their_sum(project, open_toy, gan):
    run = open_toy(*WORDS, "log_every_steps=1")
    project.loop.train_phase(run, "flow", gan)
    record = project.records.read_lines(run.folder / "metrics.jsonl")[0]
    assert record["losses"].keys() == {"critic", "generator"}
    assert record["loss"] == pytest.approx(sum(record["losses"].values()))


def build_value(_run, _cfg):
    return nn.ModuleDict({"value": nn.Linear(2, 1), "target": nn.Linear(2, 1)})


def td_loss(model, run, _cfg, n):
    rows = run.buffers["flow"].sample(n)
    return (model["value"](rows["x"]) - rows["reward"] - 0.9 * model["target"](rows["next"]).detach()).square().mean()


def walk(model, run, _cfg, step):
    if step % 4 == 3:
        for mine, other in zip(model["target"].parameters(), model["value"].parameters(), strict=True):
            mine.copy_(other)
        return None
    x = run.carry.get("x", torch.zeros(2))
    nearer = torch.stack([x + torch.randn(2) for _ in range(4)])
    best = nearer[model["value"](nearer)[:, 0].argmax()]
    run.carry["x"] = best
    return {"x": x[None], "next": best[None], "reward": -best.abs().sum()[None, None]}


RL = [*WORDS[1:], "phases.flow.capacity=5", "phases.flow.collect_first=2", "checkpoint_every_steps=3",
      "phases.flow.steps=11", "phases.flow.optimizer=adam"]  # fmt: skip


@pytest.fixture
def reinforce(project):
    return project.phases.Train(build_value, {"value": td_loss}, collect=walk)


def interrupted(run, phase, call):
    """The phase, except that its n-th loss brings a SIGTERM."""
    name, loss = next(iter(phase.loss.items()))
    calls = iter(range(10**6))

    def stopping(*args):
        if next(calls) == call:
            run.stop._handle(signal.SIGTERM, None)
        return loss(*args)

    return replace(phase, loss=phase.loss | {name: stopping})


@pytest.mark.parametrize("call", [0, 3, 7])
@pytest.mark.parametrize("kind", ["gan", "reinforce"])
def test_an_interrupted_training_ends_with_the_same_bits(project, open_toy, request, tmp_path, kind, call):
    phase, words, weights = request.getfixturevalue(kind), {"gan": WORDS, "reinforce": RL}[kind], []
    for name in ("whole", "interrupted"):
        run = open_toy(*words)
        run.folder = tmp_path / name
        if name == "interrupted":
            with pytest.raises(project.errors.Stopped):
                project.loop.train_phase(run, "flow", interrupted(run, phase, call))
            run = open_toy(*words)
            run.folder = tmp_path / name
        weights.append(project.loop.train_phase(run, "flow", phase)["model"])
    assert project.checkpoint.tensors_digest(weights[0]) == project.checkpoint.tensors_digest(weights[1])


@pytest.mark.parametrize("piece", ["buffer", "carry"])
def test_buffer_and_carry_have_to_be_saved(project, open_toy, reinforce, piece):
    """Leave one out of a saved state: the end must differ."""
    run = open_toy(*RL)
    whole = project.checkpoint.tensors_digest(project.loop.train_phase(run, "flow", reinforce)["model"])
    path = project.checkpoint.step_paths(run.folder / "checkpoints", "flow")[0]
    saved = project.checkpoint.load(path)
    empty = {
        "buffer": {"added": 0, "rows": {key: rows * 0 for key, rows in saved["buffer"]["rows"].items()}},
        "carry": {},
    }
    project.checkpoint.save(path, saved | {piece: empty[piece]})
    run = open_toy(*RL)
    assert project.checkpoint.tensors_digest(project.loop.train_phase(run, "flow", reinforce)["model"]) != whole


def test_collecting_sees_a_model_in_eval_without_gradients(project, open_toy, reinforce):
    seen = []

    def look(model, *_):
        seen.append((model.training, torch.is_grad_enabled()))
        return {"x": torch.zeros(1, 2), "next": torch.zeros(1, 2), "reward": torch.zeros(1, 1)}

    run = open_toy(*RL, "phases.flow.collect_every=5")
    state = project.loop.new_state(run, "flow", replace(reinforce, collect=look))
    for _ in range(6):
        project.loop.training_step(state, run, "flow", replace(reinforce, collect=look), run.cfg.phases.flow, False)
    assert seen == [(False, False)] * 3 and state.model.training  # twice at first, and at step 5
    assert len(run.buffers["flow"]) == 3


def lora(_run, _cfg):
    model = nn.ModuleDict({"base": nn.Linear(2, 2), "adapter": nn.Linear(2, 2)})
    model["base"].requires_grad_(False)
    return model


def lora_loss(model, _run, _cfg, n):
    x = torch.randn(n, 2)
    return (model["base"](x) + model["adapter"](x) - x.flip(1)).square().mean()


def test_frozen_weights_are_not_saved_but_come_back(project, open_toy, monkeypatch):
    phase = project.phases.Train(lora, lora_loss)
    monkeypatch.setitem(project.core.PHASES, "flow", phase)
    run = open_toy(*WORDS[1:])
    run.about = {"core_hash": ""}
    project.run.finish(run, "flow", project.loop.train_phase(run, "flow", phase))
    saved = project.checkpoint.load(run.folder / "checkpoints" / "flow.ckpt")["model"]
    assert set(saved) == {"adapter.weight", "adapter.bias"}
    assert project.run.load_model(run, "flow")
    project.rng.seed_all(0, "flow", "build_model")
    assert torch.equal(run.models["flow"]["base"].weight, lora(None, None)["base"].weight)
    monkeypatch.setitem(project.core.PHASES, "flow", replace(phase, build_model=lambda r, c: other(lora(r, c))))
    with pytest.raises(project.errors.ProjectError, match="frozen weights of 'flow' are not those"):
        project.run.load_model(run, "flow")


def other(model):
    with torch.no_grad():
        model["base"].weight[0, 0] += 1
    return model


class Numbers:
    """Ten examples: the index, and a random number as an augmentation would use it."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return torch.tensor(index), torch.rand(())


def batches(project, open_toy, steps, workers=0, n=4):
    run = open_toy(f"workers={workers}")
    run.at.begin("flow", 2)
    loader, found = project.tool("loader").Loader(Numbers()), []
    for step in steps:
        for micro in range(2):
            run.at.step, run.at.micro = step, micro
            index, augmented = loader(run, n)
            found.append((index.tolist(), augmented.tolist()))
    return found


def test_every_example_comes_once_an_epoch_in_another_order_with_another_augmentation(project, open_toy):
    found = batches(project, open_toy, range(5))  # 40 examples: four epochs of ten, batches of four span them
    index, augmented = ([x for batch in found for x in batch[k]] for k in (0, 1))
    epochs = [index[first : first + 10] for first in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 4 and len(set(augmented)) == 40


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_in_the_middle_of_an_epoch_whatever_its_workers(project, open_toy, workers):
    whole = batches(project, open_toy, range(4))
    assert batches(project, open_toy, range(1, 4), workers) == whole[2:]
    assert (
        batches(project, open_toy, [0, 2, 2, 3], workers) == whole[:2] + whole[4:6] * 2 + whole[6:]
    )  # and when sent back


def test_another_batch_size_gets_no_batch_that_was_made_for_the_old_one(project, open_toy):
    run = open_toy("workers=1")
    run.at.begin("flow", 1)
    loader = project.tool("loader").Loader(Numbers())
    assert [len(loader(run, 4)[0]), len(loader(run, 3)[0])] == [4, 3]


def test_loading_does_not_disturb_the_randomness_of_the_step(project, open_toy):
    drawn = []
    for workers in (None, 0, 1):
        run = open_toy(f"workers={workers or 0}")
        project.rng.seed_all("step")
        if workers is not None:
            project.tool("loader").Loader(Numbers())(run, 4)
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1] == drawn[2]


def test_overfitting_one_batch_draws_the_same_batch_at_every_step(project, open_toy):
    drawn = []
    phase = project.phases.Train(
        lora, lambda model, *_: (drawn.append(torch.rand(2).tolist()), lora_loss(model, *_))[1]
    )
    run = open_toy(*WORDS[1:], "overfit_one_batch=true")
    state = project.loop.new_state(run, "flow", phase)
    losses = [
        project.loop.training_step(state, run, "flow", phase, run.cfg.phases.flow, False)[0][""].item()
        for _ in range(9)
    ]
    assert len(drawn) == 9 and len(set(map(tuple, drawn))) == 1 and losses == sorted(losses, reverse=True)


def test_checkpointed_activations_change_no_bit(project, open_toy, tmp_path):
    weights = []
    for switch in ("false", "true"):
        run = open_toy(f"checkpointing={switch}", "phases.one_step.lr=0.01")
        run.folder = tmp_path / switch
        phase = project.phases.Train(
            lambda *_: nn.Sequential(
                nn.Linear(2, 16), nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.5), nn.ReLU()), nn.Linear(16, 2)
            ),
            lambda model, _r, _c, n: model(torch.randn(n, 2)).square().mean(),
        )
        weights.append(project.loop.train_phase(run, "flow", phase)["model"])
    assert project.checkpoint.tensors_digest(weights[0]) == project.checkpoint.tensors_digest(weights[1])
    model = nn.ModuleDict({"a": nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU()), "b": nn.Linear(2, 2)})
    assert project.tool("activations").checkpoint_blocks(model) == 1  # not the batch-norm, not what is no block


ORPHANED = """
import os, signal, sys, torch
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from project.engine import run as runs
from project.engine.config import Config
from project.engine.extra.loader import Loader

class Forever:
    def __len__(self): return 10
    def __getitem__(self, index):
        print(os.getpid(), flush=True)
        return torch.tensor(index)

run = SimpleNamespace(at=runs.At(), cfg=Config({"workers": 1}), seed=0, device=torch.device("cpu"))
Loader(Forever())(run, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch's own watch ends them, seconds later")
def test_a_killed_training_leaves_no_loading_process_behind(project):
    command = [sys.executable, "-c", ORPHANED, str(project.root / "src")]
    # the worker holds the pipe too, so this returns when both are gone, or fails
    child = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert child.returncode == -signal.SIGKILL
    workers = {int(line) for line in child.stdout.split()}
    assert len(workers) == 1 and not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_worker_whose_parent_is_gone_already_ends_at_once(project):
    pid = os.fork()
    if not pid:
        project.tool("loader").settle(1, 0)  # this process's parent is another one
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
