"""The user's function, from a file or a module, with the arguments it can take; and the user's errors as data."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any, Callable  # noqa: UP035 - Python 3.8

LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
HERE = str(Path(__file__).parent) + "/"


class BadStep(Exception):
    """The user's file does not hold what a trace needs."""


def load(job: dict[str, Any]) -> Callable[..., Any]:
    """The function of the user's file or module, with what the plan offers filled in where its names match.

    The file's folder is importable, as when it is run; for a module the current folder is. What was taken from the
    plan is noted in `job["taken"]`.
    """
    module = _module(job)
    name = job["function"]
    found = getattr(module, name, None)
    if not callable(found):
        known = [each for each, value in vars(module).items() if inspect.isfunction(value)]
        close = "".join(f" (did you mean {each!r}?)" for each in difflib.get_close_matches(name, known, 1))
        raise BadStep(f"{job['path']} has no function {name!r}{close}; it has {', '.join(known) or 'none'}")
    _fill(job, found)
    return found  # type: ignore[no-any-return]


def _module(job: dict[str, Any]) -> Any:
    path = job["path"]
    if job.get("module"):
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name is None or not (path + ".").startswith(error.name + "."):
                raise  # the module is there, and what it imports is not
            raise BadStep(f"there is no module {error.name!r} in {Path.cwd()} or on the interpreter's path") from error
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location("traced_" + Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise BadStep(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _fill(job: dict[str, Any], function: Callable[..., Any]) -> None:
    """Offer the plan's values to parameters of the same name; what is given by --arg wins."""
    offered, given = job.get("offered") or {}, job["arguments"]
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a callable without a signature takes what it is given
        return
    taken = {each.name: offered[each.name] for each in parameters if each.name in offered and each.name not in given}
    job["arguments"] = {**taken, **given}
    job["taken"] = taken
    has = [each.name for each in parameters]
    unknown = [name for name in given if name not in has]
    if unknown and not any(each.kind is each.VAR_KEYWORD for each in parameters):
        raise BadStep(
            f"{job['function']}() has no argument {', '.join(unknown)}; it has {', '.join(has) or 'none'} "
            "(--arg NAME=VALUE sets one, --batch-arg and --accumulate-arg name those that fit varies)"
        )
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    lacking = [
        each.name
        for each in parameters
        if each.default is each.empty and each.kind in by_name and each.name not in job["arguments"]
    ]
    if lacking:
        known = f"; the plan offers {', '.join(sorted(offered))}" if offered else ""
        raise BadStep(f"{job['function']}() needs {', '.join(lacking)}: give --arg {lacking[0]}=VALUE{known}")


def told(problem: BaseException) -> dict[str, str]:
    """What kind of problem it is, and the line of the user's code that it comes from."""
    text = str(problem).strip() or type(problem).__name__
    frames = traceback.extract_tb(problem.__traceback__)
    users = [each for each in frames if not each.filename.startswith((HERE, "<"))]
    users = [each for each in users if not each.filename.startswith(LIBRARIES)] or users
    where = f"{users[-1].filename}:{users[-1].lineno}" if users else ""
    kind = "bad-step" if isinstance(problem, BadStep) else "step-raised"
    return {"kind": kind, "type": type(problem).__name__, "text": text[:1000], "where": where,
            "line": (users[-1].line or "") if users else ""}  # fmt: skip
