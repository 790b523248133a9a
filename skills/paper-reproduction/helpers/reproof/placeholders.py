"""Code that only looks finished: empty bodies, constant returns, stand-ins, and comments that admit it.

Two needs: `in_source` raises no alarm on any finished function, so that a gate may stop on it; `in_algorithm` looks
at code that is known to be an algorithm, where an identity forward or a linear layer named attention is no design.
Nothing is imported or run. A stub that returns plausible numbers is not found by looking: numbers find it.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator

MARKER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bplace-?holder\b|\bstub\b|\byour code here\b", re.IGNORECASE)
ADMITS = re.compile(
    r"\bsimplified\b|\bfor now\b|\bdummy\b|\bmock(?:ed)?\b|\bnot implemented\b|\bin practice\b.*\bwould\b|\bto "
    r"be implemented\b|"
    r"\btemporary\b|\bskip(?:ped|ping)? (?:this|the)\b|\bapproximat(?:e|ion) of the (?:original|paper|"
    r"reference)\b|\bomitted\b",
    re.IGNORECASE,
)
UNFINISHED = {"NotImplementedError", "Unfinished", "NotImplemented"}
CONSTANT_CALLS = {"zeros_like", "ones_like", "full_like"}
DRAWN_CALLS = {"randn_like", "rand_like", "zeros", "ones", "full", "empty", "empty_like"}
# an interface is not a stub: these decorators and bases say that the body stands elsewhere
INTERFACE = {"abstractmethod", "overload", "Protocol", "ABC"}
COMPUTES = {"forward", "__call__", "call", "loss", "sample", "step", "update", "attention", "encode", "decode"}

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
Found = tuple[int, str]


def in_source(source: bytes) -> list[Found]:
    r"""Line and reason of everything in one file that looks unfinished.

    >>> in_source(b"def loss(x):\n    return 0.0\n")
    [(1, 'loss always returns 0.0')]
    >>> in_source(b"def loss(x):\n    return x.mean()\n")
    []
    """
    tree, problem = _tree(source)
    if tree is None:
        return problem
    return sorted({*_raised(tree), *_functions(tree), *_markers(source, MARKER)})


def in_algorithm(source: bytes) -> list[Found]:
    r"""As `in_source`, and what would be no placeholder elsewhere, in a file of the algorithm core.

    >>> in_algorithm(b"class A(Module):\n    def forward(self, x):\n        return x\n")
    [(2, 'forward returns its input')]
    """
    tree, problem = _tree(source)
    if tree is None:
        return problem
    more = {*_identities(tree), *_empty_branches(tree), *_stand_ins(tree), *_markers(source, ADMITS)}
    return sorted({*in_source(source), *more})


def in_text(text: str) -> list[Found]:
    """By words alone: for skeletons that are templates, and for CUDA or C++ sources."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.search(r"(?:#|//|/\*|\{#)(.*)", line)
        if re.search(r"\braise\s+(?:NotImplementedError|Unfinished)\b", line):
            found.append((number, "raises " + ("Unfinished" if "Unfinished" in line else "NotImplementedError")))
        elif comment and (match := MARKER.search(comment[1])):
            found.append((number, f"has a comment that says {match[0]!r}"))
    return found


def _tree(source: bytes) -> tuple[ast.Module | None, list[Found]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source), []
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return None, [(getattr(error, "lineno", None) or 1, "does not parse")]


def _raised(tree: ast.AST) -> Iterator[Found]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None and _name(node.exc) in UNFINISHED:
            yield node.lineno, f"raises {_name(node.exc)}"


def _functions(tree: ast.AST) -> Iterator[Found]:
    for node in _bodies(tree):
        reason = _empty(node)
        if reason:
            yield node.lineno, f"{node.name} {reason}"


def _bodies(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that are no interface."""
    interfaces = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and INTERFACE & {_name(base) for base in node.bases}
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, Function)
            and node not in interfaces
            and not INTERFACE & {_name(d) for d in node.decorator_list}
        ):
            yield node


def _empty(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Why a function does nothing, or an empty string."""
    body = _statements(function)
    if all(isinstance(node, ast.Pass) for node in body):
        return "has no body"
    if len(body) != 1 or not isinstance(body[0], ast.Return) or not _takes(function):
        return ""
    value = body[0].value
    if value is None or _is_constant(value):
        return f"always returns {ast.unparse(value) if value else 'None'}"
    return ""


def _statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]


def _takes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    arguments = function.args
    return [a for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if a.arg != "self"]


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


def _identities(tree: ast.AST) -> Iterator[Found]:
    """What computes by its name and hands its input back, or numbers that do not depend on it."""
    for node in _bodies(tree):
        body = _statements(node)
        takes = {argument.arg for argument in _takes(node)}
        last = body[-1].value if body and isinstance(body[-1], ast.Return) else None
        if node.name not in COMPUTES or not takes or last is None:
            continue
        bound = {
            n.id for part in body for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        if (
            isinstance(last, ast.Name)
            and last.id in takes - bound
            and len(body) == 1
            and not _is_identity_class(tree, node)
        ):
            yield node.lineno, f"{node.name} returns its input"
        elif isinstance(last, ast.Call) and _name(last) in DRAWN_CALLS and len(body) == 1:
            yield node.lineno, f"{node.name} returns {_name(last)}, whatever its input holds"


def _is_identity_class(tree: ast.AST, function: ast.AST) -> bool:
    """A class called Identity is one on purpose."""
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and function in node.body)
    return any("identity" in node.name.lower() for node in classes)


def _empty_branches(tree: ast.AST) -> Iterator[Found]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.If, ast.For, ast.While, ast.With)):
            for branch in (node.body, getattr(node, "orelse", [])):
                if branch and all(_says_nothing(part) for part in branch):
                    yield branch[0].lineno, "a branch that does nothing"


