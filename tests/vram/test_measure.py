"""Measuring without a GPU: the child's code inside a trace, and the parent against an interpreter that plays one."""

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import Settings
from reproof.vram.calibration import named, read
from reproof.vram.command import main
from reproof.vram.estimate import CONTEXT_BYTES
from reproof.vram.hardware import ask
from reproof.vram.interpreter import Interpreter
from reproof.vram.measure import answer as compared
from reproof.vram.measure import card_of
from reproof.vram.observed import MeasureRequest
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps.py")
MIB, GIB = 2**20, 2**30
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]
DEVICE = {"name": "Tesla T4", "capability": [7, 5], "total_bytes": 15 * 10**9, "driver": "580.1",
          "unified": False, "allocator": "native", "others_bytes": 0}  # fmt: skip
TRUTH = {
    "torch": "2.13.0+cu130", "device": DEVICE, "error": None, "ran_out": "", "step_s": [0.5, 0.1, 0.1],
    "allocated_peak_bytes": 40 * MIB, "reserved_peak_bytes": 64 * MIB, "reserved_bytes": 64 * MIB,
    "left_bytes": 32 * MIB, "device_bytes": 500 * MIB, "taken_bytes": 400 * MIB, "taken_how": "process",
    "workspace_bytes": 16 * MIB, "peaks": [[4 * MIB, 4 * MIB], [40 * MIB, 64 * MIB], [36 * MIB, 64 * MIB], [0, 0]],
    "retries": 0, "caught": 0, "expandable": False,
    "categories": {"parameters": 4 * MIB, "gradients": 4 * MIB, "optimizer state": 8 * MIB, "buffers": 0},
}  # fmt: skip
CONSTANTS = {
    "torch": "2.13.0+cu130", "device": DEVICE, "total_bytes": 15 * 10**9, "context_bytes": 123 * MIB,
    "blas_bytes": [3 * MIB, 5 * MIB], "context_how": "growth", "matmul_flop_per_s": {"float32": 4e12, "half": 3e13},
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
            f'#!/bin/sh\ncase "$4" in real) cat > "{tmp_path}/job.json"; env > "{tmp_path}/env.txt"; '
            f'cat "{tmp_path}/answer.json"; exit 0;; esac\n'
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
    assert [rows[f"peak of {name}"]["truth_bytes"] // MIB for name in ("build", "step 1", "step 2")] == [4, 40, 36]
    assert all(rows[f"peak of {name}"]["estimate_bytes"] for name in ("build", "step 1", "step 2"))
    large = rows["activations, gradients and temporaries at the peak"]
    assert large["truth_bytes"] == 12 * MIB  # of 40, without 4 parameters, 8 optimizer state, 16 workspaces
    assert large["estimate_bytes"] < rows["peak allocated"]["estimate_bytes"]
    error = rows["peak allocated"]["estimate_bytes"] / (40 * MIB) - 1
    assert rows["peak allocated"]["error_frac"] == pytest.approx(error, abs=1e-4)
    assert answer["gpu"] == "T4"
    assert answer["estimate_s"][0] < answer["estimate_s"][1]
    assert main(words[:-1]) == 0
    assert "| parameters | 4.0 MiB | 4.0 MiB | 0.00 % |" in capsys.readouterr().out


def test_without_nvml_the_context_is_not_made_up(gpu_machine, capsys):
    python = gpu_machine({**TRUTH, "taken_bytes": None, "taken_how": ""})
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
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # also on a machine that has one
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
    assert t4["needed_bytes"] == 20 * 10**6 + (123 + 3 + 5 + 148) * MIB  # context, cuBLAS twice, sums
    assert l4["needed_bytes"] == 20 * 10**6 + CONTEXT_BYTES + 2 * 8_519_680 + 148 * MIB  # another card: the bounds
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


def rows_of(capsys):
    return {row["name"]: row["truth_bytes"] for row in json.loads(capsys.readouterr().out)["rows"]}


def test_the_device_at_its_fullest_had_the_peak_of_what_was_reserved(gpu_machine, capsys):
    later = {**TRUTH, "reserved_bytes": 20 * MIB, "taken_bytes": 356 * MIB}  # the step emptied the cache at its end
    assert main(["measure", f"{STEPS}:linear", "--python", gpu_machine(later), "--no-trace", "--json"]) == 0
    rows = rows_of(capsys)
    assert (rows["context"], rows["whole device"]) == (336 * MIB, (336 + 64) * MIB)


def test_a_card_that_others_fill_says_nothing_against_a_fits():
    request = MeasureRequest(target=f"{STEPS}:linear")
    estimate = {"verdict": "fits", "whole device": GIB, "time": None}
    card = card_of(DEVICE, request)
    full = {**TRUTH, "ran_out": "CUDA out of memory"}
    assert not compared(request, full, card, estimate).ok
    found = compared(request, {**full, "device": {**DEVICE, "others_bytes": 14 * 10**9}}, card, estimate)
    assert found.ok
    assert "13.0 GiB of the card were other programs'" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"retries": 3}, "gave its cache back 3 times"),
        ({"caught": 2}, "ran out of memory 2 times and caught it"),
        ({"taken_how": "growth"}, "what the whole device lost"),
        ({"device": {**DEVICE, "allocator": "cudaMallocAsync"}}, "cudaMallocAsync"),
        ({"device": {**DEVICE, "unified": True}}, "shares the host's memory"),
    ],
)
def test_what_the_numbers_do_not_say_is_said(gpu_machine, capsys, more, says):
    assert main(["measure", f"{STEPS}:linear", "--python", gpu_machine({**TRUTH, **more}), "--no-trace"]) == 0
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shown", "index", "only"),
    [(None, "2", "2"), ("3,1", "1", "1"), ("GPU-aa,MIG-bb", "1", "MIG-bb"), ("GPU-aa", "0", "GPU-aa"), ("", "0", "")],
)
def test_the_child_sees_the_one_gpu_that_is_meant(gpu_machine, tmp_path, monkeypatch, shown, index, only):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    python = gpu_machine(CONSTANTS)
    assert main(["calibrate", "--python", python, "--index", index, "--out", str(tmp_path / "c.json")]) == 0
    environment = (tmp_path / "env.txt").read_text().splitlines()
    assert f"CUDA_VISIBLE_DEVICES={only}" in environment
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in environment


