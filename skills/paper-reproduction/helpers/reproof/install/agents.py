"""Where agents look for skills. Pure: the home folder and the environment are arguments.

Each row was taken from the agent's documentation or seen in the agent itself; what was seen says so in
`docs/installing.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

P = TypeVar("P", bound=PurePath)


@dataclass(frozen=True)
class Agent:
    """One client: its own folder below the user's home, and below a project."""

    title: str
    user: str
    project: str
    override: str = ""
    """Environment variable that replaces the first part of `user`."""


AGENTS: dict[str, Agent] = {
    "claude": Agent("Claude Code", ".claude/skills", ".claude/skills", "CLAUDE_CONFIG_DIR"),
    "codex": Agent("Codex", ".agents/skills", ".agents/skills"),
    "gemini": Agent("Gemini CLI", ".gemini/skills", ".gemini/skills"),
    "opencode": Agent("OpenCode", ".config/opencode/skills", ".opencode/skills", "XDG_CONFIG_HOME"),
    "cursor": Agent("Cursor", ".cursor/skills", ".cursor/skills"),
    "copilot": Agent("GitHub Copilot", ".copilot/skills", ".github/skills"),
    "agents": Agent("any agent that reads .agents/skills", ".agents/skills", ".agents/skills"),
}


def user_folder(agent: Agent, home: P, env: Mapping[str, str]) -> P:
    r"""The user's skills folder of an agent; `home` decides the path's flavour.

    >>> from pathlib import PureWindowsPath
    >>> str(user_folder(AGENTS["claude"], PureWindowsPath("D:/ada l"), {}))
    'D:\\ada l\\.claude\\skills'
    """
    moved = env.get(agent.override) if agent.override else None
    if moved:
        return type(home)(moved, *PurePath(agent.user).parts[1:])
    return home.joinpath(*PurePath(agent.user).parts)


def project_folder(agent: Agent, project: P) -> P:
    """The skills folder of an agent in a project."""
    return project.joinpath(*PurePath(agent.project).parts)
