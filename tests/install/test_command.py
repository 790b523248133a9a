"""The command line as a user meets it: every command prints its answer, and the exit code says yes or no."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reproof.install.command import main

ROOT = Path(__file__).resolve().parent.parent.parent


def test_install_list_uninstall_and_zip_say_what_they_did(tmp_path, capsys):
    agent = str(tmp_path / "an agent's skills")
    assert main(["install", "--to", agent, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("# Would do")
    assert main(["install", "--to", agent]) == 0
    assert "paper-reproduction 0.1.0" in capsys.readouterr().out
    (tmp_path / "an agent's skills" / "paper-reproduction" / "TODO.md").write_text("mine", encoding="utf-8")
    assert main(["install", "--to", agent]) == 4
    assert "- kept: `TODO.md`: changed locally" in capsys.readouterr().out
    assert main(["uninstall", "--to", agent]) == 0
    assert "- left: `TODO.md`" in capsys.readouterr().out
    assert main(["list", "--project", str(tmp_path)]) == 0
    assert "| claude (Claude Code) | project |" in capsys.readouterr().out
    assert main(["zip", "--out", str(tmp_path / "dist")]) == 0
    assert "model-reproduction-0.1.0.zip" in capsys.readouterr().out


def test_doctor_says_which_python_and_answers_in_json_too(capsys):
    code = main(["doctor"])
    out = capsys.readouterr().out
    assert sys.executable in out
    assert main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["kind"] == "clone"


@pytest.mark.parametrize("words", [["install", "nobody"], ["install"], ["uninstall", "claude", "--skill", "x"]])
def test_bad_input_is_three_lines_and_two(words, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("error[bad-input]: ")


def test_sync_in_an_installed_skill_says_that_it_is_no_clone(tmp_path):
    assert main(["install", "--to", str(tmp_path), "--skill", "paper-reproduction"]) == 0
    launcher = tmp_path / "paper-reproduction" / "helpers" / "install.py"
    run = subprocess.run([sys.executable, launcher, "sync"], capture_output=True, text=True, cwd="/", check=False)
    assert run.returncode == 3
    assert run.stderr.startswith("error[not-a-clone]")


def test_the_manifests_for_clients_agree_with_the_pack():
    from reproof import __version__

    plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
    gemini = json.loads((ROOT / "gemini-extension.json").read_text(encoding="utf-8"))
    assert plugin["version"] == gemini["version"] == __version__
    assert [entry["name"] for entry in market["plugins"]] == [plugin["name"]]
    assert market["plugins"][0]["source"] == "./"
    for skill in ("paper-reproduction", "model-reproduction"):
        head = (ROOT / "skills" / skill / "SKILL.md").read_text(encoding="utf-8").split("\n---\n")[0]
        assert f'version: "{__version__}"' in head
