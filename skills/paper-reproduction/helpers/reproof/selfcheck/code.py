"""Is the code finished, tested as it lies here, complete in its requirements, and set as the plan says?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reproof.document import Plan
from reproof.paths import IGNORED, hash_path
from reproof.selfcheck.chain import stale
from reproof.selfcheck.gather import Project, rows_in
from reproof.selfcheck.models import Item
from reproof.selfcheck.pins import imported, other_pins, unpinned
from reproof.selfcheck.scan import defined, unfinished
from reproof.selfcheck.words import listed, many

# what everything is built on; probing it call by call would say nothing about the paper
BASE = {"torch", "numpy"}
SMOKE = "python HELPERS/scaffold.py smoke PROJECT"
NEW = "python HELPERS/scaffold.py new PROJECT/plan.yaml --out PROJECT --core PROJECT/src/{name}/core --update"


def items(project: Project) -> Iterator[Item]:
    """Core, settings, requirements, tests."""
    assert project.plan is not None, "asked only once the plan is known to be valid"
    yield core(project)
    yield equations(project, project.plan)
    yield libraries(project, project.plan)
    yield settings(project, project.plan)
    yield requirements(project, project.plan)
    yield tests_kept(project)
    yield smoke(project)
    yield resume(project)


def core(project: Project) -> Item:
    """No stub in the algorithm; looked at here and now."""
    name = project.core.relative_to(project.folder).as_posix()
    item = Item(id="core-finished", what=f"the algorithm in {name} is finished", state="PASS")
    if not (project.core / "__init__.py").is_file():
        return item.judged("MISSING", f"there is no {name}/__init__.py", NEW.format(name=project.package.name))
    found = unfinished(project.core)
    if found:
        return item.judged("FAIL", listed(found), f"finish {name}; then {SMOKE}")
    return item.judged("PASS", f"no unfinished function or marker; sha256 {hash_path(project.core)[:12]}")


def equations(project: Project, plan: Plan) -> Item:
    """The functions that the plan names as implementing an equation exist."""
    item = Item(id="equations-implemented", what="every equation's function stands in the core", state="PASS")
    there = defined(project.core) if project.core.is_dir() else set()
    named = [equation for equation in plan.equations if equation.implemented_by]
    absent = [f"{equation.id}: {equation.implemented_by}" for equation in named if equation.implemented_by not in there]
    silent = [equation.id for equation in plan.equations if equation not in named]
    if absent:
        return item.judged("FAIL", f"not in the core: {listed(absent)}", "write it, or mend the plan")
    if silent:
        return item.judged("MISSING", f"no function named for {listed(silent)}", "add implemented_by in plan.yaml")
    return item.judged("PASS", many(len(plan.equations), "equation"))


def libraries(project: Project, plan: Plan) -> Item:
    """What the core imports is in the plan; a call that the plan does not know is never probed."""
    item = Item(id="libraries-in-plan", what="the plan names every library that the core imports", state="PASS")
    known = {library.name.partition(".")[0] for library in plan.libraries} | BASE
    own = {plan.name} | {path.stem for path in project.core.iterdir()} if project.core.is_dir() else set()
    absent = sorted((imported(project.core) if project.core.is_dir() else set()) - known - own)
    if absent:
        return item.judged("FAIL", f"imported, not in the plan: {listed(absent)}", "add it to libraries in plan.yaml")
    return item.judged("PASS", many(len(plan.libraries), "library", "libraries"))


def settings(project: Project, plan: Plan) -> Item:
    """configs/ say what the plan says; a shortened config would make a shortened run look complete."""
    item = Item(id="configs-match-plan", what="configs/ hold the values of the plan", state="PASS")
    command = NEW.format(name=project.package.name)
    absent = [name for name in plan.experiments if project.config(name) is None]
    if absent:
        return item.judged("MISSING", f"no readable config for {listed(absent)}", command)
    wrong = [text for name in plan.experiments for text in differences(plan, name, project.config(name) or {})]
    if wrong:
        return item.judged("FAIL", listed(wrong), f"restore the values in configs/, or change the plan; {command}")
    return item.judged("PASS", f"{many(len(plan.experiments), 'experiment')}, value by value")


def differences(plan: Plan, name: str, config: dict[str, Any]) -> list[str]:
    """Each value of the plan that the config of experiment `name` does not hold."""
    found = []
    for path, value in planned_values(plan, name):
        there = at(config, path)
        if there != value:
            found.append(f"{name}: {path} is {there!r}, the plan says {value!r}")
    return found


def planned_values(plan: Plan, name: str) -> Iterator[tuple[str, Any]]:
    """Dotted path in the config -> value in the plan."""
    full = plan.settings_of(name)
    for block in ("data", "model"):
        for key, item in getattr(full, block).items():
            yield f"{block}.{key}", item.value
    for phase_name, phase in full.phases.items():
        for key in type(phase).model_fields:
            item = getattr(phase, key)
            if hasattr(item, "origin"):
                yield f"phases.{phase_name}.{key}", item.value
        for key, item in phase.settings.items():
            yield f"phases.{phase_name}.{key}", item.value
    if full.evaluation:
        for key in ("metric", "n_samples", "n_test", "sampling_steps"):
            yield f"evaluation.{key}", getattr(full.evaluation, key).value


def at(config: object, path: str) -> Any:
    """The value at a dotted path, or the word `absent`."""
    for key in path.split("."):
        if not isinstance(config, dict) or key not in config:
            return "absent"
        config = config[key]
    return config


def requirements(project: Project, plan: Plan) -> Item:
    """requirements.txt fixes the version of everything that src imports."""
    item = Item(id="requirements-pinned", what="requirements.txt pins every third-party import of src", state="PASS")
    path = project.folder / "requirements.txt"
    if not path.is_file() or not (project.folder / "src").is_dir():
        return item.judged("MISSING", "there is no requirements.txt or no src/", "pip freeze, kept to what src imports")
    imports = imported(project.folder / "src")
    text = path.read_text(encoding="utf-8", errors="replace")
    missing, other = unpinned(imports, text, plan), other_pins(text, plan)
    if other:
        return item.judged("FAIL", f"another version than the plan's: {listed(other)}", "make the two agree")
    if missing:
        return item.judged("FAIL", f"not pinned with ==: {listed(missing)}", "add NAME==VERSION to requirements.txt")
    return item.judged("PASS", f"{many(len(imports), 'import')}: {', '.join(sorted(imports)) or 'none'}")


def tests_kept(project: Project) -> Item:
    """The generated tests lie here as they were generated; a failing test is not mended by deleting it."""
    item = Item(id="tests-kept", what="the generated tests are all there, unchanged", state="PASS")
    files = project.manifest.get("files")
    generated = {n: d for n, d in files.items() if n.startswith("tests/")} if isinstance(files, dict) else {}
    if not generated:
        command = NEW.format(name=project.package.name)
        return item.judged("MISSING", "no .scaffold/manifest.json that lists generated tests", command)
    gone = [name for name in generated if not (project.folder / name).is_file()]
    edited = [name for name, digest in generated.items() if name not in gone and _differs(project, name, digest)]
    if gone or edited:
        why = "; ".join(f"{word}: {listed(names)}" for word, names in (("gone", gone), ("edited", edited)) if names)
        return item.judged("FAIL", why, "restore them; your own tests go into files of their own")
    return item.judged("PASS", many(len(generated), "file"))


def _differs(project: Project, name: str, digest: object) -> bool:
    return not IGNORED & set(name.split("/")) and hash_path(project.folder / name) != digest


def smoke(project: Project) -> Item:
    """The project's own tests passed on the source that lies here."""
    item = Item(id="smoke-green", what="the project's own tests pass on this source", state="PASS")
    record = project.latest("scaffold smoke")
    if record is None:
        return item.judged("MISSING", "no record of scaffold smoke", SMOKE)
    changed = stale(project, record)
    if changed:
        return item.judged("STALE", changed, SMOKE)
    if not any(name.split("/")[0] == "src" for name in record.inputs):
        return item.judged("FAIL", "the record does not say which src it tested", SMOKE)
    rows = rows_in(record.answer, "tests")
    red = [str(row.get("name")) for row in rows if row.get("outcome") not in ("passed", "skipped")]
    skipped = [str(row.get("name")) for row in rows if row.get("outcome") == "skipped"]
    if not record.ok or red or not rows:
        return item.judged("FAIL", f"{record.headline}" + (f": {listed(red)}" if red else ""), SMOKE)
    if skipped:
        return item.judged("FAIL", f"skipped: {listed(skipped)}", SMOKE)
    return item.judged("PASS", record.headline)


def resume(project: Project) -> Item:
    """A test that stops and resumes ran and passed."""
    item = Item(id="resume-tested", what="a stopped run resumes to the same numbers", state="PASS")
    record = project.latest("scaffold smoke")
    rows = rows_in(record.answer, "tests") if record else []
    passed = [str(r.get("name")) for r in rows if "resume" in str(r.get("name")) and r.get("outcome") == "passed"]
    if record is None or not passed:
        return item.judged("MISSING", "no passed test with resume in its name", SMOKE)
    changed = stale(project, record)
    if changed:
        return item.judged("STALE", changed, SMOKE)
    return item.judged("PASS", listed(passed))
