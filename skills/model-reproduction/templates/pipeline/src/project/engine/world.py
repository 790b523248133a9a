"""One process. Several of them are in extra/parallel.py, imported only under torchrun."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from .errors import Stopped


class World:
    """What the loops need to know of other processes; here there are none."""

    rank, size, local_rank = 0, 1, 0

    def barrier(self) -> None:
        """Wait for the others."""

    def close(self) -> None:
        """Part from the others."""

    def mean(self, numbers: Any) -> Any:
        """The mean over the processes."""
        return numbers

    def share(self, tensors: Any) -> None:
        """Process 0's values become everybody's."""

    def asked(self, reason: str, step: int) -> str:  # noqa: ARG002
        """Whether to stop, the same answer in every process."""
        return reason

    def leave_if_any(self, reason: str, where: str) -> None:
        """Stop together."""
        if reason:
            raise Stopped(f"{reason} at {where}")

    def wrap(self, loss: Callable[..., Any], trained: Any, device: Any) -> Callable[..., Any]:  # noqa: ARG002
        """The loss, whose backward pass also averages gradients over the processes."""
        return loss

    def local(self, loss: Any, last: bool) -> Any:  # noqa: ARG002
        """Gradients are exchanged with the last micro-batch only."""
        return nullcontext()


def find_world(device: str) -> World:
    """The processes that torchrun started, or this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    return importlib.import_module(".extra.parallel", __package__).Processes(device)  # type: ignore[no-any-return]
