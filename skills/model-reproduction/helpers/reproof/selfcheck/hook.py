"""The gate as a stop hook of an agent: while it is red, "done" is refused, with what is open. Off until switched on.

Claude Code's contract: JSON on stdin; exit 2 with words on stderr sends the agent back to work; exit 0 lets it stop.
`stop_hook_active` is true when the agent goes on because of a stop hook: then it is let go, so that there is no loop.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from reproof.errors import PackError
from reproof.paths import HELPERS, read_text, write_atomically
from reproof.selfcheck.models import HookAnswer, HookRequest

SETTINGS = {"claude": (".claude", "settings.json")}
MARK = "selfcheck.py"
TIMEOUT_S = 300


def hook(request: HookRequest) -> HookAnswer:
    """Answer `selfcheck.py hook`: switch on, switch off, or say how it stands."""
    path = _settings_path(request)
    text = read_text(path, "settings") if path.exists() else ""
    data = _read(path, text)
    command = command_of(request.project)
    is_on = command in _commands(data)
    if request.switch == "status" or (request.switch == "on") == is_on:
        return _answer(path, command, is_on, changed=False)
    new = with_hook(text, data, command) if request.switch == "on" else without_hook(text, data, command)
    if json.loads(new or "{}") != _wanted(data, command, request.switch == "on"):
        raise AssertionError("the text that is written means what was asked for")
    if new:
        write_atomically(path, new)
    else:
        path.unlink()
    return _answer(path, command, request.switch == "on", changed=True)


def command_of(project: Path) -> str:
    """What the agent runs when it wants to stop."""
    words = [sys.executable, str(HELPERS / MARK), "stop", str(project.resolve())]
    return " ".join(shlex.quote(word) for word in words)


def _settings_path(request: HookRequest) -> Path:
    base = (request.settings or request.project).resolve()
    return base if base.suffix == ".json" else base.joinpath(*SETTINGS[request.agent])


def _answer(path: Path, command: str, is_on: bool, *, changed: bool) -> HookAnswer:
    said = f"the stop gate is {'now ' if changed else ''}{'on' if is_on else 'off'} in {path}"
    return HookAnswer(ok=True, headline=said, is_on=is_on, changed=changed, settings=str(path), command=command)


def _read(path: Path, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text) if text.strip() else {}
        hooks = data.get("hooks", {})
        if not isinstance(hooks, dict) or not isinstance(hooks.get("Stop", []), list):
            raise ValueError("hooks.Stop is no list")
    except (ValueError, AttributeError) as error:
        raise PackError(
            "bad-settings", f"{path}: {error}", why="what cannot be read is not rewritten", fix="mend the file by hand",
        ) from error  # fmt: skip
    return data


def _commands(data: dict[str, Any]) -> list[str]:
    groups = data.get("hooks", {}).get("Stop", [])
    return [
        str(h.get("command")) for g in groups if isinstance(g, dict) for h in g.get("hooks", []) if isinstance(h, dict)
    ]


def _group(command: str) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command, "timeout": TIMEOUT_S}]}


def _wanted(data: dict[str, Any], command: str, on: bool) -> dict[str, Any]:
    """The settings as they should be, as data."""
    new: dict[str, Any] = json.loads(json.dumps(data))
    stop = new.setdefault("hooks", {}).setdefault("Stop", [])
    if on:
        stop.append(_group(command))
        return new
    for group in stop:
        if isinstance(group, dict) and isinstance(group.get("hooks"), list):
            group["hooks"] = [h for h in group["hooks"] if not (isinstance(h, dict) and h.get("command") == command)]
    new["hooks"]["Stop"] = [g for g in stop if not (isinstance(g, dict) and g.get("hooks") == [])]
    if not new["hooks"]["Stop"]:
        del new["hooks"]["Stop"]
    if not new["hooks"]:
        del new["hooks"]
    return new


def with_hook(text: str, data: dict[str, Any], command: str) -> str:
    """The settings with our group; every other byte stays where the text has the usual form."""
    block = json.dumps(_group(command))
    spliced = _spliced(text, data, block)
    wanted = _wanted(data, command, True)
    if spliced is not None:
        try:
            if json.loads(spliced) == wanted:
                return spliced
        except ValueError:
            pass  # an unusual form: written anew below
    return json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"


def _spliced(text: str, data: dict[str, Any], block: str) -> str | None:
    """Our block put in behind the first bracket where it belongs; None where there is no such place."""
    stop = data.get("hooks", {}).get("Stop")
    key, piece = None, ""
    if stop is not None:
        key, piece = r'"Stop"\s*:\s*\[', block
    elif "hooks" in data:
        key, piece = r'"hooks"\s*:\s*\{', f'"Stop": [{block}]'
    elif text.strip():
        key, piece = r"^\s*\{", f'"hooks": {{"Stop": [{block}]}}'
    found = list(re.finditer(key, text)) if key else []
    if len(found) != 1:
        return None
    at = found[0].end()
    empty = not (stop if stop is not None else data.get("hooks") if "hooks" in data else data)
    # a list keeps its order: ours goes last, so that only the first place of an empty one is a splice
    if stop:
        return _behind_last(text, at, block)
    return text[:at] + piece + ("" if empty else ", ") + text[at:]


def _behind_last(text: str, at: int, block: str) -> str | None:
    """Behind the last group of a list that begins at `at`."""
    depth, inside, escaped = 1, False, False
    for index in range(at, len(text)):
        letter = text[index]
        if inside:
            inside, escaped = not (letter == '"' and not escaped), letter == "\\" and not escaped
            continue
        inside = letter == '"'
        depth += (letter in "[{") - (letter in "]}")
        if depth == 0:
            end = len(text[:index].rstrip())
            return text[:end] + ", " + block + text[end:]
    return None


def without_hook(text: str, data: dict[str, Any], command: str) -> str:
    """The settings as they were before: the very bytes, where ours were spliced in; empty when nothing else is left."""
    wanted = _wanted(data, command, False)
    block = json.dumps(_group(command))
    for piece in (f'"hooks": {{"Stop": [{block}]}}, ', f'"hooks": {{"Stop": [{block}]}}', f'"Stop": [{block}], ',
                  f'"Stop": [{block}]', f", {block}", block):  # fmt: skip
        if text.count(piece) == 1:
            cut = text.replace(piece, "")
            try:
                left = json.loads(cut)
            except ValueError:
                continue
            if left == wanted or _bare(left) == _bare(wanted):
                return cut if left == wanted else _text_of(wanted, cut)
    return _text_of(wanted, text)


def _bare(data: dict[str, Any]) -> dict[str, Any]:
    hooks = {key: value for key, value in data.get("hooks", {}).items() if value != []}
    return {key: value for key, value in data.items() if key != "hooks"} | ({"hooks": hooks} if hooks else {})


def _text_of(wanted: dict[str, Any], _: str) -> str:
    return json.dumps(wanted, indent=2, ensure_ascii=False) + "\n" if wanted else ""
