"""The safetensors format: a JSON header of names, types and places, then bytes. No pickle, nothing to install."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .nodes import Array

TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
         "U8": "u1", "BOOL": "?"}  # fmt: skip
LARGEST_HEADER = 100_000_000


class File:
    """Tensors of a file, mapped from disk when they are asked for. BF16 stays as its bits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if not 2 <= size <= LARGEST_HEADER:
                raise ValueError(f"{path.name} is no safetensors file: its header would have {size} bytes")
            header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        self.start = 8 + size
        self.tensors: dict[str, dict[str, Any]] = header

    def read(self, name: str) -> Array:
        """One tensor."""
        about = self.tensors[name]
        first, last = about["data_offsets"]
        kind = np.dtype(TYPES[about["dtype"]])
        shape = tuple(about["shape"])
        if first == last:
            return np.zeros(shape, kind)
        return np.memmap(self.path, kind, "r", self.start + first, shape or (1,)).reshape(shape)


class Writer:
    """Writes tensors one after the other; the header is made from the shapes that are known before."""

    def __init__(self, path: Path, tensors: dict[str, tuple[str, tuple[int, ...]]]) -> None:
        header, at = {}, 0
        for name, (kind, shape) in tensors.items():
            size = int(np.prod(shape)) * np.dtype(TYPES[kind]).itemsize
            header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.file = path.open("wb")
        self.file.write(struct.pack("<Q", len(text)) + text)

    def add(self, values: Array) -> None:
        """Write the next tensor."""
        self.file.write(np.ascontiguousarray(values).tobytes())

    def close(self) -> None:
        """End and close."""
        self.file.close()
