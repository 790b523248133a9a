#!/usr/bin/env python3
"""Every constant, operator, call argument and statement of the reference models changed once, by machine.

  python benchmarks/fidelity/mechanical.py [EVERY]    Markdown row; every mutant that passed goes to stderr, exit 1

EVERY = 3 takes each third mutant, for a faster look.

Nobody chose these faults: each number becomes another, each operator its neighbour, each keyword and each statement
is left out once. Guards that only raise and asserts are engineering and are not touched.
"""

from __future__ import annotations

import ast
import copy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "helpers")]

from reproof.fidelity.answers import compare  # noqa: E402
from reproof.fidelity.models import CompareRequest  # noqa: E402

SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.MatMult: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Not: ast.UAdd,
}  # fmt: skip


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """(what was done, new text)."""
    tree = ast.parse(text)
    for guard in [n for n in ast.walk(tree) if isinstance(n, ast.Assert)]:
        guard.test, guard.msg = ast.Constant("a guard"), None
    for index, original in enumerate(ast.walk(tree)):
        for kind in ("value", "keyword", "statement"):
            if isinstance(original, ast.Module) or not CHANGES[kind](copy.deepcopy(original)):
                continue
            new = copy.deepcopy(tree)
            node = next(n for i, n in enumerate(ast.walk(new)) if i == index)
            done = CHANGES[kind](node)
            yield f"line {getattr(node, 'lineno', 0)}: {done}", ast.unparse(ast.fix_missing_locations(new))


def value(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        was = node.value
        node.value = not was if isinstance(was, bool) else was + 1
        return f"{was!r} -> {node.value!r}"
    for name in ("op", "ops"):
        op = getattr(node, name, None)
        op = op[0] if isinstance(op, list) and op else op
        if op is not None and type(op) in SWAPPED:
            new = SWAPPED[type(op)]()
            setattr(node, name, [new, *node.ops[1:]] if name == "ops" else new)  # type: ignore[attr-defined]
            return f"{type(op).__name__} -> {type(new).__name__}"
    return ""


def keyword(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and node.keywords and node.keywords[0].arg not in ENGINEERING:
        return f"without {node.keywords.pop(0).arg}="
    return ""


def statement(node: ast.AST) -> str:
    body = getattr(node, "body", None)
    if isinstance(node, (ast.FunctionDef, ast.If, ast.For)) and isinstance(body, list):
        kept = [s for s in body if not isinstance(s, (ast.Assert, ast.Raise)) and not _is_text(s)]
        if kept and not isinstance(kept[-1], (ast.Continue, ast.Pass)):
            body[body.index(kept[-1])] = ast.Pass()
            return f"without {ast.unparse(kept[-1])[:50]}"
    return ""


def _is_text(s: ast.stmt) -> bool:
    return isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)


ENGINEERING = {"device"}
CHANGES = {"value": value, "keyword": keyword, "statement": statement}


def main() -> int:
    total = passed = seen = 0
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as name:
        for path in sorted((HERE / "reference").glob("*.py")):
            text = path.read_text(encoding="utf-8")
            base = ast.unparse(ast.parse(text))
            reference = Path(name) / "ref" / path.name
            reference.parent.mkdir(exist_ok=True)
            reference.write_text(base, encoding="utf-8")
            for done, new in mutants(base):
                seen += 1
                if seen % every:
                    continue
                port = Path(name) / path.name
                port.write_text(new, encoding="utf-8")
                answer = compare(CompareRequest(reference=reference, port=port))
                total += 1
                if total % 25 == 0:
                    print(f"{total} tried, {passed} passed", file=sys.stderr, flush=True)
                if answer.ok:
                    passed += 1
                    print(f"passed {path.name} {done}", file=sys.stderr)
    print(f"| mechanical mutants flagged | {total - passed}/{total} |")
    return 1 if passed else 0


if __name__ == "__main__":
    raise SystemExit(main())
