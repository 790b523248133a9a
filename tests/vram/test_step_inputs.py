"""What a traced step is given and may use: plans, hints, modules, adapters, sharding; work in FLOPs and bytes."""

import json
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.vram import gpus
from reproof.vram.allocator import MIB, Settings
from reproof.vram.clock import step_time
from reproof.vram.command import main
from reproof.vram.interpreter import Interpreter
from reproof.vram.timeline import Timeline
from reproof.vram.trace import judged
from reproof.vram.traced import TraceRequest

STEPS = Path(__file__).with_name("steps.py")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.linux,
]


@pytest.fixture(scope="module")
def interpreter():
    with Interpreter(TraceRequest(target=f"{STEPS}:mlp")) as started:
        yield started


@pytest.fixture
def raw(interpreter):
    """Traces a function of steps.py; gives what the child wrote."""

    def run(function, gpu="T4", steps=1, hint=(), offered=None, **given):
        interpreter.request = TraceRequest(target=f"{STEPS}:{function}", steps=steps, hint=list(hint))
        interpreter.offered = offered or {}
        return interpreter.trace(gpus.find(gpu), given)

    return run


def parts(result):
    told = judged(gpus.find("T4"), result, Timeline.read(result), Settings())
    return {part.name: part.bytes for part in told.parts}


def line_of(text):
    lines = STEPS.read_text().splitlines()
    (number,) = [index + 1 for index, each in enumerate(lines) if text in each]
    return number


# ---- hints


def test_a_hint_gives_the_count_that_a_trace_cannot_know(raw):
    where = line_of("kept = x[x > 0]")
    never = f"steps.py:{line_of('if kept.sum() > 0:')}=false"
    most, few = raw("selects", hint=[never]), raw("selects", hint=[never, f"steps.py:{where}=1000"])
    assert any("all elements are selected" in what for what, _, _ in most["assumed"])
    assert not any("all elements are selected" in what for what, _, _ in few["assumed"])
    assert f"steps.py:{where}" in few["hints_used"]
    # the selected numbers, 4 bytes each, shrink from 100,000 to 1,000; their indices are gone when backward begins
    assert Timeline.read(most).most("activations") - Timeline.read(few).most("activations") == 99_000 * 4


def test_a_hint_decides_a_condition(raw):
    where = line_of("if kept.sum() > 0:")
    left, taken = (raw("selects", hint=[f"steps.py:{where}={value}"]) for value in ("false", "true"))
    assert left["ops"] < taken["ops"] == raw("selects")["ops"]  # without a hint what may need memory is done
    assert not any("condition" in what for what, _, _ in left["assumed"])


def test_what_a_draw_decided_is_said_and_what_is_known_for_sure_is_not(raw):
    said = [(what, where.split(":")[1]) for what, where, _ in raw("drops")["assumed"] if "drawn at random" in what]
    assert [int(line) for _, line in said] == [line_of("if torch.rand([]) >= 2:"), line_of("argsort() < 500")]


def test_backward_is_at_the_line_of_its_forward_though_a_plain_operator_came_after(raw):
    at = {(op, line.rsplit(":")[-1]) for op, phase, _, line in raw("drops")["places"] if phase == "backward"}
    assert ("aten::index_put", str(line_of("argsort() < 500"))) in at  # arange, on the next line, has no gradient


def test_a_hint_goes_before_a_draw(raw):
    layer, mask = line_of("if torch.rand([]) >= 2:"), line_of("argsort() < 500")
    drawn, hinted = raw("drops"), raw("drops", hint=[f"steps.py:{layer}=true", f"steps.py:{mask}=900"])
    assert hinted["hints_used"] == [f"steps.py:{layer}", f"steps.py:{mask}"]
    assert not any("drawn" in what for what, _, _ in hinted["assumed"])
    # the layer's result, 1,000 rows of 4,000 bytes, and 400 more rows; their places are gone when backward begins
    more = Timeline.read(hinted).most("activations") - Timeline.read(drawn).most("activations")
    assert more == 1000 * 4000 + 400 * 4000


