"""Two normal forms side by side: what differs, by its name, with the line on either side."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reproof.fidelity.models import Difference
from reproof.fidelity.normal import as_written as shown
from reproof.syntax import FUNCTION, dotted, last

MOST = 40
IN_CONTEXT = ("constant", "name", "expression", "operator", "target", "item")
STATEMENTS: dict[type[ast.stmt], str] = {
    ast.If: "branch",
    ast.For: "loop",
    ast.While: "loop",
    ast.With: "scope",
    ast.Return: "return",
    ast.Try: "branch",
    ast.Raise: "branch",
    ast.Delete: "statement",
}


@dataclass(frozen=True)
class Sides:
    """Where the two units stand."""

    reference: str
    port: str


def differences(reference: ast.AST, port: ast.AST, sides: Sides, *, allowed: bool = False) -> list[Difference]:
    """The first `MOST` differences in the order of the reference, innermost first where one holds another."""
    walker = _Walker(sides, allowed)
    walker.pair(reference, port, _title(reference))
    return walker.found[:MOST]


def _title(node: ast.AST) -> str:
    return str(getattr(node, "name", "")) or type(node).__name__


class _Walker:
    def __init__(self, sides: Sides, allowed: bool) -> None:
        self.sides, self.allowed = sides, allowed
        self.found: list[Difference] = []
        self.lines = [1, 1]  # the innermost line seen, for nodes that have none
        self.body_lines = [0, 0]  # where the body of the function begins, for one that is empty
        self.around: ast.AST | None = None  # the innermost expression that says what a number or name is for

    def add(
        self, kind: str, what: str, one: ast.AST | None, other: ast.AST | None, texts: tuple[str, str] | None = None
    ) -> None:
        was, became = texts or (shown(one), shown(other))
        if kind in IN_CONTEXT and self.around is not None and not what.endswith("=…)"):
            what = f"{what}, in {shown(self.around, 60)}"
        line = getattr(one, "lineno", None) or self.lines[0]
        line_there = getattr(other, "lineno", None) or self.lines[1]
        self.found.append(
            Difference(
                kind=kind,
                what=what,
                was=was or "nothing",
                became=became or "nothing",
                reference=f"{self.sides.reference}:{line}",
                port=f"{self.sides.port}:{line_there}",
                allowed=self.allowed,
            )
        )

    def pair(self, one: ast.AST, other: ast.AST, at: str) -> None:
        """Compare two nodes that stand in the same place."""
        before, around = list(self.lines), self.around
        self.around = one if isinstance(one, (ast.Subscript, ast.Compare, ast.BinOp, ast.Call)) else around
        self.lines = [getattr(one, "lineno", 0) or before[0], getattr(other, "lineno", 0) or before[1]]
        if type(one) is not type(other):
            self._other_kind(one, other, at)
        else:
            getattr(self, f"_{type(one).__name__.lower()}", self._fields)(one, other, at)
        self.lines, self.around = before, around

    def _other_kind(self, one: ast.AST, other: ast.AST, at: str) -> None:
        kind = "statement" if isinstance(one, ast.stmt) else "expression"
        kind = "call" if isinstance(one, ast.Call) or isinstance(other, ast.Call) else kind
        kind = (
            "constant"
            if isinstance(one, (ast.Constant, ast.UnaryOp)) and isinstance(other, (ast.Constant, ast.UnaryOp))
            else kind
        )
        kind = "layer" if kind == "call" and _is_layer(one, other) else kind
        self.add(kind, at or type(one).__name__, one, other)

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _constant(self, one: ast.Constant, other: ast.Constant, at: str) -> None:
        if one.value != other.value or type(one.value) is not type(other.value):
            self.add("constant", at, one, other)

    def _name(self, one: ast.Name, other: ast.Name, at: str) -> None:
        if one.id != other.id:
            self.add("name", at, one, other)

    def _attribute(self, one: ast.Attribute, other: ast.Attribute, at: str) -> None:
        if one.attr != other.attr:
            self.add("attribute", f"{at}: .{one.attr}", one, other)
        self.pair(one.value, other.value, at)

    def _call(self, one: ast.Call, other: ast.Call, at: str) -> None:
        name = dotted(one)
        if ast.dump(one.func) != ast.dump(other.func) and (
            not isinstance(one.func, ast.Attribute) or last(one) != last(other)
        ):
            self.add("layer" if _is_layer(one, other) else "call", name or at, one, other)
            if dotted(one) and dotted(other) and len(one.args) != len(other.args):
                return
        else:
            self.pair(one.func, other.func, name or at)
        inside = name or at
        self._keywords(one, other, inside)
        self._sequence(one.args, other.args, inside, "argument")

    def _keywords(self, one: ast.Call, other: ast.Call, name: str) -> None:
        mine, theirs = ({k.arg or f"**{shown(k.value)}": k.value for k in call.keywords} for call in (one, other))
        for key in [*mine, *(k for k in theirs if k not in mine)]:
            if key not in theirs:
                self.add("argument", f"{name}({key}=…)", mine[key], other, (f"{key}={shown(mine[key])}", ""))
            elif key not in mine:
                self.add("argument", f"{name}({key}=…)", one, theirs[key], ("", f"{key}={shown(theirs[key])}"))
            else:
                self.pair(mine[key], theirs[key], f"{name}({key}=…)")

    # --- definitions ------------------------------------------------------------------------------------------------

    def _functiondef(self, one: ast.FunctionDef, other: ast.FunctionDef, at: str) -> None:
        if type(one) is not type(other):
            self.add("statement", at, one, other)
        self._sequence(one.decorator_list, other.decorator_list, f"{one.name}: decorator", "decorator")
        self._arguments(one, other)
        self.body_lines = [getattr(node, "body_line", 0) for node in (one, other)]
        self._bodies(one.body, other.body, at)

    _asyncfunctiondef = _functiondef

    def _arguments(self, one: ast.FunctionDef, other: ast.FunctionDef) -> None:
        mine, theirs = dict(_parameters(one)), dict(_parameters(other))
        if list(mine) != list(theirs):
            self.add("parameter", f"{one.name}(…)", one, other, (", ".join(mine), ", ".join(theirs)))
        for name in mine:
            if name not in theirs:
                continue
            default, there = mine[name], theirs[name]
            label = f"{one.name}({name}=…)"
            if default is None or there is None:
                if default is not there:
                    self.add("default", label, default, there)
            elif ast.dump(default) != ast.dump(there):
                self.add("default", label, default, there)

    def _classdef(self, one: ast.ClassDef, other: ast.ClassDef, at: str) -> None:
        if one.name != other.name:
            self.add("name", f"class {one.name}", one, other, (one.name, other.name))
        self._sequence(one.bases, other.bases, f"class {one.name}: base", "base")
        self._sequence(one.decorator_list, other.decorator_list, f"class {one.name}: decorator", "decorator")
        self._sequence(
            [k.value for k in one.keywords], [k.value for k in other.keywords], f"class {one.name}", "argument"
        )
        self._bodies(one.body, other.body, at)

    def _assign(self, one: ast.Assign, other: ast.Assign, _at: str) -> None:
        target = shown(one.targets[0], 40)
        self.around = one.value
        self._sequence(one.targets, other.targets, target, "target")
        self.pair(one.value, other.value, target)

    def _dict(self, one: ast.Dict, other: ast.Dict, at: str) -> None:
        mine, theirs = (
            dict(zip(map(shown, d.keys), zip(d.keys, d.values, strict=True), strict=True)) for d in (one, other)
        )
        for key in [*mine, *(k for k in theirs if k not in mine)]:
            if key not in theirs:
                self.add("entry", f"{at}[{key}]", mine[key][1], other, (f"{key}: {shown(mine[key][1])}", ""))
            elif key not in mine:
                self.add("entry", f"{at}[{key}]", one, theirs[key][1], ("", f"{key}: {shown(theirs[key][1])}"))
            else:
                self.pair(mine[key][1], theirs[key][1], f"{at}[{key}]")

    # --- everything else ----------------------------------------------------------------------------------------------

    def _fields(self, one: ast.AST, other: ast.AST, at: str) -> None:
        for name in one._fields:
            mine, theirs = getattr(one, name, None), getattr(other, name, None)
            if isinstance(mine, list) and isinstance(theirs, list):
                if any(isinstance(part, ast.stmt) for part in mine + theirs):
                    self._bodies(mine, theirs, at)
                else:
                    self._sequence(mine, theirs, at, "operator" if name == "ops" else "item", around=(one, other))
            elif isinstance(mine, (ast.operator, ast.cmpop, ast.unaryop, ast.boolop)):
                if type(mine) is not type(theirs):
                    self.add("operator", at, one, other)
            elif isinstance(mine, ast.expr_context):
                continue
            elif isinstance(mine, ast.AST) and isinstance(theirs, ast.AST):
                self.pair(mine, theirs, at)
            elif isinstance(mine, ast.AST) or isinstance(theirs, ast.AST):
                self.add("expression", at, mine or one, theirs or other, (shown(mine), shown(theirs)))
            elif mine != theirs and name not in ("type_comment", "kind"):
                self.add(name, at, one, other, (str(mine), str(theirs)))

    def _sequence(
        self,
        mine: Sequence[ast.AST],
        theirs: Sequence[ast.AST],
        at: str,
        kind: str,
        around: tuple[ast.AST, ast.AST] | None = None,
    ) -> None:
        """Items in order; one that was taken out or put in is named, instead of all that moved up."""
        if len(mine) == len(theirs):
            for one, other in zip(mine, theirs, strict=True):
                if isinstance(one, ast.cmpop):
                    if type(one) is not type(other) and around:
                        self.add("operator", at, *around)
                else:
                    self.pair(one, other, at)
            return
        for i1, i2, j1, j2 in _changes(mine, theirs):
            if i2 - i1 == j2 - j1:
                for one, other in zip(mine[i1:i2], theirs[j1:j2], strict=True):
                    self.pair(one, other, at)
                continue
            for one in mine[i1:i2]:
                self.add("layer" if isinstance(one, ast.Call) and _is_layer(one, one) else kind, at, one, None)
            for other in theirs[j1:j2]:
                self.add(kind, at, None, other)

    def _bodies(self, mine: list[ast.stmt], theirs: list[ast.stmt], at: str) -> None:
        """Statements: pairs where they answer each other, the others as removed or added."""
        for i1, i2, j1, j2 in _changes(mine, theirs):
            left, right = mine[i1:i2], theirs[j1:j2]
            for one, other in _aligned(left, right):
                if one is not None and other is not None:
                    self.pair(one, other, _name_of(one) or at)
                elif one is not None:
                    self._lone(one, at, theirs, j1, removed=True)
                elif other is not None:
                    self._lone(other, at, mine, i1, removed=False)

    def _lone(self, statement: ast.stmt, at: str, there: list[ast.stmt], index: int, *, removed: bool) -> None:
        """A statement without a counterpart; the other side's line is that of the statement it would follow."""
        neighbour = there[min(max(index - 1, 0), len(there) - 1)] if there else None
        side = 1 if removed else 0
        line = getattr(neighbour, "lineno", None) or self.body_lines[side] or self.lines[side]
        kind = STATEMENTS.get(type(statement), "layer" if _builds_layer(statement) else "statement")
        what = _name_of(statement) or at
        texts = (shown(statement), "") if removed else ("", shown(statement))
        fake = ast.Pass(lineno=line, col_offset=0)
        one, other = (statement, fake) if removed else (fake, statement)
        self.add(kind, f"{what}: {'removed' if removed else 'added'}", one, other, texts)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr | None]]:
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    yield from ((a.arg, d) for a, d in zip(positional, padding + list(arguments.defaults), strict=True))
    if arguments.vararg:
        yield f"*{arguments.vararg.arg}", None
    yield from ((a.arg, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    if arguments.kwarg:
        yield f"**{arguments.kwarg.arg}", None


def _changes(mine: Sequence[ast.AST], theirs: Sequence[ast.AST]) -> list[tuple[int, int, int, int]]:
    matcher = difflib.SequenceMatcher(None, [ast.dump(n) for n in mine], [ast.dump(n) for n in theirs], autojunk=False)
    return [(i1, i2, j1, j2) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]


def _aligned(left: list[ast.stmt], right: list[ast.stmt]) -> list[tuple[ast.stmt | None, ast.stmt | None]]:
    """Pairs of statements that look alike, in order; the rest alone."""
    if len(left) == len(right):
        return list(zip(left, right, strict=True))
    pairs: list[tuple[ast.stmt | None, ast.stmt | None]] = []
    start = 0
    for one in left:
        scores = [(_likeness(one, other), -index) for index, other in enumerate(right) if index >= start]
        best = max(scores, default=(0.0, 0))
        if best[0] < 0.6:
            pairs.append((one, None))
            continue
        index = -best[1]
        pairs += [(None, other) for other in right[start:index]]
        pairs.append((one, right[index]))
        start = index + 1
    return pairs + [(None, other) for other in right[start:]]


def _likeness(one: ast.stmt, other: ast.stmt) -> float:
    if type(one) is not type(other):
        return 0.0
    return difflib.SequenceMatcher(None, shown(one, 400), shown(other, 400), autojunk=False).ratio()


def _name_of(statement: ast.stmt) -> str:
    if isinstance(statement, (*FUNCTION, ast.ClassDef)):
        return statement.name
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        return shown(target, 40)
    if isinstance(statement, ast.Expr):
        return dotted(statement.value)
    return type(statement).__name__.lower()


def _is_layer(one: ast.AST, other: ast.AST) -> bool:
    """A call that builds a module: nn.Something, or a class by its capital."""
    names = [dotted(node) for node in (one, other) if isinstance(node, ast.Call)]
    return any(
        name.startswith(("nn.", "flax.linen.", "eqx.nn.")) or name.rpartition(".")[2][:1].isupper() for name in names
    )


def _builds_layer(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return False
    return dotted(statement.targets[0]).startswith("self.") and _is_layer(statement.value, statement.value)
