"""Install: complete copies, nobody else's files touched, local changes kept and named."""

import json
import os
import shutil
from pathlib import Path

import pytest

from reproof.errors import PackError
from reproof.install import skills, transfer
from reproof.install.listing import listing
from reproof.install.models import InstallRequest, ListRequest, UninstallRequest
from reproof.install.transfer import RECEIPT, install, uninstall
from reproof.paths import files_below


@pytest.fixture(autouse=True)
def pack(tmp_path, monkeypatch):
    """A small pack with one skill of five files."""
    skill = tmp_path / "pack" / "skills" / "paper-reproduction"
    write(skill / "SKILL.md", "---\nname: paper-reproduction\n---\nfirst\n")
    write(skill / "LEARNING.md", "lessons\n")
    write(skill / "helpers" / "plan.py", "print('one')\n").chmod(0o755)
    write(skill / "helpers" / "reproof" / "x.py", "x = 1\n")
    write(skill / "evals" / "evals.json", "{}\n")
    monkeypatch.setattr(skills, "ROOT", tmp_path / "pack")
    return skill


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def put(folder, **options):
    return install(InstallRequest(to=folder, **options))


def seen(folder):
    return {path.relative_to(folder).as_posix() for path in files_below(folder)}


def test_a_first_install_copies_everything_but_the_evals(tmp_path):
    answer = put(tmp_path / "agent")
    there = tmp_path / "agent" / "paper-reproduction"
    assert answer.ok
    assert seen(there) == {"SKILL.md", "LEARNING.md", "helpers/plan.py", "helpers/reproof/x.py", RECEIPT}
    assert os.access(there / "helpers" / "plan.py", os.X_OK)
    assert not os.access(there / "SKILL.md", os.X_OK)
    assert [path.name for path in (tmp_path / "agent").iterdir()] == ["paper-reproduction"], (
        "nothing half-built is left"
    )


def test_a_second_install_changes_nothing(tmp_path):
    put(tmp_path / "agent")
    answer = put(tmp_path / "agent")
    assert {file.fate for file in answer.placed[0].files} == {"unchanged"}


def test_an_update_writes_what_is_new_and_removes_what_is_gone(pack, tmp_path):
    put(tmp_path / "agent")
    write(pack / "SKILL.md", "---\nname: paper-reproduction\n---\nsecond\n")
    (pack / "helpers" / "reproof" / "x.py").unlink()
    write(pack / "references" / "r.md", "r\n")
    there = tmp_path / "agent" / "paper-reproduction"
    assert put(tmp_path / "agent").ok
    assert (there / "SKILL.md").read_text().endswith("second\n")
    assert seen(there) == {"SKILL.md", "LEARNING.md", "helpers/plan.py", "references/r.md", RECEIPT}
    assert not (there / "helpers" / "reproof").exists()


def test_a_local_change_is_kept_named_and_answered_with_no(pack, tmp_path):
    put(tmp_path / "agent")
    mine = write(tmp_path / "agent" / "paper-reproduction" / "LEARNING.md", "mine\n")
    write(pack / "LEARNING.md", "newer lessons\n")
    answer = put(tmp_path / "agent")
    assert not answer.ok
    assert [(file.file, file.fate) for file in answer.placed[0].notable] == [("LEARNING.md", "kept")]
    assert mine.read_text() == "mine\n"


def test_replace_takes_the_packs_and_keeps_yours_beside_it(tmp_path):
    put(tmp_path / "agent")
    mine = write(tmp_path / "agent" / "paper-reproduction" / "LEARNING.md", "mine\n")
    assert put(tmp_path / "agent", replace=True).ok
    assert mine.read_text() == "lessons\n"
    assert mine.with_name("LEARNING.md.local").read_text() == "mine\n"


def test_dry_run_writes_nothing(tmp_path):
    answer = put(tmp_path / "agent", dry_run=True)
    assert answer.placed[0].number("written") == 4
    assert not (tmp_path / "agent").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_it_did_not_write_it_does_not_overwrite(kind, tmp_path):
    there = tmp_path / "agent" / "paper-reproduction"
    if kind == "folder":
        write(there / "SKILL.md", "somebody else's")
    elif kind == "file":
        write(there, "a file")
    else:
        elsewhere = write(tmp_path / "elsewhere" / "SKILL.md", "somebody else's").parent
        there.parent.mkdir()
        there.symlink_to(elsewhere, target_is_directory=True)
    before = sorted((tmp_path / "agent").rglob("*"))
    with pytest.raises(PackError, match="was not written by install") as caught:
        put(tmp_path / "agent")
    assert caught.value.slug == "not-ours"
    assert sorted((tmp_path / "agent").rglob("*")) == before


def test_an_empty_folder_is_free(tmp_path):
    (tmp_path / "agent" / "paper-reproduction").mkdir(parents=True)
    assert put(tmp_path / "agent").ok
    assert (tmp_path / "agent" / "paper-reproduction" / "SKILL.md").is_file()


def test_killed_half_way_a_second_call_finishes(pack, tmp_path, monkeypatch):
    put(tmp_path / "agent")
    write(pack / "SKILL.md", "---\nname: paper-reproduction\n---\nsecond\n")
    write(pack / "LEARNING.md", "second lessons\n")
    real, done = transfer._copy, []

    def dies_at_the_second(source, target):
        if done:
            raise KeyboardInterrupt
        done.append(target)
        real(source, target)

    monkeypatch.setattr(transfer, "_copy", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path / "agent")
    monkeypatch.setattr(transfer, "_copy", real)
    answer = put(tmp_path / "agent")
    assert answer.ok, answer.placed[0].notable
    there = tmp_path / "agent" / "paper-reproduction"
    assert (there / "LEARNING.md").read_text() == "second lessons\n"
    assert (there / "SKILL.md").read_text().endswith("second\n")