def test_a_hint_that_no_line_asks_for_is_refused(capsys):
    where = line_of("kept = x[x > 0]")
    assert main(["trace", f"{STEPS}:selects", "--gpu", "T4", "--hint", f"steps.py:{where - 1}=5"]) == 2
    said = capsys.readouterr().err
    assert "unused-hint" in said
    assert f"steps.py:{where}" in said


@pytest.mark.parametrize("hint", ["steps.py=5", "steps.py:12", "steps.py:12=many", ":1=", "5"])
def test_a_hint_of_another_form_is_refused(hint, capsys):
    assert main(["trace", f"{STEPS}:selects", "--hint", hint]) == 2
    assert "FILE:LINE=VALUE" in capsys.readouterr().err


# ---- the plan


def test_the_plan_fills_the_arguments_of_the_same_name(write_plan, capsys):
    plan = str(write_plan("moons"))
    assert main(["trace", f"{STEPS}:of_the_plan", "--plan", plan, "--gpu", "T4", "--steps", "1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["traced"]["from_plan"]) == {"batch", "hidden", "shape", "lr"}
    assert answer["traced"]["from_plan"]["batch"].startswith("moons.velocity_matching")
    assert answer["traced"]["params"] == 2 * 256


def test_an_argument_of_ones_own_wins_over_the_plan(write_plan, capsys):
    words = ["--plan", str(write_plan("moons")), "--arg", "hidden=4", "--gpu", "T4", "--steps", "1", "--json"]
    assert main(["trace", f"{STEPS}:of_the_plan", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["traced"]["params"] == 8
    assert "hidden" not in answer["traced"]["from_plan"]


def test_what_neither_the_plan_nor_the_words_give_is_named(raw):
    with pytest.raises(PackError, match="needs batch, hidden") as caught:
        raw("of_the_plan", offered={"shape": [2]})
    assert "the plan offers shape" in caught.value.what


@pytest.mark.parametrize(
    ("target", "words", "named"),
    [
        (f"{STEPS}:mpl", [], "no function 'mpl' (did you mean 'mlp'?)"),
        (
            f"{STEPS}:lora",
            ["--arg", "rnak=3", "--arg", "nope=1"],
            "no argument rnak, nope; it has rank, batch (",
        ),
        ("nowhere.step:build", [], "no module 'nowhere' in "),
    ],
)
def test_a_slip_in_a_name_is_told_with_the_names_that_are_there(target, words, named, capsys):
    assert main(["trace", target, "--gpu", "T4", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error[bad-step]")
    assert named in error


def test_what_a_module_of_ones_own_imports_is_not_taken_for_a_slip(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mystep.py").write_text("import nowhere_at_all\n")
    assert main(["trace", "mystep:build", "--gpu", "T4"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error[step-raised]")
    assert "mystep.py:1" in error


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--experiment", "moon"], "moons"),
        (["--phase", "velocity"], "velocity_matching"),
    ],
)
def test_a_wrong_name_in_the_plan_is_refused(write_plan, capsys, words, named):
    assert main(["trace", f"{STEPS}:of_the_plan", "--plan", str(write_plan("moons")), *words]) == 2
    assert named in capsys.readouterr().err


def test_experiment_without_a_plan_is_refused(capsys):
    assert main(["trace", f"{STEPS}:mlp", "--experiment", "moons"]) == 2
    assert "--plan" in capsys.readouterr().err


# ---- modules


def test_a_module_is_a_target_as_well_as_a_file(tmp_path, monkeypatch, capsys):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "training.py").write_text("from . import parts\nbuild = parts.linear\n")
    (package / "parts.py").write_text(STEPS.read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["trace", "mine.training:build", "--gpu", "T4", "--steps", "1"]) == 0
    assert "1048576 trained" in capsys.readouterr().out
    assert main(["trace", "mine.trainings:build", "--gpu", "T4"]) == 2
    assert "mine.trainings" in capsys.readouterr().err


# ---- adapters, sharding, extensions


def test_lora_trains_its_adapters_only(raw):
    found = parts(raw("lora", steps=2))
    assert found["frozen parameters"] == 4 * MIB
    assert found["parameters"] == 2 * 8 * 1024 * 4
    assert found["optimizer state"] == 2 * found["parameters"]


@pytest.mark.parametrize("function", ["sharded", "sharded_on_a_mesh"])
def test_sharded_training_is_traced_unsharded_and_said(raw, function):
    result = raw(function, steps=2)
    assert parts(result)["parameters"] == 4 * MIB
    assert any("an upper bound for one rank" in what for what, _, _ in result["assumed"])


def test_a_thread_of_the_step_is_traced_too(raw):
    inside, outside = raw("in_a_thread"), raw("reads_values")
    assert inside["ran_backward"]
    assert parts(inside)["activations"] == parts(outside)["activations"] >= 64 * 512 * 4


def test_what_a_thread_raises_is_an_error_of_the_step(raw):
    with pytest.raises(PackError, match="same reduction dim") as caught:
        raw("in_a_thread", wrong=True)
    assert caught.value.slug == "step-raised"


@pytest.mark.parametrize(("function", "word"), [("generates", "a generator"), ("awaits", "a coroutine")])
def test_a_step_that_only_begins_when_it_is_called_is_refused(raw, function, word):
    with pytest.raises(PackError, match=word) as caught:
        raw(function)
    assert caught.value.slug == "bad-step"


def test_a_device_that_does_not_exist_is_refused_when_it_is_set(raw):
    with pytest.raises(PackError, match=r"set_device\(7\)") as caught:
        raw("seventh_gpu")
    assert caught.value.slug == "no-such-device"


def test_an_extension_without_a_fake_kernel_is_refused_by_name(raw):
    with pytest.raises(PackError, match=r"reproof_tests\.twice") as caught:
        raw("own_extension")
    assert caught.value.exit_code == 3


def test_scaler_fused_update_and_averaged_weights_are_counted(raw):
    found = parts(raw("smoothed", steps=2))
    assert found["parameters"] == 8 * MIB  # the weights and their average
    assert found["optimizer state"] == pytest.approx(8 * MIB, abs=64)  # two moments; fused keeps its counter there too
    assert "optimizer temporaries" not in found


def test_libraries_find_the_classes_of_torch_cuda_they_annotate_with(tmp_path, interpreter):
    path = tmp_path / "annotated.py"
    path.write_text(
        "import torch\n"
        "def f(a: torch.cuda.Stream | None, b: torch.cuda.CUDAGraph | None, c: torch.cuda.Event | None): ...\n"
        "def build():\n    torch._C._cuda_getCurrentRawStream(0)\n"
        "    return lambda: torch.zeros(5, device='cuda').sum()\n"
    )
    interpreter.request = TraceRequest(target=f"{path}:build", steps=1)
    assert interpreter.trace(gpus.find("T4"))["ops"] > 0


def test_a_copied_model_keeps_the_mode_of_its_tensors(tmp_path, interpreter):
    """A copied mode would free its weak references a second time: a corrupt heap now and then."""
    file = tmp_path / "step.py"
    file.write_text(
        "import copy, torch\n"
        "def build():\n"
        "    net = torch.nn.Linear(4, 4).to('cuda')\n"
        "    average = copy.deepcopy(net)\n"
        "    assert average.weight is not net.weight\n"
        "    assert average.weight.fake_mode is net.weight.fake_mode\n"
        "    return lambda: average(torch.ones(1, 4, device='cuda')).sum().backward()\n"
    )
    interpreter.request = TraceRequest(target=f"{file}:build", steps=1)
    assert interpreter.trace(gpus.find("T4"))["error"] is None


@pytest.mark.parametrize(
    ("question", "taken"),
    [
        ("torch.isnan(loss)", False),
        ("torch.isinf(loss)", False),
        ("torch.isnan(x).any()", False),
        ("not torch.isfinite(loss)", True),
        ("not loss.isfinite()", True),
        ("not torch.isfinite(x).all()", True),
    ],
)
def test_a_loss_that_nobody_knows_is_taken_as_finite(tmp_path, interpreter, question, taken):
    file = tmp_path / "step.py"
    file.write_text(
        "import torch\n"
        "def build():\n"
        "    x = torch.empty(100000, device='cuda', requires_grad=True)\n"
        "    def step():\n"
        "        loss = x.sum()\n"
        f"        if {question}:\n"
        "            bad = True\n"
        "        else:\n"
        "            loss.backward()\n"
        "    return step\n"
    )
    interpreter.request = TraceRequest(target=f"{file}:build", steps=1)
    result = interpreter.trace(gpus.find("T4"))
    assert result["ran_backward"]
    assert f"a condition on values is taken as {taken}" in [what for what, _, _ in result["assumed"]]


def test_losses_and_norms_that_couple_samples_are_named(raw, capsys):
    assert raw("normalised")["couples"] == ["batch norm"]
    assert raw("geomloss", n=64, m=64)["couples"] == []  # products of matrices: only the user knows, --coupled
    assert raw("mlp")["couples"] == []
    assert main(["fit", f"{STEPS}:normalised", "--batch", "16", "--gpu", "T4", "--steps", "1"]) == 0
    assert "samples of one batch see each other here" in capsys.readouterr().out


# ---- work and wall-clock


def test_flops_of_an_mlp_are_those_of_its_products(raw):
    work = raw("mlp", batch=64)["work"]  # 512 -> 2048 -> 512
    forward = 2 * 64 * (512 * 2048 + 2048 * 512)
    to_the_input = 2 * 64 * 2048 * 512  # of the second layer; the first needs none
    assert sum(flops * count for _, flops, _, count in work) == 2 * forward + to_the_input
    assert {form for form, flops, _, _ in work if flops} == {"fp32"}


def test_formats_follow_autocast_and_tf32(raw):
    assert {form for form, flops, _, _ in raw("bf16", gpu="A100")["work"] if flops} == {"half"}
    assert {form for form, flops, _, _ in raw("resnet", gpu="A100")["work"] if flops} == {"tf32"}


def test_work_is_that_of_the_last_step_however_many_are_traced(raw):
    def once(steps):
        return sorted(raw("linear", steps=steps)["work"])

    assert once(2) == once(3)


def test_an_update_of_lists_counts_what_it_reads_and_what_it_writes(raw):
    work, weights = raw("linear", steps=2)["work"], 4 * 2**20
    moved = sorted((size, count) for _, flops, size, count in work if not flops and size > 2**20)
    # AdamW over lists: the decay, the second moment's decay, its root, its division and epsilon: read and write;
    # the first moment and its gradient, then the moment; v with the gradient twice; p with moment and denominator
    assert moved == [(2 * weights, 5), (3 * weights, 1), (4 * weights, 2)]


def test_questions_about_a_tensor_move_nothing(raw):
    assert raw("asks", count=50)["work"] == raw("asks", count=0)["work"]


def test_rnns_are_counted_though_one_kernel_hides_their_products(raw):
    flops = sum(flops * count for _, flops, _, count in raw("rnn")["work"])
    weights = 4 * 128 * (64 + 128) + 4 * 128 * (128 + 128)
    assert flops == 3 * 2 * 8 * 32 * weights  # 8 samples, 32 steps, forward and twice backward


def test_a_range_is_the_roofline_near_and_far_from_the_peak():
    card = gpus.find("T4")  # 8.1 TFLOP/s in fp32, 320 GB/s
    (flops, moved) = (8.1e12, 32 * 10**9)  # a second of arithmetic, a tenth of memory
    time = step_time(card, [["fp32", flops, moved, 1]], steps=10)
    assert time.low_s == pytest.approx(1)  # no loss is assumed
    assert time.high_s == pytest.approx(1 / 0.3, rel=1e-4)
    assert (time.run_low_s, time.bound_by) == (pytest.approx(10), "arithmetic")
    time = step_time(card, [["half", 0, 32 * 10**9, 1]])
    assert (time.low_s, time.high_s) == (pytest.approx(0.1 / 0.95), pytest.approx(0.2, rel=1e-3))
    assert time.bound_by == "memory"
    assert step_time(card, [["fp32", 0, 1000, 50]]).bound_by == "launches"
    assert step_time(gpus.find("24GiB"), [["fp32", 1, 1, 1]]) is None  # no speed is known of bytes


def test_a_faster_card_and_less_work_never_take_longer():
    work = [["fp32", 10**12, 10**9, 3], ["half", 10**12, 10**7, 2]]
    times = [step_time(gpus.find(name), work) for name in ("T4", "A100 40GB", "H100")]
    assert times[0].low_s > times[1].low_s > times[2].low_s
    assert all(time.low_s < time.high_s for time in times)
    assert step_time(gpus.find("T4"), work[:1]).high_s < times[0].high_s


def test_the_run_of_a_fit_counts_all_micro_batches(capsys):
    words = ["fit", f"{STEPS}:mlp", "--batch", "128", "--gpu", "T4", "--steps", "1", "--iterations", "1000", "--json"]
    assert main(words) == 0
    (gpu,) = json.loads(capsys.readouterr().out)["gpus"]
    assert gpu["time"]["run_high_s"] == pytest.approx(1000 * gpu["time"]["high_s"])


# ---- overrides


def test_overrides_are_written_and_said_as_words(tmp_path, capsys):
    path = tmp_path / "overrides.yaml"
    words = ["--gpu", "800MiB", "--steps", "1", "--arg", "width=256", "--accumulate-arg", "accumulate"]
    code = main(["fit", f"{STEPS}:mlp", "--batch", "4096", *words, "--write", str(path), "--json"])
    assert code == 0
    answer = json.loads(capsys.readouterr().out)
    (gpu,) = answer["gpus"]
    assert gpu["words"] == f"--micro-batch {gpu['micro_batch']} --accumulate {gpu['accumulate']}"
    kept = json.loads(path.read_text())  # JSON, which YAML readers take too
    assert kept["gpus"]["800.0 MiB"] == {"fits": True, "micro_batch": gpu["micro_batch"],
                                         "accumulate": gpu["accumulate"]}  # fmt: skip


def test_a_coupled_batch_becomes_an_override_of_its_own(capsys):
    words = ["--coupled", "--coupled-arg", "sinkhorn_batch", "--gpu", "800MiB", "--steps", "1", "--json"]
    assert main(["fit", f"{STEPS}:mlp", "--batch", "65536", *words]) == 4
    (gpu,) = json.loads(capsys.readouterr().out)["gpus"]
    assert gpu["words"] == f"--sinkhorn-batch {gpu['largest_micro_batch']}"
    assert any("different method" in note for note in gpu["notes"])


@pytest.mark.parametrize(("name", "slug"), [("o.txt", "bad-overrides"), ("/proc/none/o.json", "cannot-write")])
def test_overrides_that_cannot_be_written_are_refused(tmp_path, capsys, name, slug):
    words = ["fit", f"{STEPS}:mlp", "--batch", "8", "--gpu", "T4", "--steps", "1", "--write", str(tmp_path / name)]
    assert main(words) == 2
    assert slug in capsys.readouterr().err
