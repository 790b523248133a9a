"""The stop hook leaves everything else as it is and never loops; the archive is the same every time and runs."""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from reproof.selfcheck.command import main
from reproof.selfcheck.hook import command_of

SETTINGS = {
    "none": None,
    "empty": "{}",
    "others": '{\n  "model": "x",\n\t"permissions": {"allow": ["Bash(ls)"]}\n}\n',
    "hooks of other kinds": '{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"command": "a"}]}]}}',
    "a stop hook": '{\n "hooks": {"Stop": [ {"hooks": [{"command": "say \\"]\\" done"}]} ]},\n "z": 1 }',
    "an empty list": '{"hooks": {"Stop": []}}',
    "unicode": '{"note": "é \\u00e9 \\"Stop\\": [", "a": [1.0, 1e5]}\n\n',
}


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS)
def test_on_and_off_leave_the_settings_as_they_were(project, text, capsys):
    path = project.folder / ".claude/settings.json"
    if text is not None:
        project.write(".claude/settings.json", text)
    words = [str(project.folder)]
    assert main(["hook", "on", *words]) == 0
    on = json.loads(path.read_text(encoding="utf-8"))
    commands = [hook["command"] for group in on["hooks"]["Stop"] for hook in group["hooks"]]
    assert commands[-1] == command_of(project.folder)
    before = json.loads(text or "{}")
    assert {k: v for k, v in on.items() if k != "hooks"} == {k: v for k, v in before.items() if k != "hooks"}
    assert len(commands) == 1 + len(before.get("hooks", {}).get("Stop", []))
    once = path.read_bytes()
    assert main(["hook", "on", *words]) == 0
    assert path.read_bytes() == once, "switched on twice it is there once"
    assert main(["hook", "status", *words]) == 0
    assert "Stop gate: on" in capsys.readouterr().out
    assert main(["hook", "off", *words]) == 0
    if text is None:
        assert not path.exists()
    elif text == SETTINGS["an empty list"]:
        assert json.loads(path.read_text()) in ({}, before)
    else:
        assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"Stop": {}}}'])
def test_settings_that_cannot_be_read_are_not_touched(project, text, capsys):
    path = project.write(".claude/settings.json", text)
    assert main(["hook", "on", str(project.folder)]) == 2
    assert "error[bad-settings]" in capsys.readouterr().err
    assert path.read_text() == text


def stopped(project, monkeypatch, said):
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    return main(["stop", str(project.folder)])


def test_a_red_gate_sends_the_agent_back_once(project, monkeypatch, capsys):
    (project.folder / "requirements.txt").write_text("torch\n")
    assert stopped(project, monkeypatch, '{"stop_hook_active": false}') == 2
    assert "- requirements-pinned FAIL: not pinned with ==: torch" in capsys.readouterr().err
    assert stopped(project, monkeypatch, '{"stop_hook_active": true}') == 0
    assert stopped(project, monkeypatch, "no json") == 2


def test_a_green_gate_and_a_project_that_is_gone_let_it_stop(project, monkeypatch):
    assert stopped(project, monkeypatch, "{}") == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}"))
    assert main(["stop", str(project.folder / "gone")]) == 0


def bundled(project, name):
    out = project.folder.parent / name
    assert main(["bundle", str(project.folder), "--out", str(out)]) == 0
    return out


