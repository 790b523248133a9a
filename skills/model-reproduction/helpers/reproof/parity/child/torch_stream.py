"""The PyTorch side of a model too large to be held: the same questions, weights drawn when an operation reads them."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from . import torch_train
from .contract import Contract
from .streaming import Carried, Reference, Sketch
from .torch_lazy import Lazy, LazyLook, Memory, as_matrix, empty_weights, lazy, on_sample
from .torch_mode import Look
from .torch_model import DTYPES, Builder, Weights, default_dtype, plain_kernels, tensors
from .torch_side import TorchSide


class StreamBuilder(Builder):
    """Builds the user's model with lazy weights."""

    def __init__(self, contract: Contract) -> None:
        self.memory = Memory()
        self.meta: list[dict[str, Any]] = []
        super().__init__(contract)

    def _learned(self) -> set[str]:
        """Float buffers that the seed decides cannot be told without two whole models."""
        return set()

    def model(self, seed: int = 1, dtype: str = "float64") -> Any:
        """The user's model, its parameters and running statistics lazy."""
        torch.manual_seed(seed)
        np.random.seed(seed)
        self.memory.set(None)
        self.memory.count = 0
        kind = DTYPES[dtype]
        with default_dtype(dtype), Look(promote=True) if dtype == "float64" else contextlib.nullcontext():
            with empty_weights(self.memory, kind), truncated():
                model = self.contract.model()
        self.check(model)
        statistics = ("running_mean", "running_var")
        for module in model.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None and buffer.is_floating_point():
                    stays = lazy(buffer, self.memory, kind) if name in statistics else buffer.to(kind)
                    module._buffers[name] = stays
        return model

    def loaded(self, weights: Any, mode: str, dtype: str = "float64") -> tuple[Any, Weights]:
        """A model that reads the given draw."""
        model = self.model(dtype=dtype)
        held = Weights(model, self.learned)
        for number, each in enumerate(held.tensors):
            each.base.number = number  # type: ignore[attr-defined]
        self.memory.set(self.values(weights or {"seed": 0}))
        model.train(mode == "train")
        return model, held

    def values(self, weights: dict[str, Any]) -> Any:
        """Where the values come from: {"seed", "moved"}, and for a port {"lifted", "tensors"} of the reference."""
        seed, moved = int(weights["seed"]), bool(weights.get("moved"))
        if weights.get("lifted") is None:
            return Reference(self.meta, seed, moved)
        source = Reference(weights["tensors"], seed, moved)
        return Carried(source, Reference(self.meta, seed + 1000, moved), weights["lifted"])


@contextlib.contextmanager
def truncated() -> Iterator[None]:
    """Torch's truncated normal looks at the values that it draws: on a sample it draws for the sample alone."""
    before = torch.nn.init._no_grad_trunc_normal_

    def drawn(tensor: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(tensor, Lazy):
            return before(tensor, *args, **kwargs)
        on_sample(tensor, lambda part: before(part, *args, **kwargs))
        return tensor

    torch.nn.init._no_grad_trunc_normal_ = drawn
    try:
        yield
    finally:
        torch.nn.init._no_grad_trunc_normal_ = before


class StreamSide(TorchSide):
    """Answers for one contract, one weight in memory at a time."""

    streamed = True
    look = LazyLook
    builder: StreamBuilder

    def __init__(self, contract: Contract) -> None:
        super().__init__(contract, StreamBuilder(contract))
        self.builder.meta = self.weights_meta

    @contextlib.contextmanager
    def _released(self) -> Iterator[None]:
        """The memory of the weights is given back between questions."""
        try:
            yield
        finally:
            self.builder.memory.set(None)

    def _dtypes(self, model: Any) -> list[str]:
        return sorted({str(each.base.given).removeprefix("torch.") for each in model.parameters()})

    def trace(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """A recorded run."""
        with self._released():
            return super().trace(*args, **kwargs)

    def outputs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What the model returns."""
        with self._released():
            return super().outputs(*args, **kwargs)

    def _step(self, model: Any, batches: list[Any]) -> None:
        """Loss and gradients; no update, whose state would have the size of the model."""
        for each in model.parameters():
            if each.requires_grad:
                each.register_post_accumulate_grad_hook(_dropped)
        self._loss(model, tensors(batches[0], torch.float64)).backward()

    def gradients(
        self, weights: Any, batch: Any, mode: str = "train", force: Any = None, dtype: str = "float64"
    ) -> dict[str, Any]:
        """Loss, sketches of the gradients per tensor of the reference, gradients of the float inputs."""
        with self._released():
            model, held = self.builder.loaded(weights, mode, dtype)
            sketch = Sketch(weights.get("tensors") or self.weights_meta)
            has = _sketched(held, sketch, weights.get("lifted"))
            look = Look(promote=dtype == "float64", force=force)
            given = tensors(batch, DTYPES[dtype], grad=True)
            with default_dtype(dtype), plain_kernels(), look:
                loss = self._loss(model, given)
                draws = list(look.draws)
                loss.backward()
        inputs = [each for each in _leaves(given) if each.requires_grad and each.grad is not None]
        return {
            "loss": float(loss),
            "gradients": sketch.plain(),
            "has": sorted(has),
            "inputs": [each.grad.double().numpy().copy() for each in inputs],
            "draws": draws,
            "statistics": None,
        }

    def initial(self, seeds: list[int], elements: Any) -> Any:
        """Initial values of some elements, one row per seed; no number where the initialisation cannot be followed."""
        model = self.builder.model()
        held = Weights(model, self.builder.learned)
        cuts = np.searchsorted(elements, held.starts)
        bases = [each.base for each in held.tensors]  # type: ignore[attr-defined]
        wanted = {base.order: elements[a:b] - int(start)
                  for base, a, b, start in zip(bases, cuts, cuts[1:], held.starts, strict=False)}  # fmt: skip
        rows = []
        for seed in seeds:
            self.builder.memory.sampling = wanted
            try:
                again = Weights(self.builder.model(seed, "float32"), self.builder.learned)
            finally:
                self.builder.memory.sampling = None
            rows.append(np.concatenate([_started(each.base) for each in again.tensors]))  # type: ignore[attr-defined]
        return np.stack(rows)

    def optimizer(self) -> dict[str, Any]:
        """Settings of the optimizer for every weight; averaged weights are not made."""
        return torch_train.described(self, averaged=False)


def _started(base: Any) -> Any:
    """The sample of a weight as the build left it."""
    values = base.sample.double().numpy()
    return np.full(values.shape, np.nan) if base.lost else values


def _dropped(parameter: Any) -> None:
    parameter.grad = None


def _sketched(held: Weights, sketch: Sketch, lifted: Any) -> set[int]:
    """Sketch every gradient when it is complete, and drop it. The numbers of the tensors that got one."""
    has: set[int] = set()

    def take(number: int, parameter: Any) -> None:
        gradient = as_matrix(parameter.grad)
        if lifted is None:
            sketch.add(number, gradient)
        else:
            sketch.add_port(number, gradient, lifted)
        has.add(number)
        parameter.grad = None

    for number, each in enumerate(held.tensors):
        if each.requires_grad:
            each.register_post_accumulate_grad_hook(lambda p, n=number: take(n, p))
    return has


def _leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in _leaves(each)]
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in _leaves(each)]
    return [tree] if isinstance(tree, torch.Tensor) else []
