"""Where what stands on a line comes from: read in the source of both sides, never run.

A divergent operation is named by the line that computes it. Its cause often stands elsewhere: a number in a constant, an
attribute or a default; a step that is left out and has no line of its own; a number that only one side's function has.
"""  # noqa: E501

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST = 3
PLAIN = {0.0, 1.0, 2.0, 3.0}  # axes, counts and powers of any code
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@functools.lru_cache(maxsize=64)
def tree_of(path: str) -> ast.Module | None:
    """The syntax tree of a file, None where it is not here or no Python."""
    try:
        return ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None


def split(place: str) -> tuple[str, int]:
    """File and line.

    >>> split("a/model.py:12"), split("")
    (('a/model.py', 12), ('', 0))
    """
    path, _, line = place.rpartition(":")
    return (path, int(line)) if line.isdigit() else ("", 0)


def enclosing(tree: ast.Module, line: int, kind: Any = FUNCTION) -> Any:
    """The innermost function (or class) around a line."""
    found = [n for n in ast.walk(tree) if isinstance(n, kind) and _first(n) <= line <= (n.end_lineno or 0)]
    return min(found, key=lambda n: (n.end_lineno or 0) - n.lineno, default=None)


def _first(node: Any) -> int:
    lines: list[int] = [node.lineno, *(each.lineno for each in node.decorator_list)]
    return min(lines)


def statement(place: str) -> tuple[ast.stmt | None, list[ast.stmt]]:
    """(the smallest statement on a line, the block it stands in)."""
    path, line = split(place)
    tree = tree_of(path)
    best: tuple[ast.stmt | None, list[ast.stmt]] = (None, [])
    size = 1 << 30
    for node in ast.walk(tree) if tree else ():
        for name in ("body", "orelse", "finalbody"):
            held: Any = getattr(node, name, None)
            block: list[ast.stmt] = held if isinstance(held, list) else []
            for each in block:
                if each.lineno <= line <= (each.end_lineno or 0) and (each.end_lineno or 0) - each.lineno <= size:
                    best, size = (each, block), (each.end_lineno or 0) - each.lineno
    return best


def beside(place: str, step: int) -> str:
    """The statement that follows (1) or precedes (-1) in the same block: where a step that is left out would stand."""
    found, block = statement(place)
    at = next((k + step for k, each in enumerate(block) if each is found), -1)
    if not 0 <= at < len(block) or isinstance(block[at], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return ""
    return f"{split(place)[0]}:{block[at].lineno}"


def given(place: str) -> list[tuple[str, str]]:
    """(name, line) of the numbers that a line takes from elsewhere: attributes, defaults, constants, local names."""
    path, line = split(place)
    tree, (found, _) = tree_of(path), statement(place)
    if tree is None or found is None:
        return []
    on_line = [n for n in ast.walk(found) if getattr(n, "lineno", 0) == line or n is found]
    function = enclosing(tree, line)
    lines = [each for node in on_line for each in _source(node, tree, function, line, 2)]
    return [(name, f"{path}:{at}") for name, at in dict.fromkeys(lines) if at != line][:MOST]


def _source(node: ast.AST, tree: ast.Module, function: Any, line: int, hops: int) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        yield from _attribute(node.attr, tree, line)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant):
        value = _constant(tree, node.value.id)
        if isinstance(value, ast.Dict):
            for key, held in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == node.slice.value and numbers(held):
                    yield f"{node.value.id}[{key.value!r}]", held.lineno
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        value = _constant(tree, node.id)
        if value is not None and not isinstance(value, ast.Dict) and numbers(value):
            yield node.id, value.lineno
        elif function is not None and hops:
            yield from _local(node.id, tree, function, line, hops)


def _constant(tree: ast.Module, name: str) -> ast.expr | None:
    """What a module-level name is set to."""
    for each in tree.body:
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in each.targets):
            return each.value
    return None


def _local(name: str, tree: ast.Module, function: Any, line: int, hops: int) -> Iterator[tuple[str, int]]:
    """A local name set once: where to plain numbers, that line; else the constants it is made of."""
    made = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and n.lineno < line and len(n.targets) == 1
            and isinstance(n.targets[0], ast.Name) and n.targets[0].id == name]  # fmt: skip
    if len(made) != 1:
        return
    if numbers(made[0].value) and not any(isinstance(n, ast.Call) and not _arithmetic(n) for n in ast.walk(made[0])):
        yield name, made[0].lineno
        return
    for node in ast.walk(made[0].value):
        yield from _source(node, tree, function, made[0].lineno, hops - 1)


def _arithmetic(call: ast.Call) -> bool:
    root = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return isinstance(root, ast.Name) and root.id in ("math", "min", "max", "float", "int", "abs", "round")


