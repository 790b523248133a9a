"""Tensors of a run written down by any framework: a folder with manifest.json and one .npy each.

Copy this file beside code that the pack cannot run (TensorFlow, another machine, another language writes the same files):

    recorder = Recorder("dumps/reference")
    recorder.add("block1.out", value)          # anything np.asarray takes, or with .numpy() or .detach()
    recorder.watch_torch(model)                # or watch_keras(model, inputs), watch_flax(model, variables, inputs)
    recorder.close()
"""  # noqa: E501

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "parity tensors 1"


def plain(value: Any) -> Any:
    """Any framework's tensor as NumPy; bfloat16 as float32."""
    for name in ("detach", "cpu"):
        if hasattr(value, name):
            value = getattr(value, name)()
    if "bfloat16" in str(getattr(value, "dtype", "")) and hasattr(value, "float"):
        value = value.float()
    found = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return found.astype(np.float32) if found.dtype.kind == "V" or found.dtype.name == "bfloat16" else found


class Recorder:
    """Writes tensors as they come, so that memory holds one at a time."""

    def __init__(self, folder: str, **about: str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, Any]] = []
        self.about = about
        self.hooks: list[Any] = []

    def add(self, name: str, value: Any, kind: str = "output") -> None:
        """Write one tensor: kind is output, input, weight, gradient, loss or rate."""
        found = plain(value)
        if found.dtype == object:
            raise TypeError(f"{name} is no array but {type(value).__name__}")
        file = f"{len(self.rows):05d}.npy"
        np.save(self.folder / file, found, allow_pickle=False)
        self.rows.append(
            {"name": name, "kind": kind, "file": file, "shape": list(found.shape), "dtype": str(found.dtype)}
        )

    def watch_torch(self, model: Any) -> None:
        """Every module's first output, from now until `close`; weights at once."""
        for name, each in model.named_parameters():
            self.add(name, each, "weight")

        def keep(name: str) -> Any:
            def hook(module: Any, given: Any, out: Any) -> None:  # noqa: ARG001
                self._first(name or "model", out)

            return hook

        self.hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]

    def watch_keras(self, model: Any, inputs: Any) -> Any:
        """Every layer's first output on `inputs`, as it is called, with or without a graph; returns the model's own output.

        Layers that run inside a compiled loop, like the cell of a recurrent layer, have no values to write.
        """  # noqa: E501
        for weight in model.weights:
            self.add(getattr(weight, "path", weight.name), weight, "weight")
        layers = [each for each in model._flatten_layers(include_self=False) if "call" not in vars(each)]
        for layer in layers:
            object.__setattr__(layer, "call", self._keeping(layer.name, layer.call))
        try:
            out = model(inputs, training=False)
        finally:
            for layer in layers:
                object.__delattr__(layer, "call")
        self._first("model", out)
        return out

    def _keeping(self, name: str, call: Any) -> Any:
        @functools.wraps(call)
        def kept(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            self._first(name, out)
            return out

        return kept

    def _first(self, name: str, out: Any) -> None:
        """Write the first tensor of what a layer returns, where it has values."""
        first = out[0] if isinstance(out, (tuple, list)) and out else out
        first = next(iter(first.values())) if isinstance(first, dict) and first else first
        if hasattr(first, "shape"):
            try:
                value = plain(first)
            except (TypeError, NotImplementedError):  # a tracer of JAX, a symbol of TensorFlow
                return
            self.add(name, value)

    def watch_flax(self, model: Any, variables: Any, *inputs: Any) -> Any:
        """Every linen module's output, by capture_intermediates; returns the model's own output."""
        import jax

        for path, value in jax.tree.flatten_with_path(variables)[0]:
            self.add(jax.tree_util.keystr(path), value, "weight")
        out, held = model.apply(variables, *inputs, capture_intermediates=True, mutable=["intermediates"])
        for path, value in jax.tree.flatten_with_path(held["intermediates"])[0]:
            self.add(jax.tree_util.keystr(path), value)
        return out

    def close(self) -> None:
        """End and close."""
        for each in self.hooks:
            each.remove()
        about = {"format": FORMAT, **self.about, "tensors": self.rows}
        (self.folder / "manifest.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def compare(job: dict[str, Any]) -> dict[str, Any]:
    """Every output of the reference against the port's: by name, else the one of its size with the same values."""
    from .nodes import fingerprint

    sides = []
    for folder in (Path(job["reference"]), Path(job["port"])):
        rows = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tensors"]
        sides.append([(row, folder / row["file"]) for row in rows])
    kinds = ("output", "loss", "gradient", "rate")
    ours = [(row, path, fingerprint(np.load(path, allow_pickle=False))) for row, path in sides[1]]
    found, weaker = (
        [],
        ["recorded tensors only: gradients, updates and randomness are compared where they were recorded"],
    )
    for row, path in sides[0]:
        if row["kind"] not in kinds:
            continue
        value = np.load(path, allow_pickle=False)
        found.append(_best(row, value, fingerprint(value), ours, job["tolerance"]))
    alone = _not_recorded(found, ours)
    if alone:
        weaker.append(f"no counterpart was recorded for {', '.join(alone[:8])}; what comes after has one")
    kept = [{k: v for k, v in each.items() if k != "size"} for each in found if each["name"] not in alone]
    return {"rows": kept, "weaker": weaker}


def _not_recorded(rows: list[dict[str, Any]], ours: Any) -> list[str]:
    """What the port computes without recording it: later tensors agree, and it has none of that size that is not explained."""  # noqa: E501
    last = max((k for k, each in enumerate(rows) if each["same"]), default=-1)
    explained = {each["other"] for each in rows if each["same"]}
    sizes = {int(np.prod(row["shape"])) for row, _, _ in ours if row["name"] not in explained}
    return [each["name"] for each in rows[: max(last, 0)] if each["other"] is None and each["size"] not in sizes]


def _best(row: dict[str, Any], value: Any, print_: list[float], ours: Any, tolerance: float) -> dict[str, Any]:
    from .sizes import error

    best: tuple[float, str | None] = (float("inf"), None)
    for other, path, theirs in ours:
        if other["kind"] != row["kind"] or theirs[0] != print_[0]:
            continue
        same_name = other["name"] == row["name"]
        near = abs(theirs[2] - print_[2]) <= 10 * tolerance * max(print_[2], 1e-12)
        if not (same_name or near):
            continue
        mine = np.load(path, allow_pickle=False)
        size = error(value.astype(np.float64), mine.astype(np.float64)) if mine.shape == value.shape else float("inf")
        if size > tolerance and near:  # another layout: the same values, sorted
            size = min(
                size, error(np.sort(value.reshape(-1).astype(np.float64)), np.sort(mine.reshape(-1).astype(np.float64)))
            )
        if size < best[0] or best[1] is None:
            best = (size, other["name"])
    known = best[0] if np.isfinite(best[0]) else None
    return {"name": row["name"], "other": best[1], "error": known, "same": best[0] <= tolerance, "size": value.size}


def main(path: str) -> None:
    """Compare two recorded folders for the job at `path`."""
    from .judge import answer

    answer(path, compare)
