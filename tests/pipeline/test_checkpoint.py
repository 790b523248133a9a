"""Files that are whole or not there."""

import resource
import signal
import subprocess
import sys

import pytest
import torch

CONTENT = {"settings": {"lr": 0.1}, "step": 3, "weights": torch.arange(40.0)}


def test_what_is_saved_comes_back(project, tmp_path):
    project.checkpoint.save(tmp_path / "a.ckpt", CONTENT)
    loaded = project.checkpoint.load(tmp_path / "a.ckpt")
    assert loaded["step"] == 3 and torch.equal(loaded["weights"], CONTENT["weights"])


def test_every_flipped_bit_is_found(project, tmp_path):
    path = tmp_path / "a.ckpt"
    project.checkpoint.save(path, CONTENT)
    whole = path.read_bytes()
    positions = range(0, 8 * len(whole), 13)  # 13 and 8 have no common factor: every bit of a byte has its turn
    for position in positions:
        broken = bytearray(whole)
        broken[position // 8] ^= 1 << position % 8
        path.write_bytes(broken)
        with pytest.raises(project.checkpoint.Damaged):
            project.checkpoint.load(path)
    assert len(positions) > 700


@pytest.mark.parametrize("length", [0, 10, 47, 48, 500])
def test_a_file_that_was_cut_is_found(project, tmp_path, length):
    path = tmp_path / "a.ckpt"
    project.checkpoint.save(path, CONTENT)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(project.checkpoint.Damaged):
        project.checkpoint.load(path)


def test_bytes_added_at_the_end_are_found(project, tmp_path):
    path = tmp_path / "a.ckpt"
    project.checkpoint.save(path, CONTENT)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(project.checkpoint.Damaged):
        project.checkpoint.load(path)


def test_only_the_newest_states_are_kept(project, tmp_path):
    for step in (1, 2, 10, 9):
        project.checkpoint.save_step(tmp_path, "flow", CONTENT | {"step": step}, keep=2)
    assert [path.name for path in project.checkpoint.step_paths(tmp_path, "flow")] == [
        "flow.step-000000010.ckpt", "flow.step-000000009.ckpt"]  # fmt: skip


def test_phases_with_a_common_beginning_do_not_mix(project, tmp_path):
    project.checkpoint.save_step(tmp_path, "flow", CONTENT, keep=1)
    project.checkpoint.save_step(tmp_path, "flow_two", CONTENT | {"step": 9}, keep=1)
    assert project.checkpoint.newest_step(tmp_path, "flow", CONTENT["settings"])["step"] == 3


def test_a_damaged_state_is_reported_and_the_previous_one_used(project, tmp_path, capsys):
    for step in (1, 2):
        project.checkpoint.save_step(tmp_path, "flow", CONTENT | {"step": step}, keep=2)
    newest = project.checkpoint.step_paths(tmp_path, "flow")[0]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert project.checkpoint.newest_step(tmp_path, "flow", CONTENT["settings"])["step"] == 1
    assert f"damaged: {newest}" in capsys.readouterr().err
    assert not newest.exists() and newest.with_name(newest.name + ".damaged").exists()


def test_a_file_made_with_other_settings_is_refused_with_the_difference(project, tmp_path):
    project.checkpoint.save(tmp_path / "a.ckpt", CONTENT)
    with pytest.raises(project.errors.ProjectError, match=r"lr: 0\.2 here, 0\.1 there"):
        project.checkpoint.restore(tmp_path / "a.ckpt", {"lr": 0.2})


def test_a_file_cannot_run_code(project, tmp_path):
    project.checkpoint.save(tmp_path / "a.ckpt", {"settings": {}, "payload": test_a_file_cannot_run_code})
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        project.checkpoint.load(tmp_path / "a.ckpt")


FULL = """
import resource, signal, sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from project.engine import checkpoint, errors
checkpoint.save(Path(sys.argv[2]), {"settings": {}, "step": 1})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    checkpoint.save(Path(sys.argv[2]), {"settings": {}, "step": 2, "weights": torch.zeros(100_000)})
except errors.ProjectError as error:
    print(error.code, str(error).splitlines()[1])
print(checkpoint.load(Path(sys.argv[2]))["step"])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ") or resource is None, reason="needs file size limits")
def test_a_disk_that_is_full_leaves_the_previous_file_and_says_so(project, tmp_path):
    command = [sys.executable, "-c", FULL, str(project.root / "src"), str(tmp_path / "a.ckpt")]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert output[0].startswith("3 why: ") and "what was saved before is untouched" in output[0]
    assert output[1] == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


def test_the_digest_of_weights_sees_values_names_shapes_and_types(project):
    digest, x = project.checkpoint.tensors_digest, torch.zeros(4)
    others = [{"a": x + 1}, {"b": x}, {"a": x.reshape(2, 2)}, {"a": x.int()}, {"a": -x}, {}]
    assert len({digest(tensors) for tensors in [{"a": x}, *others]}) == 7
    assert digest({"a": x, "b": x + 1}) == digest({"b": x + 1, "a": x})
