"""A whole experiment: phases in order, handed over frozen, resumed, redone, refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

KILLS = Path(__file__).resolve().parents[2] / "benchmarks" / "resume_kills.py"


def folder(tmp_path):
    return tmp_path / "toy" / "seed0"


def digests(tmp_path):
    facts = json.loads((folder(tmp_path) / "run.json").read_text())["phases"]
    return {name: phase["digest"] for name, phase in facts.items()}


def test_training_twice_does_nothing_the_second_time(toy, tmp_path, capsys):
    assert toy("train") == 0
    before = {path: path.stat().st_mtime_ns for path in folder(tmp_path).rglob("*.ckpt")}
    capsys.readouterr()
    assert toy("train") == 0
    assert capsys.readouterr().out.splitlines() == [f"{name}: already done" for name in ("pairs", "flow", "one_step")]
    assert {path: path.stat().st_mtime_ns for path in folder(tmp_path).rglob("*.ckpt")} == before


def test_the_previous_model_is_frozen_and_in_eval_when_the_next_phase_sees_it(project, toy, monkeypatch):
    seen, phase = [], project.core.PHASES["one_step"]

    def loss(model, run, *args):
        teacher = run.models["flow"]
        seen.append((teacher.training, any(p.requires_grad for p in teacher.parameters()), model.training))
        return phase.loss(model, run, *args)

    monkeypatch.setitem(project.core.PHASES, "one_step", project.phases.Train(phase.build_model, loss))
    assert toy("train") == 0
    assert set(seen) == {(False, False, True)}


def test_averaged_weights_are_what_is_handed_over(project, toy, tmp_path):
    assert toy("train", "phases.flow.ema_decay=0.999999") == 0
    trained = project.checkpoint.load(folder(tmp_path) / "checkpoints" / "flow.ckpt")["model"]
    project.rng.seed_all(0, "flow", "build_model")
    initial = project.core.flow.Net(8, 0.05).state_dict()
    assert torch.allclose(trained["layers.0.weight"], initial["layers.0.weight"], atol=1e-4)  # barely moved
    assert not torch.allclose(trained["layers.1.running_mean"], initial["layers.1.running_mean"], atol=1e-2)


def test_states_of_a_finished_phase_are_removed(toy, tmp_path):
    assert toy("train") == 0
    assert sorted(path.name for path in folder(tmp_path).glob("checkpoints/*")) == ["flow.ckpt", "one_step.ckpt"]


def test_a_damaged_finished_phase_is_trained_again_to_the_same_bits(toy, tmp_path, capsys):
    assert toy("train") == 0
    wanted, path = digests(tmp_path), folder(tmp_path) / "checkpoints" / "flow.ckpt"
    path.write_bytes(path.read_bytes()[:-1])
    assert toy("train") == 0
    assert "damaged" in capsys.readouterr().err and digests(tmp_path) == wanted


def test_pools_may_be_deleted_once_everything_is_trained(toy, tmp_path, capsys):
    assert toy("train") == 0
    for path in folder(tmp_path).glob("pools/pairs/*"):
        path.unlink()
    assert toy("train") == 0
    assert capsys.readouterr().out.count("already done") == 3
    assert not list(folder(tmp_path).glob("pools/pairs/*"))


def test_a_deleted_pool_is_rebuilt_when_a_phase_asks_for_it(toy, tmp_path):
    assert toy("train") == 0
    wanted = digests(tmp_path)
    (folder(tmp_path) / "pools" / "pairs" / "done-0.jsonl").unlink()
    assert toy("train", "--resume-phase", "flow") == 0
    assert digests(tmp_path) == wanted


def test_resume_phase_redoes_it_and_what_follows_and_keeps_the_old_files(toy, tmp_path, capsys):
    assert toy("train") == 0
    wanted = digests(tmp_path)
    capsys.readouterr()
    assert toy("train", "--resume-phase", "one_step") == 0
    done = [line for line in capsys.readouterr().out.splitlines() if line.endswith("done")]
    assert done == ["pairs: already done", "flow: already done", "one_step: done"]
    assert digests(tmp_path) == wanted
    assert len(list(folder(tmp_path).glob("replaced/*/checkpoints/one_step.ckpt"))) == 1


def test_another_configuration_is_refused_with_the_difference_and_nothing_is_touched(toy, tmp_path, capsys):
    assert toy("train") == 0
    before = {path: path.read_bytes() for path in folder(tmp_path).rglob("*.ckpt")}
    assert toy("train", "phases.flow.lr=0.5") == 2
    error = capsys.readouterr().err
    assert "phases.flow.lr: 0.5 here, 0.003 there" in error and len(error.strip().splitlines()) == 3
    assert {path: path.read_bytes() for path in folder(tmp_path).rglob("*.ckpt")} == before


def test_a_later_phase_may_change_without_training_the_earlier_ones_again(toy, tmp_path):
    assert toy("train") == 0
    before = digests(tmp_path)
    assert toy("train", "phases.one_step.lr=0.5") == 2
    assert toy("train", "phases.one_step.lr=0.5", "--resume-phase", "one_step") == 0
    after = digests(tmp_path)
    assert before["flow"] == after["flow"] and before["one_step"] != after["one_step"]


def test_changed_core_code_is_pointed_out(project, toy, monkeypatch, capsys):
    assert toy("train") == 0
    capsys.readouterr()
    original = project.records.tree_hash
    monkeypatch.setattr(project.records, "tree_hash", lambda folder: original(folder)[::-1])
    assert toy("train") == 0
    assert "core/ has changed since 'flow' was trained" in capsys.readouterr().out


def test_seeds_have_their_own_folders_and_their_own_weights(toy, tmp_path):
    assert toy("train") == 0 and toy("train", "--seed", "1") == 0
    other = json.loads((tmp_path / "toy" / "seed1" / "run.json").read_text())["phases"]
    assert other["flow"]["digest"] != digests(tmp_path)["flow"]


def test_run_json_says_what_was_run(toy, tmp_path):
    assert toy("train") == 0
    facts = json.loads((folder(tmp_path) / "run.json").read_text())
    assert facts["phases"]["flow"]["steps"] == 6 and facts["config"]["model"]["hidden"] == 8
    assert {"core_hash", "engine_hash", "commit", "versions", "command"} <= set(facts)
    assert facts["versions"]["torch"] == torch.__version__


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.slow
@pytest.mark.parametrize("words", [["--every-write"], ["--kills", "4"], ["--kills", "3", "--signal", "TERM"]])
def test_a_killed_run_ends_with_the_same_bits(words):
    result = subprocess.run([sys.executable, str(KILLS), *words], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    cells = [cell.strip() for cell in result.stdout.split("|")]
    kills, runs, same = (int(cell) for cell in cells[6:9])
    assert kills >= 3 and runs == same > 0
