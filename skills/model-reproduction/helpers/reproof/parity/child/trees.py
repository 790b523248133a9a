"""Inputs and outputs in tuples, dicts, dataclasses and library classes, as plain trees of NumPy arrays and back."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def to_arrays(value: Any, array: Callable[[Any], Any]) -> Any:
    """`value` with every tensor turned by `array`; objects that hold none become their text."""
    found = array(value)
    if found is not None:
        return found
    if isinstance(value, Mapping):
        return {str(key): to_arrays(each, array) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_arrays(each, array) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_arrays(getattr(value, f.name), array) for f in dataclasses.fields(value)}
    return value if isinstance(value, (int, float, bool, str)) or value is None else repr(type(value))


def leaves(tree: Any) -> list[Any]:
    """The arrays of a tree, in order."""
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in leaves(each)]
    if isinstance(tree, list):
        return [leaf for each in tree for leaf in leaves(each)]
    return [tree] if isinstance(tree, np.ndarray) else []


def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The same tree with every array changed."""
    if isinstance(tree, dict):
        return {key: mapped(each, change) for key, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [mapped(each, change) for each in tree]
    return change(tree) if isinstance(tree, np.ndarray) else tree


class Unfit(Exception):
    """Inputs whose names do not fit the model, and cannot be placed without guessing."""


def arranged(tree: Any, forward: Callable[..., Any]) -> tuple[list[Any], dict[str, Any], str]:
    """(positional, keyword, what was done) to call `forward` with inputs that may be named otherwise there.

    Raises:
        Unfit: a name is unknown and the number of inputs does not settle its place.
    """
    if isinstance(tree, list):
        return tree, {}, ""
    if not isinstance(tree, dict):
        return [tree], {}, ""
    try:
        parameters = inspect.signature(forward).parameters
    except (TypeError, ValueError):
        return [], tree, ""
    if set(tree) <= set(parameters):
        return [], tree, ""
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()) and len(tree) > 1:
        return [], tree, ""
    unknown: list[str] = [str(name) for name in tree if name not in parameters]
    needed = [p.name for p in parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    free: list[str] = [name for name in needed if name not in tree]
    if len(unknown) == len(free) == 1 or (len(tree) == len(unknown) and len(unknown) == len(free)):
        renamed = dict(zip(unknown, free, strict=False))
        said = ", ".join(f"{old} given as {new}" for old, new in renamed.items())
        return [], {renamed.get(str(name), str(name)): each for name, each in tree.items()}, said
    if len(tree) == len(unknown) == 1 and parameters and len(free) < 2:
        first = next(iter(parameters))
        return [], {first: next(iter(tree.values()))}, f"{unknown[0]} given as {first}"
    raise Unfit(f"inputs {list(tree)} do not fit forward({', '.join(parameters)}): say how with call(model, inputs)")
