"""Which code is the algorithm and which is engineering, by rule and with the reason.

A unit is algorithm core when changing it can change a number: the model, its loss, sampling, initialisation, optimizer
groups, schedules, clipping, EMA, preprocessing, metric, and what these call. The rest, logging, argument parsing,
distribution, checkpoints, files, is engineering. The rule errs towards core: a core unit taken for engineering would
go unchecked, the other way round costs a look.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from reproof.links import Links, Use, links
from reproof.rolewords import ENGINEERING_NAMES, MODULE_BASES, REPORTING
from reproof.signs import Judgement, Tag, belied, hands_back, is_quiet, is_stub, judged
from reproof.syntax import FUNCTION, Source, Unit, dotted, units_of

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


OUTSIDE = ("test", "docs", "packaging")
TAKEN = ("value", "decorator")
Reach = dict[str, set[str]]
FOLLOWED = ("part of", "used by", "stands in")  # reasons that are no look of its own
ROUNDS = 2  # core code of one file reaches what it uses in another, and that in a third
# engineering that hands a model or settings on: what it takes is not lost in it
_PASSES_ON = re.compile(r"_*(?:main|run|cli)$|_*(?:load|from|restore|read|build|make|create|get)(?:_|$)")
_KINDS = re.compile(
    r"(?:models?|nets?|networks?|layers?|modules?|loss(?:es)?|data|datasets?|metrics?|samplers?|envs?|utils?)$"
)
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
    folders = _inside_package(PurePosixPath(path).parts[:-1])
    for role, words in _ROLES:
        if words.search(stem.replace("__init__", "")) and not re.fullmatch(r"_*utils?", stem):
            return role
        if re.fullmatch(r"_*utils?", stem) and role in WHOLE_FILES and folders and words.search(folder):
            return role
    body = source.tree.body if source is not None and source.tree is not None else []
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    modules = [node for node in classes if any(MODULE_BASES.search(dotted(base)) for base in node.bases)]
    others = len(classes) - len(modules) + sum(isinstance(node, FUNCTION) for node in body)
    if modules and 2 * len(modules) >= others:  # one module among many helpers makes no file of a model
        return "model"
    parents = "/".join(folders).lower()
    return next((role for role, words in _ROLES if words.search(parents)), "engineering")


def _inside_package(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Folders without the package's own: that `imagen` holds `image` says nothing of its files."""
    folders = folders[1:] if folders[:1] == ("src",) else folders
    return folders if folders and _KINDS.match(folders[0].lower()) else folders[1:]


def tagged_files(files: Mapping[str, tuple[Source, Role]]) -> dict[str, list[Tagged]]:
    """Every unit of the files of one repository with its tag.

    In a file that logs or draws, `get_accuracy` is no metric: only what computes, or is imported, is core there.
    """
    units = {name: units_of(source.tree) if source.tree else [] for name, (source, _) in files.items()}
    inside = {name: (files[name][0], units[name]) for name in files if files[name][1] not in OUTSIDE}
    used = links(inside)
    found = {name: _first(units[name], files[name][0], name) for name in inside}
    reach = _reach(used, {name: its for name, (_, its) in inside.items()})
    for _ in range(ROUNDS):
        for name, (_, its) in inside.items():
            _callers_follow(name, its, found, used)
        for name, (source, its) in inside.items():
            linked = (_wanted(name, found, used), reach.get(name, {}))
            _follow(its, found[name], source, files[name][1], linked)
    for _ in range(ROUNDS):
        for name, (_, its) in inside.items():
            _only_reported(name, its, found, used)
    return {
        name: [Tagged(unit, *_decided(found[name][unit.name])) for unit in its]
        if name in inside
        else [Tagged(unit, "engineering", f"stands in a {files[name][1]} file") for unit in its]
        for name, its in units.items()
    }


def _first(units: list[Unit], source: Source, path: str) -> dict[str, Judgement]:
    found = {unit.name: judged(unit, source, bool(REPORTING.search(path))) for unit in units}
    _bases_follow(units, found)
    return found


def _follow(
    units: list[Unit], found: dict[str, Judgement], source: Source, role: Role, linked: tuple[set[str], Reach]
) -> None:
    wanted, reach = linked
    _children_follow(units, found, source)
    _callees_follow(units, found, wanted, reach)
    _children_follow(units, found, source)  # methods of classes that core code uses
    _callees_follow(units, found, set(), reach)
    _files_follow(units, found, role)
    _children_follow(units, found, source)


def _reach(used: Links, units: Mapping[str, list[Unit]]) -> dict[str, Reach]:
    """Per file: unit -> units of the same file that it uses for their value."""
    reach: dict[str, Reach] = {file: {} for file in units}
    for (file, name), uses in used.units.items():
        for use in uses:
            if use.user[0] == file and use.how in TAKEN:
                reach[file].setdefault(use.user[1], set()).add(name)
    for file, its in units.items():
        for name in (unit.name for unit in its if unit.kind == "method"):
            for use in used.methods_in(file).get(name.rpartition(".")[2], ()):
                if use.user[1] != name and use.how in TAKEN:
                    reach[file].setdefault(use.user[1], set()).add(name)
    return reach


