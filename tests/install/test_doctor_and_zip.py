"""The doctor's answer on real interpreters, and archives that are the same bytes everywhere."""

import io
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from reproof.errors import MissingError, PackError
from reproof.install import archive, doctor, skills
from reproof.install.archive import archives, zipped
from reproof.install.models import DoctorRequest, ZipRequest

ROOT = Path(__file__).resolve().parent.parent.parent
SKILL = ROOT / "skills" / "paper-reproduction"


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


def test_the_project_interpreter_is_judged_by_its_own_packages(bare_python):
    answer = doctor.doctor(DoctorRequest(python=bare_python))
    assert not answer.ok
    project = answer.interpreters[1]
    assert {package.name: package.version for package in project.packages}["torch"] is None
    vram = next(helper for helper in answer.helpers if helper.name == "vram")
    assert "torch" in vram.note
    plan = next(helper for helper in answer.helpers if helper.name == "plan")
    assert plan.works, plan.note
    assert [line for line in answer.commands if line.startswith(str(bare_python)) and '"torch>=2.4"' in line]


def test_an_interpreter_that_is_none_is_said(tmp_path):
    with pytest.raises(MissingError) as caught:
        doctor.doctor(DoctorRequest(python=tmp_path / "absent"))
    assert caught.value.slug == "no-python"
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho hello\n")
    fake.chmod(0o755)
    with pytest.raises(MissingError, match="does not answer"):
        doctor.doctor(DoctorRequest(python=fake))


def test_a_copied_skill_that_lost_a_file_is_called_damaged(tmp_path):
    copy = tmp_path / "paper-reproduction"
    shutil.copytree(SKILL, copy)
    (copy / "references" / "reading.md").unlink()
    (copy / "SKILL.md").write_text("changed", encoding="utf-8")
    command = [sys.executable, copy / "helpers" / "install.py", "doctor"]
    run = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, encoding="utf-8")
    assert run.returncode == 4, run.stderr
    assert "damaged: references/reading.md: missing" in run.stdout
    assert "damaged: SKILL.md: differs" in run.stdout
    assert "a skill at" in run.stdout


@pytest.mark.parametrize(
    ("version", "fits"),
    [("2.7", True), ("2.6.9", False), ("2.99", True), ("3.0", False), ("2.7.0rc1", True), (None, False)],
)
def test_versions_are_compared_as_numbers(version, fits):
    pydantic = next(need for need in doctor.NEEDS if need.name == "pydantic")
    assert doctor.fits(version, pydantic) is fits


def test_what_the_doctor_wants_is_what_the_project_declares():
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for need in doctor.NEEDS:
        if need.lowest and not need.below:
            assert f'"{need.spec}"' in declared, need.spec
        elif need.lowest:
            assert f'"{need.spec}"' in declared, need.spec


def test_an_archive_is_the_same_bytes_whatever_the_clock_and_the_folder_order(tmp_path):
    first = zipped("s", SKILL)
    copy = tmp_path / "copy"
    shutil.copytree(SKILL, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert zipped("s", copy) == first


def test_an_archive_unpacks_into_a_skill_that_runs(tmp_path):
    with zipfile.ZipFile(io.BytesIO(zipped("paper-reproduction", SKILL))) as opened:
        names = opened.namelist()
        opened.extractall(tmp_path)
        launcher = opened.getinfo("paper-reproduction/helpers/plan.py")
    assert launcher.external_attr >> 16 == 0o100755
    assert not [name for name in names if "/evals/" in name or "__pycache__" in name]
    command = [sys.executable, tmp_path / "paper-reproduction" / "helpers" / "plan.py", "--help"]
    assert subprocess.run(command, capture_output=True, cwd="/", check=False).returncode == 0


def test_a_stale_copy_is_not_archived(tmp_path, monkeypatch):
    copy = tmp_path / "skills" / "paper-reproduction"
    shutil.copytree(SKILL, copy)
    (copy / "SKILL.md").write_text("---\nname: paper-reproduction\n---\nother\n", encoding="utf-8")
    monkeypatch.setattr(skills, "ROOT", tmp_path)
    with pytest.raises(PackError) as caught:
        archives(ZipRequest(out=tmp_path / "dist"))
    assert caught.value.slug == "stale-copies"
    assert not (tmp_path / "dist").exists()


def test_helpers_alone_are_no_skill(tmp_path, monkeypatch):
    monkeypatch.setattr(skills, "ROOT", tmp_path)
    with pytest.raises(MissingError) as caught:
        archive.sources()
    assert caught.value.slug == "no-skill-here"
