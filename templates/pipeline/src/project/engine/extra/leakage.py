"""Whether examples of the test set are among those trained on: every row is hashed, and the overlap is counted."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ..run import Run


def check(run: Run, known: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A record for records.jsonl; None if known, or core has no `splits(run)` -> {"train": rows, "test": rows, ...}."""
    if not hasattr(run.core, "splits"):
        return None
    rows = {name: hashes(split) for name, split in run.core.splits(run).items()}
    train = set(rows["train"])
    overlap = {name: sum(row in train for row in found) for name, found in rows.items() if name != "train"}
    digests = {name: hashlib.sha256("".join(sorted(found)).encode()).hexdigest()[:16] for name, found in rows.items()}
    passed = bool(overlap) and not any(overlap.values())
    found = {"kind": "leakage_check", "experiment": run.cfg.experiment, "passed": passed,
             "overlap": overlap, "sizes": {name: len(found) for name, found in rows.items()},
             "duplicates_in_train": len(rows["train"]) - len(train), "split_hashes": digests}  # fmt: skip
    mine = found | {"core_hash": run.about["core_hash"]}
    return None if any(all(old.get(key) == value for key, value in mine.items()) for old in known) else found


def in_words(check: dict[str, Any]) -> str:
    """One line."""
    return f"leakage check {'passed' if check['passed'] else 'FAILED'}: {check['overlap']} in train"


def hashes(rows: Tensor) -> list[str]:
    """One per example (first axis), of its exact bytes: augmented or re-encoded copies are not found."""
    flat = rows.detach().cpu().contiguous().reshape(len(rows), -1).view(torch.uint8).numpy()
    return [hashlib.blake2b(row.data, digest_size=16).hexdigest() for row in flat]
