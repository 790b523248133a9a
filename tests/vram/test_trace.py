"""Traces of small steps: every size worked out by hand, or counted by torch on a CPU, or by the closed form."""

import json
import math
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram import interpreter as interpreter_module
from reproof.vram.allocator import MIB, Settings, replay
from reproof.vram.command import main
from reproof.vram.estimate import context_of
from reproof.vram.interpreter import Interpreter
from reproof.vram.sinkhorn import Clouds, backward, value, worst
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged, settings
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps.py")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]
BLAS = 2 * 8_519_680  # forward and backward, below Hopper


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp")) as started:
        yield started


@pytest.fixture
def trace(interpreter):
    """Traces a function of steps.py on a GPU; gives what the report says of it."""

    def run(function, gpu="T4", steps=2, lever="", **given):
        interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=steps)
        card = gpus.find(gpu)
        result = interpreter.trace(card, given, lever)
        return judged(card, result, Timeline.read(result), Settings())

    return run


@pytest.fixture
def timeline(interpreter):
    """Traces a function of steps.py; gives every allocation."""

    def run(function, gpu="T4", **given):
        interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=2)
        return Timeline.read(interpreter.trace(gpus.find(gpu), given))

    return run


def parts(answer):
    return {part.name: part.bytes for part in answer.parts}


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("max_split_size_mb:21", Settings(max_split_bytes=21 * MIB)),
        ("max_split_size_mb:20", None),  # torch: "too small, must be > 20"
        ("max_split_size_mb:nan", None),
        ("garbage_collection_threshold:0.6", Settings(garbage_collection_threshold=0.6)),
        ("garbage_collection_threshold:0", None),
        ("garbage_collection_threshold:1", None),
        ("roundup_power2_divisions:4", Settings(roundup_power2_divisions=4)),
        ("roundup_power2_divisions:6", None),
        ("roundup_power2_divisions:-4", None),
        ("expandable_segments:True, max_split_size_mb:512", Settings(True, 512 * MIB)),
        ("expandable_segments:1", None),
        ("backend:native", None),
    ],
)
def test_settings_of_the_allocator_are_those_that_torch_takes(word, read):
    if read is not None:
        assert settings(word) == read
        return
    with pytest.raises(PackError, match="bad-alloc-conf"):
        settings(word)


def test_a_linear_layer_is_exact_to_the_byte(trace):
    told = trace("linear")
    assert parts(told) == {
        "parameters": 4 * MIB,
        "optimizer state": 8 * MIB,  # two moments; the step counter lies on the CPU
        "gradients": 4 * MIB,
        "activations": 4,  # the loss, which still has its name
        "optimizer temporaries": 4 * MIB,  # foreach AdamW: the root of the second moment
        "workspace": BLAS,
        "rounding": 508,  # the loss takes a block of 512
    }
    assert told.moment.phase == "optimizer"
    assert told.allocated_bytes == sum(parts(told).values())


def test_fused_and_looped_updates_save_the_temporaries_of_foreach(trace):
    size = {update: trace("mlp", update=update) for update in ("foreach", "fused", "loop")}
    weights = parts(size["foreach"])["parameters"]
    assert parts(size["foreach"])["optimizer temporaries"] == weights
    # what is left over 0.8 of the weights: without the optimizer's peak, that of backward is the highest
    assert 0.8 * weights < size["foreach"].allocated_bytes - size["fused"].allocated_bytes <= weights
    assert size["loop"].allocated_bytes < size["foreach"].allocated_bytes


def test_the_optimizers_state_appears_in_the_first_step(trace):
    steps = trace("linear", steps=3).steps
    assert [step.name for step in steps] == ["build", "step 1", "step 2", "step 3"]
    assert steps[0].after_bytes == 4 * MIB
    assert steps[1].after_bytes == steps[2].after_bytes == steps[3].after_bytes
    assert steps[1].after_bytes >= 16 * MIB + BLAS


def test_gradients_that_wait_between_micro_batches_are_held(trace):
    once, twice = trace("mlp", batch=4096), trace("mlp", batch=4096, accumulate=2)
    grown = twice.allocated_bytes - once.allocated_bytes
    weights = parts(once)["parameters"]
    assert weights * 0.3 < grown <= weights * 1.1


