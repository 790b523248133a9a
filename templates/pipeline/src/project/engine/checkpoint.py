"""Files that are whole or not there: header (magic, length, sha256) + torch.save bytes, replaced in one go.

torch.load does not notice a flipped bit, hence the digest. Every file carries the settings it was made from.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from .config import differences
from .errors import ProjectError
from .records import writing

HEADER, MAGIC = struct.Struct("<8sQ32s"), b"CHECKPT1"


class Damaged(Exception):
    """The bytes are not the bytes that were written."""


def save(path: Path, content: dict[str, Any]) -> None:
    """Write beside, sync, then replace: a kill at any moment leaves the old file or the new one."""
    buffer, temporary = io.BytesIO(), path.with_name(path.name + ".tmp")
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    with writing(path, temporary):
        with temporary.open("wb") as file:
            file.write(HEADER.pack(MAGIC, len(payload), hashlib.sha256(payload).digest()))
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        if os.name == "posix":
            folder = os.open(path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)


def load(path: Path) -> dict[str, Any]:
    """Read and verify; Damaged if any bit differs. weights_only: a file cannot run code."""
    data = path.read_bytes()
    magic, length, digest = HEADER.unpack_from(data) if len(data) >= HEADER.size else (b"", 0, b"")
    payload = memoryview(data)[HEADER.size :]
    if (magic, length, digest) != (MAGIC, len(payload), hashlib.sha256(payload).digest()):
        raise Damaged("the digest does not match the content")
    content: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    return content


def restore(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The content; None if absent or damaged; refused if it was made with other settings."""
    if not path.exists():
        return None
    try:
        content = load(path)
    except Damaged as damage:
        print(f"damaged: {path}: {damage}; renamed to .damaged and not used", file=sys.stderr)
        with suppress(FileNotFoundError):  # another process was faster
            path.replace(path.with_name(path.name + ".damaged"))
        return None
    if content["settings"] != settings:
        different = "; ".join(differences(settings, content["settings"]))
        raise ProjectError(
            "other-config",
            f"{path} was made with other settings: {different}",
            "to go on from it would mix two experiments",
            "the settings it was made with, --resume-phase NAME to redo it, or --results DIR",
        )
    return content


def step_paths(folder: Path, phase: str) -> list[Path]:
    """The states of an unfinished phase, newest first."""
    return sorted(folder.glob(f"{phase}.step-*.ckpt"), reverse=True)


def step_path(folder: Path, phase: str, step: int) -> Path:
    """Where the state after this many steps lies."""
    return folder / f"{phase}.step-{step:09d}.ckpt"


def save_step(folder: Path, phase: str, content: dict[str, Any], keep: int) -> None:
    """Add a state; only the newest `keep` stay."""
    save(step_path(folder, phase, content["step"]), content)
    for old in step_paths(folder, phase)[keep:]:
        old.unlink()


def newest_step(folder: Path, phase: str, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The newest state that is whole."""
    return next((state for path in step_paths(folder, phase) if (state := restore(path, settings))), None)


def tensors_digest(tensors: dict[str, torch.Tensor]) -> str:
    """A name for weights that depends on their bits only, not on how the file was written."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha256.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return f"sha256:{sha256.hexdigest()}"
