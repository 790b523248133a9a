"""Faults that can be put into any Python model: small edits of numbers, operators and calls, one at a time."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
COMPARES = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
CALLS = {"gelu": "relu", "relu": "gelu", "silu": "relu", "softmax": "sigmoid", "tanh": "sigmoid", "sigmoid": "tanh", "mean": "sum",  # noqa: E501
         "zeros_": "ones_", "ones_": "zeros_", "normal_": "uniform_", "AdamW": "Adam", "Adam": "AdamW", "sin": "cos",
         "LayerNorm": "Identity", "Dropout": "Identity", "rsqrt": "sqrt", "GELU": "ReLU", "ReLU": "GELU", "SiLU": "ReLU",  # noqa: E501
         "clip_grad_norm_": "clip_grad_value_", "sqrt": "abs", "exp": "abs"}  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One fault: the whole text with it, and what changed on which line."""

    text: str
    line: int
    was: str
    became: str


def edits(text: str, ran: set[int] | None, count: int, seed: int) -> list[Edit]:
    """Up to `count` faults, spread over kinds and lines.

    Args:
        text: the source.
        ran: lines that ran; others are left alone. None: all lines.
        count: how many.
        seed: which.
    """
    tree = ast.parse(text)
    docs = _texts(tree)
    kinds: dict[str, list[tuple[ast.AST, str]]] = {}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if id(node) in docs or (ran is not None and line not in ran):
            continue
        became = _changed(node)
        if became is not None:
            kinds.setdefault(type(node).__name__ + became[0], []).append((node, became[1]))
    rng = random.Random(seed)
    for found in kinds.values():
        rng.shuffle(found)
    chosen: list[Edit] = []
    while len(chosen) < count and any(kinds.values()):
        for kind in sorted(kinds):
            if kinds[kind] and len(chosen) < count:
                node, new = kinds[kind].pop()
                edit = _applied(text, node, new)
                if edit is not None and edit not in chosen:
                    chosen.append(edit)
    return chosen


def _texts(tree: ast.AST) -> set[int]:
    """Nodes that are no computation: doc strings, annotations, asserts, messages."""
    found: set[int] = set()
    for node in ast.walk(tree):
        skip: list[ast.AST | None] = []
        if isinstance(node, (ast.Assert, ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)):
            skip.append(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skip += [node.returns, *(each.annotation for each in node.args.args)]
        if isinstance(node, ast.AnnAssign):
            skip.append(node.annotation)
        for each in skip:
            if each is not None:
                found |= {id(inner) for inner in ast.walk(each)}
    return found


def _changed(node: ast.AST) -> tuple[str, str] | None:
    """(kind, new source of the node), or None where it is not changed."""
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return "float", repr(node.value * 1.1 if node.value else 0.1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return "bool", repr(not node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        new = ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)
        return "operator", f"({ast.unparse(new)})"
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARES:
        return "compare", f"({ast.unparse(ast.Compare(node.left, [COMPARES[type(node.ops[0])]()], node.comparators))})"
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLS:
            func = ast.unparse(node.func)
            return "call", ast.unparse(node).replace(func, func[: len(func) - len(name)] + CALLS[name], 1)
        if name == "detach":
            return None
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and len(node.args) == 1
        and not node.keywords
    ):
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "self":
            return "skip", ast.unparse(node.args[0])
    return None


def _applied(text: str, node: ast.AST, new: str) -> Edit | None:
    lines = text.split("\n")
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1  # type: ignore[attr-defined]
    start, stop = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    head = lines[first].encode()[:start].decode()
    tail = lines[last].encode()[stop:].decode()
    was = ast.get_source_segment(text, node) or ""
    changed = "\n".join([*lines[:first], head + new + tail, *lines[last + 1 :]])
    try:
        ast.parse(changed)
    except SyntaxError:
        return None
    return Edit(changed, first + 1, " ".join(was.split())[:80], " ".join(new.split())[:80])
