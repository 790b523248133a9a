"""What a class or function shows by itself: core, engineering, or nothing yet. What follows from it: roles.py."""

from __future__ import annotations

import ast
import re
from typing import Literal

from reproof.rolewords import (
    ACTS,
    CONFIG_NAME,
    CORE_NAMES,
    DATA_READERS,
    EFFECTS,
    ENGINEERING_BASES,
    ENGINEERING_CALLS,
    ENGINEERING_CLASSES,
    ENGINEERING_NAMES,
    FORMULAS,
    HARMLESS,
    KEEPS,
    MODULE_BASES,
    NEVER_CORE,
    NO_MATHS,
    QUIET_NAMES,
    RECIPE,
    STEERS,
    SURE_METHODS,
    TENSOR_ROOTS,
    TEXT_NAMES,
    TOOLS,
)
from reproof.syntax import Source, Unit, dotted, last, shown

Tag = Literal["core", "engineering"]
Judgement = tuple[Tag | None, str]
PATHS = re.compile(r"(?:^|_)(?:dir|path|folder|root|file|filename|home|cache)s?(?:$|_)|^Path$", re.I)
SCALES = (ast.Mult, ast.Div, ast.Pow)


def judged(unit: Unit, source: Source, reports: bool) -> Judgement:
    """The tag that a unit shows by itself, or none."""
    name = unit.name.rpartition(".")[2]
    if isinstance(unit.node, ast.ClassDef):
        return judged_class(unit.node)
    if unit.kind == "constant":
        is_log = re.fullmatch(r"_*(?:logg?(?:er)?|all|version|author|doc)_*", name, re.I)
        return ("engineering", f"{name}: logging or packaging by its name") if is_log else (None, "")
    if unit.owner is not None and judged_class(unit.owner)[0] == "engineering":
        return "engineering", f"part of {unit.owner.name}"
    if name == "__init__":
        return None, ""  # as its class
    recipe = recipe_of(unit.node)
    tensor = tensor_call(unit.node, source)
    ranks = name == "rank" and unit.owner  # a method that ranks
    if ENGINEERING_NAMES.match(name) and not recipe and not ranks and not belied(name, unit.node, source):
        return "engineering", f"{name}: logging, files, arguments or process set-up by its name"
    if recipe:
        return "core", f"calls {recipe}: part of the training recipe"
    acts = _acts(unit.node)
    if not acts and _only_checks(unit.node) and not name.startswith("__") and not is_stub(unit.node):
        return "engineering", "only checks, and raises"
    if _holds_settings(unit.node):
        return "core", "holds settings"
    moved = "" if name.startswith("__") else effects_only(unit.node, source)
    if moved:
        return "engineering", f"does nothing but {moved}"
    if tensor:
        return "core", f"computes with {tensor}"
    if _only_text(unit.node) and (TEXT_NAMES.search(name) or not hands_back(unit.node)):
        return "engineering", "makes text"
    if acts and not reports:
        return "core", f"calls {acts}: training, evaluation or sampling"
    if is_quiet(unit):
        return "engineering", f"{name}: set-up or bookkeeping by its name, and computes nothing"
    if CORE_NAMES.search(name) and not reports and not _engineering_calls(unit.node):
        return "core", f"{name}: named after a part of an algorithm"
    formula = "" if reports else _formula(unit.node)
    return ("core", f"computes {formula}") if formula else (None, "")


def belied(name: str, node: ast.AST, source: Source) -> bool:
    """Whether the body shows that a name like `log_mel`, `load_audio`, `_save_obs` or `load_config` misleads."""
    if re.match(r"_*register", name):
        return any(re.match(r"register_\w*hook$", last(n)) for n in ast.walk(node) if isinstance(n, ast.Call))
    if re.match(r"_*logs?(?:_|$)", name):
        return hands_back(node) != [] and bool(tensor_call(node, source))
    if re.match(r"_*(?:save|store|write)", name):
        return not any(KEEPS.search(last(n)) for n in ast.walk(node) if isinstance(n, ast.Call))
    return bool(DATA_READERS.match(name)) or (name.startswith("load_") and _holds_settings(node))


def hands_back(node: ast.AST) -> list[ast.expr]:
    """What a function hands back, None aside."""
    values = [n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None]
    return [v for v in values if not (isinstance(v, ast.Constant) and v.value is None)]


