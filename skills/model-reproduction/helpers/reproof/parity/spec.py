"""The two sides as the user names them: files, recordings, dotted classes, or a YAML with all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from reproof.childproc import chosen
from reproof.errors import PackError
from reproof.parity.models import Sides
from reproof.paths import read_text
from reproof.records import Record, validated

WHY = "a model is only right in the environment that it is written for"


class SideSpec(Record):
    """One side in YAML."""

    file: str | None = Field(None, description="a contract: a Python file with build(config)")
    target: str | None = Field(None, description="package.module:Class")
    kwargs: dict[str, Any] = Field(
        default_factory=dict, description="its arguments; {class: dotted, ...} makes an object"
    )
    python: str | None = None
    recording: str | None = None
    framework: str = Field("torch", pattern="^(torch|jax)$")
    path: list[str] = Field(default_factory=list, description="folders to import from")

    @model_validator(mode="after")
    def _something(self) -> SideSpec:
        if not (self.file or self.target or self.recording):
            raise ValueError("needs file, target or recording")
        return self


class PairSpec(Record):
    """A comparison in YAML."""

    reference: SideSpec
    port: SideSpec
    inputs: dict[str, dict[str, dict[str, Any]]] = Field(
        default_factory=dict, description="case -> input -> {shape, below} or {shape} or {values}"
    )


def sides(request: Sides) -> dict[str, Any]:
    """The job's `reference`, `port` and `inputs`."""
    if request.spec is not None:
        return _from_yaml(request, request.spec)
    found: dict[str, Any] = {
        "reference": _side(str(request.reference)),
        "port": _side(str(request.port or request.reference)),
    }
    return _with_python(found, request)


def _from_yaml(request: Sides, path: Path) -> dict[str, Any]:
    from reproof.yamlio import load  # YAML only where it is read

    read_text(path, "comparison")
    spec = validated(PairSpec, load(path, "comparison"), slug="bad-comparison", name=str(path),
                     why="both sides must be named", fix="parity.py --help shows a whole file")  # fmt: skip
    found: dict[str, Any] = {}
    for name, side in (("reference", spec.reference), ("port", spec.port)):
        data = side.model_dump(exclude_none=True)
        for key in ("file", "recording"):
            if key in data:
                data[key] = str((path.parent / data[key]).resolve())
        data["path"] = [str((path.parent / each).resolve()) for each in data["path"]] + [str(path.parent.resolve())]
        if data.get("file"):
            _exists(data["file"])
        found[name] = data
    if spec.inputs:
        found["inputs"] = spec.inputs
    return _with_python(found, request)


def _with_python(found: dict[str, Any], request: Sides) -> dict[str, Any]:
    for name, given in (("reference", request.reference_python or request.python), ("port", request.python)):
        found[name]["python"] = chosen(found[name].get("python") or given, WHY)
    return found


def _side(given: str) -> dict[str, Any]:
    path = Path(given)
    if path.is_dir():
        return {"recording": str(path.resolve()), **_recorded(path)}
    if given.endswith(".py") or path.exists():
        _exists(given)
        return {"file": str(path.resolve()), "framework": _framework(path)}
    if ":" in given or "." in given:
        return {"target": given}
    _exists(given)
    return {}


def _recorded(path: Path) -> dict[str, Any]:
    if not (path / "manifest.json").is_file():
        raise PackError(
            "no-recording",
            f"{path} has no manifest.json",
            why="a folder is taken for a recording",
            fix="parity.py record --reference ref.py --out DIR",
        )
    return {}


def _exists(given: str) -> None:
    if not Path(given).is_file():
        raise PackError(
            "no-such-file",
            f"no file at {given!r}",
            why="a side is a Python file with build(config)",
            fix="parity.py --help shows the smallest one",
        )


def _framework(path: Path) -> str:
    """Jax where the contract says so itself: `framework = "jax"`."""
    import ast

    try:
        tree = ast.parse(read_text(path, "contract"))
    except SyntaxError as error:
        raise PackError(
            "no-python-file",
            f"{path}:{error.lineno}: {error.msg}",
            why="the contract must be Python",
            fix="mend that line",
        ) from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if any(isinstance(t, ast.Name) and t.id == "framework" for t in node.targets):
                return str(node.value.value)
    return "torch"
