"""A newer template or plan comes in, and nothing that the user wrote is lost."""

import json
import os
import resource
import subprocess
import sys

import pytest

from reproof.paths import sha256
from reproof.scaffold import changes, merge, write
from reproof.scaffold.store import Generated

ROOT_OF_PACK = __file__.rpartition("/tests/")[0]
BASE = "one\ntwo\nthree\nfour\nfive\n"


def decide(there, now, base=BASE, path="a.txt"):
    before = Generated("p", {path: sha256(base)} if base is not None else {}, {path: base} if base is not None else {})
    return changes.decide(path, before, now, lambda _: there)


@pytest.mark.parametrize(
    ("there", "now", "fate", "text"),
    [
        (BASE, BASE, "same", None),
        (BASE, BASE + "six\n", "updated", BASE + "six\n"),
        ("0\n" + BASE, BASE, "yours", None),
        ("0\n" + BASE, BASE + "six\n", "merged", "0\n" + BASE + "six\n"),
        (BASE + "six\n", BASE + "six\n", "same", None),
        (None, BASE + "six\n", "deleted", None),
        (BASE, None, "gone", None),
        ("0\n" + BASE, None, "kept", None),
    ],
    ids=[
        "nothing",
        "template only",
        "user only",
        "both",
        "both the same",
        "user deleted",
        "dropped",
        "dropped, edited",
    ],
)
def test_each_case_of_three_versions_has_its_fate(there, now, fate, text):
    decision = decide(there, now)
    assert (decision.change.fate, decision.text) == (fate, text)


def test_a_file_that_was_never_generated_is_new_or_lies_beside():
    assert decide(None, "x", base=None).text == "x"
    beside = decide("mine", "x", base=None)
    assert (beside.change.fate, beside.text, beside.beside) == ("beside", None, "x")


def test_a_conflict_holds_all_three_versions_and_counts_its_places():
    decision = decide(BASE.replace("three", "MINE"), BASE.replace("three", "THEIRS"))
    assert decision.change.fate == "conflict"
    assert decision.change.conflicts == 1
    for words in ("<<<<<<< yours\nMINE\n", "||||||| generated before\nthree\n", "=======\nTHEIRS\n"):
        assert words in decision.text


def test_a_second_update_does_not_pile_markers_on_markers():
    conflict = decide(BASE.replace("three", "MINE"), BASE.replace("three", "THEIRS")).text
    again = decide(conflict, BASE.replace("three", "NEWEST"))
    assert (again.change.fate, again.text) == ("beside", None)
    assert "NEWEST" in again.beside


def test_both_changes_can_be_right_and_not_fit():
    base = "def f():\n    x = (1,\n         2)\n    a = 1\n    b = 2\n    c = 3\n    return x\n"
    mine = base.replace("    x = (1,\n         2)\n", "    x = 1\n")
    assert decide(mine, base.replace("c = 3", "c = 4"), base, "a.py").change.fate == "merged"
    broken = base.replace("return x", "return (x")
    assert decide(mine, broken, base, "a.py").change.fate == "beside"


def test_windows_line_ends_are_no_edit_and_stay():
    crlf = BASE.replace("\n", "\r\n")
    assert decide(crlf, BASE).change.fate == "same"
    assert decide(crlf, BASE + "six\n").text == crlf + "six\r\n"


def test_without_git_the_new_version_lies_beside(monkeypatch):
    monkeypatch.setattr(merge.shutil, "which", lambda _: None)
    decision = decide("0\n" + BASE, BASE + "six\n")
    assert (decision.change.fate, decision.text, decision.beside) == ("beside", None, BASE + "six\n")


def test_a_base_that_was_tampered_with_is_not_merged_from(tmp_path):
    write.create(tmp_path / "p", {".scaffold/manifest.json": json.dumps({"name": "p", "files": {"a": sha256(BASE)}}),
                                  ".scaffold/base.json": json.dumps({"a": "other"})})  # fmt: skip
    from reproof.scaffold.store import generated_in

    assert generated_in(tmp_path / "p").base == {}


@pytest.fixture
def project(helper, write_plan, plan_data, tmp_path):
    out = tmp_path / "small"
    assert helper("scaffold", "new", write_plan(plan_data), "--out", out).returncode == 0
    return out


def update(helper, project, *words):
    result = helper("scaffold", "update", project, "--json", *words)
    assert result.returncode in (0, 4), result.stderr
    return json.loads(result.stdout), result.returncode


def tree(folder):
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    return {name: text for name, text in files.items() if not name.startswith("evidence/")}


