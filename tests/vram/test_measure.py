"""Measuring without a GPU: the child's code inside a trace, and the parent against an interpreter that plays one."""

import json
import sys
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import Settings
from reproof.vram.calibration import read
from reproof.vram.command import main
from reproof.vram.estimate import CONTEXT_BYTES
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps.py")
MIB, GIB = 2**20, 2**30
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]
DEVICE = {"name": "Tesla T4", "capability": [7, 5], "total_bytes": 15 * 10**9, "driver": "580.1"}
TRUTH = {
    "torch": "2.13.0+cu130", "device": DEVICE, "error": None, "ran_out": "", "step_s": [0.5, 0.1, 0.1],
    "allocated_peak_bytes": 40 * MIB, "reserved_peak_bytes": 64 * MIB, "reserved_bytes": 64 * MIB,
    "left_bytes": 32 * MIB, "device_bytes": 500 * MIB, "process_bytes": 400 * MIB, "workspace_bytes": 16 * MIB,
    "categories": {"parameters": 4 * MIB, "gradients": 4 * MIB, "optimizer state": 8 * MIB, "buffers": 0},
}  # fmt: skip
CONSTANTS = {
    "torch": "2.13.0+cu130", "device": DEVICE, "total_bytes": 15 * 10**9, "context_bytes": 123 * MIB,
    "blas_bytes": [3 * MIB, 5 * MIB], "others_known": False, "matmul_flop_per_s": {"float32": 4e12, "half": 3e13},
    "copy_bytes_per_s": 2.5e11,
    "convolutions": [
        {"dtype": "float32", "layout": "contiguous", "direction": "forward", "median_frac": 0.5, "largest_frac": 2.0,
         "cases": 8},
    ],
}  # fmt: skip