def test_activations_are_what_autograd_saves_on_a_cpu(timeline, reference):
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(512, 2048), torch.nn.GELU(), torch.nn.Linear(2048, 512))
    x = torch.randn(8192, 512)
    saved = reference.saved_bytes(net, lambda: net(x).square().mean())
    assert timeline("mlp", batch=8192).most("activations") == pytest.approx(saved, rel=0.001)


def test_autocast_copies_are_counted_and_grad_scaler_does_not_skip_the_update(trace, timeline):
    scaled = trace("fp16_scaled")
    assert parts(scaled)["optimizer state"] == 2 * parts(scaled)["parameters"]
    line = timeline("gpt", gpu="A100 40GB", amp="bf16")
    # weights only, and of the tied table the head's copy: norms stay in fp32
    assert line.most("autocast copies") == pytest.approx(line.most("parameters") / 2, rel=0.03)
    assert timeline("gpt").most("autocast copies") == 0


def test_checkpointing_keeps_the_inputs_of_blocks_only(trace):
    plain, less = trace("gpt", layers=8, batch=8), trace("gpt", layers=8, batch=8, recompute=True)
    assert less.allocated_bytes < 0.6 * plain.allocated_bytes
    assert less.moment.phase in ("recompute", "backward", "forward")


@pytest.mark.parametrize(
    ("gpu", "amp", "kernel"),
    [
        ("T4", None, "efficient"),
        ("T4", "fp16", "efficient"),  # no flash before 8.0
        ("T4", "bf16", "math"),  # and no bf16
        ("A100 40GB", "bf16", "flash"),
        ("A100 40GB", None, "efficient"),
        ("H100", "bf16", "cudnn"),
    ],
)
def test_the_attention_kernel_is_the_targets(trace, gpu, amp, kernel):
    told = trace("gpt", gpu=gpu, amp=amp, steps=1, layers=1)
    assert list(told.kernels) == [f"attention kernel: {kernel}"]


def test_cublas_takes_more_on_hopper(trace):
    assert parts(trace("linear"))["workspace"] == 2 * 8_519_680
    assert parts(trace("linear", gpu="H100"))["workspace"] == 2 * 32 * MIB


def test_a_guessed_workspace_is_told_apart(trace):
    told = trace("resnet", gpu="A100 40GB")  # TF32 convolutions of NCHW data
    assert told.calibrated_bytes < told.allocated_bytes
    last = trace("resnet", gpu="A100 40GB", last=True)
    assert last.calibrated_bytes == last.allocated_bytes
    old = trace("resnet", gpu="T4")  # no TF32
    assert old.calibrated_bytes == old.allocated_bytes


def test_only_a_tensor_that_does_not_fit_is_a_no_since_cudnn_can_do_with_less(interpreter):
    interpreter.request = TraceRequest(target=f"{STEPS}:resnet", steps=2)
    a100 = gpus.find("A100 40GB")
    result = interpreter.trace(a100, {})
    line = Timeline.read(result)
    context = context_of(a100)

    def on(size):
        return judged(replace(a100, usable_bytes=context + size), result, line, Settings())

    whole, least = replay(line.events).reserved_bytes, replay(line.calibrated()).reserved_bytes
    assert whole - least == 20 * MIB
    enough, short, none = on(whole), on(whole - 20 * MIB), on(least - 20 * MIB)
    assert (enough.verdict, enough.notes) == ("tight", [])
    assert short.verdict == "tight"
    assert "2 convolution workspaces do not fit as guessed" in short.notes[-1]
    assert none.verdict == "no"
    assert none.oom.op == "aten::convolution"  # its output, which is made before its workspace is asked for


@pytest.mark.parametrize(
    ("n", "m", "d", "p"), [(512, 512, 2, 2), (512, 1024, 8, 2), (1024, 512, 2, 1), (700, 300, 16, 2)]
)
def test_geomloss_is_within_one_percent_of_its_law(trace, n, m, d, p):
    clouds = Clouds(n, m, d, p)
    for gradient, law in ((True, backward), (False, value)):
        told = trace("geomloss", n=n, m=m, d=d, p=p, gradient=gradient)
        # two steps: in the second all workspaces exist when the matrices peak
        traced = told.allocated_bytes - parts(told).get("workspace", 0)
        assert traced == pytest.approx(4 * worst(law(clouds))[1], rel=0.01)


