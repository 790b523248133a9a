"""One call from the command line, as the entry of `libraries` that it would be in a plan."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from reproof import yamlio
from reproof.apicalls import DTYPES
from reproof.errors import PackError
from reproof.probe.models import CallRequest, LookAnswer

DISTS = ("normal", "uniform", "zeros", "ones", "weights", "equal_weights", "integers", "grid", "valid")
SHAPE = re.compile(r"\d+(?:x\d+)*")
RANGE = re.compile(r"(-?[\d.]+)\.\.(-?[\d.]+)")


def entry(request: CallRequest, known: LookAnswer) -> dict[str, Any]:
    """The library with this one call; the version is the one that is installed.

    Raises:
        PackError: inputs or settings that cannot be read, all of them named.
    """
    wrong: list[str] = []
    inputs = dict(_each(request.input, input_of, wrong))
    settings = {key: dict(_each(getattr(request, key), setting_of, wrong)) for key in ("init", "kwarg")}
    if wrong:
        raise PackError(
            "bad-input", "; ".join(wrong), why="a call is probed with exactly what it is said to get",
            fix="an input is NAME=256x2[,float64][,uniform][,0..1][,grad][,numpy][,cuda]; a setting is NAME=VALUE",
        )  # fmt: skip
    call: dict[str, Any] = {"id": re.sub(r"[^a-z0-9]+", "_", request.target.lower()).strip("_"),
                            "target": request.target}  # fmt: skip
    if known.kind == "class" or request.init or request.method:
        call["init"] = settings["init"]
    if request.method:
        call["method"] = request.method
    named = [name for name in request.by_name if name in inputs]
    call |= {"args": [name for name in inputs if name not in named], "inputs": inputs, "experiments": ["here"]}
    if settings["kwarg"]:
        call["kwargs"] = settings["kwarg"]
    expect: dict[str, Any] = {"grad": [name for name, spec in inputs.items() if spec.get("requires_grad")]}
    if request.output:
        expect["shapes"] = [_shape(text) for text in request.output]
    if request.equals:
        expect["equals"] = request.equals
    call["expect"] = {key: value for key, value in expect.items() if value}
    root = request.target.partition(".")[0]
    version = {"value": known.version or "unknown", "inferred": "installed when this was probed"}
    return {"name": root, "distribution": known.distribution or root, "version": version, "calls": [call]}


def _each(texts: Iterable[str], read: Any, wrong: list[str]) -> Iterable[tuple[str, Any]]:
    for text in texts:
        try:
            yield read(text)
        except ValueError as error:
            wrong.append(str(error))


def input_of(text: str) -> tuple[str, dict[str, Any]]:
    """An input from `NAME=SHAPE,WORD,...`.

    >>> input_of("x=256x2,float64,0..1,uniform,grad")
    ('x', {'shape': [256, 2], 'dtype': 'float64', 'low': 0.0, 'high': 1.0, 'dist': 'uniform', 'requires_grad': True})

    Raises:
        ValueError: with what cannot be read.
    """
    name, sign, rest = text.partition("=")
    shape, *words = rest.split(",")
    if not sign or not name.isidentifier() or not (SHAPE.fullmatch(shape) or shape == "scalar"):
        raise ValueError(f"{text!r} is not NAME=SHAPE, like x=256x2")
    spec: dict[str, Any] = {"shape": _shape(shape)}
    for word in words:
        if word in DTYPES:
            spec["dtype"] = word
        elif word in DISTS:
            spec["dist"] = word
        elif word == "grad":
            spec["requires_grad"] = True
        elif word in ("numpy", "torch"):
            spec["kind"] = word
        elif word in ("cpu", "cuda"):
            spec["device"] = word
        elif found := RANGE.fullmatch(word):
            spec |= {"low": float(found[1]), "high": float(found[2])}
        else:
            raise ValueError(f"{text!r}: {word!r} is no dtype, no distribution, no LOW..HIGH, not grad, numpy or cuda")
    if spec.get("dist") == "integers":
        spec.setdefault("dtype", "int64")
    return name, spec


def setting_of(text: str) -> tuple[str, Any]:
    """A setting from `NAME=VALUE`, the value as YAML reads it."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise ValueError(f"{text!r} is not NAME=VALUE")
    try:
        return name, yamlio.parse(value, name)
    except PackError as error:
        raise ValueError(f"{text!r}: {error.what}") from error


def _shape(text: str) -> list[int]:
    return [] if text == "scalar" else [int(size) for size in text.split("x")]


def as_yaml(library: dict[str, Any]) -> str:
    """The entry as a plan holds it; JSON is YAML."""
    head = [f"  - name: {json.dumps(library['name'])}"]
    head += [f"    {key}: {json.dumps(library[key])}" for key in ("distribution", "version")]
    calls = [f"      - {json.dumps(call)}" for call in library["calls"]]
    return "\n".join(["libraries:", *head, "    calls:", *calls]) + "\n"
