"""Where a value stands in the text of a YAML plan, so that an edit keeps every comment and blank."""

from __future__ import annotations

import json
import re
from typing import Any

from reproof import yamlio
from reproof.errors import PackError


def flow(data: object) -> str:
    """One line of YAML. JSON is YAML, and keys need no quotation marks but `on`, which YAML 1.1 reads as yes.

    >>> flow({"by": "Ada", "on": "2026-01-05", "value": [1, 2]})
    '{by: "Ada", "on": "2026-01-05", value: [1, 2]}'
    """
    return re.sub(r'(?:(?<=[{,] )|(?<=\{))"(?!on")(\w+)":', r"\1:", json.dumps(data, ensure_ascii=False))


def at(data: Any, path: str) -> Any:
    """The value at a dotted path of plain data; list items are found by name, id or index."""
    here = data
    for step in _steps(data, path):
        here = here[step]
    return here


def _steps(data: Any, path: str) -> list[Any]:
    """Keys and indexes of a dotted path; a key may itself hold dots."""
    here, rest, steps = data, path, []
    while rest:
        options = _options(here)
        fitting = [name for name in options if rest == name or rest.startswith(name + ".")]
        if not fitting:
            raise KeyError(path)
        name = max(fitting, key=len)
        steps.append(options[name])
        here, rest = here[options[name]], rest[len(name) + 1 :]
    return steps


def _options(here: Any) -> dict[str, Any]:
    if isinstance(here, dict):
        return {str(key): key for key in here}
    if isinstance(here, list):
        named = {str(item.get("name")): i for i, item in enumerate(here) if isinstance(item, dict) and "name" in item}
        return {**{str(i): i for i in range(len(here))}, **named}
    return {}


def with_key(text: str, path: str, key: str, shown: str, name: str) -> str:
    """`text` with `key: shown` added to the mapping at `path`.

    Raises:
        PackError: there is no mapping at that path.
    """
    data = yamlio.parse(text, name)
    try:
        node = _node(yamlio.compose(text), _steps(data, path))
    except KeyError:
        node = None
    if node is None or node.id != "mapping" or not node.value:
        raise PackError("no-such-value", f"no value at {path!r} in {name}", why="there is nothing to sign",
                        fix="plan.py check lists the paths")  # fmt: skip
    if node.flow_style:
        end = text.rindex("}", 0, _offset(text, node.end_mark))
        before = text[:end].rstrip()
        comma = "" if before.endswith(",") else ","
        return f"{before}{comma} {key}: {shown}{text[len(before) : end].rstrip(' ')}{text[end:]}"
    last = max(_offset(text, value.end_mark) for _, value in node.value)
    column = node.value[0][0].start_mark.column
    body = text[:last].rstrip()
    stop = text.find("\n", len(body))
    stop = len(text) if stop < 0 else stop  # behind a comment on the last line
    return f"{text[:stop]}\n{' ' * column}{key}: {shown}{text[stop:]}"


def replaced(text: str, path: str, shown: str | None, name: str) -> str:
    """`text` with `shown` in the place of the value at `path`; None takes the line of a key in block style away.

    Raises:
        PackError: there is no value at that path.
    """
    try:
        node = _node(yamlio.compose(text), _steps(yamlio.parse(text, name), path))
    except KeyError:
        raise PackError("no-such-value", f"no value at {path!r} in {name}", why="there is nothing to replace",
                        fix="plan.py check lists the paths") from None  # fmt: skip
    start, end = _offset(text, node.start_mark), _offset(text, node.end_mark)
    if shown is not None:
        return f"{text[:start]}{shown}{text[end:]}"
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    return text[:first] + (text[last + 1 :] if last >= 0 else "")


def with_item(text: str, key: str, shown: str, name: str) -> str:
    """`text` with `shown` as one more item of the top-level list `key`, which is begun where there is none.

    Raises:
        PackError: there is something else at that key, or a list in brackets.
    """
    data = yamlio.parse(text, name)
    if key not in data:
        return f"{text.rstrip()}\n\n{key}:\n  - {shown}\n"
    node = _node(yamlio.compose(text), [key])
    if node.id != "sequence" or node.flow_style or not node.value:
        raise PackError("no-such-list", f"{key} in {name} is no list of lines", why="an item cannot be added to it",
                        fix=f"write it as lines that begin with a dash, or add by hand: - {shown}")  # fmt: skip
    column = node.start_mark.column
    body = text[: max(_offset(text, item.end_mark) for item in node.value)].rstrip()
    stop = text.find("\n", len(body))
    stop = len(text) if stop < 0 else stop
    return f"{text[:stop]}\n{' ' * column}- {shown}{text[stop:]}"


def _node(node: Any, steps: list[Any]) -> Any:
    for step in steps:
        if node.id == "mapping":
            node = next(value for key, value in node.value if str(key.value) == str(step))
        else:
            node = node.value[step]
    return node


def _offset(text: str, mark: Any) -> int:
    """Where a mark points in the text; the C parser's marks count lines and columns alike, not always characters."""
    start = 0
    for _ in range(mark.line):
        start = text.index("\n", start) + 1
    return start + int(mark.column)
