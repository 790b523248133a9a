"""What a dotted name stands for in this environment, and the nearest names when it stands for nothing."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from typing import Any, Callable, Iterable  # noqa: UP035 - Python 3.8 must be able to run this

MAX_NAMES = 4000  # near names are looked for in this many names at most


class NotFound(Exception):
    """A dotted name that leads nowhere; `code` says at which step."""

    def __init__(self, code: str, what: str, near: Iterable[str] = ()) -> None:
        super().__init__(what)
        self.code, self.what, self.near = code, what, list(near)


def importable(target: str) -> tuple[Any, list[str]]:
    """The longest importable prefix of `target`, and the attributes that remain."""
    parts = target.split(".")
    if not all(part.isidentifier() for part in parts):
        raise NotFound("no_attribute", f"{target!r} is not a dotted name")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            here = importlib.import_module(name)
            return (here, parts[length:]) if length < len(parts) else _not_shadowed(here, parts)
        except ModuleNotFoundError as error:
            # only the step from a package to its attribute may fail quietly; a dependency that is gone may not
            if error.name != name and not name.startswith(f"{error.name}."):
                raise NotFound("import_error", f"import {name} fails: {error}") from error
        except Exception as error:
            raise NotFound("import_error", f"import {name} fails: {type(error).__name__}: {error}") from error
    raise NotFound("not_installed", f"no module {parts[0]!r} in {sys.executable}", near_modules(parts[0]))


def _not_shadowed(module: Any, parts: list[str]) -> tuple[Any, list[str]]:
    """A module, or its package where that has a function of the same name in its place."""
    parent = sys.modules.get(".".join(parts[:-1]))
    theirs = getattr(parent, parts[-1], module)
    return (parent, parts[-1:]) if theirs is not module and callable(theirs) else (module, [])


def module_of(target: str) -> str:
    """What to import so that `target` can be written out."""
    rest = importable(target)[1]
    return ".".join(target.split(".")[: -len(rest)]) if rest else target


def resolve(target: str) -> Any:
    """The object behind a dotted name.

    Raises:
        NotFound: not installed, the import fails, or no such attribute (with the nearest names).
    """
    here, rest = importable(target)
    for name in rest:
        try:
            here = getattr(here, name)
        except AttributeError as error:
            owner = getattr(here, "__name__", type(here).__name__)
            raise NotFound("no_attribute", f"{owner} has no {name!r}", near_names(name, here, target)) from error
    return here


def near_modules(name: str) -> list[str]:
    """Installed top-level modules with a name like this one."""
    try:
        known = importlib.metadata.packages_distributions()  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:  # Python 3.8 and 3.9
        return []
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.7)


def near_names(name: str, owner: Any, target: str) -> list[str]:
    """Attributes of `owner`, and of the package's loaded modules, that `name` may have meant."""
    known = {n.lower(): n for n in dir(owner) if not n.startswith("__")}
    root = target.split(".")[0]
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == root and module is not None and len(known) < MAX_NAMES:
            found = [n for n in vars(module) if not n.startswith("_") and not inspect.ismodule(vars(module)[n])]
            known.update({n.lower(): f"{module_name}.{n}" for n in found if n.lower() not in known})
    close = difflib.get_close_matches(name.lower(), list(known), n=3, cutoff=0.6)
    inside = [n for n in sorted(known) if len(name) > 3 and name.lower() in n and n not in close]
    return [known[n] for n in close + inside][:4]


def signature(callable_: Callable[..., Any]) -> inspect.Signature | None:
    """The signature, of `forward` where a torch module hides it, or None where nothing knows it."""
    forward = getattr(callable_, "forward", None)
    is_module = forward is not None and hasattr(callable_, "register_forward_hook") and not inspect.isclass(callable_)
    try:
        return inspect.signature(forward if is_module and forward is not None else callable_)
    except (TypeError, ValueError):
        return None


def misfit(callable_: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> NotFound | None:
    """What the signature says against these arguments, before anything is called."""
    wrong = refused(callable_, kwargs)
    found = signature(callable_)
    if wrong is not None or found is None:
        return wrong
    try:
        found.bind(*args, **kwargs)
    except TypeError as error:
        return NotFound("bind_error", f"{error}; the signature is {found}")
    return None


def refused(callable_: Callable[..., Any], keywords: Iterable[str]) -> NotFound | None:
    """The first keyword that the signature does not take."""
    found = signature(callable_)
    if found is None or any(p.kind is p.VAR_KEYWORD for p in found.parameters.values()):
        return None
    for key in keywords:
        if key not in found.parameters:
            known = [p for p in found.parameters if p != "self"]
            near = difflib.get_close_matches(key, known, n=3, cutoff=0.4)
            return NotFound("unknown_keyword", f"{key!r} is not a parameter; it takes {', '.join(known)}", near)
    return None


def unchecked(callable_: Callable[..., Any], kwargs: dict[str, Any]) -> list[str]:
    """Keywords that only a `**kwargs` takes: a misspelt one may be ignored in silence."""
    found = signature(callable_)
    if found is None or not any(p.kind is p.VAR_KEYWORD for p in found.parameters.values()):
        return []
    return [key for key in kwargs if key not in found.parameters]


def version(distribution: str) -> str | None:
    """The installed version of a distribution."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def facts(target: str) -> dict[str, Any]:
    """Where a name is defined, what it takes, and the first line of its documentation."""
    here = resolve(target)
    shown = signature(here)
    try:
        file: str | None = inspect.getsourcefile(here)
        line = inspect.getsourcelines(here)[1]
    except (TypeError, OSError):
        file, line = getattr(here, "__file__", None), 0
    documented = (inspect.getdoc(here) or "").strip().splitlines()
    return {
        "kind": "class" if inspect.isclass(here) else "module" if inspect.ismodule(here) else type(here).__name__,
        "module": getattr(here, "__module__", None) or getattr(here, "__name__", ""),
        "file": file,
        "line": line,
        "signature": None if shown is None else f"{target.split('.')[-1]}{shown}",
        "doc": documented[0] if documented else "",
        **distribution(target.split(".")[0]),
    }


def distribution(module: str) -> dict[str, str | None]:
    """What a top-level module was installed as, and its version."""
    try:
        names = importlib.metadata.packages_distributions().get(module, [])  # type: ignore[attr-defined,unused-ignore]
    except AttributeError:  # Python 3.8 and 3.9
        names = [module]
    return {"distribution": names[0] if names else None, "version": version(names[0]) if names else None}