def test_the_peak_is_told_with_module_and_line(trace):
    told = trace("gpt", batch=16, vocab=8000)
    assert told.moment.line.startswith(str(STEPS))
    source = STEPS.read_text().splitlines()[int(told.moment.line.rpartition(":")[2]) - 1]
    assert "cross_entropy" in source
    names = {share.name for share in told.modules}
    assert {"blocks.0", "blocks.3", "tokens"} <= names
    assert sum(share.bytes for share in told.modules) + parts(told)["workspace"] + parts(told)["rounding"] == (
        told.allocated_bytes
    )


def test_known_values_take_the_true_branch_and_unknown_ones_are_named(interpreter, trace):
    trace("branches_on_values")
    result = interpreter.trace(gpus.find("T4"))
    said = {what: where for what, where, _ in result["assumed"]}
    assert not any("tolist" in what for what in said)  # the schedule is known
    (where,) = [where for what, where in said.items() if "all elements are selected" in what and "nonzero" in what]
    assert where.startswith(str(STEPS))


@pytest.mark.parametrize(
    ("function", "word"),
    [("compiled", "torch.compile"), ("parallel", "DataParallel"), ("distributed", "buckets"),
     ("rnn", "reserve"), ("reads_values", "item()")],
)  # fmt: skip
def test_what_is_left_out_or_guessed_is_said(interpreter, trace, function, word):
    trace(function)
    result = interpreter.trace(gpus.find("T4"))
    assert any(word in what for what, _, _ in result["assumed"])


def test_gradient_buckets_are_counted(trace):
    assert parts(trace("distributed"))["other tensors from build()"] == 4 * MIB


def test_a_leak_is_told_with_its_size(trace):
    told = trace("leaks", steps=3)
    assert told.leak_bytes == 2 * MIB
    left = (told.usable_bytes - told.device_bytes) // (2 * MIB)
    assert any(f"2.0 MiB more behind, so the verdict holds for about {left} further steps" in x for x in told.notes)
    assert trace("mlp", steps=3).leak_bytes == 0


@pytest.mark.parametrize(
    ("function", "slug", "words"),
    [
        ("raises", "step-raised", ["step 1", "steps.py:"]),
        ("returns_a_model", "bad-step", ["Linear", "step"]),
        ("nowhere", "bad-step", ["no function 'nowhere'", "gpt"]),
        ("on_the_cpu", "nothing-on-cuda", ["cuda"]),
        ("second_gpu", "no-such-device", ["cuda:1", "steps.py:"]),
        ("writes", "fenced", ["written.csv", "steps.py:"]),
        ("forks", "fenced", ["os.fork", "starts no processes"]),
        ("aborts", "trace-crashed", ["signal 6", "estimate"]),
        ("exits", "step-raised", ["SystemExit"]),
        ("sparse", "cannot-trace", ["estimate"]),
    ],
)
def test_a_bad_step_is_an_error_that_names_it(trace, function, slug, words):
    with pytest.raises(PackError) as caught:
        trace(function)
    assert caught.value.slug == slug
    assert caught.value.exit_code == (3 if slug in ("cannot-trace", "trace-crashed") else 2)
    for word in words:
        assert word in str(caught.value)


