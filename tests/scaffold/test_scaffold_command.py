"""A project is complete, is ours, and nothing else is touched."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

SCAFFOLD = Path(__file__).resolve().parent.parent.parent / "helpers" / "scaffold.py"

CORE = """
from ..engine.phases import Train
PHASES = {"fit": Train(lambda run, cfg: None, lambda model, run, cfg, n: None)}
METRICS = {"w2": lambda a, b: 0.0}
def load_data(cfg, device): return None
def draw_truth(run, n, variant="iid"): return None
def sample(run, n, steps): return None
"""


@pytest.fixture
def core(tmp_path):
    folder = tmp_path / "core"
    folder.mkdir()
    (folder / "__init__.py").write_text(CORE)
    (folder / "weights.pt").write_bytes(b"\x00")
    return folder


def new(helper, plan, out, *words):
    return helper("scaffold", "new", plan, "--out", out, "--json", *words)


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_project_has_all_its_parts_under_its_own_name(helper, write_plan, plan_data, tmp_path, core):
    out = tmp_path / "runs" / "small"
    result = new(helper, write_plan(plan_data), out, "--core", core)
    assert result.returncode == 0, result.stderr
    files = tree(out)
    for name in ("run.py", "README.md", "plan.yaml", "requirements.txt", "configs/toy.yaml", "tests/test_smoke.py"):
        assert name in files
    assert "src/small/engine/loop.py" in files
    assert files["src/small/core/__init__.py"].decode() == CORE
    assert not [name for name in files if "project" in name or name.endswith((".pt", ".jinja"))]
    assert not [name for name, text in files.items() if b"{{" in text and name.endswith((".py", ".md"))]
    assert b"small.engine" in files["run.py"]


def test_without_a_core_there_is_a_skeleton_that_says_it_is_unfinished(helper, write_plan, plan_data, tmp_path):
    plan_data["experiments"]["toy"]["phases"]["fit"]["loss"] = "Eq. 1 \"quoted\" {{ 7 * 7 }} '''"
    out = tmp_path / "small"
    assert json.loads(new(helper, write_plan(plan_data), out).stdout)["core"] == "skeleton"
    core = out / "src" / "small" / "core"
    for path in core.glob("*.py"):
        compile(path.read_text(), path.name, "exec")
    assert "class Unfinished" in (core / "unfinished.py").read_text()
    assert "{{ 7 * 7 }}" in (core / "losses.py").read_text()


def test_a_folder_with_other_work_is_refused_and_untouched(helper, write_plan, plan_data, tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.tex").write_text("precious")
    before = tree(out)
    result = new(helper, write_plan(plan_data), out)
    assert result.returncode == 2
    assert result.stderr.startswith("error[not-empty]")
    assert "chapter.tex" in result.stderr
    assert tree(out) == before


def test_evidence_that_was_there_first_is_no_other_work(helper, write_plan, plan_data, tmp_path):
    out = tmp_path / "small"
    (out / "evidence").mkdir(parents=True)
    assert new(helper, write_plan(plan_data), out).returncode == 0


def test_running_it_again_writes_nothing(helper, write_plan, plan_data, tmp_path):
    plan, out = write_plan(plan_data), tmp_path / "small"
    new(helper, plan, out)
    stamps = {p: p.stat().st_mtime_ns for p in out.rglob("*.py")}
    answer = json.loads(new(helper, plan, out).stdout)
    assert (answer["written"], answer["kept"]) == ([], [])
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.py")} == stamps


def test_a_project_that_was_cut_off_is_completed(helper, write_plan, plan_data, tmp_path):
    plan, out = write_plan(plan_data), tmp_path / "small"
    new(helper, plan, out)
    whole = tree(out)
    (out / "configs" / "toy.yaml").unlink()
    (out / "src" / "small" / "engine" / "loop.py").unlink()
    assert sorted(json.loads(new(helper, plan, out).stdout)["written"]) == [
        "configs/toy.yaml",
        "src/small/engine/loop.py",
    ]
    after = {name: text for name, text in tree(out).items() if not name.startswith("evidence/")}
    assert after == {name: text for name, text in whole.items() if not name.startswith("evidence/")}


def test_a_changed_plan_needs_update_which_loses_no_edit(helper, write_plan, plan_data, tmp_path):
    out = tmp_path / "small"
    new(helper, write_plan(plan_data), out)
    (out / "README.md").write_text("my notes")
    plan_data["experiments"]["toy"]["phases"]["fit"]["steps"]["value"] = 16
    plan = write_plan(plan_data)
    refused = new(helper, plan, out)
    assert refused.returncode == 2
    assert "error[project-exists]" in refused.stderr
    answer = json.loads(new(helper, plan, out, "--update").stdout)
    assert answer["conflicts"] == ["README.md"]
    assert "configs/toy.yaml" in answer["written"]
    assert "<<<<<<< yours\nmy notes\n" in (out / "README.md").read_text()
    assert (out / ".scaffold" / "before" / "001" / "README.md").read_text() == "my notes"
    assert "steps: 16" in (out / "configs" / "toy.yaml").read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_target_is_an_error_in_three_lines(helper, write_plan, plan_data, tmp_path):
    out = tmp_path / "locked"
    out.mkdir(mode=0o555)
    result = new(helper, write_plan(plan_data), out)
    assert result.returncode == 2
    assert result.stderr.startswith("error[cannot-write]")


def test_a_target_below_a_file_is_an_error_in_three_lines(helper, write_plan, plan_data, tmp_path):
    (tmp_path / "file").write_text("")
    result = new(helper, write_plan(plan_data), tmp_path / "file" / "out")
    assert result.returncode == 2
    assert result.stderr.startswith("error[")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("broken", "slug"), [("def f(:", "core-syntax"), (None, "no-core")], ids=["does not parse", "no package"]
)
def test_a_core_that_cannot_work_is_refused_before_anything_is_written(
    helper, write_plan, plan_data, tmp_path, core, broken, slug
):
    (core / "__init__.py").unlink() if broken is None else (core / "bad.py").write_text(broken)
    out = tmp_path / "small"
    result = new(helper, write_plan(plan_data), out, "--core", core)
    assert result.returncode == 2
    assert f"error[{slug}]" in result.stderr
    assert not out.exists()


def smoke(helper, project, *words):
    return helper("scaffold", "smoke", project, "--json", *words)


@pytest.fixture
def tiny_project(tmp_path):
    project = tmp_path / "tiny"
    (project / "tests").mkdir(parents=True)
    (project / ".scaffold").mkdir()
    (project / ".scaffold" / "manifest.json").write_text("{}")
    return project


def test_green_tests_are_yes_and_kept_as_evidence(helper, tiny_project):
    (tiny_project / "tests" / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    result = smoke(helper, tiny_project)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["passed"] == 2
    record = json.loads((tiny_project / "evidence" / "0001-scaffold-smoke.json").read_text())
    assert list(record["inputs"]) == ["tests"]


@pytest.mark.parametrize(
    ("test", "failed"), [("def test_one(): assert 0", 1), ("import nothing_like_this", 1), ("", 0)]
)
def test_red_broken_and_absent_tests_are_no(helper, tiny_project, test, failed):
    (tiny_project / "tests" / "test_a.py").write_text(test)
    result = smoke(helper, tiny_project)
    assert result.returncode == 4
    assert json.loads(result.stdout)["failed"] == failed


def test_tests_that_never_end_are_stopped(helper, tiny_project):
    (tiny_project / "tests" / "test_a.py").write_text("def test_one():\n    while True: pass\n")
    result = smoke(helper, tiny_project, "--timeout-s", 3)
    assert result.returncode == 4
    assert "did not end within 3 s" in json.loads(result.stdout)["headline"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="asks the Linux kernel when a process ends")
def test_a_helper_that_is_killed_takes_the_tests_along(tiny_project):
    fifo = tiny_project / "pid"
    os.mkfifo(fifo)
    endless = "import os\ndef test_one():\n    open('pid', 'w').write(str(os.getpid()))\n    while True: pass\n"
    (tiny_project / "tests" / "test_a.py").write_text(endless)
    helper = subprocess.Popen([sys.executable, SCAFFOLD, "smoke", tiny_project], stdout=-3, stderr=-3)
    child = os.pidfd_open(int(fifo.read_text()))  # read_text waits until the test has begun
    helper.kill()
    helper.wait()
    poll = select.poll()
    poll.register(child, select.POLLIN)
    assert poll.poll(20_000), "the tests outlived the helper that started them"


def test_tests_that_take_more_memory_than_allowed_fail_and_nothing_else_does(helper, tiny_project):
    (tiny_project / "tests" / "test_a.py").write_text("def test_one(): bytearray(800 * 2**20)\n")
    result = smoke(helper, tiny_project, "--memory", "500MiB")
    assert result.returncode == 4
    assert "MemoryError" in json.loads(result.stdout)["tests"][0]["message"]
    assert smoke(helper, tiny_project, "--memory", "2GiB").returncode == 0


def test_the_record_says_what_was_installed(helper, tiny_project):
    (tiny_project / "tests" / "test_a.py").write_text("def test_one(): pass\n")
    installed = json.loads(smoke(helper, tiny_project).stdout)["installed"]
    assert installed["pytest"] == pytest.__version__


def test_an_interpreter_that_is_not_there_is_missing(helper, tiny_project):
    result = smoke(helper, tiny_project, "--python", "/nowhere/python")
    assert result.returncode == 3
    assert "error[no-python]" in result.stderr
