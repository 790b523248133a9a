"""Carry weights over with a saved map, one tensor of the port at a time, so memory stays at the largest tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from . import mapfile
from .automap import Tensors
from .judge import answer
from .safetensors import File, Writer

KINDS = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32"}


class _Npz:
    def __init__(self, path: Path) -> None:
        self.held = np.load(path, allow_pickle=False)
        self.tensors = dict.fromkeys(self.held.files)

    def read(self, name: str) -> Any:
        return self.held[name]

    def kind(self, name: str) -> str:
        return KINDS[str(self.held[name].dtype)]


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Write the port's weights; names that the weights lack are told, and nothing is written."""
    found = mapfile.read(Path(job["map"]))
    path = Path(job["weights"])
    source: Any = File(path) if path.suffix == ".safetensors" else _Npz(path)
    names = _names(found.left, source)
    missing = [found.left.names[each] for each in found.used() if names[each] is None]
    notes = [] if found.complete else ["the map was not verified: its outputs differed"]
    if missing:
        return {"missing": missing, "tensors": 0, "notes": notes}
    kinds = {n: source.tensors[n]["dtype"] if isinstance(source, File) else source.kind(n) for n in names if n}
    kind = next(iter(kinds.values()))
    out = Path(job["out"])
    shapes = {str(t["name"]): (kind, tuple(t["shape"])) for t in found.right.tensors}
    for number, tensor in enumerate(found.right.tensors):
        if not found.whole(number):
            notes.append(f"{tensor['name']} is not written: some of its elements have no counterpart")
            shapes.pop(tensor["name"])

    def values_of(number: int) -> Any:
        name = names[number]
        assert name is not None, "missing weights were refused before"
        return np.asarray(source.read(name))

    writer: Any = Writer(out, shapes) if out.suffix == ".safetensors" else {}
    for number, tensor in enumerate(found.right.tensors):
        if tensor["name"] in shapes:
            values = found.values(number, values_of).reshape(tensor["shape"])
            if isinstance(writer, dict):
                writer[tensor["name"]] = values
            else:
                writer.add(values)
    if isinstance(writer, dict):
        np.savez(out, **writer)
    else:
        writer.close()
    return {"missing": [], "tensors": len(shapes), "notes": notes}


def _names(left: Tensors, source: Any) -> list[str | None]:
    """The file's name of every tensor: its own, or the only one that ends or begins alike with the same size."""
    found: list[str | None] = []
    for name in left.names:
        if name in source.tensors:
            found.append(str(name))
            continue
        alike = [each for each in source.tensors if each.endswith("." + name) or name.endswith("." + each)]
        found.append(alike[0] if len(alike) == 1 else None)
    return found


def main(path: str) -> None:
    """Answer the job at `path`."""
    answer(path, convert)
