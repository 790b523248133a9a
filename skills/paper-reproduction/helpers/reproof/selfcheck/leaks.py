"""What source code gives away: test data in training, the paper's numbers, results that depend on nothing.

Looked at in the syntax tree; nothing is imported or run. It knows the plain forms of each trick, not every one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from reproof.document import Plan, sourced
from reproof.paths import files_below
from reproof.selfcheck.gather import Project
from reproof.selfcheck.models import Item
from reproof.selfcheck.words import listed

JOINING = {"cat", "concat", "concatenate", "ConcatDataset", "vstack", "hstack", "stack", "chain"}
TRAIN, TEST = (
    re.compile(r"(^|_)train(ing|set)?(_|$)", re.IGNORECASE),
    re.compile(r"(^|_)test(ing|set)?(_|$)", re.IGNORECASE),
)
COMPUTES = re.compile(
    r"loss|forward|metric|distance|velocity|score|accuracy|error|evaluate|objective|w2|fid", re.IGNORECASE
)
LEAST_DIGITS = 3  # 0.285 is the paper's; 0.5 is anybody's
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def items(project: Project) -> Iterator[Item]:
    """One item per kind of trick."""
    plan = project.plan
    assert plan is not None, "asked only once the plan is known to be valid"
    trees = dict(_trees(project.package))
    for name, what, look in (
        ("test-data-apart", "no code trains on test data", joined),
        (
            "papers-numbers-apart",
            "no number of a claim stands in the code",
            lambda tree: printed_in(tree, numbers_of(plan)),
        ),
        ("results-depend", "every loss and metric depends on what it is given", independent),
    ):
        found = [f"{file}:{line} {reason}" for file, tree in trees.items() for line, reason in look(tree)]
        item = Item(id=name, what=what, state="PASS", why=f"{len(trees)} files")
        yield (
            item.judged("FAIL", listed(found), "mend it, then run everything that rests on it again") if found else item
        )


def _trees(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in files_below(package) if package.is_dir() else ():
        if path.suffix == ".py":
            try:
                yield path.relative_to(package).as_posix(), ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):
                continue  # the scan of the core names such a file


def joined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    r"""Places where train and test data become one, or one is called the other.

    >>> list(joined(ast.parse("x = torch.cat([x_train, x_test])")))
    [(1, 'joins train and test data')]
    >>> list(joined(ast.parse("train_data = load(split='train')\ntest = train_data.mean()")))
    []
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last(node.func) in JOINING:
            words = {word for argument in node.args for word in _names(argument)}
            if any(map(TRAIN.search, words)) and any(map(TEST.search, words)):
                yield node.lineno, "joins train and test data"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = [_plain_name(node.left), _plain_name(node.right)]
            if any(map(TRAIN.search, sides)) and any(map(TEST.search, sides)) and not any("loss" in s for s in sides):
                yield node.lineno, "adds train and test data"
        elif isinstance(node, ast.Assign):
            value = _plain_name(node.value)
            targets = [_plain_name(target) for target in node.targets]
            if (
                TEST.search(value)
                and any(TRAIN.search(t) and not TEST.search(t) for t in targets)
                and not TRAIN.search(value)
            ):
                yield node.lineno, "calls test data train data"
    yield from _test_split_only(tree)


def _test_split_only(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A file that loads a test split and never the other: then what is trained on?"""
    places: dict[str, int] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg == "train" and isinstance(value, bool):
                places.setdefault("train" if value else "test", node.lineno)
            elif keyword.arg in ("split", "subset", "partition") and isinstance(value, str):
                places.setdefault("test" if TEST.search(value) else "train", node.lineno)
            elif keyword.arg in ("train", "split", "subset", "partition"):
                places.setdefault("train", node.lineno)  # decided elsewhere
    if set(places) == {"test"}:
        yield places["test"], "loads the test split and no other"


def numbers_of(plan: Plan) -> set[str]:
    """Numbers of claims with enough digits to be nobody else's, without those that the plan also uses as settings."""
    used = {str(value.value) for _, value in sourced(plan)}
    claimed = {claim.printed.lstrip("+-") for claim in plan.claims}
    return {text for text in claimed - used if len(re.sub(r"\D", "", text.split("e")[0]).lstrip("0")) >= LEAST_DIGITS}


def printed_in(tree: ast.Module, numbers: set[str]) -> Iterator[tuple[int, str]]:
    """Literals that are one of the paper's numbers.

    >>> list(printed_in(ast.parse("w2 = 0.285 + noise"), {"0.285"}))
    [(1, "holds the paper's 0.285")]
    """
    values = {float(text): text for text in numbers}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            text = values.get(float(node.value)) if abs(node.value) < 1e15 else None
            if text is not None and not (isinstance(node.value, int) and "." not in text):
                yield node.lineno, f"holds the paper's {text}"


def independent(tree: ast.Module) -> Iterator[tuple[int, str]]:
    r"""Functions that compute a loss or a metric out of nothing, multiply it by 0, or answer a constant on an error.

    >>> list(independent(ast.parse("def loss(model, x):\n    y = torch.rand(())\n    return y")))
    [(1, 'loss uses nothing that it is given')]
    >>> list(independent(ast.parse("def loss(model, x):\n    return 0.0 * model(x).sum()")))
    [(2, 'loss multiplies by 0')]
    """
    for node in ast.walk(tree):
        if isinstance(node, FUNCTION) and COMPUTES.search(node.name):
            yield from _of_function(node)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    given = {a.arg for a in arguments if a.arg not in ("self", "cls") and not a.arg.startswith("_")}
    used = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    returns = [child for child in ast.walk(node) if isinstance(child, ast.Return) and child.value is not None]
    is_abstract = any(_last(d) in ("abstractmethod", "overload") for d in node.decorator_list)
    raises = any(isinstance(child, ast.Raise) for child in node.body)
    if given and not given & used and returns and not is_abstract and not raises:
        yield node.lineno, f"{node.name} uses nothing that it is given"
    for child in ast.walk(node):
        if (
            isinstance(child, ast.BinOp)
            and isinstance(child.op, ast.Mult)
            and 0 in (_number(child.left), _number(child.right))
        ):
            yield child.lineno, f"{node.name} multiplies by 0"
        if isinstance(child, ast.ExceptHandler):
            for inner in child.body:
                if isinstance(inner, ast.Return) and _number(inner.value) is not None:
                    yield (
                        inner.lineno,
                        f"{node.name} answers {ast.unparse(inner.value or ast.Constant(None))} on an error",
                    )


def _number(node: ast.expr | None) -> float | None:
    is_number = (
        isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    )
    return float(node.value) if is_number else None  # type: ignore[union-attr]


def _names(node: ast.AST) -> set[str]:
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    return found | {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def _plain_name(node: ast.expr) -> str:
    """A bare name or attribute, and nothing that computes."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _last(node: ast.expr) -> str:
    if isinstance(node, (ast.Call, ast.Subscript)):
        return _last(node.func if isinstance(node, ast.Call) else node.value)
    return _plain_name(node)