def test_a_changed_plan_comes_in_beside_the_users_edits(helper, project):
    config, loop = project / "configs" / "toy.yaml", project / "src" / "small" / "engine" / "loop.py"
    config.write_text(config.read_text().replace("log_every_steps: 50", "log_every_steps: 7"))
    loop.write_text(loop.read_text() + "\n# mine\n")
    plan = project / "plan.yaml"
    plan.write_text(plan.read_text().replace("value: 200", "value: 300"))
    before = tree(project)
    dry, _ = update(helper, project, "--dry-run")
    assert dry["headline"].startswith("would be:")
    assert tree(project) == before
    done, code = update(helper, project)
    assert code == 0
    fates = {change["path"]: change["fate"] for change in done["changes"]}
    assert fates == {"configs/toy.yaml": "merged", "README.md": "updated", "src/small/engine/loop.py": "yours"}
    text = config.read_text()
    assert "log_every_steps: 7" in text
    assert "steps: 300" in text
    assert loop.read_text().endswith("# mine\n")
    assert (project / done["backup"] / "configs" / "toy.yaml").read_bytes() == before["configs/toy.yaml"]
    assert update(helper, project)[0]["headline"].startswith("2 yours")


def test_a_conflict_is_a_no_with_the_place_and_the_old_file_is_kept(helper, project):
    config, plan = project / "configs" / "toy.yaml", project / "plan.yaml"
    config.write_text(config.read_text().replace("steps: 200", "steps: 5"))
    mine = config.read_bytes()
    plan.write_text(plan.read_text().replace("value: 200", "value: 300"))
    done, code = update(helper, project)
    assert code == 4
    assert [c["path"] for c in done["changes"] if c["fate"] == "conflict"] == ["configs/toy.yaml"]
    assert "<<<<<<< yours" in config.read_text()
    assert (project / done["backup"] / "configs" / "toy.yaml").read_bytes() == mine


def test_a_core_that_was_begun_is_left_alone_and_an_untouched_skeleton_follows_the_plan(helper, project):
    core, plan = project / "src" / "small" / "core", project / "plan.yaml"
    plan.write_text(plan.read_text().replace("loss: Eq. 1", "loss: Eq. 7"))
    update(helper, project)
    assert "Eq. 7" in (core / "losses.py").read_text()
    (core / "losses.py").write_text("# mine\n")
    plan.write_text(plan.read_text().replace("loss: Eq. 7", "loss: Eq. 8"))
    before = {path: path.read_bytes() for path in core.rglob("*.py")}
    update(helper, project)
    assert {path: path.read_bytes() for path in core.rglob("*.py")} == before


def test_a_folder_that_is_no_project_and_a_renamed_plan_are_refused(helper, project, tmp_path):
    assert "error[not-a-project]" in helper("scaffold", "update", tmp_path).stderr
    plan = project / "plan.yaml"
    plan.write_text(plan.read_text().replace("name: small", "name: large", 1))
    assert "error[renamed]" in helper("scaffold", "update", project).stderr


def test_an_interrupted_change_is_finished_by_whoever_comes_next(tmp_path, monkeypatch):
    out = tmp_path / "p"
    write.create(out, {"a": "old", "b": "old", "c": "old"})
    original, puts = write._put, []

    def dying(source, target):
        if len(puts) == 1:
            raise KeyboardInterrupt
        puts.append(target)
        original(source, target)

    monkeypatch.setattr(write, "_put", dying)
    with pytest.raises(KeyboardInterrupt):
        write.change(out, {"a": "new", "b": "new"}, ["c"])
    assert ((out / "a").read_text(), (out / "b").read_text()) == ("new", "old")
    monkeypatch.setattr(write, "_put", original)
    write.finish(out)
    assert ((out / "a").read_text(), (out / "b").read_text()) == ("new", "new")
    assert not (out / "c").exists()
    assert not (out / write.PENDING).exists()


def limited(*words):
    """Run the helper so that no file can grow beyond 60 kB, which is what a full disk looks like to it."""
    return subprocess.run(
        [sys.executable, f"{ROOT_OF_PACK}/helpers/scaffold.py", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )  # fmt: skip


def test_a_disk_that_is_full_in_the_middle_leaves_nothing_behind(write_plan, plan_data, tmp_path):
    plan, empty = write_plan(plan_data), tmp_path / "deep" / "empty"
    empty.mkdir(parents=True)  # a mounted folder, say: it cannot be replaced by a rename
    for out in (tmp_path / "deep" / "small", empty):
        result = limited("new", plan, "--out", out)
        assert result.returncode == 2, result.stdout
        assert result.stderr.startswith("error[cannot-write]")
    assert list((tmp_path / "deep").rglob("*")) == [empty]


def test_a_disk_that_is_full_in_an_update_changes_nothing(project):
    plan = project / "plan.yaml"
    plan.write_text(plan.read_text().replace("value: 200", "value: 300"))
    before = tree(project)
    result = limited("update", project)
    assert result.returncode == 2, result.stdout
    assert result.stderr.startswith("error[cannot-write]")
    assert tree(project) == before
