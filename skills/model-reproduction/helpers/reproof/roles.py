"""Which code is the algorithm and which is engineering, by rule and with the reason.

A unit is algorithm core when changing it can change a number: the model, its loss, sampling, initialisation, optimizer
groups, schedules, clipping, EMA, preprocessing, metric, and what these call. The rest, logging, argument parsing,
distribution, checkpoints, files, is engineering. The rule errs towards core: a core unit taken for engineering would
go unchecked, the other way round costs a look.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from reproof.rolewords import (
    CONFIG_NAME,
    CORE_NAMES,
    DATA_READERS,
    ENGINEERING_BASES,
    ENGINEERING_CALLS,
    ENGINEERING_CLASSES,
    ENGINEERING_NAMES,
    FILE_CALLS,
    FORMULAS,
    MODULE_BASES,
    NEVER_CORE,
    NO_MATHS,
    OPTIMISER,
    QUIET_NAMES,
    REPORTING,
    STEERS,
    SURE_METHODS,
    TENSOR_ROOTS,
    TEXT_NAMES,
)
from reproof.syntax import FUNCTION, Source, Unit, dotted, last, units_of

Tag = Literal["core", "engineering"]
Role = Literal[
    "model", "loss", "training", "data", "evaluation", "sampling", "config", "script", "test", "docs", "packaging",
    "engineering", "notebook", "other",
]  # fmt: skip

_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
_DOCS = re.compile(
    r"(?:^|/)(?:docs?|documentation|man)/|(?:^|/)(?:README|CHANGELOG|CONTRIBUTING|HISTORY|NEWS|AUTHORS|"
    r"CITATION)[^/]*$|\.(?:md|rst|txt)$",
    re.I,
)
_PACKAGING = re.compile(
    r"(?:^|/)(?:setup\.py|setup\.cfg|pyproject\.toml|MANIFEST\.in|PKG-INFO|METADATA|RECORD|WHEEL|tox\.ini|"
    r"noxfile\.py|Makefile|Dockerfile[^/]*|"
    r"LICEN[CS]E[^/]*|COPYING[^/]*|NOTICE[^/]*|requirements[^/]*|environment[^/]*\.ya?ml|poetry\.lock|uv\.lock|"
    r"Pipfile[^/]*|versioneer\.py|_?version\.py|"
    r"\.git[^/]*|\.pre-commit[^/]*|\.flake8|\.editorconfig)$|(?:^|/)\.(?:github|circleci|ci)/|\.egg-info/|\.dist-info/"
)  # fmt: skip


def _words_of_path(parts: str, tokens: str = "") -> re.Pattern[str]:
    """`parts` anywhere; `tokens` only between separators, for `ode` stands in model and `io` in diffusion."""
    whole = rf"|(?:^|[_/.-])(?:{tokens})\d*(?:$|[_/.-])" if tokens else ""
    return re.compile(parts + whole)


_ROLES: list[tuple[Role, re.Pattern[str]]] = [
    ("loss", _words_of_path("loss|criterion|objective|divergence")),
    ("evaluation", _words_of_path("metric|eval|validate|benchmark|score|zero_shot", "fid")),
    ("sampling", _words_of_path("sampl|generat|decod|inference|integrat|odeint|sdeint", "odes?|sdes?")),
    ("config", _words_of_path("conf|cfg|param|option|hparam|default|constants", "args?|arguments")),
    ("training", _words_of_path("train|optim|sched|trainer|learn|agent|algo|update|precision|init",
                                "ema|ppo|sac|dqn")),
    ("data", _words_of_path("data|transform|augment|loader|token|preproc|buffer|replay|image|audio", "envs?|env_util")),
    ("model", _words_of_path("model|layer|block|attention|attend|transformer|vit|unet|resnet|former|encoder|"
                             "decoder|module|diffusion|embed|norm|flow|arch|head|backbone|net$|net[_/.-]|nets|gan$",
                             "gans?")),
    ("engineering", _words_of_path("util|distrib|checkpoint|visual|export|onnx|wandb",
                                   "logs?|logg(?:er|ers|ing)|hub|io|cli|main|registry|version|plots?|files?|"
                                   "hooks?|dist|flags?")),
]  # fmt: skip


WHOLE_FILES = ("model", "loss", "sampling", "data", "evaluation")


@dataclass(frozen=True)
class Tagged:
    """A unit with its tag and the reason."""

    unit: Unit
    tag: Tag
    reason: str


def file_role(path: str, source: Source | None = None) -> Role:
    """What a file is for, from its place and name, and for Python from what it defines.

    >>> file_role("tests/test_model.py"), file_role("src/unet.py"), file_role("setup.py")
    ('test', 'model', 'packaging')
    """
    if _PACKAGING.search(path):
        return "packaging"
    if _TESTS.search(path):
        return "test"
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".ipynb":
        return "notebook"
    if suffix in (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".gin"):
        return "config"
    if _DOCS.search(path):
        return "docs"
    if suffix in (".sh", ".slurm", ".sbatch", ".bash"):
        return "script"
    if suffix != ".py":
        return "engineering" if suffix in (".cu", ".cpp", ".c", ".h", ".cuh", ".hpp") else "other"
    return _python_role(path, source)


def _python_role(path: str, source: Source | None) -> Role:
    stem = PurePosixPath(path).stem.lower()
    folder = PurePosixPath(path).parent.name.lower()
    for role, words in _ROLES:
        if words.search(stem.replace("__init__", "")) and not re.fullmatch(r"_*utils?", stem):
            return role
        if re.fullmatch(r"_*utils?", stem) and role in WHOLE_FILES and words.search(folder):
            return role
    modules = source is not None and source.tree is not None and any(
        isinstance(node, ast.ClassDef) and any(MODULE_BASES.search(dotted(base)) for base in node.bases)
        for node in source.tree.body
    )  # fmt: skip
    if modules:
        return "model"
    parents = "/".join(PurePosixPath(path).parts[:-1]).lower()
    return next((role for role, words in _ROLES if words.search(parents)), "engineering")


def tagged_units(source: Source, role: Role, path: str = "", used_by_core: Iterable[str] = ()) -> list[Tagged]:
    """Every unit of one file with its tag. `used_by_core`: names that core units of other files call.

    In a file that logs or draws, `get_accuracy` is no metric: only what computes, or is imported, is core there.
    """
    if source.tree is None:
        return []
    if role in ("test", "docs", "packaging"):
        return [Tagged(unit, "engineering", f"stands in a {role} file") for unit in units_of(source.tree)]
    units = units_of(source.tree)
    found = {unit.name: _judged(unit, source, bool(REPORTING.search(path))) for unit in units}
    _bases_follow(units, found)
    _children_follow(units, found, source)
    _callees_follow(units, found, set(used_by_core))
    _children_follow(units, found, source)  # methods of classes that core code uses
    _callees_follow(units, found, set())
    _files_follow(units, found, role)
    _children_follow(units, found, source)
    return [Tagged(unit, *_decided(found[unit.name])) for unit in units]


def core_words(tagged: list[Tagged], source: Source) -> set[str]:
    """Names that the core units of a file use and that come from other files: what they call is core as well."""
    return {word for item in tagged if item.tag == "core" for word in _imported(item.unit, source)}


Judgement = tuple[Tag | None, str]


def _decided(judgement: Judgement) -> tuple[Tag, str]:
    tag, reason = judgement
    return (tag, reason) if tag else ("engineering", reason or "no tensor, no recipe, not used by core code")


def _judged(unit: Unit, source: Source, reports: bool) -> Judgement:
    """The tag that a unit shows by itself, or none."""
    name = unit.name.rpartition(".")[2]
    if isinstance(unit.node, ast.ClassDef):
        return _class(unit.node)
    if unit.kind == "constant":
        is_log = re.fullmatch(r"_*(?:logg?(?:er)?|all|version|author|doc)_*", name, re.I)
        return ("engineering", f"{name}: logging or packaging by its name") if is_log else (None, "")
    if unit.owner is not None and _class(unit.owner)[0] == "engineering":
        return "engineering", f"part of {unit.owner.name}"
    if name == "__init__":
        return None, ""  # as its class
    recipe = _recipe(unit.node)
    ranks = name == "rank" and unit.owner  # a method that ranks
    if ENGINEERING_NAMES.match(name) and not recipe and not ranks and not _belied(name, unit.node, source):
        return "engineering", f"{name}: logging, files, arguments or process set-up by its name"
    if recipe:
        return "core", f"calls {recipe}: part of the training recipe"
    if _only_checks(unit.node) and not name.startswith("__"):
        return "engineering", "only checks, and raises"
    if _holds_settings(unit.node):
        return "core", "holds settings"
    tensor = _tensor_call(unit.node, source)
    if tensor:
        return "core", f"computes with {tensor}"
    if TEXT_NAMES.search(name) and _only_text(unit.node):
        return "engineering", "makes text"
    if QUIET_NAMES.match(name) and not (name == "run" and unit.owner):
        return "engineering", f"{name}: set-up or bookkeeping by its name, and computes nothing"
    if CORE_NAMES.search(name) and not reports and not _engineering_calls(unit.node):
        return "core", f"{name}: named after a part of an algorithm"
    return None, ""


def _belied(name: str, node: ast.AST, source: Source) -> bool:
    """Whether the body shows that a name like `log_mel`, `load_audio`, `_save_obs` or `load_config` misleads."""
    if re.match(r"_*register", name):
        return any(re.match(r"register_\w*hook$", last(n)) for n in ast.walk(node) if isinstance(n, ast.Call))
    if re.match(r"_*logs?_", name):
        return _returns(node) != [] and bool(_tensor_call(node, source))
    if re.match(r"_*(?:save|store|write)", name):
        return not any(FILE_CALLS.search(last(n)) for n in ast.walk(node) if isinstance(n, ast.Call))
    return bool(DATA_READERS.match(name)) or (name.startswith("load_") and _holds_settings(node))


def _returns(node: ast.AST) -> list[ast.expr]:
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
    made = [v for v in _returns(node) if not (isinstance(v, ast.Name) and v.id in given)]
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
    """A function that hands back a formatted text and nothing else."""
    makers = ("format", "join", "decode", "strftime")
    values = _returns(node)
    return bool(values) and all(isinstance(v, ast.JoinedStr) or last(v) in makers for v in values)


def _class(node: ast.ClassDef) -> Judgement:
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
    if CONFIG_NAME.search(node.name):
        return "core", "its fields are hyperparameters"
    return None, ""


def _recipe(node: ast.AST) -> str:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and OPTIMISER.match(last(call)):
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


def _tensor_call(node: ast.AST, source: Source) -> str:
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


def _bases_follow(units: list[Unit], found: dict[str, Judgement]) -> None:
    """A class whose base is core here is core."""
    for unit in units:  # a base stands before what derives from it
        if isinstance(unit.node, ast.ClassDef) and found[unit.name][0] is None:
            for base in unit.node.bases:
                if found.get(dotted(base), (None, ""))[0] == "core":
                    found[unit.name] = ("core", f"a {dotted(base)}, which is core")


def _files_follow(units: list[Unit], found: dict[str, Judgement], role: Role) -> None:
    """What shows nothing by itself goes with its file: in a file of the model it is rather core than not."""
    for unit in units:
        if role in WHOLE_FILES and found[unit.name][0] is None and unit.kind != "constant" and "." not in unit.name:
            found[unit.name] = ("core", f"stands in a {role} file")


def _children_follow(units: list[Unit], found: dict[str, Judgement], source: Source) -> None:
    """A class with core methods is core; the plain methods of a core class are core."""
    for unit in units:
        if isinstance(unit.node, ast.ClassDef) and found[unit.name][0] is None:
            inner = [n for n in found if n.startswith(f"{unit.name}.") and found[n][0] == "core"]
            if inner:
                found[unit.name] = ("core", f"its method {inner[0].rpartition('.')[2]} is core")
    for unit in units:
        above = unit.name.rpartition(".")[0]
        if above and found[unit.name][0] is None and above in found and found[above][0]:
            name = unit.name.rpartition(".")[2]
            words = name not in ("run", "rank") and (ENGINEERING_NAMES.match(name) or QUIET_NAMES.match(name))
            trivial = words and isinstance(unit.node, FUNCTION) and not _belied(name, unit.node, source)
            found[unit.name] = ("engineering", "interface") if trivial else (found[above][0], f"part of {above}")


def _callees_follow(units: list[Unit], found: dict[str, Judgement], outside: set[str]) -> None:
    """What core code uses is core, unless it is engineering by its own look."""
    by_word: dict[str, list[Unit]] = {}
    for unit in units:
        by_word.setdefault(unit.name.rpartition(".")[2], []).append(unit)
    waiting = [unit for unit in units if found[unit.name][0] == "core"]
    for word in outside & set(by_word):
        waiting += _take(by_word[word], found, "core code of another file")
    while waiting:
        user = waiting.pop()
        for word in _words(user) & set(by_word):
            waiting += _take([unit for unit in by_word[word] if unit is not user], found, user.name)


def _take(units: list[Unit], found: dict[str, Judgement], user: str) -> list[Unit]:
    taken = [unit for unit in units if found[unit.name][0] is None]
    for unit in taken:
        found[unit.name] = ("core", f"used by {user}")
    return taken


def _nodes(unit: Unit) -> Iterator[ast.AST]:
    """Of a class only its own body: its methods are units of their own."""
    parts: list[ast.AST] = [unit.node]
    if isinstance(unit.node, ast.ClassDef):
        parts = [n for n in unit.node.body if not isinstance(n, (*FUNCTION, ast.ClassDef))] + list(unit.node.bases)
    return (node for part in parts for node in ast.walk(part))


def _words(unit: Unit) -> set[str]:
    """Names that a unit mentions."""
    nodes = list(_nodes(unit))
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    return words | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _imported(unit: Unit, source: Source) -> set[str]:
    """Of these, what an import brings: `f` of `from a import f`, `f` and `g` of `a.g.f`; not what an object has."""
    words: set[str] = set()
    for node in _nodes(unit):
        if isinstance(node, ast.Name) and node.id in source.imports:
            words.add(source.imports[node.id].rpartition(".")[2])
        elif isinstance(node, ast.Attribute):
            first, _, rest = dotted(node).partition(".")
            words |= set(rest.split(".")) if first in source.imports else set()
    return words
