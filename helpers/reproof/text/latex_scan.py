r"""Groups, optional arguments and the author's own macros."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = re.compile(r"\\(?:([A-Za-z@]+)\*?|(.))", re.DOTALL)
DEFINITION = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?\s*\{?\s*\\(?P<name>[A-Za-z@]+)\s*\}?"
    r"(?:\s*\[(?P<count>\d)\])?(?P<default>\s*\[[^\[\]]{0,200}\])?\s*(?=\{)"
    r"|\\def\s*\\(?P<def>[A-Za-z@]+)(?P<params>(?:#\d)*)\s*(?=\{)"
    r"|\\DeclareMathOperator\*?\s*\{?\s*\\(?P<operator>[A-Za-z@]+)\s*\}?\s*(?=\{)"
)
PARAMETER = re.compile(r"#([1-9])")
MAX_EXPANSIONS, MAX_EXPANDED = 20_000, 2**20


@dataclass(frozen=True)
class Macro:
    """A command of the author's."""

    body: str
    count: int = 0
    default: str | None = None


def skip_space(text: str, at: int) -> int:
    """The next position that is not white space; a blank line is not skipped."""
    newlines = 0
    while at < len(text) and text[at] in " \t\n":
        newlines += text[at] == "\n"
        if newlines > 1:
            break
        at += 1
    return at


def closing(text: str, at: int, opening: str = "{", close: str = "}") -> int:
    """Where the group that opens at `at` closes; the end of the text when it never does."""
    depth = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 2
            continue
        if character == opening:
            depth += 1
        elif character == close:
            depth -= 1
            if depth == 0:
                return at
        elif character == "}" and opening == "[" and depth == 1:
            pass
        at += 1
    return len(text)


def argument(text: str, at: int) -> tuple[str, int, int]:
    """(content, where it begins, position behind it) of a {group}, a command or one character."""
    at = skip_space(text, at)
    if at >= len(text):
        return "", at, at
    if text[at] == "{":
        end = closing(text, at)
        return text[at + 1 : end], at + 1, end + 1
    if text[at] == "\\":
        match = NAME.match(text, at)
        end = match.end() if match else at + 1
        return text[at:end], at, end
    return text[at], at, at + 1


def optional(text: str, at: int) -> tuple[str | None, int]:
    """(content, position behind it) of an [optional] argument, or (None, at)."""
    start = at
    while start < len(text) and text[start] in " \t":
        start += 1
    if text[start : start + 1] != "[":
        return None, at
    end = closing(text, start, "[", "]")
    if end - start > 2000 or end >= len(text):
        return None, at
    return text[start + 1 : end], end + 1


def macros(text: str) -> tuple[dict[str, Macro], list[tuple[int, int]]]:
    """The author's macros, and the spans of their definitions."""
    found: dict[str, Macro] = {}
    spans = []
    for match in DEFINITION.finditer(text):
        end = closing(text, match.end())
        if end >= len(text):
            continue
        body = text[match.end() + 1 : end]
        name = match["name"] or match["def"] or match["operator"]
        if match["def"]:
            count, default = len(match["params"]) // 2, None
        else:
            count = int(match["count"] or 0)
            default = match["default"].strip()[1:-1] if match["default"] else None
        found[name] = Macro(body, count, default)
        spans.append((match.start(), end + 1))
    return found, spans


def expanded(macro: Macro, text: str, at: int) -> tuple[str, int]:
    """(the macro's body with its arguments in, position behind them)."""
    given: list[str] = []
    if macro.default is not None:
        said, at = optional(text, at)
        given.append(macro.default if said is None else said)
    while len(given) < macro.count:
        content, _, at = argument(text, at)
        given.append(content)
    return PARAMETER.sub(lambda m: given[int(m[1]) - 1] if int(m[1]) <= len(given) else "", macro.body), at
