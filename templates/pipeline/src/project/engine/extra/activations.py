"""Activation checkpointing: keep the inputs of the blocks only, and compute the rest again in the backward pass."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

NORMS = nn.modules.batchnorm._BatchNorm  # running statistics would be updated twice


def checkpoint_blocks(model: nn.Module) -> int:
    """Every trained block of a Sequential or ModuleList, outermost first; gives their number. Names do not change."""
    count = 0
    for child in model.children():
        if isinstance(model, (nn.Sequential, nn.ModuleList)) and eligible(child):
            child.forward = recomputed(child.forward)
            count += 1
        else:
            count += checkpoint_blocks(child)
    return count


def eligible(block: nn.Module) -> bool:
    """Something with weights and without running statistics."""
    return any(True for _ in block.parameters()) and not any(isinstance(part, NORMS) for part in block.modules())


def recomputed(forward: Any) -> Any:
    """The same function; its random numbers are the same the second time."""

    def again(*inputs: Any, **named: Any) -> Any:
        return checkpoint(forward, *inputs, use_reentrant=False, **named)

    return again
