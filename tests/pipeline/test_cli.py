"""The command line: exit codes, three-line errors, what needs no torch, signals."""

import os
import signal
import subprocess
import sys

import pytest

TINY = ["--device", "cpu", "--train-iters", "6", "--pool-batches", "2", "phases.*.batch_size=32"]


def error_of(project, capsys, *argv):
    code = project.main(list(argv), project.root)
    message = capsys.readouterr().err.strip()
    assert len(message.splitlines()) == 3, message
    assert message.startswith("error[") and "\nwhy: " in message and "\ntry: " in message
    return code, message


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["train", "tyo"], "no experiment 'tyo' (did you mean 'toy'?)"),
        (["trian", "toy"], "trian"),
        (["train"], "experiment"),
        (["train", "toy", "--trian-iters", "5"], "did you mean '--train-iters'"),
        (["train", "toy", "stray"], "unknown: stray"),
        (["train", "toy", "--train-iters", "0"], "phases.flow.steps = 0 is not a whole number from 1"),
        (["train", "toy", "--accumulate", "-1"], "phases.flow.accumulate = -1"),
        (["train", "toy", "--micro-batch", "100"], "batch_size = 256 is no multiple of accumulate = 3"),
        (["train", "toy", "--resume-phase", "flwo"], "no phase 'flwo' (did you mean 'flow'?)"),
        (["train", "toy", "--precision", "fp8"], "one of fp32, bf16, fp16"),
        (["train", "toy", "data.name=rings"], "there is only 'modes'"),
        (["train", "toy", "phases.pairs.kind=train"], "phases.pairs"),
    ],
)
def test_bad_input_is_explained_in_three_lines_with_exit_code_2(project, capsys, tmp_path, argv, words):
    code, message = error_of(project, capsys, *argv, *(["--results", str(tmp_path)] if len(argv) > 1 else []))
    assert code == 2 and words in message
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_missing_device_is_exit_code_3(project, capsys, tmp_path):
    if project.run.torch.cuda.is_available():
        pytest.skip("there is one")
    assert error_of(project, capsys, "train", "toy", "--device", "cuda", "--results", str(tmp_path))[0] == 3


def test_missing_data_is_exit_code_3(project, capsys, tmp_path, monkeypatch):
    def load_data(_cfg, _device):
        raise FileNotFoundError("put the data into data/")

    monkeypatch.setattr(project.core, "load_data", load_data)
    code, message = error_of(project, capsys, "train", "toy", "--results", str(tmp_path))
    assert code == 3 and "put the data into data/" in message


def test_a_missing_library_is_exit_code_3(project, capsys, tmp_path, monkeypatch):
    def import_module(*_):
        raise ModuleNotFoundError("No module named 'geomloss'")

    monkeypatch.setattr(project.cli.importlib, "import_module", import_module)
    monkeypatch.setattr(project.cli, "engine", lambda name: getattr(project, name))
    code, message = error_of(project, capsys, "train", "toy", "--results", str(tmp_path))
    assert code == 3 and "geomloss" in message and "requirements.txt" in message


def test_phases_of_the_config_have_to_be_in_the_core(project, capsys, tmp_path, monkeypatch):
    monkeypatch.delitem(project.core.PHASES, "one_step")
    code, message = error_of(project, capsys, "train", "toy", "--results", str(tmp_path))
    assert code == 2 and "no phase 'one_step'" in message


def test_a_flag_that_changes_nothing_is_refused(project, tmp_path):
    path = tmp_path / "alone.yaml"
    path.write_text("phases: {flow: {kind: train, steps: 1, batch_size: 1, lr: 0.1}}")
    args, _ = project.tool("flags").parser().parse_known_args(["train", "alone", "--pool-batches", "2"])
    with pytest.raises(project.errors.ProjectError, match="--pool-batches changes nothing"):
        project.tool("flags").read_settings(args, [], path)


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"], ["list"], ["status", "toy"], ["train", "nothing"]])
def test_what_needs_no_torch_does_not_import_it(project, argv):
    code = f"import sys; sys.argv[1:] = {argv!r}\ntry:\n import runpy; runpy.run_path('run.py', run_name='__main__')\n"
    code += "except SystemExit: pass\nassert 'run' and not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=project.root, check=True, capture_output=True)


