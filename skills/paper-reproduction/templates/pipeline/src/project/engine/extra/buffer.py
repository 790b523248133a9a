"""A replay buffer: rows that are added while a phase trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..pool import Rows


class Buffer(Rows):
    """The last `capacity` rows that were added; saved with every checkpoint of its phase."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        super().__init__({}, device)
        self.capacity, self.added = capacity, 0

    def add(self, new: dict[str, Tensor]) -> None:
        """Overwrite the oldest rows."""
        if not self.rows:
            self.rows = {k: v.new_empty((self.capacity, *v.shape[1:]), device="cpu") for k, v in new.items()}
        sizes = {len(v) for v in new.values()}
        if new.keys() != self.rows.keys() or len(sizes) != 1:
            raise ValueError("collect must give the same names at every call, and equally many rows of each")
        where = (self.added + torch.arange(sizes.pop())) % self.capacity
        for name, rows in new.items():
            self.rows[name][where[-self.capacity :]] = rows[-self.capacity :].cpu()
        self.added += len(where)
        self.count = min(self.added, self.capacity)

    def to_dict(self) -> dict[str, Any]:
        """Only what is filled."""
        return {"added": self.added, "rows": {name: rows[: self.count].clone() for name, rows in self.rows.items()}}

    def load_dict(self, saved: dict[str, Any]) -> None:
        """The inverse of to_dict."""
        self.rows, self.added = {}, 0
        if saved["rows"]:
            self.add(saved["rows"])
        self.added = saved["added"]
