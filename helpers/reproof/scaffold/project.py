"""The files of a project, built in memory; nothing is written here."""

from __future__ import annotations

import ast
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from reproof.document import Plan
from reproof.errors import PackError
from reproof.paths import TEMPLATES, files_below, read_text
from reproof.scaffold.ablations import ablations_text
from reproof.scaffold.configs import config_text
from reproof.scaffold.estimates import Estimate, sizes
from reproof.scaffold.names import refuse_bad_names
from reproof.scaffold.notebook import notebook
from reproof.scaffold.overrides import Overrides
from reproof.scaffold.packages import requirements
from reproof.scaffold.port import port_core, port_tests
from reproof.scaffold.readme import licence_note, readme
from reproof.scaffold.skeleton import skeleton
from reproof.scaffold.smallest import smoke_files

PIPELINE = TEMPLATES / "pipeline"
PACKAGE = "project"  # the template's own package name
NOT_COPIED = re.compile(r"configs/|src/project/core/|README\.md\.jinja|notebook\.py|results|data/|tests/core/")
# only real source belongs into a core; weights and data do not travel with the algorithm
CORE_SUFFIXES = {".py", ".md", ".txt", ".json", ".yaml"}


@dataclass(frozen=True)
class Sources:
    """What a project is generated from."""

    plan: Plan
    plan_text: str
    core: Path | None = None
    estimate: Estimate = field(default_factory=Estimate)
    overrides: Overrides = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, Any]:
        """What an update need not be told again."""
        return {"estimate": asdict(self.estimate) if self.estimate.answer else {}, "overrides": self.overrides}


@dataclass(frozen=True)
class Built:
    """Relative path -> text of every file, and what there is to say about them."""

    files: dict[str, str]
    core: Literal["given", "skeleton"] = "given"
    unpinned: list[str] = field(default_factory=list)


def build(sources: Sources) -> Built:
    """All files of a project."""
    plan = sources.plan
    refuse_bad_names(plan)
    files = {target(path): text for path, text in template_files().items()}
    files["run.py"] = named(files["run.py"], plan.name)
    files = {path.replace(f"src/{PACKAGE}/", f"src/{plan.name}/"): text for path, text in files.items()}
    files |= {f"configs/{name}.yaml": config_text(plan, name, _peaks(sources, name)) for name in plan.experiments}
    files |= smoke_files(plan)
    if plan.ablations:
        files["configs/ablations.yaml"] = ablations_text(plan)
    core = core_of(sources)
    files |= {f"src/{plan.name}/core/{path}": text for path, text in core.items()} | port_tests(core)
    files["plan.yaml"] = sources.plan_text
    files["requirements.txt"], unpinned = requirements(files["requirements.txt"], plan, core if sources.core else {})
    torch = re.search(r"^torch==(\S+)", files["requirements.txt"], re.MULTILINE)
    assert torch, "the engine needs torch, so its requirements pin it"
    files["README.md"] = readme(plan, sources.estimate, state_of(core), torch[1], sources.overrides)
    files["LICENSE-NOTE.md"] = licence_note(plan)
    script = (PIPELINE / "notebook.py").read_text(encoding="utf-8")
    seed = plan.settings_of(next(iter(plan.experiments))).seeds[0]
    files["notebook.ipynb"] = notebook(script, plan.name, plan.paper.title, list(plan.experiments), seed)
    for path, text in files.items():
        if path.endswith(".py"):
            parsed(path, text)
    return Built(files, state_of(core), unpinned)


def state_of(core: dict[str, str]) -> Literal["given", "skeleton"]:
    """Whether any function of the core is still to be written."""
    return "skeleton" if any("raise Unfinished(" in text for text in core.values()) else "given"


def _peaks(sources: Sources, experiment: str) -> dict[str, int]:
    found = {name: sizes(sources.estimate, experiment, name)["peak_bytes"]
             for name in sources.plan.settings_of(experiment).phases}  # fmt: skip
    return {name: int(size) for name, size in found.items() if size is not None}


def core_of(sources: Sources) -> dict[str, str]:
    """Files of the algorithm: given, wrapped for a port, or to be written."""
    given = core_files(sources.core) if sources.core else None
    if given is not None:
        for path, text in given.items():
            if path.endswith(".py"):
                parsed(path, text)
    if sources.plan.kind == "port":
        return port_core(sources.plan, given)
    return skeleton(sources.plan) if given is None else given


def template_files() -> dict[str, str]:
    """The pipeline template as it lies on disk, without its toy core, configs and results."""
    found = {path.relative_to(PIPELINE).as_posix(): path for path in files_below(PIPELINE)}
    return {name: path.read_text(encoding="utf-8") for name, path in found.items() if not NOT_COPIED.match(name)}


def target(path: str) -> str:
    """Where a template file goes; installers drop dot files, so they are kept with a plain name."""
    return re.sub(r"^dot_", ".", path)


def named(run_py: str, name: str) -> str:
    """The entry point for package `name`: one line of the template names it."""
    lines = run_py.splitlines(keepends=True)
    hits = [index for index, text in enumerate(lines) if re.search(rf"\b{PACKAGE}\.engine\b", text)]
    assert len(hits) == 1, "templates/pipeline/run.py names the package in exactly one line"
    lines[hits[0]] = re.sub(rf"\b{PACKAGE}\.engine\b", f"{name}.engine", lines[hits[0]])
    return "".join(lines)


def core_files(core: Path) -> dict[str, str]:
    """Source files of an existing algorithm core.

    Raises:
        PackError: the folder is not there or is not a package.
    """
    if not (core / "__init__.py").is_file():
        raise PackError(
            "no-core",
            f"--core {str(core)!r} has no __init__.py",
            why="the engine imports PHASES, METRICS, load_data, draw_truth and sample from it",
            fix="pass the folder that holds the algorithm's __init__.py, or leave --core out for a skeleton",
        )
    chosen = [path for path in files_below(core) if path.suffix in CORE_SUFFIXES]
    return {path.relative_to(core).as_posix(): read_text(path, "core file") for path in chosen}


def parsed(path: str, text: str) -> None:
    """Refuse to write Python that does not parse."""
    try:
        ast.parse(text, filename=path)
    except (SyntaxError, ValueError) as error:
        line, what = (error.lineno, error.msg) if isinstance(error, SyntaxError) else (0, str(error))
        raise PackError(
            "core-syntax",
            f"{path} line {line}: {what}",
            why="a project that cannot be imported helps nobody",
            fix="mend that line in the --core folder",
        ) from error
