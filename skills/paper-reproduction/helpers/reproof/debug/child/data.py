"""The data that a run reads: range, normalisation, classes, doubles, and samples that both splits hold."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import torch

from .subject import Subject

MOST = 20_000  # samples looked at per split


def splits(subject: Subject) -> dict[str, Any]:
    """Statistics of train and test, as far as the subject hands them over."""
    found: dict[str, Any] = {"expect": subject.given.get("expect") or {}}
    digests: dict[str, list[bytes]] = {}
    for name in ("train", "test"):
        given = subject.given.get(name)
        if given is None:
            continue
        inputs, labels, total = samples(given)
        digests[name] = [_digest(row) for row in inputs]
        found[name] = {"total": total, "looked_at": len(inputs), **_numbers(inputs), **_classes(labels)}
        found[name]["duplicates"] = len(digests[name]) - len(set(digests[name]))
    if len(digests) == 2:
        common = set(digests["train"]) & set(digests["test"])
        found["overlap"] = sum(digest in common for digest in digests["test"])
    return found if digests else {"skipped": "the subject hands over neither `train` nor `test`"}


def samples(given: Any) -> tuple[list[torch.Tensor], list[Any] | None, int]:
    """Inputs and labels of the first samples of (inputs, labels), of a tensor, or of a Dataset."""
    if isinstance(given, dict):
        given = (given.get("inputs", given.get("x")), given.get("labels", given.get("y")))
    if isinstance(given, (tuple, list)) and len(given) == 2 and hasattr(given[0], "shape"):
        inputs, labels = torch.as_tensor(given[0]), given[1]
        marks = None if labels is None else torch.as_tensor(labels)[:MOST].tolist()
        return list(inputs[:MOST]), marks, len(inputs)
    if hasattr(given, "shape"):
        inputs = torch.as_tensor(given)
        return list(inputs[:MOST]), None, len(inputs)
    rows = [given[index] for index in range(min(len(given), MOST))]
    pairs = [
        row
        if isinstance(row, (tuple, list))
        else (row.get("x", row.get("inputs")), row.get("y", row.get("labels")))
        if isinstance(row, dict)
        else (row, None)
        for row in rows
    ]
    marks = [_mark(pair[1]) for pair in pairs if len(pair) > 1 and pair[1] is not None]
    return [torch.as_tensor(pair[0]) for pair in pairs], marks if len(marks) == len(pairs) else None, len(given)


def _mark(label: Any) -> Any:
    return label.tolist() if hasattr(label, "tolist") else label


def _digest(row: torch.Tensor) -> bytes:
    return hashlib.sha256(row.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).digest()[:16]


def _numbers(inputs: list[torch.Tensor]) -> dict[str, Any]:
    shapes = Counter(tuple(row.shape) for row in inputs)
    found: dict[str, Any] = {
        "shapes": [[list(shape), count] for shape, count in shapes.most_common(3)],
        "dtype": str(inputs[0].dtype) if inputs else "",
    }
    if len(shapes) != 1 or not inputs:
        return found
    whole = torch.stack(inputs).float()
    bad = ~torch.isfinite(whole)
    values = whole[~bad]
    found["nonfinite"] = int(bad.reshape(len(inputs), -1).any(dim=1).sum())
    if values.numel():
        found.update(
            min=values.min().item(),
            max=values.max().item(),
            mean=values.mean().item(),
            std=values.std(unbiased=False).item(),
        )
        spread = whole.reshape(len(inputs), -1).std(dim=0, unbiased=False)
        found["constant_features"] = int((spread == 0).sum())
        found["features"] = int(spread.numel())
    if whole.dim() == 4 and whole.shape[1] <= 4:
        found["channels"] = [
            [whole[:, c].mean().item(), whole[:, c].std(unbiased=False).item()] for c in range(whole.shape[1])
        ]
    return found


def _classes(labels: list[Any] | None) -> dict[str, Any]:
    if not labels or not all(isinstance(label, int) and not isinstance(label, bool) for label in labels):
        return {}
    counts = Counter(labels)
    return {"classes": {str(label): count for label, count in sorted(counts.items())[:1000]}}
