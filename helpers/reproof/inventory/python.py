"""Hyperparameters in Python: declared, default, constant, handed over, written into a formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from reproof.inventory.arithmetic import value_of, visible
from reproof.inventory.known import (
    CONFIG_BASE,
    CONFIG_CALLS,
    CONFIG_CLASS,
    CONFIG_WORD,
    LAYERS,
    NO_SETTING,
    PLUMBING,
    PLUMBING_KEYWORDS,
    RECORD_DECORATORS,
    topic_of,
)
from reproof.inventory.models import Hyperparameter
from reproof.inventory.weaker import plain
from reproof.syntax import Source, dotted, last, literal, shown

OPTION_CALLS = ("click.option", "click.argument", "option")
TYPER_CALLS = ("typer.Option", "typer.Argument", "Option", "Argument")
FIELD_CALLS = frozenset("field Field attrib ib conf arg tyro.conf.arg param parameter Parameter FieldInfo flag".split())
SWITCHES = {"store_true": False, "store_false": True, "count": 0}
TRIVIAL = (0, 1, -1, 2)  # in formulas these are mathematics, not settings


def hyperparameters(source: Source, file: str, *, core: bool = True) -> list[Hyperparameter]:
    """Everything in one file, in order of lines."""
    if source.tree is None:
        return []
    visitor = _Visitor(source, file, core)
    visitor.visit(source.tree)
    return sorted(visitor.found, key=lambda item: (item.line, item.name))


class _Visitor(ast.NodeVisitor):
    def __init__(self, source: Source, file: str, core: bool) -> None:
        self.imports, self.constants = source.imports, source.constants
        self.file, self.core = file, core
        self.scope: list[str] = []
        self.inside_function = 0
        self.found: list[Hyperparameter] = []
        self.taken: set[int] = set()  # nodes that are reported already, under a better name

    def add(self, kind: str, name: str, node: ast.AST | None, line: int) -> None:
        known, value = self.value(node)
        self.found.append(
            Hyperparameter(
                name=name,
                value=plain(value) if known else None,
                text="" if known or node is None else shown(node),
                written=shown(node) if known and node is not None and _is_calculated(node) else "",
                kind=kind,
                file=self.file,
                line=line,
                last_line=max(getattr(node, "end_lineno", 0) or 0, 0)
                if getattr(node, "end_lineno", line) != line
                else 0,
                scope=".".join(self.scope),
                core=self.core,
            )
        )
        if node is not None and known:
            self.taken |= {id(part) for part in ast.walk(node) if isinstance(part, ast.Constant)}

    def value(self, node: ast.AST | None) -> tuple[bool, Any]:
        """(known, value) of what stands there, calculated where it is arithmetic on constants."""
        return value_of(node, self.constants, self.imports)

    def full(self, node: ast.AST) -> str:
        """Dotted name with the import alias resolved."""
        name = dotted(node)
        first, dot, rest = name.partition(".")
        return f"{self.imports.get(first, first)}{dot}{rest}"

    # --- declared ---------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        """Options, known layers and optimisers, other calls with numbers."""
        name = last(node)
        for fits, take in self._takers():
            if fits(node, name):
                take(node)
                break
        else:
            self._handed_over(node, name)
        self.generic_visit(node)

    def _takers(self) -> Iterator[tuple[Callable[[ast.Call, str], bool], Callable[[ast.Call], None]]]:
        yield (lambda n, name: name in ("add_argument", "add_arg") and bool(_texts(n))), self._argparse
        yield (lambda _, name: name == "set_defaults"), self._set_defaults
        yield (lambda n, _: self.full(n) in TYPER_CALLS and bool(n.args or n.keywords)), self._skip
        yield (lambda n, _: self._is_click(n)), self._click
        yield (lambda n, name: name.startswith("DEFINE_") and len(n.args) >= 2), self._absl
        yield (lambda _, name: name in ("builds", "make_config", "make_custom_builds_fn")), self._builds

    def _is_click(self, node: ast.Call) -> bool:
        return (
            dotted(node) in OPTION_CALLS and bool(_texts(node)) and self.full(node).startswith(("click", "rich_click"))
        )

    def _argparse(self, node: ast.Call) -> None:
        keywords = _keywords(node)
        default, action = keywords.get("default"), literal(keywords.get("action"))[1]
        if default is None and action in SWITCHES:
            default = ast.Constant(SWITCHES[action])
        self.add("argparse", _option_name(node, keywords), default, node.lineno)

    def _set_defaults(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg:
                self.add("argparse", keyword.arg, keyword.value, keyword.value.lineno)

    def _click(self, node: ast.Call) -> None:
        keywords = _keywords(node)
        default = keywords.get("default")
        if default is None and literal(keywords.get("is_flag"))[1] is True:
            default = ast.Constant(False)
        self.add("click", _option_name(node, keywords), default, node.lineno)

    def _absl(self, node: ast.Call) -> None:
        self.add("absl", str(literal(node.args[0])[1]), node.args[1], node.lineno)

    def _builds(self, node: ast.Call) -> None:
        target = shown(node.args[0]) if node.args else last(node)
        for keyword in node.keywords:
            if keyword.arg and not keyword.arg.startswith("zen_"):
                self.add("hydra-zen", f"{target}.{keyword.arg}", keyword.value, keyword.value.lineno)

    def _skip(self, node: ast.Call) -> None:
        """A typer option is reported with the parameter whose default it is."""

    # --- handed to calls --------------------------------------------------------------------------------------

    def _handed_over(self, node: ast.Call, name: str) -> None:
        topic = topic_of(name)
        kind = "literal" if topic or LAYERS.match(name) else "call literal"
        if kind == "call literal" and name in PLUMBING:
            if name in ("min", "max", "minimum", "maximum"):  # a bound
                for side in node.args:
                    self._inline(side, node)
            return
        for index, value in enumerate(node.args):
            if not isinstance(value, ast.Starred) and self._counts(value, kind):
                self.add(kind, f"{dotted(node)}[{index}]", value, value.lineno)
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in PLUMBING_KEYWORDS and self._counts(keyword.value, kind, named=True):
                self.add(kind, f"{dotted(node)}.{keyword.arg}", keyword.value, keyword.value.lineno)

    def _counts(self, node: ast.expr, kind: str, *, named: bool = False) -> bool:
        if all(id(part) in self.taken for part in ast.walk(node) if isinstance(part, ast.Constant)):
            return False
        known, value = literal(node)
        if not known:
            return False
        if named:
            return True
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind == "call literal":
            return number or _numbers(value)
        return number or isinstance(value, bool) or _numbers(value)

    # --- defaults, classes, assignments -------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Defaults, then the body; sacred's config functions bind hyperparameters as locals."""
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = [
            *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if default is not None:
                self._default(node.name, argument, default)
        self.scope.append(node.name)
        self.inside_function += 1
        outer, self.constants = self.constants, visible(self.constants, node)
        if any(dotted(d).endswith((".config", ".named_config")) for d in node.decorator_list):
            self._sacred(node)
        for part in [*node.decorator_list, *node.body]:
            self.visit(part)
        self.constants = outer
        self.inside_function -= 1
        self.scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Defaults of a lambda."""
        for argument, default in zip(node.args.args[::-1], node.args.defaults[::-1], strict=False):
            self.add("default", f"lambda({argument.arg})", default, default.lineno)
        self.generic_visit(node)

    def _default(self, function: str, argument: ast.arg, default: ast.expr) -> None:
        if isinstance(default, ast.Call) and (
            self.full(default) in TYPER_CALLS or last(default) in ("Option", "Argument")
        ):
            keywords = _keywords(default)
            value = keywords.get("default", default.args[0] if default.args else None)
            self.add("typer", argument.arg, value, argument.lineno)
            return
        self.add("default", f"{function}({argument.arg})", default, argument.lineno)

    def _sacred(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.add("sacred", statement.targets[0].id, statement.value, statement.lineno)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Fields of record and config classes; plain class attributes."""
        record = self._is_record(node)
        self.scope.append(node.name)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                if record or statement.value is not None:
                    self._field(statement.target.id, statement, record)
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self._class_attribute(statement.targets[0].id, statement, record)
        self.generic_visit(node)
        self.scope.pop()

    def _is_record(self, node: ast.ClassDef) -> bool:
        decorators = {self.full(d) for d in node.decorator_list} | {dotted(d) for d in node.decorator_list}
        decorators |= {name.rpartition(".")[2] for name in decorators}
        bases = [dotted(base) for base in node.bases]
        is_config = bool(CONFIG_CLASS.search(node.name)) or any(CONFIG_BASE.search(base) for base in bases)
        return is_config or bool(RECORD_DECORATORS & decorators)

    def _field(self, name: str, statement: ast.AnnAssign, record: bool) -> None:
        value = statement.value
        if isinstance(value, ast.Call) and last(value) in FIELD_CALLS:
            value = _default_of_field(value)
        self.add("dataclass" if record else "class attribute", name, value, statement.lineno)

    def _class_attribute(self, name: str, statement: ast.Assign, record: bool) -> None:
        value = statement.value
        if isinstance(value, ast.Call) and last(value) in FIELD_CALLS:
            self.add("dataclass", name, _default_of_field(value), statement.lineno)
        elif record or (self.value(value)[0] and not name.startswith("__")):
            self.add("dataclass" if record else "class attribute", name, value, statement.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Module constants, config attributes and dictionaries, local constants."""
        for target in node.targets:
            self._assigned(target, node.value, node.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """As `visit_Assign`, outside classes."""
        if node.value is not None and (self.inside_function or not self.scope):
            self._assigned(node.target, node.value, node.lineno)
        self.generic_visit(node)

    def _assigned(self, target: ast.expr, value: ast.expr, line: int) -> None:
        known = self.value(value)[0]
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._assigned(one, its, line)
        elif isinstance(target, ast.Attribute) and CONFIG_WORD.search(dotted(target.value)):
            self.add("config", dotted(target), value, line)
        elif isinstance(target, ast.Subscript) and CONFIG_WORD.search(dotted(target.value)):
            self.add("config", f"{dotted(target.value)}.{_subscript(target)}", value, line)
        elif isinstance(target, ast.Attribute) and known and self.inside_function:
            self.add("attribute", dotted(target), value, line)
        elif isinstance(target, ast.Name):
            self._name(target.id, value, line, known)

    def _name(self, name: str, value: ast.expr, line: int, known: bool) -> None:
        items = _items(value)
        if items and (CONFIG_WORD.search(name) or not self.scope or not isinstance(value, ast.Dict)):
            self._entries(name, items)
        elif not self.scope and not name.startswith("__"):
            is_made = any(isinstance(part, (ast.Call, ast.Subscript)) for part in ast.walk(value))
            if known or not is_made or (name.isupper() and last(value) not in NO_SETTING):
                self.add("module constant", name, value, line)
        elif isinstance(value, ast.IfExp):  # `scale = given if given else 0.5`
            for side in (value.body, value.orelse):
                self._inline(side, value, name)
        elif known and self.inside_function and _is_setting(name, self.value(value)[1]):
            self.add("local constant", name, value, line)

    def _entries(self, name: str, items: list[tuple[str, ast.expr]]) -> None:
        for key, value in items:
            below = _items(value)
            if below:
                self._entries(f"{name}.{key}", below)
            else:
                self.add("config", f"{name}.{key}", value, value.lineno)

    # --- formulas -----------------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """A number in a formula."""
        for side in (node.left, node.right):
            self._inline(side, node)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """The value that `given or 0.5` falls back on."""
        known, value = literal(node.values[-1])
        if isinstance(node.op, ast.Or) and known and isinstance(value, (int, float)) and not isinstance(value, bool):
            self.add("fallback", dotted(node.values[0]) or shown(node, 60), node.values[-1], node.lineno)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """A number in `x *= 0.5`."""
        self._inline(node.value, node)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A threshold."""
        for side in (node.left, *node.comparators):
            self._inline(side, node)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        """Dictionaries of settings that a function returns."""
        if node.value is not None and self.scope and CONFIG_WORD.search(self.scope[-1]):
            self._entries(self.scope[-1], _items(node.value))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Either value of `a if b else c`."""
        for side in (node.body, node.orelse):
            self._inline(side, node)
        self.generic_visit(node)

    def _inline(self, side: ast.expr, whole: ast.AST, name: str = "") -> None:
        known, value = literal(side)
        number = known and isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and (isinstance(value, float) or value not in TRIVIAL) and not self._all_taken(side):
            self.add("fallback" if name else "inline constant", name or shown(whole, 60), side, side.lineno)

    def _all_taken(self, node: ast.AST) -> bool:
        return all(id(part) in self.taken for part in ast.walk(node) if isinstance(part, ast.Constant))


def _is_calculated(node: ast.AST) -> bool:
    """Whether the value does not stand in the source as it is."""
    return any(isinstance(part, (ast.BinOp, ast.Call, ast.Name)) for part in ast.walk(node))


def _keywords(node: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}


def _texts(node: ast.Call) -> list[str]:
    return [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def _option_name(node: ast.Call, keywords: dict[str, ast.expr]) -> str:
    """The name under which the program sees the option: dest, a bare name, or the longest flag."""
    dest = literal(keywords.get("dest"))[1]
    if isinstance(dest, str):
        return dest
    texts = _texts(node)
    bare = [text for text in texts if text.isidentifier()]
    longest = bare[0] if bare else max(texts, key=len, default="")
    return longest.partition("/")[0].lstrip("-").replace("-", "_")


def _default_of_field(value: ast.Call) -> ast.expr | None:
    keywords = _keywords(value)
    found = keywords.get("default") or (value.args[0] if value.args else None) or keywords.get("default_factory")
    found = found or keywords.get("factory")
    if isinstance(found, ast.Lambda):
        return found.body
    return None if isinstance(found, ast.Constant) and found.value is ... else found


def _items(value: ast.expr) -> list[tuple[str, ast.expr]]:
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
            inner = [pair for argument in value.args for pair in _items(argument)]
            return inner + [(keyword.arg, keyword.value) for keyword in value.keywords if keyword.arg]
    return []


def _subscript(target: ast.Subscript) -> str:
    known, value = literal(target.slice)
    return str(value) if known else shown(target.slice, 30)


_COUNTS = re.compile(
    r"^_?[a-z]$|(?:^|_)(?:i|j|k|n|idx|index|count|counter|total|seen|step|epoch|start|end|pos|offset)(?:$|_)"
)


def _is_setting(name: str, value: object) -> bool:
    """Worth a line when it is bound to a local name: no start of a count, no text."""
    if isinstance(value, bool):
        return True
    if isinstance(value, (int, float)):
        return value not in (0, 1, -1, 0.0) or not (value == 0 or _COUNTS.search(name))
    return _numbers(value)


def _numbers(value: object) -> bool:
    """A non-empty sequence of numbers."""
    if not isinstance(value, (tuple, list)) or not value:
        return False
    return all(_numbers(v) or (isinstance(v, (int, float)) and not isinstance(v, bool)) for v in value)
