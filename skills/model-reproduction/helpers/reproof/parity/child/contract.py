"""The user's side: a Python file with `build`, or a class by its dotted name, loaded without network or unsafe pickles."""  # noqa: E501

# mypy: allow-untyped-calls

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

HOOKS = ("config", "build", "cases", "inputs", "batch", "loss", "optimizer", "schedule", "steps", "micro", "train_step",
         "state", "preprocess", "raw", "tokenize", "texts", "metric", "predictions", "call", "adapt", "output", "small")  # fmt: skip  # noqa: E501
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


class BadContract(Exception):
    """The user's file does not hold what a comparison needs. args: slug, what."""


def fence() -> None:
    """No network from now on; it cannot be taken back."""

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(args[1], tuple):
            raise BadContract("wants-network", f"a connection to {args[1]!r}")
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            raise BadContract("wants-network", f"a look-up of {args[0]!r}")

    sys.addaudithook(watch)


def safe_torch_load(weaker: list[str]) -> None:
    """`torch.load` with weights_only=True, whatever the user's code asks for."""
    import torch

    load = torch.load

    def safe(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("weights_only") is False:
            weaker.append("torch.load(weights_only=False) was run with weights_only=True: pickles are not executed")
        kwargs["weights_only"] = True
        return load(*args, **kwargs)

    torch.load = safe


class Contract:
    """What one side offers. A hook that is not there is None, and its rung is not compared.

    Args:
        spec: {"file": path} or {"target": dotted name, "kwargs": ..., "inputs": {case: {name: draw}}}.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        for entry in reversed(spec.get("path", [])):
            sys.path.insert(0, entry)
        before = set(sys.modules)
        self.module = _file(spec["file"]) if spec.get("file") else _target(spec)
        self.files = _own_files(set(sys.modules) - before, self.module)
        if spec.get("small"):
            self.module.config = {**self.configuration, **self.module.small}  # type: ignore[attr-defined]
        self._check()

    def _check(self) -> None:
        if not callable(getattr(self.module, "build", None)):
            named = [
                name for name, each in vars(self.module).items() if inspect.isclass(each) or inspect.isfunction(each)
            ]
            raise BadContract(
                "no-build",
                f"{self.spec.get('file')} has no function build(config); it has {', '.join(named) or 'nothing'}",
            )

    def __getattr__(self, name: str) -> Any:
        if name not in HOOKS:
            raise AttributeError(name)
        return getattr(self.module, name, None)

    def has(self) -> list[str]:
        """Names of the hooks that are there."""
        return [name for name in HOOKS if getattr(self.module, name, None) is not None]

    @property
    def configuration(self) -> dict[str, Any]:
        """Declared configuration and defaults."""
        found = getattr(self.module, "config", None)
        return dict(found) if isinstance(found, dict) else {}

    def model(self) -> Any:
        """A fresh model, in whatever state the user's code leaves it."""
        build = self.module.build
        takes = [
            p for p in inspect.signature(build).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        return build(self.configuration) if takes else build()


def called(hook: Any, **given: Any) -> Any:
    """Call a hook with those of `given` that it takes, by name or, when it names them otherwise, by position."""
    parameters = inspect.signature(hook).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return hook(**given)
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if all(name in given for name in needed):
        return hook(**{name: each for name, each in given.items() if name in parameters})
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return hook(*list(given.values())[: len(positional)])


def _file(path: str) -> types.ModuleType:
    if not Path(path).is_file():
        raise BadContract("no-such-file", f"no file at {path!r}")
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    name = "parity_" + Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadContract("no-such-file", f"{path!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def dotted(name: str) -> Any:
    """The object `package.module:Class` or `package.module.Class`."""
    module, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise BadContract("no-such-name", f"{module} has no {part!r}")
        found = getattr(found, part)
    return found


def made(value: Any) -> Any:
    """{"class": dotted name, **kwargs} becomes an object, also nested; anything else stays."""
    if isinstance(value, dict):
        inner = {key: made(each) for key, each in value.items() if key not in ("class", "call")}
        maker = value.get("class") or value.get("call")
        return dotted(maker)(**inner) if maker else inner
    return [made(each) for each in value] if isinstance(value, list) else value


def _target(spec: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType("parity_target")
    kwargs = spec.get("kwargs", {})
    found = vars(module)
    found["config"] = {key: value for key, value in kwargs.items() if not isinstance(value, (dict, list))}

    def build() -> Any:
        inner = dict(kwargs)
        positional = [made(each) for each in inner.pop("args", [])]
        return dotted(spec["target"])(*positional, **{key: made(each) for key, each in inner.items()})

    found["build"] = build
    return module


def _own_files(names: set[str], module: types.ModuleType) -> list[str]:
    """Source files that the contract imported and that are no installed library."""
    found = {getattr(module, "__file__", None)}
    found |= {getattr(sys.modules.get(name), "__file__", None) for name in names}
    ours = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100
    return sorted(
        os.path.abspath(each)  # noqa: PTH100
        for each in found
        if each and each.endswith(".py") and not os.path.abspath(each).startswith((*LIBRARIES, ours))  # noqa: PTH100
    )