def test_the_archive_is_the_same_every_time_and_a_stranger_can_check_it(project, tmp_path):
    project.checkpoint(0, b"weights")
    archive, again = bundled(project, "a.zip"), bundled(project, "b.zip")
    assert archive.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(archive) as file:
        names = set(file.namelist())
        file.extractall(tmp_path / "elsewhere")
    wanted = {"plan.yaml", "report.html", "requirements.txt", "configs/toy.yaml", "src/small/core/__init__.py",
              "rerun.py", "runs.json",
              "results/toy/seed0/records.jsonl", "results/toy/seed0/metrics.jsonl", "environment.lock", "SHA256SUMS",
              "results/toy/seed0/figures/trajectories_10.png", "checkpoints.sha256", "helpers/compare.py"}  # fmt: skip
    assert {f"small/{name}" for name in wanted} <= names
    assert not any(name.endswith(".ckpt") for name in names)
    place = tmp_path / "elsewhere/small"
    assert "results/toy/seed0/checkpoints/fit.ckpt" in (place / "checkpoints.sha256").read_text()
    check = [sys.executable, "rerun.py", "--check"]
    assert subprocess.run(check, cwd=place, check=False, capture_output=True, timeout=60).returncode == 0
    (place / "results/toy/seed0/records.jsonl").write_text("{}\n")
    done = subprocess.run(check, cwd=place, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (4, "1 files differ: results/toy/seed0/records.jsonl\n")


def test_the_command_in_the_archive_runs_every_phase_again_and_then_compares(project, tmp_path):
    project.write(
        "run.py", "import pathlib, sys\npathlib.Path('ran.txt').open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
    )
    with zipfile.ZipFile(bundled(project, "a.zip")) as file:
        file.extractall(tmp_path)
    command = [sys.executable, "rerun.py", "--here"]
    done = subprocess.run(command, cwd=tmp_path / "small", check=False, capture_output=True, text=True, timeout=60)
    ran = (tmp_path / "small/ran.txt").read_text().splitlines()
    assert ran == [f"{word} toy --seed {seed}" for seed in (0, 1, 2) for word in ("train", "evaluate")]
    assert done.returncode == 4, "nothing was really run, so compare says NOT_RUN"
    assert (
        "DIFFERS  table1/toy: MATCH, 0.2861; now NOT_RUN, no number\n\n0 of 1 verdicts are the report's\n"
        in done.stdout
    )
    assert (tmp_path / "small/results-of-the-archive/toy/seed0/records.jsonl").is_file()


def test_a_rerun_that_gives_the_verdicts_of_the_report_is_a_yes(project, tmp_path):
    project.write("run.py", "import shutil\nshutil.copytree('results-of-the-archive', 'results', dirs_exist_ok=True)\n")
    project.report()
    with zipfile.ZipFile(bundled(project, "a.zip")) as file:
        file.extractall(tmp_path)
    command = [sys.executable, "rerun.py", "--here"]
    done = subprocess.run(command, cwd=tmp_path / "small", check=False, capture_output=True, text=True, timeout=60)
    assert "1 of 1 verdicts are the report's" in done.stdout
    assert done.returncode == 0


def test_words_of_a_person_and_the_checklists_are_in_the_report(project):
    project.write("notes.yaml", "by: Ada Lovelace\non: 2026-01-07\neasy: [the loss]\nhard: [the data]\n")
    project.report()
    text = (project.folder / "report.md").read_text()
    assert "In the words of Ada Lovelace, 2026-01-07." in text and "- hard: the data" in text
    report = json.loads((project.folder / "report.json").read_text())["report"]
    sizes = {c["name"].split()[0]: len(c["rows"]) for c in report["checklists"]}
    assert sizes == {"NeurIPS": 22, "ML": 5, "ACM": 5, "REFORMS": 32}
    answers = {row["item"]: row for c in report["checklists"] for row in c["rows"]}
    assert answers["broader impact"]["answer"] == ""
    assert answers["dependencies are given"]["source"] == "gate, requirements-pinned"
    assert answers["Artifacts Available: in a public archive with an identifier"]["answer"] == ""
    assert all(row["source"] for row in answers.values() if row["answer"])
    assert "python helpers/compare.py . --claim table1/toy" in report["reruns"][0]["command"]
    project.write("notes.yaml", "by: x\n")
    project.report()
    assert "cannot be shown" in (project.folder / "report.md").read_text()


def test_the_preflight_list_is_whole_and_says_what_to_run(project):
    rows = {name: item for name, item in project.items().items() if name.startswith("preflight/")}
    assert list(rows) == [f"preflight/{name}" for name in (
        "experiment-types", "phases-end-to-end", "api-shapes", "shared-state", "flags-reach-phases", "vram-target",
        "save-resume-skip", "no-growth", "runtimes", "multi-gpu", "requirements-complete")]  # fmt: skip
    assert all(item.command for item in rows.values() if item.state == "MISSING")
