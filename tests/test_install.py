"""Built copies: complete, current, and alive when the clone is gone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.install.models import SyncRequest
from reproof.install.sync import SKILLS, imported_by, modules_of, sync
from reproof.paths import HELPERS

ROOT = Path(__file__).resolve().parent.parent


def test_the_copies_are_up_to_date():
    answer = sync(SyncRequest(check=True))
    assert answer.ok, [*answer.changed, *answer.removed]


@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_a_copied_skill_runs_every_helper_from_another_folder(skill, tmp_path):
    home = tmp_path / "agent's skills"
    shutil.copytree(ROOT / "skills" / skill, home / skill)
    for name in SKILLS[skill]:
        launcher = home / skill / "helpers" / f"{name}.py"
        run = subprocess.run([sys.executable, launcher, "--help"], cwd="/", capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    plan = ROOT / "examples" / "nsgf" / "plan.yaml"
    command = [sys.executable, home / skill / "helpers" / "plan.py", "render", plan]
    run = subprocess.run(command, cwd="/", capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.stdout.startswith("# Reproduction plan: Neural Sinkhorn Gradient Flow"), run.stderr


def test_a_skill_carries_only_what_its_launchers_use():
    plan_only = {path.relative_to(HELPERS / "reproof").parts[0] for path in modules_of(("plan",))}
    assert {"plan", "cli.py", "render.py", "launch.py"} <= plan_only
    assert not plan_only & {"probe", "vram", "compare", "selfcheck", "scaffold", "install"}


@pytest.mark.parametrize("name", ["probe", "vram"])
def test_what_a_helper_starts_by_path_travels_too(name):
    child = sorted((HELPERS / "reproof" / name / "child").rglob("*.py"))
    assert child
    assert set(child) <= modules_of((name,))


@pytest.mark.parametrize("name", ["probe", "vram", "debug", "compare", "parity"])
def test_what_starts_our_code_in_a_users_interpreter_travels_too(name):
    assert HELPERS / "reproof" / "childstart.py" in modules_of((name,))


@pytest.mark.torch
@pytest.mark.linux
@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_a_copied_skill_runs_a_step_in_a_users_interpreter(skill, tmp_path):
    shutil.copytree(ROOT / "skills" / skill, tmp_path / skill)
    step = f"{ROOT / 'tests' / 'vram' / 'steps.py'}:linear"
    command = [sys.executable, tmp_path / skill / "helpers" / "vram.py", "trace", step, "--gpu", "T4", "--steps", "1"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout.startswith("# GPU memory of a traced training step"), run.stderr


def test_imports_inside_functions_are_followed(tmp_path):
    source = tmp_path / "x.py"
    source.write_text("def f():\n    from reproof.render import render\n    return render\n")
    assert HELPERS / "reproof" / "render.py" in imported_by(source)


def test_no_link_is_committed():
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert [line for line in listed.splitlines() if line.startswith("120000")] == []


def test_there_is_no_skill_file_at_the_root():
    assert not (ROOT / "SKILL.md").exists()


@pytest.mark.parametrize("skill", SKILLS)
def test_every_template_that_a_copied_helper_names_travels_too(skill):
    folder = HELPERS.parent / "skills" / skill
    named = set()
    for launcher in SKILLS[skill]:
        for path in (folder / "helpers" / "reproof" / launcher).rglob("*.py"):
            named |= set(re.findall(r'"([\w/]+(?:\.\w+)*\.jinja)"', path.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert not [name for name in sorted(named) if not (folder / "templates" / name).is_file()]
    if "selfcheck" in SKILLS[skill]:
        assert (folder / "templates/bundle/rerun.py").is_file(), "bundle copies it"