def _only_checks(node: ast.AST) -> bool:
    """A function that raises, asserts or warns, sets nothing, and hands back nothing but what it was given."""
    parts = list(ast.walk(node))
    own = {n.id for n in parts if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    lists = {
        dotted(n.targets[0]) for n in parts if isinstance(n, ast.Assign) and isinstance(n.value, (ast.List, ast.Dict))
    }
    given = {n.arg for n in parts if isinstance(n, ast.arg)} - own
    made = [v for v in hands_back(node) if not (isinstance(v, ast.Name) and v.id in given)]
    sets = any(isinstance(n, (ast.Attribute, ast.Subscript)) and isinstance(n.ctx, ast.Store) for n in parts)
    called = [n for n in parts if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    acts = any(not _complains(n) and dotted(n.value).partition(".")[0] not in lists for n in called)
    waits = any(isinstance(n, (ast.Yield, ast.YieldFrom, ast.Delete, ast.Await)) for n in parts)
    says = any(isinstance(n, (ast.Raise, ast.Assert)) or (n in called and _complains(n)) for n in parts)
    stub = len(getattr(node, "body", [])) <= 2 and "NotImplemented" in ast.dump(node)
    return says and not (stub or made or sets or acts or waits)


def _complains(node: ast.AST) -> bool:
    called = dotted(getattr(node, "value", None))
    return bool(re.search(r"^(?:print|log(?:ging|ger)?\.)|(?:^|[._])(?:warn|check|verify|assert)", called))


def _holds_settings(node: ast.AST) -> bool:
    """A dict literal with at least three numbers under text keys, not all of them 0 and 1; or a configuration made."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and CONFIG_NAME.search(last(part)) and len(part.keywords) >= 3:
            return True
        if isinstance(part, ast.Dict):
            texts = [v for k, v in zip(part.keys, part.values, strict=True) if isinstance(getattr(k, "value", 0), str)]
            numbers = [v.value for v in texts if isinstance(v, ast.Constant) and isinstance(v.value, (int, float))]
            if len(numbers) >= 3 and any(number not in (0, 1) for number in numbers):
                return True
    return False


def _only_text(node: ast.AST) -> bool:
    """A function that hands back, or stores, formatted text and nothing else."""
    stored = [n.value for n in ast.walk(node) if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Attribute)]
    stored = [part for value in stored for part in (value.elts if isinstance(value, ast.List) else [value])]
    values = hands_back(node) or stored
    return bool(values) and all(_is_text(value) for value in values)


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    made = last(node) in ("format", "join", "decode", "strftime") and isinstance(node, ast.Call)
    return isinstance(node, ast.JoinedStr) or made or last(node) in ("__name__", "__qualname__")


def judged_class(node: ast.ClassDef) -> Judgement:
    """What its bases and its name say of a class."""
    bases = [dotted(base) for base in node.bases]
    if any(STEERS.search(word) for word in (node.name, *bases)) and not node.name.endswith("Logger"):
        return "core", f"{node.name}: steers the training by its name"
    never = [word for word in (*bases, node.name) if NEVER_CORE.search(word)]
    if never and not any(MODULE_BASES.search(base) for base in bases if base not in never):
        return "engineering", f"{never[0]}: logging, files or a progress bar"
    for base in bases:
        if MODULE_BASES.search(base):
            return "core", f"a {base}"
    for base in bases:
        if ENGINEERING_BASES.search(base):
            return "engineering", f"a {base}"
    if ENGINEERING_CLASSES.search(node.name):
        return "engineering", f"{node.name}: logging, files or process set-up by its name"
    if node.name in ("Config", "Meta") and not node.bases:
        return "engineering", f"{node.name}: options of the class around it"
    if CONFIG_NAME.search(node.name):
        return "core", "its fields are hyperparameters"
    return None, ""


def recipe_of(node: ast.AST) -> str:
    """The first call that belongs to a training recipe: an optimizer, a schedule, a backward pass."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and RECIPE.match(last(call)):
            return last(call)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr in (
                "backward",
                "zero_grad",
                "clip_grad_norm_",
                "clip_grad_value_",
                "apply_gradients",
                "apply_updates",
            ):
                return call.func.attr
    return ""


def tensor_call(node: ast.AST, source: Source) -> str:
    """The first call or attribute that computes with tensors."""
    for part in ast.walk(node):
        name = dotted(part) if isinstance(part, (ast.Attribute, ast.Name, ast.Call)) else ""
        first, dot, rest = name.partition(".")
        full = f"{source.imports.get(first, first)}{dot}{rest}"
        root = full.partition(".")[0]
        if isinstance(part, ast.Call) and root in TENSOR_ROOTS and "." in full and not NO_MATHS.search(full):
            return full
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in SURE_METHODS:
            return f".{part.func.attr}()"
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult):
            return "@"
        if full.startswith("math.") and rest in FORMULAS:
            return full
    return ""


def _engineering_calls(node: ast.AST) -> bool:
    names = (dotted(call) for call in ast.walk(node) if isinstance(call, ast.Call))
    return any(ENGINEERING_CALLS.match(name) for name in names)


def effects_only(node: ast.AST, source: Source) -> str:
    """What a function does, if that is nothing but files, logs, processes, devices or imports, or an empty string.

    A function that hands a value back is left to its users, unless it is a name resolved by importing.
    """
    parts = list(ast.walk(node))
    if any(isinstance(n, (ast.BinOp, ast.AugAssign)) and _is_arithmetic(n) for n in parts):
        return ""
    names = [_full(n, source) for n in parts if isinstance(n, ast.Call)]
    kinds = [kind for name in names for kind, pattern in EFFECTS if pattern.search(name)]
    others = [name for name in names if not any(p.search(name) for _, p in EFFECTS) and not HARMLESS.search(name)]
    if not kinds or others:
        return ""
    if "imports" in kinds:
        return "resolve a name by importing"
    sets = any(isinstance(n, (ast.Attribute, ast.Subscript)) and isinstance(n.ctx, ast.Store) for n in parts)
    return "" if sets or hands_back(node) else " and ".join(sorted(set(kinds)))


def _full(node: ast.Call, source: Source) -> str:
    first, dot, rest = dotted(node).partition(".")
    return f"{source.imports.get(first, first)}{dot}{rest}"


def _is_arithmetic(node: ast.BinOp | ast.AugAssign, either: bool = False) -> bool:
    """Whether numbers are combined: no texts and paths, and (unless `either`) no literal on a side."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    if any(_is_text(side) or isinstance(side, (ast.List, ast.Tuple)) or PATHS.search(last(side)) for side in sides):
        return False
    if isinstance(node.op, (ast.BitXor, ast.BitOr, ast.BitAnd)):
        return False
    return either or not any(isinstance(side, ast.Constant) for side in sides)


def _acts(node: ast.AST) -> str:
    """The first call that trains, evaluates or samples on something that is no tool: `model.eval()`, `self.fit(x)`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in ACTS:
            if not TOOLS.search(dotted(part.func.value)):
                return f".{part.func.attr}()"
        if isinstance(part, ast.Attribute) and part.attr == "requires_grad" and isinstance(part.ctx, ast.Store):
            return ".requires_grad"
    return ""


def is_quiet(unit: Unit) -> bool:
    """Set-up or bookkeeping by its name; a `clear` that sets state, and a `run` or `clear` of a class, are not."""
    name = unit.name.rpartition(".")[2]
    if not QUIET_NAMES.match(name) or (name == "run" and unit.owner):
        return False
    if not (unit.owner and re.match(r"_*clear$", name)):
        return True
    parts = list(ast.walk(unit.node))
    sets = any(isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) for n in parts)
    resets = any(last(n) in (name, "__init__") for n in parts if isinstance(n, ast.Call))
    return not (sets or resets or is_stub(unit.node))


def is_stub(node: ast.AST) -> bool:
    """A body of nothing but a text, `pass`, `...` or a raise."""
    body = getattr(node, "body", [])
    return all(
        isinstance(n, (ast.Pass, ast.Raise)) or (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
        for n in body
    )


def _formula(node: ast.AST) -> str:
    """The first of at least two products, quotients or powers of things that are no literals both."""
    found = [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.BinOp) and isinstance(n.op, SCALES) and _is_arithmetic(n, either=True)
    ]
    return shown(found[0], 40) if len(found) >= 2 else ""
