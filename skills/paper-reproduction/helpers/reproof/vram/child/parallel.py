"""Several GPUs: traced as the first of one. What the wrapper itself holds is counted or named."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .world import Idle

SHARDED = (
    "FSDP is traced unsharded, an upper bound for one rank: of N ranks each keeps 1/N of weights, gradients and "
    "optimizer state, and gathers one wrapped module at a time"
)


def install(tracer: Any) -> None:
    """Replace the wrappers by ones that run here."""

    class Wrapped(nn.Module):
        """Runs the wrapped module as it is."""

        said = ""

        def __init__(self, module: nn.Module, *_: Any, **__: Any) -> None:
            super().__init__()
            self.module = module
            tracer.assume(self.said)

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return self.module(*args, **kwargs)

    class DataParallel(Wrapped):
        said = (
            "DataParallel is traced with the whole batch on one GPU: with several, each takes its share of the "
            "activations, and the first also gathers the outputs; the step on one GPU is the upper bound"
        )

    class DistributedDataParallel(Wrapped):
        said = (
            "DistributedDataParallel: its gradient buckets (one more copy of the gradients) are counted, "
            "NCCL's own buffers are not: 0.3 to 4 GB have been reported"
        )

        def __init__(self, module: nn.Module, *_: Any, **kwargs: Any) -> None:
            super().__init__(module)
            self.buckets = []
            if not kwargs.get("gradient_as_bucket_view"):
                trained = [each for each in module.parameters() if each.requires_grad]
                self.buckets = [torch.empty_like(each, requires_grad=False) for each in trained]

        def no_sync(self) -> Any:
            import contextlib

            return contextlib.nullcontext()

    def refused(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("groups, and collectives that change sizes, are not traced; trace one unsharded step")

    class FullyShardedDataParallel(Wrapped):
        said = SHARDED

        def clip_grad_norm_(self, limit: float, norm_type: float = 2.0) -> Any:
            return torch.nn.utils.clip_grad_norm_(self.parameters(), limit, norm_type)

        def no_sync(self) -> Any:
            import contextlib

            return contextlib.nullcontext()

    nn.DataParallel = nn.parallel.DataParallel = DataParallel  # type: ignore[misc,assignment]
    nn.parallel.DistributedDataParallel = DistributedDataParallel  # type: ignore[misc,assignment]
    _distributed(tracer, refused)
    _sharded(tracer, FullyShardedDataParallel)


class Mesh:
    """A device mesh of one process, whatever shape was asked for."""

    def __init__(self, device_type: str, shape: tuple[int, ...], names: Any) -> None:
        self.device_type, self.shape, self.ndim, self.mesh_dim_names = device_type, (1,) * len(shape), len(shape), names

    def __getitem__(self, _name: Any) -> Mesh:
        return self

    def size(self, *_: Any, **__: Any) -> int:
        """One process along every axis."""
        return 1

    def get_local_rank(self, *_: Any, **__: Any) -> int:
        """The only one."""
        return 0

    def get_rank(self) -> int:
        """The only one."""
        return 0

    def get_group(self, *_: Any, **__: Any) -> None:
        """The default group."""


def _distributed(tracer: Any, refused: Any) -> None:
    """A process group of one, without a network."""
    import torch.distributed as dist

    if not dist.is_available():
        return
    started = []

    def start(*_: Any, **__: Any) -> None:
        started.append(True)
        tracer.assume("torch.distributed is taken as a group of one process")

    def nothing(*_: Any, async_op: bool = False, **__: Any) -> Any:
        return Idle() if async_op else None  # it can be waited for

    dist.init_process_group = start
    dist.is_initialized = lambda: bool(started)
    dist.get_rank = lambda *_, **__: 0
    dist.get_world_size = lambda *_, **__: 1
    dist.get_backend = lambda *_, **__: "nccl"  # type: ignore[assignment]

    def mesh(kind: str, shape: Any, *_: Any, mesh_dim_names: Any = None, **__: Any) -> Mesh:
        start()
        return Mesh(kind, tuple(shape), mesh_dim_names)

    places: list[Any] = [dist, dist.device_mesh]
    for place in places:
        place.init_device_mesh = mesh
    for name in ("barrier", "all_reduce", "broadcast", "reduce", "destroy_process_group"):
        setattr(dist, name, nothing)
    for name in ("all_gather", "all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all", "new_group"):
        setattr(dist, name, refused)


def _sharded(tracer: Any, wrapper: Any) -> None:
    """FSDP as the unsharded step: an upper bound for one rank, and said so."""
    try:
        import torch.distributed.fsdp as fsdp
    except ImportError:
        return

    def fully_shard(module: Any, *_: Any, **__: Any) -> Any:
        tracer.assume(SHARDED)
        for name in ("unshard", "reshard", "set_requires_gradient_sync", "set_modules_to_forward_prefetch"):
            for each in module if isinstance(module, (list, tuple)) else [module]:
                each.__dict__.setdefault(name, lambda *_, **__: None)
        return module

    fsdp.FullyShardedDataParallel = wrapper  # type: ignore[misc]
    places: list[Any] = [fsdp, getattr(fsdp, "_fully_shard", None)]
    for place in places:
        if place is not None:
            place.fully_shard = fully_shard