@pytest.fixture
def gpu_machine(tmp_path):
    """An interpreter that plays a machine with a T4 for `real`, and is ours for everything else."""

    def play(answer):
        (tmp_path / "answer.json").write_text(json.dumps(answer))
        script = tmp_path / "python"
        script.write_text(
            f'#!/bin/sh\ncase "$2" in real) cat > "{tmp_path}/job.json"; cat "{tmp_path}/answer.json"; exit 0;; esac\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        script.chmod(0o755)
        return str(script)

    return play


def test_the_child_measures_what_torch_says_by_category():
    with Interpreter(TraceRequest(target=f"{STEPS}:measures_itself", steps=1)) as interpreter:
        with pytest.raises(PackError) as caught:
            interpreter.trace(gpus.find("T4"))
    found = json.loads(caught.value.what.partition("ValueError during step 1 at")[2].partition("): ")[2])
    assert found["categories"] == {
        "parameters": 4 * MIB, "gradients": 4 * MIB, "optimizer state": 8 * MIB, "buffers": 0,
    }  # fmt: skip
    assert found["steps"] == 2
    assert found["peak"] >= 20 * MIB  # states, gradients, and the optimizer's temporary
    assert found["ran_out"] == ""


def test_estimate_and_truth_stand_side_by_side(gpu_machine, capsys):
    words = ["measure", f"{STEPS}:linear", "--python", gpu_machine(TRUTH), "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in answer["rows"]}
    for name in ("parameters", "gradients", "optimizer state"):
        assert rows[name]["error_frac"] == 0, name
    assert rows["context"]["truth_bytes"] == (400 - 64) * MIB
    assert rows["whole device"]["truth_bytes"] == 400 * MIB
    error = rows["peak allocated"]["estimate_bytes"] / (40 * MIB) - 1
    assert rows["peak allocated"]["error_frac"] == pytest.approx(error, abs=1e-4)
    assert answer["gpu"] == "T4"
    assert answer["estimate_s"][0] < answer["estimate_s"][1]
    assert main(words[:-1]) == 0
    assert "| parameters | 4.0 MiB | 4.0 MiB | 0.00 % |" in capsys.readouterr().out


def test_without_nvml_the_context_is_not_made_up(gpu_machine, capsys):
    python = gpu_machine({**TRUTH, "process_bytes": None})
    assert main(["measure", f"{STEPS}:linear", "--python", python, "--no-trace", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in answer["rows"]}
    assert rows["context"]["truth_bytes"] is None
    assert rows["parameters"]["estimate_bytes"] is None
    assert any("other processes" in note for note in answer["notes"])


def test_a_fits_that_runs_out_of_memory_is_a_no(gpu_machine, capsys):
    python = gpu_machine({**TRUTH, "ran_out": "CUDA out of memory", "step_s": [0.5]})
    assert main(["measure", f"{STEPS}:linear", "--python", python]) == 4
    assert "out of memory after 1 of 3 steps" in capsys.readouterr().out


def test_a_step_that_fails_for_real_is_told_with_its_line(gpu_machine, capsys):
    error = {"kind": "step-raised", "type": "ValueError", "text": "no data", "where": "train.py:7", "line": "x"}
    python = gpu_machine({**TRUTH, "error": error})
    assert main(["measure", f"{STEPS}:linear", "--python", python]) == 2
    assert "train.py:7" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["measure", f"{STEPS}:linear"], ["calibrate"]])
def test_without_a_gpu_it_ends_with_3_and_nothing_is_written(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 3
    assert capsys.readouterr().err.startswith("error[no-gpu]")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", ["", "no json", "[1, 2]"])
def test_an_answer_that_is_none_is_a_crash(tmp_path, capsys, answer):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")
    script.chmod(0o755)
    assert main(["calibrate", "--python", str(script), "--out", str(tmp_path / "c.json")]) == 3
    assert "measure-crashed" in capsys.readouterr().err


def test_a_gpu_that_hangs_ends_at_its_limit(tmp_path, capsys):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nwhile true; do read x || true; done\n")
    script.chmod(0o755)
    assert main(["calibrate", "--python", str(script), "--timeout-s", "0.3", "--out", str(tmp_path / "c.json")]) == 2
    assert "step-timeout" in capsys.readouterr().err


def test_constants_are_kept_and_used_by_every_answer(gpu_machine, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", "--python", gpu_machine(CONSTANTS)]) == 0
    assert "123.0 MiB" in capsys.readouterr().out
    (known,) = read(None).devices
    assert known == "T4"
    assert main(["estimate", "--params", "1M", "--gpu", "T4", "--gpu", "L4", "--json"]) == 0
    t4, l4 = json.loads(capsys.readouterr().out)["gpus"]
    assert t4["usable_bytes"] == 15 * 10**9
    assert t4["needed_bytes"] == 20 * 10**6 + (123 + 3 + 5) * MIB
    assert l4["needed_bytes"] == 20 * 10**6 + CONTEXT_BYTES + 2 * 8_519_680  # another card: the bounds
    (card,) = gpus.chosen(["T4"])
    with Interpreter(TraceRequest(target=f"{STEPS}:linear", steps=2)) as interpreter:
        result = interpreter.trace(card)
        told = judged(card, result, Timeline.read(result), Settings())
        assert told.context_bytes == 123 * MIB
        assert {part.name: part.bytes for part in told.parts}["workspace"] == 8 * MIB  # 3 forward, 5 backward
        interpreter.request = TraceRequest(target=f"{STEPS}:one_convolution", steps=1)
        line = Timeline.read(interpreter.trace(card))
    # input 8 x 4 x 64 x 64, output 8 x 16 x 64 x 64, weight 16 x 4 x 3 x 3, in fp32; half of it
    assert line.most("workspace, a guess") == (8 * 4 * 64 * 64 + 8 * 16 * 64 * 64 + 16 * 4 * 9) * 4 // 2


def test_a_second_device_is_added_and_the_first_is_kept(gpu_machine, tmp_path):
    out = str(tmp_path / "c.json")
    assert main(["calibrate", "--python", gpu_machine(CONSTANTS), "--out", out]) == 0
    other = {**CONSTANTS, "device": {**DEVICE, "name": "NVIDIA Strange 9"}}
    assert main(["calibrate", "--python", gpu_machine(other), "--out", out]) == 0
    assert list(read(Path(out)).devices) == ["T4", "NVIDIA Strange 9"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"devices": {"T4": {"gpu": "T4"}}}', '{"devicess": {}}'])
def test_a_broken_calibration_is_refused(tmp_path, capsys, text):
    path = tmp_path / "c.json"
    path.write_text(text)
    assert main(["estimate", "--params", "1M", "--calibration", str(path)]) == 2
    assert "error[bad-calibration]" in capsys.readouterr().err