def _attribute(name: str, tree: ast.Module, line: int) -> Iterator[tuple[str, int]]:
    """`self.name = number`, or = an argument of the constructor: its default, and the calls that give another."""
    owner = enclosing(tree, line, ast.ClassDef)
    for function in [n for n in owner.body if isinstance(n, FUNCTION)] if owner else []:
        for made in [n for n in ast.walk(function) if isinstance(n, ast.Assign)]:
            for target, value in _pairs(made):
                if isinstance(target, ast.Attribute) and target.attr == name:
                    if isinstance(value, ast.Name):
                        yield from _argument(value.id, function, owner.name, tree)
                    elif numbers(value) and not any(
                        isinstance(n, ast.Call) and not _arithmetic(n) for n in ast.walk(value)
                    ):
                        yield f"self.{name}", value.lineno


def _pairs(made: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in made.targets:
        if isinstance(target, ast.Tuple) and isinstance(made.value, ast.Tuple):
            yield from zip(target.elts, made.value.elts, strict=False)
        else:
            yield target, made.value


def _argument(name: str, function: Any, owner: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    args = [*function.args.posonlyargs, *function.args.args]
    at = next((k for k, each in enumerate(args) if each.arg == name), None)
    if at is None:
        return
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == owner]
    passed = [[k.value for k in n.keywords if k.arg == name] + n.args[at - 1 : at] for n in calls]
    for found in [each[0] for each in passed if each and numbers(each[0])]:
        yield f"{owner}({name})", found.lineno
    default = at - len(args) + len(function.args.defaults)
    if default >= 0 and numbers(function.args.defaults[default]) and not all(passed):
        yield f"default of {name}", function.args.defaults[default].lineno


def numbers(node: ast.AST) -> list[tuple[float, int]]:
    """The numbers that are written in a piece of code, with their lines."""
    return [
        (float(n.value), n.lineno)
        for n in ast.walk(node)
        if isinstance(n, ast.Constant) and isinstance(n.value, (int, float)) and not isinstance(n.value, bool)
    ]


def apart(reference: str, port: str) -> list[tuple[str, str, str]]:
    """(what, line in the reference, line in the port): numbers, and methods of a chain, that one function alone has."""
    sides = []
    for place in (reference, port):
        path, line = split(place)
        tree = tree_of(path)
        function = enclosing(tree, line) if tree else None
        if function is None:
            return []
        sides.append((path, function))
    (a, left), (b, right) = sides
    found: list[tuple[str, str, str]] = []
    held = [[each for each in numbers(node) if each[0] not in PLAIN] for node in (left, right)]
    counts = [Counter(value for value, _ in each) for each in held]
    here, there = counts[1] - counts[0], counts[0] - counts[1]
    if 0 < len(here) <= MOST:
        other = ", ".join(f"{value:g}" for value in there) or "none"
        for value in here:
            at = [line for each, line in held[1] if each == value][-1]
            theirs = next((f"{a}:{line}" for each, line in held[0] if each in there), "")
            found.append((f"{value:g} stands in the port alone; in the reference alone: {other}", theirs, f"{b}:{at}"))
    return [*found, *_chains(left, right, a, b)][:MOST]


def _chains(left: Any, right: Any, a: str, b: str) -> list[tuple[str, str, str]]:
    """A method that the reference calls in a chain, like strip in text.lower().strip(), and the port nowhere."""
    mine = {name: line for name, line, _ in _methods(right)}
    found = []
    for name, line, beside in _methods(left):
        near = [mine[each] for each in beside if each in mine]
        if name not in mine and near:
            found.append((f".{name}() is called in the reference alone", f"{a}:{line}", f"{b}:{near[0]}"))
    return found


def _methods(function: Any) -> Iterator[tuple[str, int, list[str]]]:
    """(method, line, the others of its chain)."""
    for node in ast.walk(function):
        chain: list[ast.Attribute] = []
        inner: Any = node
        while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            chain.append(inner.func)
            inner = inner.func.value
        names = [each.attr for each in chain]
        for each in chain if len(chain) > 1 else chain[:1]:
            yield each.attr, each.end_lineno or 0, [name for name in names if name != each.attr]


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, (ast.Compare, ast.BoolOp))


def chosen(place: str) -> str:
    """In the function at a place, the line that decides which parameters go where; or nothing."""
    path, line = split(place)
    tree = tree_of(path)
    function = enclosing(tree, line) if tree else None
    for node in ast.walk(function) if function else ():
        if isinstance(node, (ast.comprehension, ast.For)) and "parameters" in ast.unparse(node.iter):
            inside = node.ifs if isinstance(node, ast.comprehension) else [n for n in ast.walk(node) if _is_test(n)]
            tests = [each for each in inside if isinstance(each, ast.expr)]
            if tests:
                return f"{path}:{tests[0].lineno}"
    return ""
