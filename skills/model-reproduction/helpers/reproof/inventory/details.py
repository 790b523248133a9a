"""The small things that break ports, and the third-party calls; each with its place."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import get_args

from reproof.inventory.known import topic_of
from reproof.inventory.models import Detail, LibraryCall, Topic
from reproof.syntax import FUNCTION, Source, Unit, dotted, last, shown, units_of

TOPICS = frozenset(get_args(Topic))
_ATTRIBUTES: dict[str, Topic] = {
    "bfloat16": "precision",
    "float16": "precision",
    "half": "precision",
    "float64": "precision",
    "double": "precision",
    "allow_tf32": "precision",
    "deterministic": "seed",
    "benchmark": "seed",
    "param_groups": "optimiser",
    "requires_grad": "detach",
    "no_weight_decay": "regularisation",
}
_CASTS = frozenset("half bfloat16 float double".split())
_NAMES: list[tuple[re.Pattern[str], Topic]] = [
    (re.compile(r"(?:^|_)ema(?:_|$)|moving_average", re.I), "ema"),
    (re.compile(r"weight_decay|(?:^|_)wd$|drop(?:out|_path)?(?:_|$)|label_smoothing", re.I), "regularisation"),
    (re.compile(r"warm_?up|(?:^|_)lr(?:_|$)|learning_rate|anneal|decay_(?:steps|rate)", re.I), "schedule"),
    (re.compile(r"grad(?:ient)?_?clip|clip_?grad|max_?grad_?norm|clip_(?:coef|norm|value)", re.I), "clipping"),
    (re.compile(r"init_(?:std|scale|value|gain)|initializer_range", re.I), "initialisation"),
    (re.compile(r"(?:^|_)(?:eps|epsilon)(?:$|_)|(?:^|_)momentum$", re.I), "normalisation"),
    (re.compile(r"(?:^|_)seed$", re.I), "seed"),
    (re.compile(r"(?:^|_)(?:amp|fp16|bf16|mixed_precision|precision|dtype)(?:_|$)", re.I), "precision"),
]


def details(source: Source, file: str) -> list[Detail]:
    """Every special detail of one file, by line."""
    if source.tree is None:
        return []
    owners = _owners(units_of(source.tree))
    found: dict[tuple[int, str], Detail] = {}
    for node in ast.walk(source.tree):
        for topic, what in _of(node):
            line = getattr(node, "lineno", 1)
            key = (line, what)
            found.setdefault(key, Detail(topic=topic, what=what, file=file, line=line, unit=_owner(owners, line)))
    return sorted(found.values(), key=lambda detail: (detail.line, detail.topic))


def _of(node: ast.AST) -> Iterator[tuple[Topic, str]]:
    if isinstance(node, ast.Call):
        name = last(node)
        topic = topic_of(name)
        if topic in TOPICS:
            yield topic, shown(node)  # type: ignore[misc]
        elif isinstance(node.func, ast.Attribute) and name in _CASTS and not node.args:
            yield "precision", shown(node)
    elif isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
        yield _ATTRIBUTES[node.attr], shown(node)
    elif isinstance(node, FUNCTION):
        yield from ((topic, f"def {node.name}") for topic in _named(node.name))
        for decorator in node.decorator_list:
            if last(decorator) in ("no_grad", "inference_mode", "autocast"):
                yield ("precision" if last(decorator) == "autocast" else "detach"), f"@{shown(decorator)}"
        yield from _defaults(node)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        for topic in _named(last(target)):
            yield topic, f"{shown(target, 30)} = {shown(node.value, 50)}"


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[Topic, str]]:
    named = [*node.args.posonlyargs, *node.args.args]
    pairs = list(zip(named[len(named) - len(node.args.defaults) :], node.args.defaults, strict=True))
    pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        for topic in _named(argument.arg):
            yield topic, f"{node.name}({argument.arg}={shown(default, 30)})"


def _named(name: str) -> list[Topic]:
    return [topic for pattern, topic in _NAMES if name and pattern.search(name)][:1]


def _owners(units: list[Unit]) -> list[tuple[int, int, str]]:
    return [(unit.line, unit.node.end_lineno or unit.line, unit.name) for unit in units if unit.kind != "constant"]


def _owner(owners: list[tuple[int, int, str]], line: int) -> str:
    inside = [(end - start, name) for start, end, name in owners if start <= line <= end]
    return min(inside)[1] if inside else ""


Places = dict[tuple[str, str], list[str]]


def calls(source: Source, file: str, into: Places) -> None:
    """Add every call of something imported from elsewhere to `into`: (library, full name) -> places."""
    if source.tree is None:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node)
        first, dot, rest = name.partition(".")
        target = source.imports.get(first)
        if target and not target.startswith("."):
            full = f"{target}{dot}{rest}"
            into[full.partition(".")[0], full].append(f"{file}:{node.lineno}")


def third_party(places: Places, own: set[str]) -> list[LibraryCall]:
    """Calls that are neither of the standard library nor of the source itself, by library and name."""
    return [
        LibraryCall(library=library, name=name, times=len(where), places=where[:5])
        for (library, name), where in sorted(places.items())
        if library not in sys.stdlib_module_names and library not in own
    ]


def empty_places() -> Places:
    """What `calls` fills."""
    return defaultdict(list)