def test_a_gpu_beyond_those_that_are_shown_is_named(gpu_machine, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    out = str(tmp_path / "c.json")
    assert main(["calibrate", "--python", gpu_machine(CONSTANTS), "--index", "2", "--out", out]) == 3
    assert "shows 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "inherited", "expandable", "note"),
    [
        (["--alloc-conf", "expandable_segments:True"], "", True, ""),
        ([], "expandable_segments:True", True, ""),
        ([], "expandable_segments:True", False, ""),  # torch did not take it
        ([], "backend:cudaMallocAsync", False, "does not model it"),
    ],
)
def test_estimate_and_truth_have_the_same_allocator(gpu_machine, tmp_path, capsys, monkeypatch, words, inherited,
                                                    expandable, note):  # fmt: skip
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", inherited)
    seen = []
    monkeypatch.setattr("reproof.vram.measure._estimated", lambda *given: seen.append(given[-1]))
    python = gpu_machine({**TRUTH, "expandable": expandable})
    assert main(["measure", f"{STEPS}:linear", "--python", python, *words]) == 0
    assert seen[0].expandable_segments is expandable
    assert note in capsys.readouterr().out
    if words:
        said = (tmp_path / "env.txt").read_text().splitlines()
        assert f"PYTORCH_CUDA_ALLOC_CONF={words[1]}" in said


def test_a_worker_that_stays_behind_holds_nobody_up(tmp_path):
    script = tmp_path / "python"
    script.write_text(
        f"#!/bin/sh\ncat > /dev/null\nsleep 600 &\necho $! > {tmp_path}/pid\nprintf '\\377' >&2\necho '{{}}'\n"
    )
    script.chmod(0o755)
    assert ask({"kind": "calibrate", "index": 0}, script, 20) == {}
    try:
        worker = os.pidfd_open(int((tmp_path / "pid").read_text()))
    except ProcessLookupError:
        return  # it is gone already
    assert select.select([worker], [], [], 20)[0], "it was ended with the group"
    os.close(worker)


def test_nobody_stays_on_the_gpu_when_the_one_who_asked_is_killed():
    inner = (
        "import os, time; from reproof.vram.child.real import _die_with_parent as tied; tied(); "
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    env = {**os.environ, "PYTHONPATH": str(STEPS.parents[2] / "helpers")}
    asked = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, env=env)
    child = os.pidfd_open(int(asked.stdout.readline()))
    asked.kill()
    asked.communicate()
    assert select.select([child], [], [], 20)[0]
    os.close(child)