def test_a_read_only_source_makes_a_copy_that_can_be_updated(pack, tmp_path):
    for path in files_below(pack):
        path.chmod(0o444)
    put(tmp_path / "agent")
    assert (tmp_path / "agent" / "paper-reproduction" / "SKILL.md").stat().st_mode & 0o200


def test_uninstall_removes_what_it_wrote_and_leaves_what_is_yours(tmp_path):
    put(tmp_path / "agent")
    there = tmp_path / "agent" / "paper-reproduction"
    write(there / "LEARNING.md", "mine\n")
    write(there / "notes.md", "notes\n")
    write(there / "helpers" / "__pycache__" / "x.pyc", "")
    answer = uninstall(UninstallRequest(to=tmp_path / "agent"))
    assert {file.file for file in answer.placed[0].notable} == {"LEARNING.md", "notes.md"}
    assert seen(there) == {"LEARNING.md", "notes.md"}
    assert not (there / "helpers").exists()


def test_uninstall_without_changes_leaves_no_trace(tmp_path):
    put(tmp_path / "agent")
    uninstall(UninstallRequest(to=tmp_path / "agent"))
    assert list((tmp_path / "agent").iterdir()) == []


def test_uninstall_refuses_a_folder_it_did_not_write(tmp_path):
    write(tmp_path / "agent" / "paper-reproduction" / "SKILL.md", "x")
    with pytest.raises(PackError) as caught:
        uninstall(UninstallRequest(to=tmp_path / "agent", skill=["paper-reproduction"]))
    assert caught.value.slug == "not-ours"
    with pytest.raises(PackError) as caught:
        uninstall(UninstallRequest(to=tmp_path / "agent"))
    assert caught.value.slug == "nothing-installed"


def test_a_receipt_that_names_a_file_outside_is_refused_and_deletes_nothing(tmp_path):
    put(tmp_path / "agent")
    outside = write(tmp_path / "precious.txt", "x")
    path = tmp_path / "agent" / "paper-reproduction" / RECEIPT
    receipt = json.loads(path.read_text())
    receipt["files"]["../../precious.txt"] = [transfer.hash_path(outside)]
    path.write_text(json.dumps(receipt))
    with pytest.raises(PackError) as caught:
        put(tmp_path / "agent")
    assert caught.value.slug == "path-escapes"
    uninstall(UninstallRequest(to=tmp_path / "agent"))
    assert outside.exists()


def test_a_broken_receipt_is_said(tmp_path):
    put(tmp_path / "agent")
    write(tmp_path / "agent" / "paper-reproduction" / RECEIPT, "{")
    with pytest.raises(PackError) as caught:
        put(tmp_path / "agent")
    assert caught.value.slug == "bad-receipt"


def test_a_skill_is_not_copied_onto_itself(pack):
    with pytest.raises(PackError) as caught:
        put(pack.parent)
    assert caught.value.slug == "already-here"


def test_from_an_installed_skill_only_that_skill_can_be_installed(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(skills, "ROOT", pack)
    assert put(tmp_path / "agent").placed[0].skill == "paper-reproduction"
    with pytest.raises(PackError) as caught:
        put(tmp_path / "agent", skill=["model-reproduction"])
    assert caught.value.slug == "no-such-skill"


def test_a_missing_project_is_no_reason_to_make_one(tmp_path):
    with pytest.raises(PackError) as caught:
        install(InstallRequest(agent="claude", project=tmp_path / "absent"))
    assert caught.value.slug == "no-such-project"
    assert not (tmp_path / "absent").exists()


def test_list_tells_absent_installed_changed_and_foreign_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    project = tmp_path / "project"
    project.mkdir()
    install(InstallRequest(agent="claude", project=project))
    install(InstallRequest(agent="codex", project=project))
    write(project / ".agents" / "skills" / "paper-reproduction" / "SKILL.md", "changed")
    write(project / ".cursor" / "skills" / "paper-reproduction" / "SKILL.md", "by hand")
    seats = listing(ListRequest(project=project)).seats
    states = {seat.agent: seat.skills["paper-reproduction"] for seat in seats if seat.scope == "project"}
    assert states == {
        "claude": transfer.__version__,
        "codex": f"{transfer.__version__}, 1 files changed",
        "agents": f"{transfer.__version__}, 1 files changed",
        "gemini": "absent",
        "opencode": "absent",
        "copilot": "absent",
        "cursor": "not written by install.py",
    }
    assert {seat.skills["paper-reproduction"] for seat in seats if seat.scope == "user"} == {"absent"}


def test_a_full_disk_is_three_lines_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(_source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(transfer, "_copy", full)
    with pytest.raises(PackError, match="No space left") as caught:
        put(tmp_path / "agent")
    assert caught.value.slug == "cannot-write"
    assert list((tmp_path / "agent").iterdir()) == []


def test_the_clone_may_go_after_an_install(tmp_path):
    put(tmp_path / "agent")
    shutil.rmtree(tmp_path / "pack")
    assert (tmp_path / "agent" / "paper-reproduction" / "helpers" / "plan.py").read_text() == "print('one')\n"
