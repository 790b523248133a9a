"""Every way into a real client: the skills load, and every helper runs from `/` when the clone is gone."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from reproof.install.skills import SKILLS

NAMES = sorted(SKILLS)


def every_helper_runs(client, pack, folders):
    """The clone is moved away, then each installed helper shows its manual from another folder."""
    moved = pack.with_name("moved away")
    pack.rename(moved)
    for folder in folders:
        for name in SKILLS[folder.name]:
            manual = client(sys.executable, folder / "helpers" / f"{name}.py", "--help", cwd="/").stdout
            assert f"helpers/{name}.py" in manual, folder
    moved.rename(pack)


def found_in(folder):
    """The installed copies of both skills below `folder`."""
    found = {path.parent.name: path.parent for path in Path(folder).rglob("SKILL.md")}
    assert sorted(found) == NAMES
    return list(found.values())


def test_the_reference_validator_accepts_both_skills(client, pack):
    for name in NAMES:
        client("agentskills", "validate", pack / "skills" / name)


def test_claude_code_finds_nothing_to_say_about_the_plugin(client, pack):
    ran = client("claude", "plugin", "validate", "--strict", "--profile", "directory", pack)
    assert "Validation passed" in ran.stdout


def test_the_linters_of_the_format_have_no_complaint(client, pack):
    assert "0 errors, 0 warnings" in client("agnix", "--strict", pack).stdout
    client("skill-tools", "check", pack / "skills", "--fail-on", "warning", "--min-score", "90")
    client("skillcheck", pack / "skills", "--min-desc-score", "80")


def test_claude_code_loads_both_from_the_marketplace(client, pack):
    client("claude", "plugin", "marketplace", "add", pack)
    client("claude", "plugin", "install", "reproof@reproof")
    assert {f"reproof:{name}" for name in NAMES} <= loaded_by_claude(client)
    found = found_in(client.home / ".claude" / "plugins" / "cache")
    every_helper_runs(client, pack, found)


def test_claude_code_loads_both_from_our_own_install(client, pack):
    client(sys.executable, pack / "helpers" / "install.py", "install", "claude")
    assert set(NAMES) <= loaded_by_claude(client)
    every_helper_runs(client, pack, found_in(client.home / ".claude" / "skills"))


def loaded_by_claude(client):
    """Skills of the first event, which is written before any request."""
    words = ["claude", "-p", "hi", "--output-format", "stream-json", "--verbose", "--max-turns", "1"]
    return set(json.loads(client.first_line(*words, ANTHROPIC_API_KEY="sk-ant-none"))["skills"])


def test_codex_shows_both_to_its_model(client, pack):
    client("codex", "plugin", "marketplace", "add", pack)
    client("codex", "plugin", "add", "reproof@reproof")
    prompt = client("codex", "debug", "prompt-input", "hi").stdout
    assert all(f"reproof:{name}" in prompt for name in NAMES)
    every_helper_runs(client, pack, found_in(client.home / ".codex" / "plugins" / "cache"))


@pytest.mark.parametrize("scope", ["user", "project"])
def test_codex_reads_where_our_own_install_writes(scope, client, pack, project):
    place = ["--user"] if scope == "user" else ["--project", project]
    client(sys.executable, pack / "helpers" / "install.py", "install", "codex", *place)
    prompt = client("codex", "debug", "prompt-input", "hi").stdout
    assert all(name in prompt for name in NAMES)


def test_the_skills_cli_installs_both_for_several_agents(client, pack, project):
    listed = client("skills", "add", pack, "--list").stdout
    assert all(name in listed for name in NAMES)
    client("skills", "add", pack, "-s", "*", "-a", "claude-code", "codex", "opencode", "-y")
    every_helper_runs(client, pack, found_in(project / ".agents" / "skills"))


def test_openskills_installs_both(client, pack, project):
    client("openskills", "install", pack, "-y")
    every_helper_runs(client, pack, found_in(project / ".claude" / "skills"))


def test_gemini_installs_both_and_accepts_the_extension(client, pack, project):
    client("gemini", "skills", "install", pack / "skills", "--scope", "workspace", "--consent")
    assert "successfully validated" in "".join(validated_by_gemini(client, pack))
    every_helper_runs(client, pack, found_in(project / ".gemini" / "skills"))


def validated_by_gemini(client, pack):
    ran = client("gemini", "extensions", "validate", pack)
    return ran.stdout, ran.stderr


@pytest.mark.parametrize("scope", ["user", "project"])
def test_opencode_lists_what_our_own_install_wrote(scope, client, pack, project):
    place = ["--user"] if scope == "user" else ["--project", project]
    client(sys.executable, pack / "helpers" / "install.py", "install", "opencode", *place)
    listed = client("opencode", "debug", "skill").stdout
    assert all(f'"{name}"' in listed for name in NAMES)


def test_an_upload_archive_unpacks_and_runs(client, pack, tmp_path):
    client(sys.executable, pack / "helpers" / "install.py", "zip", "--out", tmp_path / "dist")
    for archive in sorted((tmp_path / "dist").glob("*.zip")):
        shutil.unpack_archive(archive, tmp_path / "unpacked")
    every_helper_runs(client, pack, found_in(tmp_path / "unpacked"))
