"""A unit's normal form: equal for code that computes the same in the same words, whatever engineering surrounds it.

Three forms of growing tolerance: `raw` (docstrings aside), `renamed` (imports resolved, locals by order of binding),
`core` (logging, annotations, devices, guards and engineering arguments aside as well). Every node keeps its line.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reproof.syntax import FUNCTION, dotted, last, shown

LOG_ROOTS = frozenset(
    "logging logger log print wandb mlflow warnings tqdm writer LOGGER _logger rank_zero_info rank_zero_warn "
    "pbar progress console".split()
)
LOG_METHODS = frozenset(
    "info debug warning warn error set_description set_postfix add_scalar add_image add_histogram".split()
)
ENGINEERING_KEYWORDS = frozenset(
    "device non_blocking pin_memory num_workers prefetch_factor persistent_workers memory_format map_location "
    "foreach fused "
    "pin_memory_device multiprocessing_context capturable".split()
)
DEVICE_METHODS = frozenset(("cuda", "cpu", "contiguous"))
SCOPES = frozenset(("record_function", "nvtx_range", "annotate", "device", "profile", "emit_nvtx", "named_scope"))
DECORATORS = frozenset(
    "typechecked jaxtyped profile override cache lru_cache beartype final typing.override record_function "
    "deprecated".split()
)
TIMERS = frozenset(
    "time.time time.perf_counter time.monotonic perf_counter time.process_time torch.cuda.synchronize "
    "cuda.synchronize gc.collect torch.cuda.empty_cache".split()
)
SHORT = (("torch.nn.functional.", "F."), ("torch.nn.", "nn."), ("jax.numpy.", "jnp."), ("numpy.", "np."))


@dataclass(frozen=True)
class Context:
    """What names of a file stand for."""

    imports: Mapping[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    """Names of units of the same code base: an import of one of them is that unit, wherever the file lies."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Names of units of the port -> what the reference calls them."""

    def resolved(self, name: str) -> str:
        """The canonical dotted name of `name` as it stands in the file."""
        first, dot, rest = name.partition(".")
        target = self.imports.get(first)
        full = f"{target}{dot}{rest}" if target is not None else name
        word = full.rpartition(".")[2]
        if target is not None and (target.startswith(".") or word in self.own) and word in self.own:
            return self.renames.get(word, word)
        head, dot, tail = full.partition(".")
        full = f"{self.renames.get(head, head)}{dot}{tail}"
        for long, short in SHORT:
            if full.startswith(long):
                return short + full[len(long) :]
        return full


def raw(node: ast.stmt) -> ast.stmt:
    """Docstrings and type comments aside; a class without its methods, which are units of their own."""
    found = _head(_clone(node))
    for part in ast.walk(found):
        if isinstance(part, (*FUNCTION, ast.ClassDef)):
            kept = [s for s in part.body if not _is_text(s)]
            part.body_line = (kept or part.body or [part])[0].lineno  # type: ignore[union-attr]
            part.body = kept or [ast.copy_location(ast.Pass(), part)]
            part.type_comment = None  # type: ignore[union-attr]
    return found


def renamed(node: ast.stmt, context: Context) -> ast.stmt:
    """Imports resolved, locals renamed by the order in which they are bound."""
    return _Normaliser(context, strip=False).whole(raw(node))


def core(
    node: ast.stmt, context: Context, attributes: Mapping[str, str] | None = None, *, locals_as_written: bool = False
) -> ast.stmt:
    """What computes. `attributes`: names of self.NAME to be replaced, for classes that only renamed their own."""
    return _Normaliser(context, strip=True, attributes=attributes or {}, as_written=locals_as_written).whole(raw(node))


def as_written(node: ast.AST | None, most: int = 80) -> str:
    """Source text of a normal form, with the names that its file has."""
    if node is None:
        return ""
    copy = _clone(node)
    for part in ast.walk(copy):
        if isinstance(part, ast.Name):
            part.id = getattr(part, "written", part.id)
    return shown(copy, most)


