"""Several processes that train as one: `torchrun --nproc-per-node 2 run.py train NAME --accumulate 2`.

The micro-batches of a step are dealt out to the processes, and each is drawn from the same key as in a single
process. So the parameters are those of one process with the same settings, up to the order in which gradients are
summed, and a run may go on with another number of processes. Process 0 writes; what only it knows (the statistics of
its batch-norms) goes to the others before anything is made from it. `collect` runs in every process alike.

`--parallel ddp` keeps all of a model in every process; `--parallel fsdp` is in sharded.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import PrefixStore, TCPStore

from ..config import Config
from ..errors import Stopped
from ..world import World
from . import sharded

PATIENCE = timedelta(seconds=120)  # a lost process is noticed after this; the default is half an hour
ASK_EVERY = 10  # steps between two looks at whether any process was asked to stop


class Loss(nn.Module):
    """A loss function as a module: so DDP sees what is trained, and the loss may use the model in any way."""

    def __init__(self, loss: Callable[..., Tensor], trained: nn.Module) -> None:
        super().__init__()
        self.loss, self.trained = loss, trained

    def forward(self, *inputs: Any) -> Tensor:
        """The loss."""
        return self.loss(*inputs)


class Processes(World):
    """What torchrun started."""

    def __init__(self, device: str, parallel: str = "ddp") -> None:
        self.fsdp = parallel == "fsdp"
        self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        backend = "gloo" if device == "cpu" or not torch.cuda.is_available() else "cpu:gloo,cuda:nccl"
        # after a restart torchrun hands out the store of the attempt before, with addresses of processes that are
        # gone (seen with torch 2.13); a prefix per attempt keeps them apart
        alone = os.environ.get("GROUP_WORLD_SIZE", "1") == "1"
        if alone and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
            address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
            store = TCPStore(address, port, self.size, is_master=False, timeout=PATIENCE)
            attempt = PrefixStore(f"attempt{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
            dist.init_process_group(backend, store=attempt, rank=self.rank, world_size=self.size, timeout=PATIENCE)
        else:
            dist.init_process_group(backend, timeout=PATIENCE)

    def close(self) -> None:
        """Part without a complaint."""
        dist.destroy_process_group()

    def barrier(self) -> None:
        """Wait for the others."""
        self.total(torch.zeros(1))

    def total(self, numbers: Tensor) -> Tensor:
        """The sum over the processes."""
        dist.all_reduce(numbers)
        return numbers

    def mean(self, numbers: Tensor) -> Tensor:
        """The mean over the processes; not a number if it is none in any of them."""
        return self.total(numbers.clone()) / self.size

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Process 0's values become everybody's; of what is sharded, every process has its own part."""
        for tensor in tensors:
            if not sharded.is_shard(tensor):
                dist.broadcast(tensor, src=0)

    def asked(self, reason: str, step: int) -> str:
        """Whether to stop, the same answer in every process."""
        if step % ASK_EVERY:
            return ""
        return reason if not self.total(torch.tensor([float(bool(reason))])).item() else reason or "another process"

    def leave_if_any(self, reason: str, where: str) -> None:
        """Stop together."""
        if reason := self.asked(reason, 0):
            raise Stopped(f"{reason} at {where}")

    def wrap(self, loss: Callable[..., Tensor], trained: nn.Module, device: torch.device) -> Callable[..., Tensor]:
        """The loss, whose backward pass also averages gradients over the processes."""
        if self.fsdp:
            return sharded.shard(Loss(loss, trained), self.size, device)
        ids = [device.index or 0] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(Loss(loss, trained), device_ids=ids)

    def exchange(self, loss: Any, last: bool) -> None:
        """Before a micro-batch: gradients are exchanged with the last one only."""
        if self.fsdp:
            loss.set_requires_gradient_sync(last)
        else:
            loss.require_backward_grad_sync = last  # as DDP's no_sync() does

    def check(self, cfg: Config, phase: str, optimizers: int) -> None:
        """Refuse what cannot be trained by these processes."""
        if self.fsdp:
            sharded.check(cfg, phase, optimizers)

    def inside(self, loss: Any, function: Callable[..., Any], *inputs: Any) -> Any:
        """A function called where the model is whole."""
        return sharded.inside(loss, function, *inputs) if self.fsdp else function(*inputs)

    def local(self, tensor: Tensor) -> Tensor:
        """What this process holds of a tensor."""
        return sharded.local(tensor)

    def whole(self, content: Any) -> Any:
        """The same with every tensor in it whole; every process has to ask."""
        return sharded.whole(content)

    def dealt(self, saved: dict[str, Any], state: Any) -> dict[str, Any]:
        """The inverse of `whole` for a State."""
        return sharded.dealt(saved, state) if self.fsdp else saved
