"""`helpers/debug.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reproof import yamlio
from reproof.cli import Command, run
from reproof.debug.interpreter import chosen, measure
from reproof.debug.models import Check, DebugAnswer, DebugRequest, Looked
from reproof.debug.verdicts import checks
from reproof.errors import PackError, near
from reproof.units import GIB


def debug(request: DebugRequest) -> DebugAnswer:
    """Answer `debug.py`."""
    looked = [_look(request, job) for job in _jobs(request)]
    found = [check for one in looked for check in one.checks]
    answer = DebugAnswer(
        ok=not any(check.state == "FAIL" for check in found),
        headline=headline(found),
        interpreter=chosen(request.python),
        looked=looked,
        limits={"timeout_s": request.timeout_s, "memory_bytes": request.memory_gib * GIB},
    )
    out = request.out or (Path(request.target) / "debug" if request.is_project else None)
    if out is None:
        return answer
    from reproof.debug.publish import publish  # jinja2 only when files are written

    return answer.model_copy(update={"files": publish(answer, out)})


def headline(found: list[Check]) -> str:
    """What is broken, in the order in which to mend it."""
    states = Counter(check.state for check in found)
    words = ", ".join(f"{states[s]} {s}" for s in ("PASS", "WARN", "FAIL", "SKIPPED") if states[s])
    broken = list(dict.fromkeys(check.id for check in found if check.state == "FAIL"))
    return f"{'mend first: ' + ', '.join(broken) if broken else 'nothing broken was found'} ({words})"


def _look(request: DebugRequest, job: dict[str, object]) -> Looked:
    measured = measure(request, job)
    subject = measured.values.pop("subject")
    found = checks(measured.values, measured.ended)
    return Looked(subject=subject, checks=found, measured=measured.values, ended=measured.ended)


def _jobs(request: DebugRequest) -> list[dict[str, object]]:
    """One job for a function, or one per training phase of a project's experiment."""
    if not request.is_project:
        file, _, function = request.target.rpartition(":")
        if not function or not Path(file).is_file():
            raise PackError(
                "no-subject",
                f"TARGET {request.target!r} is neither a project's folder nor FILE.py:FUNCTION",
                why="the function hands over the model, the step and the batch",
                fix="debug.py train.py:subject, or debug.py runs/NAME",
            )
        return [{"target": f"{Path(file).resolve()}:{function}"}]
    root = Path(request.target).resolve()
    names = sorted(path.stem for path in (root / "configs").glob("*.yaml"))
    if not names or not (root / "run.py").is_file():
        raise PackError(
            "no-project", f"{request.target!r} holds no run.py or no configs/", why="a scaffolded project has both",
            fix="scaffold.py new writes one; for other code use FILE.py:FUNCTION",
        )  # fmt: skip
    name = request.experiment or names[0]
    if name not in names:
        raise PackError(
            "no-experiment", f"no experiment {name!r}{near(name, names)}", why=f"there are {', '.join(names)}",
            fix=f"--experiment {names[0]}",
        )  # fmt: skip
    config = yamlio.load(root / "configs" / f"{name}.yaml", "config")
    phases = config.get("phases", {}) if isinstance(config, dict) else {}
    trained = [str(p) for p, said in phases.items() if isinstance(said, dict) and said.get("kind") == "train"]
    wanted = [request.phase] if request.phase else trained
    return [{"project": str(root), "experiment": name, "phase": p, "full": request.full} for p in wanted]


def reads(request: DebugRequest) -> list[Path]:
    """What is hashed: the file, or a project's source and configs."""
    if not request.is_project:
        return [request.file] if request.file.is_file() else []
    root = Path(request.target)
    return [path for path in (root / "src", root / "configs") if path.exists()]


COMMANDS = {
    "": Command(
        DebugRequest, debug, template="debug_checks.md.jinja", help="look at a model while it runs",
        packages=("torch",), reads=reads,
    )
}  # fmt: skip


def main(argv: Sequence[str] | None = None, doc: str = "") -> int:
    """Run the command line of the debug helper."""
    return run(COMMANDS, argv, name="debug", doc=doc)
