"""Hyperparameters in Python: declared, default, constant, handed over, written into a formula."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from reproof.inventory.arithmetic import value_of, visible
from reproof.inventory.known import (
    CONFIG_BASE,
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
from reproof.inventory.values import (
    default_of_field,
    entries_of,
    is_calculated,
    is_setting,
    keywords,
    numbers,
    option_name,
    subscript,
    switches,
    texts,
)
from reproof.inventory.weaker import plain
from reproof.syntax import Source, dotted, last, literal, shown

OPTION_CALLS = ("click.option", "click.argument", "option")
TYPER_CALLS = ("typer.Option", "typer.Argument", "Option", "Argument")
FIELD_CALLS = frozenset("field Field attrib ib conf arg tyro.conf.arg param parameter Parameter FieldInfo flag".split())
GETTERS = ("get", "pop", "setdefault", "getattr", "getenv")
# keywords that change a value in calls that are about layout otherwise
TELLING = frozenset("unbiased correction ddof largest descending side rounding_mode interpolation".split())
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
        self.switched: set[str] = set()  # locals that are bound to one of several texts, or where nothing was given
        self.found: list[Hyperparameter] = []
        self.taken: set[int] = set()  # nodes that are reported already, under a better name

    def add(self, kind: str, name: str, node: ast.AST | None, line: int) -> None:
        known, value = self.value(node)
        self.found.append(
            Hyperparameter(
                name=name,
                value=plain(value) if known else None,
                text="" if known or node is None else shown(node),
                written=shown(node) if known and node is not None and is_calculated(node) else "",
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
        yield (lambda n, name: name in ("add_argument", "add_arg") and bool(texts(n))), self._argparse
        yield (lambda _, name: name == "set_defaults"), self._set_defaults
        yield (lambda n, _: self.full(n) in TYPER_CALLS and bool(n.args or n.keywords)), self._skip
        yield (lambda n, _: self._is_click(n)), self._click
        yield (lambda n, name: name.startswith("DEFINE_") and len(n.args) + len(n.keywords) >= 2), self._absl
        yield (lambda n, name: name in GETTERS and 2 <= len(n.args) <= 3), self._getter
        yield (lambda _, name: name in ("builds", "make_config", "make_custom_builds_fn")), self._builds

    def _getter(self, node: ast.Call) -> None:
        """`options.get("lr", 0.1)` and `getattr(config, "lr", 0.1)`: a default where nothing else is said."""
        key, default = node.args[-2:]
        named, name = literal(key)
        known, value = self.value(default)
        if named and isinstance(name, str) and known and value is not None and not (value == "" or value == []):
            owner = dotted(node.args[0]) + ".getattr" if last(node) == "getattr" else dotted(node)
            self.add("fallback", f"{owner}.{name}", default, default.lineno)

    def _is_click(self, node: ast.Call) -> bool:
        return (
            dotted(node) in OPTION_CALLS and bool(texts(node)) and self.full(node).startswith(("click", "rich_click"))
        )

    def _argparse(self, node: ast.Call) -> None:
        given = keywords(node)
        default, action = given.get("default"), literal(given.get("action"))[1]
        if default is None and action in SWITCHES:
            default = ast.Constant(SWITCHES[action])
        self.add("argparse", option_name(node, given), default, node.lineno)
        self._without_value(node, given, "const")

    def _set_defaults(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg:
                self.add("argparse", keyword.arg, keyword.value, keyword.value.lineno)

    def _click(self, node: ast.Call) -> None:
        given = keywords(node)
        default = given.get("default")
        if default is None and literal(given.get("is_flag"))[1] is True:
            default = ast.Constant(False)
        self.add("click", option_name(node, given), default, node.lineno)
        self._without_value(node, given, "flag_value")

    def _without_value(self, node: ast.Call, given: dict[str, ast.expr], word: str) -> None:
        """What an option means that is given without a value."""
        if word in given and self.value(given[word])[0]:
            kind = "click" if word == "flag_value" else "argparse"
            self.add(kind, f"{option_name(node, given)}.{word}", given[word], given[word].lineno)

    def _absl(self, node: ast.Call) -> None:
        given = keywords(node)
        name = node.args[0] if node.args else given.get("name")
        default = node.args[1] if len(node.args) > 1 else given.get("default")
        self.add("absl", str(literal(name)[1]), default, node.lineno)

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
        is_class = name[:1].isupper() and not name.isupper()
        if kind == "call literal" and name in PLUMBING:
            if name in ("min", "max", "minimum", "maximum"):  # a bound
                for side in node.args:
                    self._inline(side, node)
            for keyword in node.keywords:
                if keyword.arg in TELLING and self._counts(keyword.value, kind, named=True):
                    self.add("literal", f"{dotted(node)}.{keyword.arg}", keyword.value, keyword.value.lineno)
            return
        for index, value in enumerate(node.args):
            is_key = name in GETTERS and isinstance(literal(value)[1], str)
            if not isinstance(value, ast.Starred) and not is_key and self._counts(value, kind, is_class=is_class):
                self.add(kind, f"{dotted(node)}[{index}]", value, value.lineno)
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in PLUMBING_KEYWORDS and self._counts(keyword.value, kind, named=True):
                self.add(kind, f"{dotted(node)}.{keyword.arg}", keyword.value, keyword.value.lineno)

    def _counts(self, node: ast.expr, kind: str, *, named: bool = False, is_class: bool = False) -> bool:
        if all(id(part) in self.taken for part in ast.walk(node) if isinstance(part, ast.Constant)):
            return False
        known, value = literal(node)
        if not known:
            return False
        if named:
            return True
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if kind == "call literal" and not is_class:
            return number or numbers(value)
        word = isinstance(value, str) and value.isidentifier()  # a mode; no pattern, no message
        return number or isinstance(value, bool) or numbers(value) or word

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
        above, self.switched = self.switched, switches(node)
        if any(dotted(d).endswith((".config", ".named_config")) for d in node.decorator_list):
            self._sacred(node)
        for part in [*node.decorator_list, *node.body]:
            self.visit(part)
        self.constants, self.switched = outer, above
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
            given = keywords(default)
            value = given.get("default", default.args[0] if default.args else None)
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
            value = default_of_field(value)
        self.add("dataclass" if record else "class attribute", name, value, statement.lineno)

    def _class_attribute(self, name: str, statement: ast.Assign, record: bool) -> None:
        value = statement.value
        if isinstance(value, ast.Call) and last(value) in FIELD_CALLS:
            self.add("dataclass", name, default_of_field(value), statement.lineno)
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
            self.add("config", f"{dotted(target.value)}.{subscript(target)}", value, line)
        elif isinstance(target, ast.Attribute) and known and self.inside_function:
            self.add("attribute", dotted(target), value, line)
        elif isinstance(target, ast.Name):
            self._name(target.id, value, line, known)

    def _name(self, name: str, value: ast.expr, line: int, known: bool) -> None:
        items = entries_of(value)
        if items and (CONFIG_WORD.search(name) or not self.scope or not isinstance(value, ast.Dict)):
            self._entries(name, items)
        elif not self.scope and not name.startswith("__"):
            is_made = any(isinstance(part, (ast.Call, ast.Subscript)) for part in ast.walk(value))
            if known or not is_made or (name.isupper() and last(value) not in NO_SETTING):
                self.add("module constant", name, value, line)
        elif isinstance(value, ast.IfExp):  # `scale = given if given else 0.5`
            self._either(name, value)
        elif known and self.inside_function and (name in self.switched or is_setting(name, self.value(value)[1])):
            self.add("local constant", name, value, line)

    def _either(self, name: str, value: ast.IfExp) -> None:
        sides = [side for side in (value.body, value.orelse) if self.value(side)[0]]
        held = self.value(sides[0])[1] if len(sides) == 1 else None
        if held is not None and held not in ("", [], {}, ()):
            self.add("fallback", name, sides[0], sides[0].lineno)
        for side in sides if len(sides) == 2 else ():
            self._inline(side, value, name)

    def _entries(self, name: str, items: list[tuple[str, ast.expr]]) -> None:
        for key, value in items:
            below = entries_of(value)
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
        is_default = value is not None and not isinstance(value, bool) and value not in ("", [], {}, ())
        if isinstance(node.op, ast.Or) and known and is_default:
            self.add("fallback", dotted(node.values[0]) or shown(node, 60), node.values[-1], node.lineno)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        """Numbers under text keys in a dictionary that no name holds: a parameter group, an argument."""
        for key, value in zip(node.keys, node.values, strict=True):
            named, name = literal(key) if key is not None else (False, None)
            if named and isinstance(name, str) and self.inside_function and self._counts(value, "call literal"):
                self.add("config", name, value, value.lineno)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        """The number of rounds of a loop."""
        if isinstance(node.iter, ast.Call) and dotted(node.iter) == "range":
            for side in node.iter.args:
                self._inline(side, node.iter)
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
            self._entries(self.scope[-1], entries_of(node.value))
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
