"""What is taken for conditions on values that a trace does not have, so that all answers tell of the same healthy run.

Nothing is NaN and every check passes. Masks select all, as in `unknown`: a mask is true somewhere, and its sum is its
size. What an `assert` asks has the value that lets it pass, and what leads to `raise` is not met. Loops run their
length; one whose end only values decide makes PASSES passes. What an `if` without `else` may do is done, as it could
need memory. Any other condition is false.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import ast
import functools
import linecache
import operator
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from .ledger import HERE, TORCH

PASSES = 16
"""Of a loop that only unknown values end; a hint, a number of passes, says it better."""
BOUNDED = 4096
"""The same where something else may end the loop first, like a longest length."""
AS_A_RULE = {"if ys > 1e-10:", "if accept_step:"}
"""Conditions that are true as a rule: LBFGS keeps a curvature, torchdiffeq's solvers count a step."""
DISPATCH = tuple(
    TORCH + name for name in ("_compile.py", "_ops.py", "_subclasses/", "utils/", "overrides.py", "_dynamo/")
)
"""What is between an operator and this tracer."""

if TYPE_CHECKING:
    Truth = bool | int | None
    """All elements of a boolean tensor have it; of one that counts, the count. None: not known."""


def _constant(value: bool) -> Callable[..., Truth]:
    return lambda *_: value


def _whole(empty: bool) -> Callable[..., Truth]:
    """Of all() or any(): the truth of a mask, else True."""
    return lambda found, *_: empty if found is None else bool(found)


def _not(found: Truth, *_: Any) -> Truth:
    return None if found is None else not found


def _either(first: Truth, _args: Any, _out: Any, second: Truth) -> Truth:
    return True if first or second else None if first is None or second is None else False


def _both(first: Truth, _args: Any, _out: Any, second: Truth) -> Truth:
    """Of `&` and `*`, with integers too: nothing where one is nothing."""
    either = [each for each in (first, second) if each is not None]
    return 0 if 0 in either else None if len(either) < 2 else 1