def test_every_way_of_being_full_is_told_from_other_errors():
    import torch

    from reproof.vram.child.real import no_room

    try:
        raise ValueError("retry failed") from torch.cuda.OutOfMemoryError("CUDA out of memory. Tried")
    except ValueError as wrapped:
        assert no_room(wrapped).startswith("CUDA out of memory")
    assert no_room(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert no_room(RuntimeError("CUDA error: out of memory"))
    assert no_room(RuntimeError("CUDA error: device-side assert triggered")) == ""
    assert no_room(ValueError("out of memory of my own")) == ""


@pytest.mark.parametrize(
    ("name", "total", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", 79.1, "H100"),
        ("Tesla P100-PCIE-16GB", 15.9, "P100"),
        ("Tesla V100-SXM2-32GB", 31.7, "V100 32GB"),
        ("NVIDIA A100-SXM4-40GB", 39.5, "A100 40GB"),
        ("NVIDIA A100 80GB PCIe", 79.1, "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4.75, "NVIDIA A100-SXM4-40GB MIG 1g.5gb"),
        ("NVIDIA GeForce RTX 3060", 7.8, "NVIDIA GeForce RTX 3060"),  # the 8 GB card is not the table's
        ("NVIDIA H100 NVL", 93.1, "NVIDIA H100 NVL"),
    ],
)
def test_the_drivers_names_are_the_tables(name, total, expected):
    assert named(name, int(total * GIB)) == expected


@pytest.fixture(scope="module")
def nvml(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that answers from a script; see nvml_stub.c."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: the stand-in for NVML's library is compiled")
    pytest.importorskip("pynvml", reason="nvidia-ml-py asks it")
    folder = tmp_path_factory.mktemp("nvml")
    library = str(folder / "libnvidia-ml.so.1")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, str(STEPS.with_name("nvml_stub.c"))], check=True)
    return folder


def test_the_real_child_runs_whole_against_a_stand_in_for_the_gpu(tmp_path, nvml, monkeypatch):
    """Everything but the process itself: torch.cuda's questions are answered by a trace, NVML's by a library."""
    script = tmp_path / "nvml.txt"
    script.write_text("gpu GPU-aaaa-1 NVIDIA_H100 84943715696 0 1000000000 100000000 -1\n")
    monkeypatch.setenv("NVML_STUB", str(script))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    step = tmp_path / "whole.py"
    step.write_text(
        "import importlib, json\n"
        "def build(**job):\n"
        "    def step():\n"
        "        real = importlib.import_module('reproof_vram_child.real')\n"
        f"        found = real.run({{**job, 'index': 0, 'path': {str(STEPS)!r}, 'module': False,\n"
        "                          'function': 'linear', 'arguments': {'batch': 8}, 'offered': {}, 'steps': 2})\n"
        "        names = ('taken_bytes', 'taken_how', 'context_how', 'blas_bytes', 'error', 'ran_out')\n"
        "        short = {name: found[name] for name in names if name in found}\n"
        "        short['driver'], short['others'] = found['device']['driver'], found['device']['others_bytes']\n"
        "        short['peaks'] = len(found.get('peaks', ())); short['rules'] = len(found.get('convolutions', ()))\n"
        "        raise ValueError(json.dumps(short))\n"
        "    return step\n"
    )
    said = {}
    with Interpreter(TraceRequest(target=f"{step}:build", steps=1)) as interpreter:
        for kind in ("measure", "calibrate"):
            with pytest.raises(PackError) as caught:
                interpreter.trace(gpus.find("H100"), {"kind": kind})
            said[kind] = json.loads(caught.value.what.partition("): ")[2])
    # the stand-in's memory grows by 100 MB at every look: one before, one to find the card, one for the growth
    common = {"driver": "580.65.06", "others": 1_000_000_000}
    assert said["measure"] == {**common, "taken_bytes": 200_000_000, "taken_how": "growth", "error": None,
                               "ran_out": "", "peaks": 4, "rules": 0}  # fmt: skip
    workspace = 32 * MIB  # cuBLAS on Hopper
    assert said["calibrate"]["blas_bytes"] == [workspace, workspace]
    assert said["calibrate"]["context_how"] == "growth"
    assert said["calibrate"]["rules"] == 8  # two formats, two layouts, two directions


@pytest.mark.gpu
@pytest.mark.slow
def test_on_a_real_gpu_estimate_and_truth_agree(tmp_path, capsys, monkeypatch):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["device"]
    assert 100 * MIB < found["context_bytes"] < 1536 * MIB
    assert main(["measure", f"{STEPS}:linear", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    for name in ("parameters", "gradients", "optimizer state"):
        assert rows[name]["error_frac"] == 0, name
    assert abs(rows["peak allocated"]["error_frac"]) < 0.05
    assert main(["watch", "--for-s", "0.1", "--every-s", "0.1", "--warn-frac", "1"]) == 0