def test_status_counts_what_is_there(toy, capsys, tmp_path):
    lines = "  pairs: {} of 2 batches\n  flow: {} of 6 steps\n  one_step: {} of 6 steps\n"
    toy("status")
    assert capsys.readouterr().out.endswith(lines.format(0, 0, 0))
    toy("train")
    folder = tmp_path / "toy" / "seed0" / "checkpoints"
    (folder / "one_step.ckpt").rename(folder / "one_step.step-000000004.ckpt")
    capsys.readouterr()
    toy("status")
    assert capsys.readouterr().out.endswith(lines.format(2, 6, 4))


def test_list_names_experiments_with_their_phases(project, capsys):
    assert project.main(["list"], project.root) == 0
    assert capsys.readouterr().out == "toy  pairs (20)  flow (2000)  one_step (1000)\n"


@pytest.mark.parametrize(("given", "used"), [("out", "out-smoke"), ("out-smoke", "out-smoke")])
def test_smoke_results_are_never_among_results(project, tmp_path, given, used):
    assert project.main(["train", "toy", "--smoke", "--results", str(tmp_path / given)], project.root) == 0
    assert [path.name for path in tmp_path.iterdir()] == [used]


def test_a_time_limit_saves_and_exits_75_and_the_same_command_goes_on(toy, capsys):
    assert toy("train", "--max-hours", "0") == 75
    assert "stopped: --max-hours at phase 'pairs', batch 0 of 2. Saved; the same command" in capsys.readouterr().err
    assert toy("train") == 0
    assert toy("train", "--max-hours", "0", "--resume-phase", "flow") == 75
    assert "at phase 'flow', step 0 of 6. Saved; the same command without --resume-phase" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_saves_and_exits_75_and_the_end_is_the_same(project, toy, tmp_path, monkeypatch, capsys, name):
    assert toy("train", "--results", str(tmp_path / "undisturbed")) == 0
    calls, phase = [], project.core.PHASES["one_step"]

    def loss(*args):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), getattr(signal, name))
        return phase.loss(*args)

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setitem(project.core.PHASES, "one_step", project.phases.Train(phase.build_model, loss))
    assert toy("train") == 75
    assert f"stopped: {name} at phase 'one_step', step 3 of 6" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is handler
    assert toy("train") == 0
    assert "one_step: continues at step 3 of 6" in capsys.readouterr().out
    ends = [project.checkpoint.load(root / "toy" / "seed0" / "checkpoints" / "one_step.ckpt")["facts"]["digest"]
            for root in (tmp_path, tmp_path / "undisturbed")]  # fmt: skip
    assert ends[0] == ends[1]


def test_ctrl_c_twice_leaves_at_once(project):
    with project.preempt.Stop() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.reason == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_package_is_named_in_one_line_only(project):
    mentions = [(path.name, line) for path in project.root.rglob("*.py") for line in path.read_text().splitlines()
                if "project." in line or "import project" in line]  # fmt: skip
    assert [name for name, line in mentions if "import" in line] == ["run.py"]


def test_the_project_runs_under_another_name_and_from_another_folder(project, tmp_path):
    import shutil

    shutil.copytree(project.root, tmp_path / "with space", ignore=shutil.ignore_patterns("results*"))
    (tmp_path / "with space/src/project").rename(tmp_path / "with space/src/other")
    entry = tmp_path / "with space/run.py"
    entry.write_text(entry.read_text().replace("from project.", "from other."))
    command = [sys.executable, str(entry), "train", "toy", "--results", str(tmp_path / "out"), *TINY]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.count("done") == 3


@pytest.mark.slow
def test_the_smoke_test_of_the_project_passes(project):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project.root)]
    result = subprocess.run(command, cwd=project.root, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "passed" in result.stdout and "skipped" not in result.stdout
