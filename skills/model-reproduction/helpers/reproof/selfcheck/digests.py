"""Digests as the generated project writes them, computed again from what lies on disk. Nothing of it is imported."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import struct
from pathlib import Path
from typing import Any

from reproof.paths import sha256

# settings that cannot change a result, so the engine leaves them out of its digest (engine/config.py: NOT_INPUTS)
NOT_INPUTS = {
    "experiment", "device", "checkpoint_every_steps", "checkpoint_every_minutes", "keep_checkpoints", "log_every_steps",
    "evaluation", "checkpointing", "deterministic", "workers", "pools_in_memory_gib", "trackers", "estimate",
}  # fmt: skip
HEADER, MAGIC = struct.Struct("<8sQ32s"), b"CHECKPT1"


def config_digest(config: dict[str, Any], seed: int | None) -> str:
    """What `config_hash` of a record must be; `config` is complete, `seed` is the run's, None leaves it out."""
    kept = {key: value for key, value in config.items() if key not in NOT_INPUTS | {"seed"}}
    kept |= {} if seed is None else {"seed": seed}
    return sha256(json.dumps(kept, sort_keys=True))[:16]


def filled(config: Any, run_config: Any) -> Any:
    """`config` with keys that it leaves out taken from the run's own copy: defaults of the engine.

    >>> filled({"lr": 1, "p": {}}, {"lr": 2, "p": {"betas": [0]}, "threads": 1})
    {'lr': 1, 'p': {'betas': [0]}, 'threads': 1}
    """
    if not (isinstance(config, dict) and isinstance(run_config, dict)):
        return config
    known = {key: filled(config[key], run_config.get(key)) for key in config}
    return known | {key: value for key, value in run_config.items() if key not in config}


def tree_digest(folder: Path) -> str:
    """What `core_hash` of a record must be: names and bytes of all Python files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def checkpoint_damage(path: Path) -> str:
    """Why a checkpoint file is not as it was written, or an empty string."""
    with path.open("rb") as file:
        head = file.read(HEADER.size)
        magic, length, digest = HEADER.unpack(head) if len(head) == HEADER.size else (b"", 0, b"")
        if magic != MAGIC:
            return "it is not a checkpoint of the engine"
        found, size = hashlib.sha256(), 0
        while block := file.read(2**20):
            found.update(block)
            size += len(block)
    return "" if (size, found.digest()) == (length, digest) else "its digest does not match its content"


def can_read_weights() -> bool:
    """Whether torch is here."""
    return importlib.util.find_spec("torch") is not None


def weights_digest(path: Path) -> str:
    """What the record's entry for a checkpoint must be: the bits of its weights. The file is whole."""
    import torch

    payload = io.BytesIO(path.read_bytes()[HEADER.size :])
    tensors = torch.load(payload, map_location="cpu", weights_only=True)["model"]
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return f"sha256:{digest.hexdigest()}"
