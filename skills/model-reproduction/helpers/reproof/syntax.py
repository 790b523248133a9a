"""Python source that nobody vouches for, as a syntax tree: parsed, never imported, never run.

Python 2 is read after a rewriting that keeps every line where it is, and the reader is told so.
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
MAX_POWER, MAX_DIGITS = 256, 10**80  # 10**10**10 in a file must not cost us a minute

_ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}

# Python 2 to 3, line by line: enough to parse, no more
_PYTHON2 = [
    (re.compile(r"^(\s*(?:.*[:;]\s*)?)print\s*>>\s*([\w.]+)\s*,?\s*(.*)$"), r"\1print(\3, file=\2)"),
    (re.compile(r"^(\s*)print[ \t]+(?![=(])(.+?),?\s*(#.*)?$"), r"\1print(\2)"),
    (re.compile(r"([:;]\s*)print[ \t]+(?![=(])(.+?),?\s*(#.*)?$"), r"\1print(\2)"),
    (re.compile(r"^(\s*)print[ \t]+(\(.*[^)\s])\s*$"), r"\1print(\2)"),
    (re.compile(r"^(\s*)print[ \t]*$"), r"\1print()"),
    (re.compile(r"^(\s*except\s+[^:]+?)\s*,\s*(\w+)\s*:"), r"\1 as \2:"),
    (re.compile(r"^(\s*)raise\s+([\w.]+)\s*,\s*(.+)$"), r"\1raise \2(\3)"),
    (re.compile(r"^(\s*)exec\s+(?!\()(.+)$"), r"\1exec(\2)"),
    (re.compile(r"\b(\d+)[lL]\b"), r"\1"),
    (re.compile(r"(?<![\w.])0([0-7]{2,})\b"), r"0o\1"),
    (re.compile(r"<>"), "!="),
    (re.compile(r"\b[uU][rR](['\"])"), r"r\1"),
    (re.compile(r"`([^`]+)`"), r"repr(\1)"),
]


@dataclass(frozen=True)
class Source:
    """One file's tree. Without a tree, `problem` says why; with one, it says what was done to get it."""

    tree: ast.Module | None
    text: str
    problem: str = ""
    imports: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)


def decoded(data: bytes) -> tuple[str, str]:
    """Text in the encoding that the file declares, and a remark when that did not work."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), ""
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode("latin-1"), "not UTF-8; read as Latin-1"


def parsed(data: bytes) -> Source:
    """The tree of one file, or the reason why there is none; nothing is raised for what a file may hold."""
    text, remark = decoded(data)
    tree, problem = _tree(text)
    if tree is None:
        older, _ = _tree(_rewritten(text))
        if older is None:
            return Source(None, text, problem)
        tree, remark = older, "Python 2, read after a mechanical rewriting of print, except, raise and literals"
    source = Source(tree, text, remark)
    source.imports.update(imports_of(tree))
    source.constants.update(constants_of(tree))
    return source


def _tree(text: str) -> tuple[ast.Module | None, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the file's business
            return ast.parse(text), ""
    except SyntaxError as error:
        return None, f"does not parse at line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return None, f"does not parse: {error or type(error).__name__}"


def _rewritten(text: str) -> str:
    lines = text.replace("\t", "        ").split("\n")
    for pattern, new in _PYTHON2:
        lines = [pattern.sub(new, line) for line in lines]
    return "\n".join(lines)


def imports_of(tree: ast.AST) -> dict[str, str]:
    """Name in the file -> dotted name of what it stands for; relative imports keep their dots."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                within = f"{node.module}." if node.module else ""  # `from . import x`: no dot of its own
                names[alias.asname or alias.name] = f"{'.' * node.level}{within}{alias.name}"
    return names


def constants_of(tree: ast.Module) -> dict[str, Any]:
    """Module-level names that are bound once, to a literal."""
    found: dict[str, Any] = {}
    twice: set[str] = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            if target.id in found:
                twice.add(target.id)
            known, value = literal(node.value)
            if known:
                found[target.id] = value
    return {name: value for name, value in found.items() if name not in twice}


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` of a name or an attribute, of what is called or subscripted; empty for anything else.

    >>> dotted(ast.parse("torch.nn.Linear(3)").body[0].value)
    'torch.nn.Linear'
    """
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def last(node: ast.AST | None) -> str:
    """The last word of `dotted`."""
    return dotted(node).rpartition(".")[2]


def literal(node: ast.AST | None, constants: dict[str, Any] | None = None) -> tuple[bool, Any]:
    """(known, value) of a literal, of arithmetic on literals, and of a constant of the module.

    >>> literal(ast.parse("(2 ** -15, 1 / 4)").body[0].value)
    (True, (3.0517578125e-05, 0.25))
    >>> literal(ast.parse("f(1)").body[0].value)
    (False, None)
    """
    try:
        return True, _value(node, constants or {})
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return False, None


def _value(node: ast.AST | None, constants: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        items = [_value(item, constants) for item in node.elts]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError("unpacked")
        return {_value(k, constants): _value(v, constants) for k, v in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and type(node.op) in _ARITHMETIC:
        return _ARITHMETIC[type(node.op)](_value(node.operand, constants))
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return _calculated(node, _value(node.left, constants), _value(node.right, constants))
    if isinstance(node, ast.Call) and dotted(node) in ("float", "int") and len(node.args) == 1:
        return {"float": float, "int": int}[dotted(node)](_value(node.args[0], constants))
    if isinstance(node, ast.Call) and dotted(node) in ("tuple", "list", "dict") and not node.args and not node.keywords:
        return {"tuple": (), "list": [], "dict": {}}[dotted(node)]
    raise ValueError("no literal")


def _calculated(node: ast.BinOp, left: Any, right: Any) -> Any:
    numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
    if not numbers or abs(left) > MAX_DIGITS or (isinstance(node.op, ast.Pow) and abs(right) > MAX_POWER):
        raise ValueError("no arithmetic on numbers of a sensible size")
    return _ARITHMETIC[type(node.op)](left, right)


def shown(node: ast.AST | None, most: int = 80) -> str:
    """Source text of a node on one line, cut."""
    if node is None:
        return ""
    try:
        text = " ".join(ast.unparse(node).split())
    except (ValueError, RecursionError, AttributeError):
        text = type(node).__name__
    return text if len(text) <= most else text[: most - 1] + "…"


@dataclass(frozen=True)
class Unit:
    """A class, function, method or module constant; `name` is its place in the file, like Attention.forward."""

    name: str
    kind: str
    node: ast.stmt
    owner: ast.ClassDef | None = None

    @property
    def line(self) -> int:
        """Where it begins, decorators aside."""
        return self.node.lineno


def units_of(tree: ast.Module) -> list[Unit]:
    """Every class, function, method and module constant, in order; what stands in `if` and `try` too."""
    return list(_units(tree.body, "", None))


def _units(body: list[ast.stmt], before: str, owner: ast.ClassDef | None) -> Iterator[Unit]:
    for node in body:
        if isinstance(node, FUNCTION):
            yield Unit(before + node.name, "method" if owner else "function", node, owner)
        elif isinstance(node, ast.ClassDef):
            yield Unit(before + node.name, "class", node, owner)
            yield from _units(node.body, f"{before}{node.name}.", node)
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _units([*node.body, *node.orelse, *getattr(node, "finalbody", [])], before, owner)
            for handler in getattr(node, "handlers", []):
                yield from _units(handler.body, before, owner)
        elif owner is None and isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and node.value is not None:
                yield Unit(before + target.id, "constant", node)
