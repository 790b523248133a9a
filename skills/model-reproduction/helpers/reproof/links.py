"""Who uses what in a repository, and for what: names are resolved through imports, classes and modules.

The purpose of a use follows the value: `n = f(x); log(n)` uses `f` for a report, `n = f(x); return n` for its value.
Read from syntax trees; a method called on an object whose class is not known counts as a use of every method of that
name, so that `used for nothing but reports` is only said where it holds for all of them.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from reproof.syntax import FUNCTION, Source, Unit, dotted

Key = tuple[str, str]  # file, name of the unit in it
How = Literal["value", "report", "check", "type", "decorator"]
MOST_HOPS = 4  # of a name through the __init__ files that hand it on

REPORTS = re.compile(
    r"(?:^|\.)(?:print|warn(?:ing)?|info|debug|error|exception|critical|write(?:_\w+)?|add_(?:scalar|image|audio|"
    r"figure|text|histogram|video)s?|log|log_\w+|logger|savefig|save|save_\w+|dump|dumps|mkdir|makedirs|exists|"
    r"set_description|set_postfix|open|Path|join|upload\w*|push_to_hub|__repr__|repr)$|"
    r"^(?:logging|logger|wandb|mlflow|os|shutil|subprocess|warnings|tqdm|plt|matplotlib)\.|(?:^|[._])writer\."
)


class Use(NamedTuple):
    """One mention. `into` is the unit whose argument it is, if the call could be resolved."""

    user: Key
    how: How
    into: Key | None = None
    exact: bool = True  # false: by the name of a method alone


@dataclass
class Links:
    """Uses of units, and of attributes that are set on `self`."""

    units: dict[Key, list[Use]] = field(default_factory=lambda: defaultdict(list))
    attributes: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))
    methods: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))  # by name, of any object
    taken: dict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))  # user -> whose value it takes
    _by_file: dict[str, dict[str, list[Use]]] = field(default_factory=dict)

    def of(self, key: Key) -> list[Use]:
        """Uses of one unit; of a method also those that call something of its name on an unknown object."""
        known, (_, dot, method) = self.units.get(key, []), key[1].rpartition(".")
        loose = self.methods.get(method, []) if dot else []
        return known + [use for use in loose if use.user != key]

    def methods_in(self, file: str) -> dict[str, list[Use]]:
        """`methods`, of the users in one file."""
        if not self._by_file:
            for name, uses in self.methods.items():
                for use in uses:
                    self._by_file.setdefault(use.user[0], {}).setdefault(name, []).append(use)
        return self._by_file.get(file, {})


def files_of(file: str, target: str) -> list[str]:
    """Files that `from target import name` may mean, seen from `file`; `target` holds the name as its last word.

    >>> files_of("pkg/net.py", ".layers.Block")
    ['pkg/layers.py', 'pkg/layers/__init__.py']
    """
    dots = len(target) - len(target.lstrip("."))
    parts = target.lstrip(".").split(".")[:-1]
    if dots:
        folder = PurePosixPath(file).parent
        for _ in range(dots - 1):
            folder = folder.parent
        base = folder.joinpath(*parts).as_posix()
        return [f"{base}.py", f"{base}/__init__.py"] if parts else [f"{base}/__init__.py"]
    if not parts:
        return []
    inner = "/".join(parts)
    return [f"{root}{inner}{end}" for root in ("", "src/") for end in (".py", "/__init__.py")]


def links(files: Mapping[str, tuple[Source, list[Unit]]]) -> Links:
    """Every use of a unit of these files by another, and of the attributes that methods set."""
    book = _Book(files)
    found = Links()
    for file, (source, units) in files.items():
        for unit in units:
            _Reader(book, file, source, unit, found).read()
    return found


class _Book:
    """Where names lead."""

    def __init__(self, files: Mapping[str, tuple[Source, list[Unit]]]) -> None:
        self.files = files
        self.names = {file: {unit.name for unit in units} for file, (_, units) in files.items()}
        self.methods: set[str] = set()
        for _, units in files.values():
            for unit in units:
                if unit.owner is not None and unit.kind != "class":
                    self.methods.add(unit.name.rpartition(".")[2])

    def imported(self, file: str, target: str, hops: int = MOST_HOPS) -> Key | None:
        """The unit that an import of `target` brings into `file`."""
        word = target.rpartition(".")[2]
        for other in files_of(file, target):
            if other not in self.files:
                continue
            if word in self.names[other]:
                return other, word
            onward = self.files[other][0].imports.get(word)
            if onward and hops:
                return self.imported(other, onward, hops - 1)
        return None

    def named(self, file: str, name: str, source: Source) -> Key | None:
        """The unit that a bare or dotted name means at module level of `file`."""
        first, _, rest = name.partition(".")
        if name in self.names[file]:
            return file, name
        if first not in source.imports:
            return None
        target = source.imports[first] + (f".{rest}" if rest else "")
        return self.imported(file, target)


class _Reader:
    """Reads one unit: every name that it loads, with what becomes of the value."""

    def __init__(self, book: _Book, file: str, source: Source, unit: Unit, found: Links) -> None:
        self.book, self.file, self.source, self.unit, self.found = book, file, source, unit, found
        self.key: Key = (file, unit.name)
        self.locals: set[str] = set()
        self.flows: dict[str, list[tuple[How, str]]] = defaultdict(list)  # local -> what becomes of it, or the local
        self.pending: list[tuple[ast.expr, How, Key | None, str]] = []

    def read(self) -> None:
        """Collect first, then settle what becomes of locals."""
        node = self.unit.node
        if isinstance(node, ast.ClassDef):
            for part in (*node.bases, *node.keywords, *node.decorator_list):
                self._see(part, "value", None, "")
            self._block([n for n in node.body if not isinstance(n, (*FUNCTION, ast.ClassDef))])
        elif isinstance(node, FUNCTION):
            self.locals = _locals(node)
            self._function(node)
        else:
            self._block([node])
        for expression, how, into, local in self.pending:
            self._record(expression, self._settled(how, local, set()), into)

    def _settled(self, how: How, local: str, seen: set[str]) -> How:
        """What becomes of a value that is bound to `local`: the weightiest of its uses."""
        if not local or local in seen:
            return how
        hows = {self._settled(h, onward, seen | {local}) for h, onward in self.flows.get(local, [])}
        if not hows or "value" in hows:
            return "value"
        return "report" if "report" in hows else "check"

    # --- statements ---------------------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self._see(decorator, "decorator", None, "")
        arguments = node.args
        for default in (*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)):
            self._see(default, "value", None, "")
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._see(argument.annotation, "type", None, "")
        self._see(node.returns, "type", None, "")
        self._block(node.body)

    def _block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, FUNCTION):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._block(node.body)
        elif isinstance(node, (ast.Raise, ast.Assert)):
            self._see(node, "check", None, "")
        elif isinstance(node, (ast.If, ast.While)):
            how: How = "check" if all(idle(part) for part in (*node.body, *node.orelse)) else "value"
            self._see(node.test, how, None, "")
            self._block([*node.body, *node.orelse])
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._see(node.iter, "value", None, _bare(node.target) if isinstance(node.target, ast.Name) else "")
            self._block([*node.body, *node.orelse])
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            self._assignment(node)
        else:
            for child in ast.iter_child_nodes(node):
                self._child(child)

    def _child(self, child: ast.AST) -> None:
        if isinstance(child, ast.stmt):
            self._statement(child)
        elif isinstance(child, ast.expr):
            self._see(child, "value", None, "")
        else:  # with-items, handlers, cases
            for inner in ast.iter_child_nodes(child):
                self._child(inner)

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if isinstance(node, ast.AnnAssign):
            self._see(node.annotation, "type", None, "")
        local = _bare(targets[0]) if len(targets) == 1 else ""
        self._see(node.value, "value", None, local if local in self.locals else "")
        for target in targets:
            if not isinstance(target, ast.Name):
                self._see(target, "value", None, "")

    # --- expressions --------------------------------------------------------------------------------------------

    def _see(self, node: ast.AST | None, how: How, into: Key | None, local: str) -> None:
        if node is None:
            return
        if isinstance(node, ast.Call):
            self._call(node, how, into, local)
        elif isinstance(node, ast.Name):
            if node.id in self.locals:
                self.flows[node.id].append((how, local))
            self.pending.append((node, how, into, local))
        elif isinstance(node, ast.Attribute):
            self.pending.append((node, how, into, local))
            self._see(node.value, how, into, local)
        else:
            for child in ast.iter_child_nodes(node):
                self._see(child, how, into, local)

    def _call(self, node: ast.Call, how: How, into: Key | None, local: str) -> None:
        name = dotted(node)
        self._see(node.func, how, into, local)
        if REPORTS.search(name):
            how, local = ("report" if how == "value" else how), ""
        called = self.book.named(self.file, name, self.source) if name and not name.startswith("self.") else None
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self._see(argument, how, called or into, local)

    def _record(self, node: ast.expr, how: How, into: Key | None) -> None:
        if isinstance(node, ast.Name):
            target = None if node.id in self.locals else self.book.named(self.file, node.id, self.source)
        else:
            assert isinstance(node, ast.Attribute)
            target = self.book.named(self.file, dotted(node), self.source)
            outside = dotted(node).partition(".")[0] in self.source.imports  # of another library
            if target is None and not outside and node.attr in self.book.methods:
                self.found.methods[node.attr].append(Use(self.key, how, into, exact=False))
            if _bare(node.value) == "self" and isinstance(node.ctx, ast.Load):
                self.found.attributes[node.attr].append(Use(self.key, how, into))
        if target and target != self.key:
            self.found.units[target].append(Use(self.key, how, into))
            if how == "value":
                self.found.taken[self.key].add(target)


def _bare(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _locals(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function binds: its parameters and what it assigns."""
    parts = list(ast.walk(node))
    bound = {part.arg for part in parts if isinstance(part, ast.arg)}
    return bound | {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def idle(node: ast.stmt) -> bool:
    """A statement that raises, warns, reports or passes, and does nothing else."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.Pass, ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr):
        held = node.value
        return isinstance(held, ast.Constant) or (isinstance(held, ast.Call) and bool(REPORTS.search(dotted(held))))
    if isinstance(node, (ast.If, ast.For, ast.With)):
        return all(idle(part) for part in _inside(node))
    return False


def _inside(node: ast.If | ast.For | ast.With) -> Iterator[ast.stmt]:
    yield from node.body
    yield from getattr(node, "orelse", [])


def idle_lines(node: ast.AST) -> list[tuple[int, int]]:
    r"""First and last line of each run of statements that only report or check, in a unit that does more.

    >>> idle_lines(ast.parse("def f(x):\n    print(x)\n    assert x\n    return x + 1").body[0])
    [(2, 3)]
    """
    runs: list[tuple[int, int]] = []
    for part in ast.walk(node):
        for body in (getattr(part, word, []) for word in ("body", "orelse", "finalbody")):
            for statement in body if isinstance(body, list) else []:
                if isinstance(statement, ast.stmt) and _says(statement):
                    runs.append((statement.lineno, statement.end_lineno or statement.lineno))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _says(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return idle(node) and not is_text and not isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))
