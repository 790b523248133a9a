"""FSDP2: every process holds a part of each parameter, of its gradient, of the optimizer's state and of the average.

A loss function runs as the forward pass of one sharded module, so it may use the model in any way; blocks of a
Sequential or ModuleList are gathered one after the other, as long as they are called and not looked into. Checkpoints
hold whole tensors: they are those of a single process, and a run may go on with another number of processes, or none.
Models of finished phases are whole in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, device, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ..config import Config, option
from ..errors import ProjectError
from .activations import eligible


def check(cfg: Config, phase: str, optimizers: int) -> None:
    """Refuse what FSDP cannot train here."""
    reasons = {f"phase '{phase}' has {optimizers} optimizers": optimizers > 1,
               "precision = fp16": cfg.precision == "fp16", "compile = true": option(cfg, "compile")}  # fmt: skip
    if found := [words for words, is_so in reasons.items() if is_so]:
        why = "the loss of one part needs the others whole, fp16's scaler and the compiler know nothing of shards"
        raise ProjectError("parallel", f"--parallel fsdp: {'; '.join(found)}", why, "--parallel ddp, or bf16")


def shard(loss: Any, processes: int, place: device) -> Callable[..., Tensor]:
    """The module with its parameters sharded over all processes, the innermost blocks first."""
    mesh = init_device_mesh(place.type, (processes,))
    for module in [*loss.modules()][::-1]:
        if isinstance(module, (nn.Sequential, nn.ModuleList)):
            for block in filter(eligible, module):
                fully_shard(block, mesh=mesh)
    loss.loss = guarded(loss.loss)
    sharded: Callable[..., Tensor] = fully_shard(loss, mesh=mesh)
    return sharded


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with words of ours for what torch says where a block's parameters are used outside of it."""

    def call(*inputs: Any) -> Any:
        try:
            return function(*inputs)
        except RuntimeError as error:
            if "DTensor" not in str(error):
                raise
            what = "--parallel fsdp: parameters of a block are used elsewhere than in its own call"
            why, fix = f"there they are sharded ({error})", "call the block, or --parallel ddp"
            raise ProjectError("parallel", what, why, fix) from error

    return call


def inside(loss: Any, function: Callable[..., Any], *inputs: Any) -> Any:
    """A function called as the loss is called: with whole parameters."""
    kept, loss.loss = loss.loss, guarded(function)
    try:
        return loss(*inputs)
    finally:
        loss.loss = kept
        loss.reshard()


def is_shard(tensor: Any) -> bool:
    """Whether other processes hold the rest of it."""
    return isinstance(tensor, DTensor)


def local(tensor: Tensor) -> Tensor:
    """What this process holds of it."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(content: Any) -> Any:
    """The same, with every shard gathered from all processes; they go to the CPU one by one."""
    if isinstance(content, DTensor):
        full = content.full_tensor()
        return full if full.ndim == 0 else full.cpu()
    if isinstance(content, dict):
        return {key: whole(value) for key, value in content.items()}
    return type(content)(map(whole, content)) if type(content) in (list, tuple) else content


def dealt(saved: dict[str, Any], state: Any) -> dict[str, Any]:
    """A saved state, each tensor dealt out like the one that it is to replace."""
    optimizers = {}
    for part in state.parts:
        kept = saved["optimizer"][part.name]
        each = {number: {key: like(value, part.parameters[number]) for key, value in values.items()}
                for number, values in kept["state"].items()}  # fmt: skip
        optimizers[part.name] = kept | {"state": each}
    model, now = saved["model"], state.model.state_dict()
    return saved | {"optimizer": optimizers, "model": {key: like(value, now[key]) for key, value in model.items()},
                    "ema": {key: like(value, state.ema[key]) for key, value in saved["ema"].items()}}  # fmt: skip


def like(full: Any, example: Tensor) -> Any:
    """This process's part of a tensor; what has another shape, such as a count of steps, stays whole."""
    if not isinstance(example, DTensor) or not isinstance(full, Tensor) or full.shape != example.shape:
        return full
    here = full.to(example.device)
    return distribute_tensor(here, example.device_mesh, example.placements, src_data_rank=None)