def _sum(found: Truth, args: Any, out: Any, *_: Any) -> Truth:
    if found is None and args[0].dtype != torch.bool:
        return None
    each = 1 if found is None else int(found)
    return each * int(args[0].numel() // max(out.numel(), 1))


def _same(found: Truth, args: Any, out: Any, *_: Any) -> Truth:
    if out.dtype == torch.bool:
        return None if found is None else bool(found)
    if args[0].dtype == torch.bool:
        return 1 if found is None else int(found)
    return found


def _compared(test: Callable[[Any, Any], bool]) -> Callable[..., Truth]:
    def run(found: Truth, args: Any, *_: Any) -> Truth:
        if found is None or args[0].dtype == torch.bool or isinstance(args[1], torch.Tensor):
            return None
        return bool(test(found, args[1]))

    return run


def _overloads(rules: dict[str, Callable[..., Truth]]) -> dict[str, Callable[..., Truth]]:
    return {f"aten::{name}": rule for names, rule in rules.items() for name in names.split()}


RULES: dict[str, Callable[..., Truth]] = _overloads({
    "isnan isinf isposinf isneginf": _constant(False),
    "_is_all_true": _constant(True),
    "_is_any_true": _constant(False),
    "all all.dim all.dims any any.dim any.dims": _whole(True),
    "logical_not bitwise_not": _not,
    "logical_or bitwise_or.Tensor __or__.Tensor": _either,
    "logical_and bitwise_and.Tensor __and__.Tensor mul.Tensor": _both,
    "sum sum.dim_IntList count_nonzero count_nonzero.dim_IntList": _sum,
    "_to_copy clone detach alias view _unsafe_view unsqueeze squeeze squeeze.dim select.int slice.Tensor expand "
    "permute transpose.int max amax min amin index.Tensor index_select": _same,
    **{f"{name}.Scalar": _compared(getattr(operator, name)) for name in ("gt", "ge", "lt", "le", "eq", "ne")},
})  # fmt: skip
"""From the truth of an operator's first input, its arguments, its result and the truth of its second input to that of
its result."""


class Noted(NamedTuple):
    """The truth of a tensor, and whether it follows from values that are known and not from what is taken for masks."""

    truth: bool | int
    sure: bool


def follow(tracer: Any, rule: Callable[..., Truth], args: Any, out: Any) -> None:
    """Note the truth of what an operator gave."""
    if isinstance(out, torch.Tensor):
        noted = [_of(tracer, each) for each in (*args, None, None)[:2]]
        first, second = (each.truth if each else None for each in noted)
        found = rule(first, args, out, second)
        if found is not None:
            sure = [each.truth if each and each.sure else None for each in noted]
            known = sure != [None, None] and rule(sure[0], args, out, sure[1]) is not None
            tracer.truths[out] = Noted(bool(found) if out.dtype == torch.bool else found, known)


def _of(tracer: Any, tensor: Any) -> Noted | None:
    """What was noted, or the real value where all elements have the same."""
    if not isinstance(tensor, torch.Tensor) or tensor.dtype.is_complex:
        return None
    noted: Noted | None = tracer.truths.get(tensor)
    if noted is not None or tensor.dtype.is_floating_point:
        return noted
    known = tracer.shadows.value(tensor) if tensor.numel() else None
    if known is None:
        return None
    with torch._C._DisableTorchDispatch():
        first = known.flatten()[0]
        return Noted(first.item(), True) if bool((known == first).all()) else None


# ---- the condition that asks


class Condition(NamedTuple):
    """A test of an assert, an if or a loop; see `asked_at`."""

    first: int
    last: int
    wanted: bool
    """What each of its parts has to be: for the program or a `for` to go on, or for a `while` to be left."""
    passes: int
    """After so many a `while` is left; 0 where it is no `while`."""
    bound: bool = False
    """Whether it is only the larger answer, which goes behind what is known of masks."""
    before: bool = False
    """Whether it is asked before each pass, as the test of a `while` is."""


@functools.lru_cache(maxsize=64)
def _conditions(path: str) -> tuple[Condition, ...]:
    """Those of a file, the shortest first."""
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ()
    return tuple(sorted(_found(tree, None), key=lambda each: each.last - each.first))


def _found(node: ast.AST, loop: ast.AST | None) -> Iterator[Condition]:
    if isinstance(node, ast.Assert):
        yield from _condition(node.test, True)
    elif isinstance(node, ast.If):
        for body, taken in ((node.body, True), (node.orelse, False)):
            last = body[-1] if body else None
            if isinstance(last, ast.Raise) or (loop is not None and isinstance(last, ast.Continue)):
                yield from _condition(node.test, not taken)
            elif isinstance(last, (ast.Break, ast.Return)) and isinstance(loop, ast.While):
                yield from _condition(node.test, taken, _passes(loop))
            elif isinstance(last, (ast.Break, ast.Return)) and loop is not None:
                yield from _condition(node.test, not taken)
            elif taken and not node.orelse and not isinstance(last, ast.Return):
                yield from _condition(node.test, True, bound=True)
    elif isinstance(node, ast.While):
        yield from _condition(node.test, False, _passes(node), before=True)
    inside: ast.AST | None = loop
    if isinstance(node, (ast.While, ast.For, ast.AsyncFor)):
        inside = node
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
        inside = None
    for child in ast.iter_child_nodes(node):
        yield from _found(child, inside)


def _passes(loop: ast.While) -> int:
    """Whether something else may end it too: a further part of its test, or a second way out."""
    ways = sum(isinstance(each, (ast.Break, ast.Return)) for each in ast.walk(loop))
    ways += len(loop.test.values) if isinstance(loop.test, ast.BoolOp) else not isinstance(loop.test, ast.Constant)
    return BOUNDED if ways > 1 else PASSES


def _condition(test: ast.expr, wanted: bool, passes: int = 0, **how: bool) -> Iterator[Condition]:
    """The lines of a test, if all its parts have to be the same; those that compare plain numbers never ask."""
    parts = set(_parts(test, wanted))
    if len({value for value, _ in parts}) > 1:
        parts = {each for each in parts if not each[1]}
    values = {value for value, _ in parts}
    if len(values) == 1:
        yield Condition(test.lineno, test.end_lineno or test.lineno, values.pop(), passes, **how)


def _parts(test: ast.expr, wanted: bool) -> Iterator[tuple[bool, bool]]:
    """What each part has to be, and whether it holds names and constants only."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _parts(test.operand, not wanted)
    elif isinstance(test, ast.BoolOp):
        for part in test.values:
            yield from _parts(part, wanted)
    else:
        yield wanted, not any(isinstance(each, ast.Call) for each in ast.walk(test))


def asked_at(place: str) -> Condition | None:
    """The condition on that line, `path:line`, that an assert, a raise or a loop depends on."""
    path, _, line = place.rpartition(":")
    if not line.isdigit():
        return None
    return next((each for each in _conditions(path) if each.first <= int(line) <= each.last), None)


def in_torch() -> str:
    """`path:line` of what asks, where that is one of torch's own functions; else empty."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((HERE, *DISPATCH)):
        frame = frame.f_back
    path = "" if frame is None else frame.f_code.co_filename
    return f"{path}:{frame.f_lineno}" if path.startswith(TORCH) else ""


def as_a_rule(place: str) -> bool:
    """Whether the line is one of AS_A_RULE."""
    path, _, line = place.rpartition(":")
    return line.isdigit() and linecache.getline(path, int(line)).strip() in AS_A_RULE