def _wanted(file: str, found: Mapping[str, dict[str, Judgement]], used: Links) -> set[str]:
    """Units of `file` whose value core code of other files takes."""
    return {
        name
        for name in found[file]
        for use in used.units.get((file, name), ())
        if use.user[0] != file and use.how == "value" and use.exact and found[use.user[0]][use.user[1]][0] == "core"
    }


def _decided(judgement: Judgement) -> tuple[Tag, str]:
    tag, reason = judgement
    return (tag, reason) if tag else ("engineering", reason or "no tensor, no recipe, not used by core code")


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
            words = name not in ("run", "rank") and (ENGINEERING_NAMES.match(name) or is_quiet(unit))
            trivial = words and isinstance(unit.node, FUNCTION) and not belied(name, unit.node, source)
            found[unit.name] = ("engineering", "interface") if trivial else (found[above][0], f"part of {above}")


def _callees_follow(units: list[Unit], found: dict[str, Judgement], outside: set[str], reach: Reach) -> None:
    """What core code uses for its value is core, unless it is engineering by its own look."""
    by_name: dict[str, list[Unit]] = {}
    for unit in units:
        by_name.setdefault(unit.name, []).append(unit)
    waiting = [unit for unit in units if found[unit.name][0] == "core"]
    waiting += _take([unit for unit in units if unit.name in outside], found, "core code of another file")
    while waiting:
        user = waiting.pop()
        for name in reach.get(user.name, ()):
            waiting += _take([unit for unit in by_name[name] if unit is not user], found, user.name)


def _take(units: list[Unit], found: dict[str, Judgement], user: str) -> list[Unit]:
    taken = [unit for unit in units if found[unit.name][0] is None]
    for unit in taken:
        found[unit.name] = ("core", f"used by {user}")
    return taken


def _callers_follow(file: str, units: list[Unit], found: dict[str, dict[str, Judgement]], used: Links) -> None:
    """What hands on the value of core code is core: `return sampled(model, x)`."""
    for unit in units:
        if found[file][unit.name][0] is None and unit.kind == "function" and hands_back(unit.node):
            for source in used.taken.get((file, unit.name), ()):
                tag, reason = found[source[0]][source[1]]
                if tag == "core" and not reason.startswith((*FOLLOWED, "holds", "a ", "its ")):
                    found[file][unit.name] = "core", f"hands on the value of {source[1]}"
                    break


def _only_reported(file: str, units: list[Unit], found: dict[str, dict[str, Judgement]], used: Links) -> None:
    """What computes nothing itself, and whose value reaches only logs, files and checks, is engineering."""
    for unit in units:
        tag, reason = found[file][unit.name]
        if tag != "core" or unit.kind not in ("function", "method") or not reason.startswith(FOLLOWED):
            continue
        if unit.name.rpartition(".")[2].startswith("__") or is_stub(unit.node):
            continue
        key = (file, unit.name)
        uses = used.of(key) if hands_back(unit.node) else []
        for name in () if hands_back(unit.node) else _own_state(unit.node):
            uses += [use for use in used.attributes.get(name, ()) if use.user != key] or [Use(key, "value")]
        if any(use.how != "check" for use in uses) and all(_is_engineering(use, file, found) for use in uses):
            where = uses[0].user[1]
            found[file][unit.name] = "engineering", f"its value only reaches logs, files or checks ({where})"


def _own_state(node: ast.AST) -> set[str]:
    """Attributes of `self` that a method sets or appends to; none if it acts on anything else."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    methods = [n.func for n in calls if isinstance(n.func, ast.Attribute)]
    touched = [func.value for func in methods if func.attr in ("append", "extend")]
    places = [n for n in ast.walk(node) if isinstance(n, (ast.Attribute, ast.Subscript))]
    stored = [n for n in places if isinstance(n.ctx, ast.Store)]
    names = [dotted(n).split(".") for n in (*touched, *stored)]
    plain = len(calls) == len(touched) and all(len(name) == 2 and name[0] == "self" for name in names)
    return {name[1] for name in names} if plain else set()


def _is_engineering(use: Use, file: str, found: Mapping[str, dict[str, Judgement]]) -> bool:
    if use.how in ("report", "check", "type"):
        return True
    if use.into and found.get(use.into[0], {}).get(use.into[1], (None, ""))[0] == "engineering":
        return True
    by = found[use.user[0]][use.user[1]][0]
    near = use.user[0] == file or use.how == "decorator" or not use.exact
    return by == "engineering" and near and not _PASSES_ON.match(use.user[1].rpartition(".")[2])