def own_attributes(node: ast.ClassDef) -> dict[str, str]:
    """self.NAME -> a number, in the order of first assignment in the class; declared fields too."""
    names: list[str] = []
    for part in sorted((p for p in ast.walk(node) if isinstance(p, ast.expr)), key=lambda p: (p.lineno, p.col_offset)):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and dotted(part.value) == "self":
            names.append(part.attr)
    return {name: f"@{index}" for index, name in enumerate(dict.fromkeys(names))}


def _clone(node: Any) -> Any:
    """A deep copy of a tree; copy.deepcopy takes ten times as long."""
    if isinstance(node, list):
        return [_clone(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    new = node.__class__.__new__(node.__class__)
    for name, value in node.__dict__.items():
        setattr(new, name, _clone(value) if isinstance(value, (list, ast.AST)) else value)
    return new


def _head(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.ClassDef):
        node.body = [s for s in node.body if not isinstance(s, (*FUNCTION, ast.ClassDef))]
    return node


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


class _Normaliser(ast.NodeTransformer):
    def __init__(
        self, context: Context, *, strip: bool, attributes: Mapping[str, str] | None = None, as_written: bool = False
    ) -> None:
        self.context, self.strip_engineering, self.as_written = context, strip, as_written
        self.attributes = attributes or {}
        self.local: dict[str, str] = {}
        self.parameters: set[str] = set()

    def whole(self, node: ast.stmt) -> ast.stmt:
        """The normal form of one unit."""
        found: ast.stmt = self.visit(node)
        return found

    # --- statements -----------------------------------------------------------------------------------------------

    def _kept(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Statements that compute."""
        if not self.strip_engineering:
            return [s for s in body if not _is_text(s)]
        found: list[ast.stmt] = []
        for statement in body:
            inner = _transparent(statement)
            if inner is not None:
                found += self._kept(inner)
            elif not self._is_engineering(statement):
                found.append(statement)
        return found

    def _is_engineering(self, s: ast.stmt) -> bool:
        if isinstance(s, ast.Expr):
            values = [s.value.body, s.value.orelse] if isinstance(s.value, ast.IfExp) else [s.value]
            return all(isinstance(v, ast.Constant) or (isinstance(v, ast.Call) and self._logs(v)) for v in values)
        if isinstance(s, (ast.Assert, ast.Import, ast.ImportFrom, ast.Pass)):
            return True
        if isinstance(s, ast.AnnAssign) and s.value is None:
            return True
        if isinstance(s, ast.Assign):
            return isinstance(s.value, ast.Call) and dotted(s.value) in TIMERS and not s.value.args
        if isinstance(s, ast.If) and not s.orelse:  # `if bad: raise`, `if verbose: print`
            inner = self._kept(s.body)
            return not inner or all(isinstance(part, ast.Raise) for part in inner)
        return False

    def _logs(self, call: ast.Call) -> bool:
        name = dotted(call)
        if self.context.resolved(name) in TIMERS:
            return True
        word = name.rpartition(".")[2]
        is_log = name.partition(".")[0] in LOG_ROOTS or word in LOG_METHODS or ".logger." in f".{name}"
        # an argument that is computed for its effect would go with it
        effects = any(
            isinstance(n, ast.NamedExpr) or (isinstance(n, ast.Call) and last(n).endswith("_") and last(n) != "_")
            for n in ast.walk(call)
        )
        return is_log and not effects

    def _body(self, node: ast.AST) -> None:
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                setattr(node, name, self._kept(body))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        """Annotations go, locals get numbers; parameters are interface and keep their names."""
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [a for a in (arguments.vararg, arguments.kwarg) if a]
        if self.strip_engineering:
            node.returns = None
            for argument in every:
                argument.annotation = None
            node.decorator_list = [d for d in node.decorator_list if last(d) not in DECORATORS]
        self._body(node)
        outer = self.local
        taken = {argument.arg for argument in every}
        self.local = {k: v for k, v in outer.items() if k not in taken}
        for index, name in enumerate(n for n in _bound(node) if n not in taken):
            self.local[name] = name if self.as_written else f"v{len(outer)}_{index}"
        inner = {a.arg for a in every}
        before, self.parameters = self.parameters, self.parameters | inner
        self.generic_visit(node)
        self.parameters, self.local = before, outer
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Only its head; the name is the unit's, compared elsewhere."""
        self._body(node)
        node.name = self.context.renames.get(node.name, node.name)
        if self.strip_engineering:
            node.decorator_list = [d for d in node.decorator_list if last(d) not in DECORATORS]
            node.bases = [b for b in node.bases if dotted(b) != "object"]
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """As a plain assignment."""
        self.generic_visit(node)
        if node.value is None or not self.strip_engineering:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value, type_comment=None), node)

    def _block(self, node: ast.AST) -> ast.AST:
        self._body(node)
        return self.generic_visit(node)

    visit_If = visit_For = visit_While = visit_With = visit_Try = visit_AsyncFor = visit_AsyncWith = _block

    # --- expressions ------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Locals by number, imports by what they stand for."""
        if node.id in self.local:
            return _named(self.local[node.id], node.id, node)
        if node.id in self.parameters:
            return node
        return _named(self.context.resolved(node.id), node.id, node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """`x = x.to(device)` is `x = x` by now, and goes."""
        self.generic_visit(node)
        target = node.targets[0]
        if (
            self.strip_engineering
            and isinstance(target, ast.Name)
            and isinstance(node.value, ast.Name)
            and len(node.targets) == 1
        ):
            return None if target.id == node.value.id else node
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Dotted names of imports as one name; own attributes as asked."""
        name = dotted(node) if _is_plain(node) else ""
        first = name.partition(".")[0]
        if first and first in self.context.imports and first not in self.local and first not in self.parameters:
            return ast.copy_location(ast.Name(id=self.context.resolved(name), ctx=node.ctx), node)
        if dotted(node.value) == "self" and isinstance(node.value, ast.Name) and node.attr in self.attributes:
            node.attr = self.attributes[node.attr]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Device moves and engineering arguments go; keywords in alphabetical order."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            node.args = []
        if self.strip_engineering:
            found = self._without_devices(node)
            if found is not node:
                return found
            node.keywords = [k for k in node.keywords if k.arg not in ENGINEERING_KEYWORDS]
        node.keywords.sort(key=lambda k: k.arg or "")
        return node

    def _without_devices(self, node: ast.Call) -> ast.AST:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in DEVICE_METHODS and not node.args:
            return function.value
        if isinstance(function, ast.Attribute) and function.attr == "to":
            arguments = [a for a in node.args if not _is_device(a)]
            keywords = [k for k in node.keywords if k.arg not in ENGINEERING_KEYWORDS]
            if not arguments and not keywords:
                return function.value
            node.args = arguments
        if isinstance(function, ast.Name) and function.id.rpartition(".")[2] in ("tqdm", "trange") and node.args:
            if function.id.endswith("trange"):
                return ast.copy_location(
                    ast.Call(func=ast.Name(id="range", ctx=ast.Load()), args=node.args, keywords=[]), node
                )
            return node.args[0]
        return node


def _named(name: str, written: str, node: ast.Name) -> ast.Name:
    """A name in the normal form that remembers how the file has it."""
    new = ast.copy_location(ast.Name(id=name, ctx=node.ctx), node)
    new.written = written  # type: ignore[attr-defined]
    return new


def _transparent(s: ast.stmt) -> list[ast.stmt] | None:
    """The body of a `with` that only measures or names, or none."""
    if isinstance(s, ast.With) and all(last(item.context_expr) in SCOPES for item in s.items):
        return s.body
    return None


def _bound(node: ast.AST) -> list[str]:
    """Names that a function binds, in the order of their first binding; nonlocal and global ones are not its own."""
    places, foreign = [], set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            places.append((part.lineno, part.col_offset, part.id))
        elif isinstance(part, (ast.Global, ast.Nonlocal)):
            foreign |= set(part.names)
    return [name for name in dict.fromkeys(name for _, _, name in sorted(places)) if name not in foreign]


def _is_plain(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _is_device(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.split(":")[0] in ("cuda", "cpu", "mps", "xpu")
    return last(node).endswith("device")


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two normal forms are equal; positions do not count."""
    return ast.dump(one) == ast.dump(other)
