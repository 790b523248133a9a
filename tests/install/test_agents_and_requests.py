"""Folders of agents, on every flavour of path, and what a request may say."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from pydantic import ValidationError

from reproof.install.agents import AGENTS, project_folder, user_folder
from reproof.install.models import InstallRequest

WINDOWS = PureWindowsPath("D:/ada l")
POSIX = PurePosixPath("/users/ada l")


@pytest.mark.parametrize(
    ("agent", "user", "project"),
    [
        ("claude", "/users/ada l/.claude/skills", "/p/.claude/skills"),
        ("codex", "/users/ada l/.agents/skills", "/p/.agents/skills"),
        ("gemini", "/users/ada l/.gemini/skills", "/p/.gemini/skills"),
        ("opencode", "/users/ada l/.config/opencode/skills", "/p/.opencode/skills"),
        ("cursor", "/users/ada l/.cursor/skills", "/p/.cursor/skills"),
        ("copilot", "/users/ada l/.copilot/skills", "/p/.github/skills"),
        ("agents", "/users/ada l/.agents/skills", "/p/.agents/skills"),
    ],
)
def test_each_agent_has_its_folders(agent, user, project):
    assert str(user_folder(AGENTS[agent], POSIX, {})) == user
    assert str(project_folder(AGENTS[agent], PurePosixPath("/p"))) == project


def test_windows_paths_are_windows_paths():
    assert str(user_folder(AGENTS["opencode"], WINDOWS, {})) == r"D:\ada l\.config\opencode\skills"
    moved = {"CLAUDE_CONFIG_DIR": r"D:\claude"}
    assert str(user_folder(AGENTS["claude"], WINDOWS, moved)) == r"D:\claude\skills"


def test_an_agents_own_variable_moves_its_folder_and_nobody_elses():
    moved = {"CLAUDE_CONFIG_DIR": "/cfg", "XDG_CONFIG_HOME": "/xdg"}
    assert str(user_folder(AGENTS["claude"], POSIX, moved)) == "/cfg/skills"
    assert str(user_folder(AGENTS["opencode"], POSIX, moved)) == "/xdg/opencode/skills"
    assert str(user_folder(AGENTS["codex"], POSIX, moved)) == "/users/ada l/.agents/skills"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"agent": "claud"}, "did you mean claude"),
        ({}, "name an agent"),
        ({"agent": "claude", "user": True, "project": "."}, "--user and --project exclude each other"),
        ({"agent": "claude", "project": ".", "to": "x"}, "--project and --to exclude each other"),
        ({"agent": "claude", "skill": ["paper-reproducton"]}, "did you mean paper-reproduction"),
    ],
)
def test_a_request_that_is_not_clear_is_refused(given, says):
    with pytest.raises(ValidationError, match=says):
        InstallRequest(**given)