def test_a_trace_touches_no_file(trace, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    for function in ("removes", "writes"):
        with pytest.raises(PackError, match="a trace leaves the files alone"):
            trace(function, path=str(kept))
    assert kept.read_text() == "mine"


def test_a_step_that_hangs_ends_at_its_limit(interpreter):
    interpreter.request = TraceRequest(target=f"{STEPS}:hangs", timeout_s=0.5)
    with pytest.raises(PackError, match="did not end within"):
        interpreter.trace(gpus.find("T4"))
    interpreter.request = TraceRequest(target=f"{STEPS}:linear")
    assert interpreter.trace(gpus.find("T4"))["ops"] > 0  # and the next one goes through


def test_host_memory_stays_below_a_gibibyte(interpreter):
    interpreter.request = TraceRequest(target=f"{STEPS}:gpt", steps=1)
    big = {"layers": 24, "width": 4096, "vocab": 32000, "heads": 32, "batch": 1}  # 4.8 billion parameters
    result = interpreter.trace(gpus.find("H200"), big)
    assert result["params"] > 4.8e9
    assert result["host_bytes"] < 2**30


def test_levers_are_pulled_on_the_step_itself(trace):
    plain = trace("gpt", batch=8, layers=8)
    assert trace("gpt", lever="checkpoint", batch=8, layers=8).allocated_bytes < 0.7 * plain.allocated_bytes
    assert trace("gpt", lever="offload", batch=8, layers=8).allocated_bytes < 0.7 * plain.allocated_bytes
    assert trace("gpt", lever="fp16", batch=8, layers=8).allocated_bytes < plain.allocated_bytes
    assert "optimizer temporaries" not in parts(trace("linear", lever="fused"))
    with pytest.raises(PackError, match=r"no nn\.ModuleList"):
        trace("linear", lever="checkpoint")


def test_the_report_is_whole_and_the_verdict_is_the_exit_code(capsys, tmp_path):
    page, picture = tmp_path / "timeline.html", tmp_path / "timeline.png"
    assert main(["trace", f"{STEPS}:mlp", "--gpu", "2GiB", "--gpu", "T4", "--steps", "2", "--plot", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# ")
    assert "Out of memory" not in out
    text = page.read_text()
    assert "<script src" not in text and "http" not in text
    assert "step 1" in text
    big = ["--arg", "batch=300000", "--gpu", "2GiB", "--steps", "1"]
    assert main(["trace", f"{STEPS}:mlp", *big, "--plot", str(picture)]) == 4
    assert "Out of memory at: " in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_json_says_how_every_part_is_known(capsys):
    assert main(["trace", f"{STEPS}:linear", "--gpu", "T4", "--steps", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["how"] == "traced"
    (gpu,) = answer["gpus"]
    assert gpu["device_bytes"] == gpu["reserved_bytes"] + gpu["context_bytes"]
    assert gpu["allocated_bytes"] == sum(part["bytes"] for part in gpu["parts"])
    assert math.isclose(gpu["used_frac"], gpu["device_bytes"] / gpu["usable_bytes"], abs_tol=1e-4)


def test_fit_finds_the_edge_and_keeps_the_samples(capsys, interpreter):
    words = [
        "fit",
        f"{STEPS}:mlp",
        "--batch",
        "4096",
        "--iterations",
        "1000",
        "--gpu",
        "1GiB",
        "--arg",
        "width=1024",
        "--steps",
        "1",
    ]
    assert main([*words, "--accumulate-arg", "accumulate", "--json"]) == 0
    (gpu,) = json.loads(capsys.readouterr().out)["gpus"]
    most = gpu["largest_micro_batch"]
    assert gpu["micro_batch"] * gpu["accumulate"] * gpu["iterations"] >= 4096 * 1000
    assert gpu["micro_batch"] <= most < 4096
    sizes = []
    for batch in (most, most + 1):
        interpreter.request = TraceRequest(target=f"{STEPS}:mlp", steps=1)
        card = gpus.find("1GiB")
        result = interpreter.trace(card, {"width": 1024, "batch": batch, "accumulate": 2})
        sizes.append(judged(card, result, Timeline.read(result), Settings()).used_frac)
    assert sizes[0] <= 0.92 < sizes[1] + 1e-4  # with 33 MB of gradients that wait between two micro-batches


def test_a_coupled_loss_is_never_split(capsys):
    words = ["fit", f"{STEPS}:mlp", "--batch", "65536", "--gpu", "800MiB", "--coupled", "--steps", "1"]
    assert main(words) == 4
    assert "different method" in capsys.readouterr().out


def test_levers_are_ranked_by_what_they_save(capsys):
    assert main(["levers", f"{STEPS}:linear", "--gpu", "T4", "--steps", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    saved = [lever["saved_bytes"] for lever in answer["levers"] if lever["device_bytes"]]
    assert saved == sorted(saved, reverse=True)
    (none,) = [lever for lever in answer["levers"] if lever["why_not"]]
    assert none["name"] == "activation checkpointing"


def interpreter_like(folder, body):
    """An executable that starts our Python as another one would be."""
    script = folder / "python"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("body", "slug", "word"),
    [
        (f'exec "{sys.executable}" -S "$@"', "not-installed", "no torch in"),  # -S: no site-packages
        ("exit 7", "no-python", "it says nothing"),
    ],
)
def test_an_interpreter_that_cannot_trace_ends_with_3_and_names_the_weaker_way(tmp_path, capsys, body, slug, word):
    python = interpreter_like(tmp_path, body)
    assert main(["trace", f"{STEPS}:mlp", "--python", python]) == 3
    said = capsys.readouterr().err
    assert said.startswith(f"error[{slug}]")
    assert word in said


def test_a_torch_that_cannot_fake_cuda_has_a_weaker_way_with_words_and_codes_to_match(tmp_path, capsys, monkeypatch):
    # a child whose fakecuda refuses, as it does under torch 2.4
    folder = tmp_path / "child"
    shutil.copytree(interpreter_module.CHILD, folder)
    refusing = "        raise OSError('as torch 2.4')\n        built ="
    patched = (folder / "fakecuda.py").read_text().replace("        built =", refusing, 1)
    (folder / "fakecuda.py").write_text(patched)
    monkeypatch.setattr(interpreter_module, "CHILD", folder)
    words = ["trace", f"{STEPS}:linear", "--gpu", "T4", "--steps", "2"]
    assert main(words) == 3
    said = capsys.readouterr().err
    assert "as torch 2.4" in said
    assert "--weaker" in said
    assert main([*words, "--weaker", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["headline"].startswith("the weaker way")
    (gpu,) = answer["gpus"]
    found = {part["name"]: part["bytes"] for part in gpu["parts"]}
    assert found["parameters"] == 4 * MIB
    assert found["optimizer state"] == pytest.approx(8 * MIB, abs=64)
    assert found["optimizer temporaries"] == 4 * MIB  # foreach, as on a GPU
    assert "workspace" not in found
    assert gpu["device_bytes"] == int(1.1 * (gpu["reserved_bytes"] + gpu["context_bytes"]))
    assert any("fake CPU tensors" in each["what"] for each in answer["assumptions"])


def test_a_workspace_is_given_back_when_its_operator_ends(trace):
    assert trace("one_convolution", gpu="A100 40GB", steps=3).leak_bytes == 0


def test_a_forward_that_runs_again_in_the_backward_is_told_as_that(timeline):
    assert "recompute" in {moment.phase for moment in timeline("gpt", recompute=True).moments}


def test_a_torch_before_2_10_gets_a_device_guard_of_ours_and_the_same_sizes(trace, tmp_path, monkeypatch):
    folder = tmp_path / "child"
    shutil.copytree(interpreter_module.CHILD, folder)
    asked = 'getattr(torch._C, "_ensureCUDADeviceGuardSet", None)'
    text = (folder / "fakecuda.py").read_text()
    assert asked in text
    (folder / "fakecuda.py").write_text(text.replace(asked, "None"))
    new = trace("normalised")  # no optimizer: this torch asks the guard whether a graph is captured, older ones do not
    monkeypatch.setattr(interpreter_module, "CHILD", folder)
    with Interpreter(TraceRequest(target=f"{STEPS}:normalised", steps=2)) as interpreter:
        result = interpreter.trace(gpus.find("T4"))
    old = judged(gpus.find("T4"), result, Timeline.read(result), Settings())
    assert old.allocated_bytes == new.allocated_bytes
    assert parts(old) == parts(new)
    assert old.kernels == new.kernels


@pytest.mark.parametrize(("version", "word"), [("2.3.1", "older than 2.4"), ("2.13.0", "Error")])
def test_an_unknown_torch_is_refused_and_not_patched(tmp_path, capsys, monkeypatch, version, word):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(f"__version__ = {version!r}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["trace", f"{STEPS}:mlp"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error[cannot-trace]")
    assert word in said
    assert "vram.py estimate" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["trace", "steps.py"], ["FILE.py:function"]),
        (["trace", "none.py:build"], ["none.py"]),
        (["trace", f"{STEPS}:mlp", "--arg", "32"], ["name=value"]),
        (["trace", f"{STEPS}:mlp", "--gpu", "T44"], ["T4"]),
        (["trace", f"{STEPS}:mlp", "--alloc-conf", "expandable_segment:True"], ["expandable_segments"]),
        (["trace", f"{STEPS}:mlp", "--steps", "0"], ["--steps"]),
        (["fit", f"{STEPS}:mlp", "--batch", "0"], ["--batch"]),
        (["fit", f"{STEPS}:mlp"], ["--batch: Field required"]),
        (["fit", f"{STEPS}:mlp", "--batch", "8", "--coupled-arg", "n"], ["--coupled-arg 'n' goes with --coupled"]),
        # said before the file is looked for, let alone traced
        (["fit", "none.py:build", "--batch", "8", "--write", "o.txt"], [".json"]),
        (["trace", "none.py:build", "--plot", "timeline.pdf"], [".html"]),
    ],
)
def test_bad_words_are_refused_before_anything_runs(words, named, capsys):
    assert main(words) == 2
    said = capsys.readouterr().err
    for name in named:
        assert name in said
