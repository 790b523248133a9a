"""All items, in the order in which a reproduction is made; and the word that follows from them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from reproof.paths import HELPERS
from reproof.selfcheck import (
    again,
    chain,
    code,
    integrity,
    leaks,
    libraries,
    memory,
    plausible,
    preflight,
    quotes,
    results,
    verdicts,
)
from reproof.selfcheck.gather import Project, gather
from reproof.selfcheck.models import GateRequest, Item, SelfcheckAnswer

TOPICS = (quotes, libraries, memory, code, leaks, integrity, results, plausible, verdicts, again)
ORDER = ("PASS", "SIGNED", "FAIL", "STALE", "MISSING")


def judge(project: Project) -> list[Item]:
    """Every item but the report itself; without a valid plan only what needs none."""
    found = list(chain.items(project))
    if project.plan:
        for topic in TOPICS:
            found += topic.items(project)
        found += preflight.items(project, found)
    return found


def gate(request: GateRequest) -> SelfcheckAnswer:
    """Answer `selfcheck.py gate`."""
    from reproof.selfcheck.publish import report_item  # jinja2 only when the report is looked at

    project = gather(request.project)
    found = judge(project)
    found.append(report_item(project, found))
    return answer(project, found)


def answer(project: Project, found: list[Item]) -> SelfcheckAnswer:
    """The items with commands that can be pasted, and the headline."""
    return SelfcheckAnswer(
        ok=not any(item.blocks for item in found),
        headline=headline(found),
        items=[item.model_copy(update={"command": exact(item.command, project.folder)}) for item in found],
        counts=counts(found),
    )


def counts(found: list[Item]) -> dict[str, int]:
    """State -> how many, states that occur."""
    number = Counter(item.state for item in found)
    return {state: number[state] for state in ORDER if number[state]}  # type: ignore[index]


def headline(found: list[Item]) -> str:
    """Green or red, and how many items are in which state."""
    blocking = sum(item.blocks for item in found)
    words = ", ".join(f"{count} {state}" for state, count in counts(found).items())
    if blocking:
        return f"The gate is red: {blocking} of {len(found)} items stand in the way ({words})"
    return f"The gate is green: everything required is backed by evidence that still holds ({words})"


def exact(command: str, folder: Path) -> str:
    """A command that can be pasted where the gate was called."""
    places = {"HELPERS": HELPERS, "PROJECT": folder}
    for word, path in places.items():
        command = command.replace(word, _short(path))
    return command


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    shown = relative if not relative.startswith("../..") else str(path.resolve())
    return f"'{shown}'" if " " in shown else shown
