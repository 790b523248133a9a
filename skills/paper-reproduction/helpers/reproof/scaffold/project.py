"""The files of a project, built in memory; nothing is written here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from reproof.document import Plan, sourced
from reproof.errors import PackError
from reproof.paths import TEMPLATES, files_below
from reproof.scaffold.configs import config_text

PIPELINE = TEMPLATES / "pipeline"
PACKAGE = "project"  # the template's own package name
NOT_COPIED = re.compile(r"configs/|src/project/core/|README\.md\.jinja|results")
# only real source belongs into a core; weights and data do not travel with the algorithm
CORE_SUFFIXES = {".py", ".md", ".txt", ".json", ".yaml"}


def project_files(plan: Plan, plan_text: str, core: Path | None) -> dict[str, str]:
    """Relative path -> text of every file of the project."""
    files = {target(path): text for path, text in template_files().items()}
    files["run.py"] = named(files["run.py"], plan.name)
    files = {path.replace(f"src/{PACKAGE}/", f"src/{plan.name}/"): text for path, text in files.items()}
    files |= {f"configs/{name}.yaml": config_text(plan, name) for name in plan.experiments}
    below = f"src/{plan.name}/core"
    files |= {f"{below}/{path}": text for path, text in (core_files(core) if core else skeleton(plan)).items()}
    files["plan.yaml"] = plan_text
    files["README.md"] = readme(plan)
    files["requirements.txt"] = requirements(files["requirements.txt"], plan)
    for path, text in files.items():
        if path.endswith(".py"):
            parsed(path, text)
    return files


def template_files() -> dict[str, str]:
    """The pipeline template as it lies on disk, without its toy core, configs and results."""
    found = {path.relative_to(PIPELINE).as_posix(): path for path in files_below(PIPELINE)}
    return {name: path.read_text(encoding="utf-8") for name, path in found.items() if not NOT_COPIED.match(name)}


def target(path: str) -> str:
    """Where a template file goes; installers drop dot files, so they are kept with a plain name."""
    return path.replace("dot_gitignore", ".gitignore")


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
    return {path.relative_to(core).as_posix(): path.read_text(encoding="utf-8") for path in chosen}


def skeleton(plan: Plan) -> dict[str, str]:
    """A typed core that cites the plan and raises `Unfinished` until it is written."""
    phases: dict[str, dict[str, object]] = {}
    for name in plan.experiments:
        for phase_name, phase in plan.settings_of(name).phases.items():
            phases.setdefault(phase_name, {"name": phase_name, "kind": phase.kind, "loss": phase.loss})
    from reproof.render import environment  # jinja2 only when something is rendered: --help stays fast

    env = environment()
    env.filters["py"] = lambda text: repr(" ".join(str(text).split()))
    metrics = sorted({e.metric.value for e in (plan.settings_of(n).evaluation for n in plan.experiments) if e})
    template = env.get_template("core_skeleton.py.jinja")
    return {"__init__.py": template.render(phases=list(phases.values()), equations=plan.equations, metrics=metrics)}


def requirements(template: str, plan: Plan) -> str:
    """The engine's pinned packages, and the plan's libraries at the plan's versions."""
    named = {re.split(r"[=<>;\s\[]", line)[0].lower() for line in template.splitlines()}
    own = [f"{it.distribution}=={it.version.value}" for it in plan.libraries if it.distribution.lower() not in named]
    return template + "".join(f"{line}\n" for line in own)


def readme(plan: Plan) -> str:
    """The project's README."""
    views = []
    for name in plan.experiments:
        full = plan.settings_of(name)
        amounts = {key: phase.steps or phase.batches for key, phase in full.phases.items()}
        rows = [{"name": key, "steps": amount.value if amount else "?"} for key, amount in amounts.items()]
        views.append({"name": name, "summary": full.summary, "phases": rows})
    inferences = [
        {"path": path, "value": item.value, "reason": item.inferred} for path, item in sourced(plan) if item.open
    ]
    from reproof.render import environment

    template = environment(PIPELINE).get_template("README.md.jinja")
    url = plan.paper.url or (f"https://arxiv.org/abs/{plan.paper.arxiv}" if plan.paper.arxiv else "")
    return template.render(
        title=plan.paper.title,
        name=plan.name,
        paper_url=url,
        experiments=views,
        open_inferences=inferences,
        tiers=[],
    )


def parsed(path: str, text: str) -> None:
    """Refuse to write Python that does not parse."""
    try:
        ast.parse(text, filename=path)
    except SyntaxError as error:
        raise PackError(
            "core-syntax",
            f"{path} line {error.lineno}: {error.msg}",
            why="a project that cannot be imported helps nobody",
            fix="mend that line in the --core folder",
        ) from error