def _says_nothing(part: ast.stmt) -> bool:
    return isinstance(part, ast.Pass) or (
        isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and part.value.value is ...
    )


_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
_MIXES = {
    "softmax",
    "scaled_dot_product_attention",
    "MultiheadAttention",
    "baddbmm",
    "bmm",
    "einsum",
    "matmul",
    "flash_attn_func",
    "cumsum",
}


def _stand_ins(tree: ast.AST) -> Iterator[Found]:
    """An attention that never looks from one position to another, only at each by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and _ATTENTION.search(node.name):
            calls = {_name(n) for n in ast.walk(node) if isinstance(n, ast.Call)}
            forward = next(
                (n for n in node.body if isinstance(n, Function) and n.name in ("forward", "__call__", "call")), None
            )
            multiplies = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult) for n in ast.walk(node))
            inner = any(_ATTENTION.search(word) for word in calls if word not in ("linear", "Linear"))
            if (
                forward
                and not calls & _MIXES
                and not multiplies
                and not inner
                and calls & {"linear", "Linear", "Dense", "Identity"}
            ):
                yield forward.lineno, f"{node.name} has linear layers and no attention"
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _name(node.value) in ("linear", "Linear", "Identity")
        ):
            target = node.targets[0]
            if re.fullmatch(r"_*(?:self_|cross_)?(?:attn|attention)", _name(target), re.IGNORECASE):
                yield node.lineno, f"{_name(node.value)} stands where {_name(target)} says attention"


def _markers(source: bytes, words: re.Pattern[str]) -> Iterator[Found]:
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT and (match := words.search(token.string)):
                yield token.start[0], f"has a comment that says {match[0]!r}"
    except (tokenize.TokenError, SyntaxError):
        return


def _name(node: ast.expr) -> str:
    """The last word of a name, attribute, call or subscript."""
    if isinstance(node, (ast.Call, ast.Subscript)):
        return _name(node.func if isinstance(node, ast.Call) else node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
