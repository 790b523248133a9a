"""Values that a file calculates from literals: folded, never evaluated as Python.

`WINDOW = 2 * HOP`, `1 / math.sqrt(WIDTH)`, `max(RATES)`, `SIZES[0]`, with names bound once at module level, here or in
a file of the same repository that they are imported from. Anything else stays source text.
"""

from __future__ import annotations

import ast
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reproof.links import files_of
from reproof.syntax import FUNCTION, Source, dotted, literal

Constants = Mapping[str, Any]
NUMBERS = {"math.pi": math.pi, "math.e": math.e, "math.tau": math.tau, "math.inf": math.inf,
           "numpy.pi": math.pi, "numpy.e": math.e, "numpy.inf": math.inf, "torch.pi": math.pi,
           "torch.inf": math.inf}  # fmt: skip
_MATHS = "sqrt log log2 log10 log1p exp sin cos tan tanh atan radians".split()
PURE: dict[str, Callable[..., Any]] = {
    **{f"math.{name}": getattr(math, name) for name in [*_MATHS, "ceil", "floor", "pow", "prod"]},
    **{f"numpy.{name}": getattr(math, name) for name in _MATHS if name not in ("atan",)},
    **{f.__name__: f for f in (int, float, round, abs, min, max, sum, len, bool)},
}
MOST_ITEMS = 1000


def value_of(node: ast.AST | None, constants: Constants, imports: Mapping[str, str]) -> tuple[bool, Any]:
    """(known, value), as `syntax.literal`, and of pure functions, indices and well-known numbers as well.

    >>> value_of(ast.parse("2 * math.sqrt(SIZE[0])").body[0].value, {"SIZE": (16, 8)}, {"math": "math"})
    (True, 8.0)
    >>> value_of(ast.parse("read(3)").body[0].value, {}, {})
    (False, None)
    """
    known = literal(node, dict(constants))
    if known[0] or node is None:
        return known
    return literal(_folded(node, constants, imports), dict(constants))


def _folded(node: ast.AST, constants: Constants, imports: Mapping[str, str]) -> ast.AST:
    """`node` with each part that is known as a constant; a copy, for the tree belongs to its reader."""
    if isinstance(node, ast.Attribute):
        name = _full(node, imports)
        return ast.Constant(NUMBERS[name]) if name in NUMBERS else node
    if isinstance(node, ast.Call):
        return _call(node, constants, imports)
    if isinstance(node, ast.Subscript):
        return _item(node, constants)
    if isinstance(node, ast.BinOp):
        sides = (_folded(each, constants, imports) for each in (node.left, node.right))
        left, right = (each for each in sides)
        return ast.BinOp(left=left, op=node.op, right=right)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        return ast.UnaryOp(op=node.op, operand=_folded(node.operand, constants, imports))  # type: ignore[arg-type]
    if isinstance(node, (ast.Tuple, ast.List)):
        return type(node)(elts=[_folded(each, constants, imports) for each in node.elts], ctx=node.ctx)  # type: ignore[misc]
    return node


def _full(node: ast.AST, imports: Mapping[str, str]) -> str:
    first, dot, rest = dotted(node).partition(".")
    return f"{imports.get(first, first)}{dot}{rest}"


def _call(node: ast.Call, constants: Constants, imports: Mapping[str, str]) -> ast.AST:
    name = _full(node.func, imports)
    if name not in PURE or node.keywords or (name in constants):
        return node
    values = [literal(_folded(each, constants, imports), dict(constants)) for each in node.args]
    if not values or not all(known for known, _ in values) or any(_is_long(value) for _, value in values):
        return node
    try:
        return ast.Constant(PURE[name](*(value for _, value in values)))
    except (TypeError, ValueError, ArithmeticError):
        return node  # it would raise in the file as well


def _is_long(value: Any) -> bool:
    """Texts and long sequences are no settings; a number must be of a sensible size."""
    if isinstance(value, (tuple, list)):
        return len(value) > MOST_ITEMS or any(_is_long(item) for item in value)
    return isinstance(value, (str, bytes)) or (isinstance(value, int) and abs(value) > 10**80)


def _item(node: ast.Subscript, constants: Constants) -> ast.AST:
    held = literal(node.value, dict(constants))
    index = literal(node.slice, dict(constants))
    if not (held[0] and index[0]):
        return node
    try:
        found = operator.getitem(held[1], index[1])
    except (TypeError, KeyError, IndexError):
        return node
    return ast.Constant(found) if isinstance(found, (bool, int, float, str)) else node


def link(sources: Mapping[str, Source]) -> None:
    """Fill in each file's constants: what it calculates, then what it imports from another of these files."""
    for source in sources.values():
        if source.tree is not None:
            _calculate(source)
    for _ in range(2):  # a constant that passes through a second file
        for name, source in sources.items():
            added = False
            for alias, target in source.imports.items():
                for other in files_of(name, target):
                    word = target.rpartition(".")[2]
                    if other in sources and word in sources[other].constants and alias not in source.constants:
                        source.constants[alias], added = sources[other].constants[word], True
            if added and source.tree is not None:
                _calculate(source)


def _calculate(source: Source) -> None:
    bound = Counter(_bound(source.tree))
    for statement in source.tree.body if source.tree else ():
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        if isinstance(target, ast.Name) and bound[target.id] == 1 and target.id not in source.constants:
            known, value = value_of(getattr(statement, "value", None), source.constants, source.imports)
            if known:
                source.constants[target.id] = value
    for name in [name for name, times in bound.items() if times > 1]:
        source.constants.pop(name, None)


def _bound(tree: ast.Module | None) -> Iterator[str]:
    """Names as often as the module binds them: in branches, loops and by `global` as well, not as locals."""
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if isinstance(node, (*FUNCTION, ast.ClassDef, ast.Lambda)):
            declared = [part.names for part in ast.walk(node) if isinstance(part, ast.Global)]
            yield from [name for names in declared for name in names]
            continue
        waiting += ast.iter_child_nodes(node)


def visible(constants: dict[str, Any], node: ast.AST) -> dict[str, Any]:
    """Constants that the function does not hide behind a parameter or a local of the same name."""
    own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    own |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return {name: value for name, value in constants.items() if name not in own} if own & set(constants) else constants
