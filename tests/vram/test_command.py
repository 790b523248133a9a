"""The command line as a user meets it: exit codes, errors, JSON, and how little it imports."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.vram.command import main

LAUNCHER = Path(__file__).parents[2] / "helpers" / "vram.py"
UNET = ["--family", "unet", "--image-size", "32", "--in-channels", "3", "--num-channels", "128",
        "--num-res-blocks", "2", "--channel-mult", "1,2,2,2", "--num-head-channels", "64",
        "--attention-resolutions", "16"]  # fmt: skip


def launch(*words):
    return subprocess.run([sys.executable, str(LAUNCHER), *words], capture_output=True, text=True, check=False)


def test_what_fits_ends_with_0_and_what_does_not_with_4(capsys):
    assert main(["estimate", *UNET, "--batch", "128", "--gpu", "T4"]) == 0
    assert "T4: fits" in capsys.readouterr().out
    assert main(["estimate", *UNET, "--batch", "128", "--gpu", "4GiB"]) == 4
    assert "no" in capsys.readouterr().out


def test_parameters_alone_are_a_lower_bound_and_say_so(capsys):
    assert main(["estimate", "--params", "124M", "--gpu", "24GiB", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["budget"]["allocated_bytes"] == 124_000_000 * 20  # 16 of state, 4 of foreach temporaries
    assert not answer["complete"]
    assert "at least" in answer["headline"]
    assert answer["gpus"][0]["largest_micro_batch"] is None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["estimate", "--params", "-5", "--batch", "0"], ["--params", "--batch"]),
        (["estimate", "--params", "7Q"], ["7Q"]),
        (["estimate"], ["--params", "--family"]),
        (["estimate", "--params", "7B", "--width", "64"], ["width", "ignored"]),
        (["estimate", "--family", "mlp", "--dim", "-2", "--vocab", "5"], ["dim", "vocab", "hidden", "layers"]),
        (["estimate", "--params", "7B", "--gpu", "RTX 3091"], ["RTX 3090"]),
        (["estimate", "--params", "1e30"], ["--params"]),
        (["sinkhorn", "--n", "-1", "--d", "0"], ["--n", "--d"]),
        (["sinkhorn", "--n", "10", "--d", "2", "--p", "3"], ["--p"]),
        (["pool", "--batches", "0", "--batch-size", "-1", "--steps", "5", "--shape", "3x-32"],
         ["--batches", "--batch-size", "--shape"]),
        (["pool", "--batches", "1", "--batch-size", "1", "--steps", "5", "--shape", "99999x99999"], ["--shape"]),
        (["plan", "/no/such/plan.yaml"], ["/no/such/plan.yaml"]),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_every_wrong_field(words, named, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error[")
    for name in named:
        assert name in said.err


def test_a_plan_with_nothing_to_count_ends_with_3(write_plan, capsys):
    path = write_plan("moons", old="law: ", new="loss: ")
    assert main(["plan", str(path)]) == 3
    assert "no-sizes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["gpus"],
        ["estimate", "--params", "124M"],
        ["estimate", *UNET, "--batch", "64", "--steps", "1000", "--ema", "--precision", "amp-bf16"],
        ["estimate", "--family", "transformer", "--vocab", "50257", "--layers", "12", "--width", "768", "--num-heads",
         "12", "--seq", "1024", "--batch", "8"],
        ["sinkhorn", "--n", "256", "--d", "3072"],
        ["sinkhorn", "--n", "256", "--m", "128", "--d", "2", "--mode", "value", "--p", "1", "--no-debias"],
        ["pool", "--batches", "2500", "--batch-size", "128", "--steps", "5", "--shape", "3x32x32", "--stated", "45GB"],
    ],
)  # fmt: skip
def test_every_report_is_markdown_with_whole_tables(words, capsys):
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("# ")
    whole_tables(out)


def test_the_report_of_a_plan_is_whole_and_names_its_bounds_once(write_plan, capsys):
    assert main(["plan", str(write_plan("moons", "cifar10"))]) == 0
    out = capsys.readouterr().out
    whole_tables(out)
    assert out.count("pull/86509") == 1
    assert "39.3 GB" in out


def whole_tables(text):
    lines = text.splitlines()
    for above, below in itertools.pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert above.replace("\\|", "").count("|") == below.replace("\\|", "").count("|"), f"{above}\n{below}"


def test_t4_has_no_bf16_and_that_is_said(capsys):
    main(["estimate", *UNET, "--batch", "8", "--precision", "amp-bf16", "--gpu", "T4", "--gpu", "L4"])
    out = capsys.readouterr().out
    assert "T4: no native bf16" in out
    assert "L4: no native bf16" not in out


def test_numbers_may_be_written_with_x_commas_or_spaces(capsys):
    pool = ["pool", "--batches", "2", "--batch-size", "2", "--steps", "5", "--json", "--shape"]
    answers = []
    for shape in ("3x32x32", "3,32,32", "3 32 32"):
        assert main([*pool, shape]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] == answers[2]


def test_the_same_question_has_the_same_answer(write_plan, capsys):
    path = str(write_plan("moons", "cifar10"))
    main(["plan", path, "--json"])
    first = capsys.readouterr().out
    main(["plan", path, "--json"])
    assert capsys.readouterr().out == first


def test_help_says_what_was_never_tried_and_the_launcher_needs_no_torch():
    said = launch("--help")
    assert said.returncode == 0
    for word in ("trace", "measure", "watch", "calibrate", "postmortem"):
        assert word in said.stdout
    assert "Untried: no GPU was used" in said.stdout
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from reproof.vram.command import main; "
        "main(['sinkhorn', '--n', '9', '--d', '2', '--json']); "
        "heavy = {'torch', 'numpy', 'jinja2', 'matplotlib'} & set(sys.modules); print(heavy, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(LAUNCHER.parent)], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "set()"


def test_a_record_of_evidence_is_kept_when_asked(write_plan, tmp_path):
    said = launch("plan", str(write_plan("moons")), "--evidence", str(tmp_path / "evidence"))
    assert said.returncode == 0, said.stderr
    (record,) = (tmp_path / "evidence").glob("*vram-plan*.json")
    kept = json.loads(record.read_text())
    assert kept["ok"]
    assert list(kept["inputs"]) == ["plan.yaml"]
