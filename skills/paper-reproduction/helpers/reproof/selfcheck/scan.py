"""Is the algorithm finished? Looked at in its syntax tree, here and now; nothing is imported or run.

Finds what unfinished code looks like. It cannot tell a wrong formula from a right one.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from reproof.paths import files_below

MARKER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bplace-?holder\b|\bstub\b|\byour code here\b", re.IGNORECASE)
UNFINISHED = {"NotImplementedError", "Unfinished", "NotImplemented"}
CONSTANT_CALLS = {"zeros_like", "ones_like", "full_like"}
# an interface is not a stub: these decorators and bases say that the body stands elsewhere
INTERFACE = {"abstractmethod", "overload", "Protocol", "ABC"}

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def unfinished(core: Path) -> list[str]:
    """`file:line reason` of everything in `core` that looks unfinished."""
    found = []
    for path in files_below(core):
        if path.suffix == ".py":
            name = path.relative_to(core).as_posix()
            found += [f"{name}:{line} {reason}" for line, reason in in_source(path.read_bytes())]
    return found


def in_source(source: bytes) -> list[tuple[int, str]]:
    r"""Line and reason of everything in one file that looks unfinished.

    >>> in_source(b"def loss(x):\n    return 0.0\n")
    [(1, 'loss always returns 0.0')]
    >>> in_source(b"def loss(x):\n    return x.mean()\n")
    []
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return [(getattr(error, "lineno", None) or 1, "does not parse")]
    return sorted({*_raised(tree), *_functions(tree), *_markers(source)})


def defined(core: Path) -> set[str]:
    """`module.function`, `module.Class` and `module.Class.method` of everything in `core`."""
    names: set[str] = set()
    for path in files_below(core):
        if path.suffix == ".py":
            parts = [part for part in path.relative_to(core).with_suffix("").parts if part != "__init__"]
            names |= {".".join([*parts, name]) for name in _definitions(path.read_bytes())}
    return names


def _definitions(source: bytes) -> Iterator[str]:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return
    for node in body:
        if isinstance(node, (*Function, ast.ClassDef)):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{child.name}" for child in node.body if isinstance(child, Function))


def _raised(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None and _name(node.exc) in UNFINISHED:
            yield node.lineno, f"raises {_name(node.exc)}"


def _functions(tree: ast.AST) -> Iterator[tuple[int, str]]:
    interfaces = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and INTERFACE & {_name(base) for base in node.bases}
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, Function) or node in interfaces or INTERFACE & {_name(d) for d in node.decorator_list}:
            continue
        reason = _empty(node)
        if reason:
            yield node.lineno, f"{node.name} {reason}"


def _empty(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Why a function does nothing, or an empty string."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if all(isinstance(node, ast.Pass) for node in body):
        return "has no body"
    takes = [a for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs) if a.arg != "self"]
    if len(body) != 1 or not isinstance(body[0], ast.Return) or not takes:
        return ""
    value = body[0].value
    if value is None or _is_constant(value):
        return f"always returns {ast.unparse(value) if value else 'None'}"
    return ""


def _is_constant(value: ast.expr) -> bool:
    """A literal, a literal in a tensor, or a tensor filled with one number."""
    if isinstance(value, ast.UnaryOp):
        return _is_constant(value.operand)
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(_is_constant(item) for item in value.elts)
    if isinstance(value, ast.Call):
        if _name(value.func) in CONSTANT_CALLS:
            return True
        return _name(value.func) in ("tensor", "float", "int") and all(_is_constant(item) for item in value.args)
    return isinstance(value, ast.Constant)


def _markers(source: bytes) -> Iterator[tuple[int, str]]:
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT and (match := MARKER.search(token.string)):
            yield token.start[0], f"has a comment that says {match[0]!r}"


def _name(node: ast.expr) -> str:
    """The last word of a name, attribute, call or subscript."""
    if isinstance(node, (ast.Call, ast.Subscript)):
        return _name(node.func if isinstance(node, ast.Call) else node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
