"""One process. Several of them are in extra/parallel.py, imported only under torchrun."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
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

    def exchange(self, loss: Any, last: bool) -> None:
        """Before a micro-batch: gradients are exchanged with the last one only."""

    def check(self, cfg: Any, phase: str, optimizers: int) -> None:
        """Refuse what cannot be trained by these processes."""

    def inside(self, _loss: Any, function: Callable[..., Any], *inputs: Any) -> Any:
        """A function called where the model is whole."""
        return function(*inputs)

    def local(self, tensor: Any) -> Any:
        """What this process holds of a tensor."""
        return tensor

    def whole(self, content: Any) -> Any:
        """The same with every tensor in it whole; every process has to ask."""
        return content

    def dealt(self, saved: dict[str, Any], _state: Any) -> dict[str, Any]:
        """The inverse of `whole` for a State."""
        return saved


def find_world(device: str, parallel: str) -> World:
    """The processes that torchrun started, or this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    found: World = importlib.import_module(".extra.parallel", __package__).Processes(device, parallel)
    return found
