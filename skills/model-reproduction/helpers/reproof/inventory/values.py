"""What a syntax tree says about one value: its name, its default, whether it is a setting at all."""

from __future__ import annotations

import ast
import re

from reproof.inventory.known import CONFIG_CALLS, CONFIG_CLASS
from reproof.syntax import dotted, last, literal, shown


def is_calculated(node: ast.AST) -> bool:
    """Whether the value does not stand in the source as it is."""
    return any(isinstance(part, (ast.BinOp, ast.Call, ast.Name)) for part in ast.walk(node))


def keywords(node: ast.Call) -> dict[str, ast.expr]:
    """Keyword arguments by name."""
    return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}


def texts(node: ast.Call) -> list[str]:
    """Positional arguments that are text."""
    return [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def option_name(node: ast.Call, given: dict[str, ast.expr]) -> str:
    """The name under which the program sees the option: dest, a bare name, or the longest flag."""
    dest = literal(given.get("dest"))[1]
    if isinstance(dest, str):
        return dest
    words = texts(node)
    bare = [text for text in words if text.isidentifier()]
    longest = bare[0] if bare else max(words, key=len, default="")
    return longest.partition("/")[0].lstrip("-").replace("-", "_")


def default_of_field(value: ast.Call) -> ast.expr | None:
    """The default in `field(default=...)`, `Field(0.1)`, `attr.ib(factory=list)`."""
    given = keywords(value)
    found = given.get("default") or (value.args[0] if value.args else None) or given.get("default_factory")
    found = found or given.get("factory")
    if isinstance(found, ast.Lambda):
        return found.body
    return None if isinstance(found, ast.Constant) and found.value is ... else found


def entries_of(value: ast.expr) -> list[tuple[str, ast.expr]]:
    """Keys and values of a dict literal with text keys, or of a call that makes a configuration."""
    if isinstance(value, ast.Dict) and value.keys:
        pairs = zip(value.keys, value.values, strict=True)
        named = [
            (str(literal(key)[1]) if literal(key)[0] else shown(key, 30), item)
            for key, item in pairs
            if key is not None
        ]
        return named if any(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in value.keys) else []
    if isinstance(value, ast.Call):
        name = dotted(value)
        if name in CONFIG_CALLS or last(value) in CONFIG_CALLS or CONFIG_CLASS.search(last(value)):
            inner = [pair for argument in value.args for pair in entries_of(argument)]
            return inner + [(keyword.arg, keyword.value) for keyword in value.keywords if keyword.arg]
    return []


def subscript(target: ast.Subscript) -> str:
    """What stands in the brackets."""
    known, value = literal(target.slice)
    return str(value) if known else shown(target.slice, 30)


COUNTS = re.compile(
    r"^_?[a-z]$|(?:^|_)(?:i|j|k|n|idx|index|count|counter|total|seen|step|epoch|start|end|pos|offset)(?:$|_)"
)


def is_setting(name: str, value: object) -> bool:
    """Worth a line when it is bound to a local name: no start of a count, no text."""
    if isinstance(value, bool):
        return True
    if isinstance(value, (int, float)):
        return value not in (0, 1, -1, 0.0) or not (value == 0 or COUNTS.search(name))
    return numbers(value)


def numbers(value: object) -> bool:
    """A non-empty sequence of numbers."""
    if not isinstance(value, (tuple, list)) or not value:
        return False
    return all(numbers(v) or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in value)


def switches(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Locals bound to two different texts, and those that get a value under `if name is None`."""
    texts_of: dict[str, set[str]] = {}
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            if isinstance(part.value, ast.Constant) and isinstance(part.value.value, str):
                texts_of.setdefault(part.targets[0].id, set()).add(part.value.value)
        elif isinstance(part, ast.If) and (name := _missing(part.test)):
            bound = [s for s in part.body if isinstance(s, ast.Assign) and dotted(s.targets[0]) == name]
            found |= {name} if bound else set()
    return found | {name for name, words in texts_of.items() if len(words) > 1}


def _missing(test: ast.expr) -> str:
    """The name in `name is None`."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and isinstance(test.left, ast.Name):
        right = test.comparators[0]
        return test.left.id if isinstance(right, ast.Constant) and right.value is None else ""
    return ""
