"""Which of the user's functions ran, and which of their lines returned a number."""

from __future__ import annotations

import ast
import inspect
import math
import sys
import textwrap
from collections import deque
from collections.abc import Iterable
from types import FrameType
from typing import Any

LATEST = 400  # numbers that are remembered, back from the last


class Ran:
    """Watches the functions of some files while it is entered; may be entered again."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = frozenset(files)
        self.units: dict[tuple[str, str, int], None] = {}
        self.numbers: deque[tuple[float, str]] = deque(maxlen=LATEST)
        self.before: list[Any] = []

    def __enter__(self) -> Ran:
        self.before.append(sys.getprofile())
        sys.setprofile(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before.pop())

    def _event(self, frame: FrameType, event: str, arg: Any) -> None:
        code = frame.f_code
        if event not in ("call", "return") or code.co_filename not in self.files or code.co_name == "<module>":
            return
        if event == "call":
            self.units[code.co_filename, getattr(code, "co_qualname", code.co_name), code.co_firstlineno] = None
        elif isinstance(arg, (int, float)) and not isinstance(arg, bool):
            self.numbers.append((float(arg), f"{code.co_filename}:{frame.f_lineno}"))

    def returned(self, *wanted: float) -> str:
        """The line that returned one of the `wanted` numbers last, or nothing."""
        for value, line in reversed(self.numbers):
            if any(math.isclose(value, each, rel_tol=1e-12) for each in wanted):
                return line
        return ""


def named_line(function: Any, word: str) -> str:
    """The line in a function where an argument or a key of this name is given, or nothing.

    >>> named_line(3, "lr")
    ''
    """
    found = _source(function)
    if found is None:
        return ""
    tree, path, first = found
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == word:
            return f"{path}:{first + node.value.lineno - 1}"
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == word:
                    return f"{path}:{first + _set_at(value, tree) - 1}"
    return ""


def _set_at(value: ast.expr, tree: ast.AST) -> int:
    """The line of an expression; of a name that is set once, where that is done."""
    name = value.id if isinstance(value, ast.Name) else None
    made = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and name is not None
            and [each.id for each in n.targets if isinstance(each, ast.Name)] == [name]]  # fmt: skip
    return made[0].lineno if len(made) == 1 else value.lineno


def place(function: Any) -> str:
    """Where a function begins; where it is a single statement, that one."""
    found = _source(function)
    if found is None:
        return ""
    tree, path, first = found
    body = getattr(tree.body[0], "body", [])
    if isinstance(body, list):
        body = [each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
        if len(body) == 1 and not hasattr(body[0], "body"):
            return f"{path}:{first + body[0].lineno - 1}"
    return f"{path}:{first}"


def _source(function: Any) -> tuple[ast.Module, str, int] | None:
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    try:
        lines, first = inspect.getsourcelines(function)
        return ast.parse(textwrap.dedent("".join(lines))), code.co_filename, first
    except (OSError, SyntaxError, TypeError):  # no source, or a lambda in the middle of a line
        return None
