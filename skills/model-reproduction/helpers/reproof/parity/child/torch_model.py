"""A PyTorch model of the user's with given weights: loading, running, outputs."""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .contract import BadContract, Contract, called
from .nodes import Array
from .sizes import MOST_WEIGHTS
from .torch_mode import Look, to_numpy, where
from .trees import Unfit, arranged, leaves, mapped, to_arrays

DTYPES = {"float64": torch.float64, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def array(value: Any) -> Any:
    """A tensor as an array; None for what is no tensor."""
    if isinstance(value, torch.Tensor):
        return to_numpy(value)
    return value if isinstance(value, np.ndarray) else None


def tensors(tree: Any, dtype: torch.dtype, grad: bool = False) -> Any:
    """A tree of arrays as tensors, floats in `dtype`."""

    def change(each: Array) -> torch.Tensor:
        found = torch.from_numpy(np.array(each))
        found = found.to(dtype) if found.is_floating_point() else found
        return found.requires_grad_(grad) if found.is_floating_point() else found

    return mapped(tree, change)


class Weights:
    """Parameters and learned buffers of a model, one after the other."""

    def __init__(self, model: torch.nn.Module, learned: set[str]) -> None:
        self.names: list[str] = []
        self.tensors: list[torch.Tensor] = []
        self.kinds: list[str] = []
        for name, parameter in model.named_parameters():
            self._add(name, parameter, "parameter")
        kinds = _statistics(model)
        for name, buffer in model.named_buffers():
            if buffer is not None and buffer.is_floating_point() and (name in kinds or name in learned):
                self._add(name, buffer, kinds.get(name, "buffer"))
        self.starts = np.cumsum([0, *[each.numel() for each in self.tensors]])

    def _add(self, name: str, tensor: torch.Tensor, kind: str) -> None:
        if tensor.numel():
            self.names.append(name)
            self.tensors.append(tensor)
            self.kinds.append(kind)

    def meta(self) -> list[dict[str, Any]]:
        """Name, shape, kind, dtype of every tensor."""
        return [
            {"name": name, "shape": list(each.shape), "kind": kind, "dtype": str(each.dtype).removeprefix("torch."),
             "trainable": bool(each.requires_grad)}
            for name, each, kind in zip(self.names, self.tensors, self.kinds, strict=False)
        ]  # fmt: skip

    def gather(self) -> Array:
        """All values, one after the other."""
        parts = [to_numpy(each).reshape(-1) for each in self.tensors]
        return np.concatenate(parts) if parts else np.zeros(0)

    def scatter(self, values: Array) -> None:
        """Set all values."""
        with torch.no_grad():
            for each, start in zip(self.tensors, self.starts, strict=False):
                part = values[int(start) : int(start) + each.numel()]
                each.copy_(torch.from_numpy(np.ascontiguousarray(part)).reshape(each.shape))

    def gradients(self) -> tuple[Array, Array]:
        """(gradients, which elements have one), zeros where there is none."""
        parts, has = [], []
        for each in self.tensors:
            grad = each.grad if each.grad is None or not each.grad.is_sparse else each.grad.to_dense()
            parts.append(to_numpy(grad).reshape(-1) if grad is not None else np.zeros(each.numel()))
            has.append(np.full(each.numel(), grad is not None))
        return (np.concatenate(parts), np.concatenate(has)) if parts else (np.zeros(0), np.zeros(0, bool))


def _statistics(model: torch.nn.Module) -> dict[str, str]:
    found = {}
    for name, module in model.named_modules():
        for buffer, kind in (("running_var", "variance"), ("running_mean", "mean")):
            if getattr(module, buffer, None) is not None:
                found[f"{name}.{buffer}".lstrip(".")] = kind
    return found


class Builder:
    """Makes the user's model in a dtype, with given weights and mode."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.said: dict[str, None] = {}
        self.learned: set[str] = set()
        self.learned = self._learned()

    def _learned(self) -> set[str]:
        """Float buffers that the seed decides: state, not constants such as masks and tables."""
        one, two = (dict(self.model(seed=seed, dtype="float32").named_buffers()) for seed in (1, 2))
        return {
            name
            for name, each in one.items()
            if each is not None and each.is_floating_point() and name in two and not torch.equal(each, two[name])
        }

    def model(self, seed: int = 1, dtype: str = "float64") -> Any:
        """A fresh model in a dtype."""
        torch.manual_seed(seed)
        np.random.seed(seed)
        with default_dtype(dtype), Look(promote=True) if dtype == "float64" else contextlib.nullcontext():
            with counted(MOST_WEIGHTS):
                model = self.contract.model()
        self.check(model)
        return model.to(DTYPES[dtype])

    @staticmethod
    def check(model: Any) -> None:
        """Refuse what is no model on the CPU."""
        if not isinstance(model, torch.nn.Module):
            raise BadContract("no-module", f"build() returned {type(model).__name__}, not a torch.nn.Module")
        for name, each in [*model.named_parameters(), *model.named_buffers()]:
            if each.is_cuda:
                raise BadContract("needs-cuda", f"build() puts {name} on {each.device}")
            if isinstance(each, (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer)):
                raise BadContract("lazy-layer", f"{name} has no shape yet: run the model once in build()")

    def loaded(self, weights: Array | None, mode: str, dtype: str = "float64") -> tuple[Any, Weights]:
        """A model with given weights, in a mode, and its weights."""
        model = self.model(dtype=dtype)
        held = Weights(model, self.learned)
        if weights is not None:
            held.scatter(weights)
        model.train(mode == "train")
        return model, held

    def run(self, model: Any, inputs: Any, dtype: str = "float64", grad: bool = False) -> tuple[Any, Any]:
        """(what the model returns, the input tensors)."""
        given = tensors(inputs, DTYPES[dtype], grad)
        if self.contract.adapt is not None:
            given = self.contract.adapt(given)
        if self.contract.call is not None:
            return called(self.contract.call, model=model, inputs=given), given
        try:
            args, kwargs, said = arranged(given, model.forward)
        except Unfit as error:
            raise BadContract("other-inputs", str(error)) from error
        if said:
            self.said[f"inputs: {said}"] = None
        return model(*args, **kwargs), given

    def outputs(self, returned: Any) -> list[Array]:
        """The arrays that the model returns, floats first."""
        if self.contract.output is not None:
            returned = self.contract.output(returned)
        found = list(leaves(to_arrays(returned, array)))
        return [each for each in found if each.dtype.kind == "f"] + [each for each in found if each.dtype.kind != "f"]


class TooLarge(BaseException):
    """The model has more weights than are held whole; no user code catches it."""


@contextlib.contextmanager
def counted(most: int) -> Iterator[None]:
    """Building ends where more than `most` weights were registered."""
    before = torch.nn.Module.register_parameter
    seen: set[int] = set()
    total = 0

    def register(self: Any, name: str, param: Any) -> None:
        nonlocal total
        before(self, name, param)
        if param is None or id(param) in seen or isinstance(param, torch.nn.UninitializedParameter):
            return
        seen.add(id(param))
        total += param.numel()
        if total > most:
            raise TooLarge

    torch.nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.nn.Module.register_parameter = before  # type: ignore[method-assign]


@contextlib.contextmanager
def default_dtype(dtype: str) -> Iterator[None]:
    """New tensors are float64 during a float64 run."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if dtype == "float64" else torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def noted_modules(made: dict[int, str]) -> Iterator[None]:
    """Notes the user's line that makes each of torch's own modules: an epsilon stands there, not where it is called."""
    before = torch.nn.Module.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self).__module__.startswith("torch."):
            made[id(self)] = where()[0]
        before(self, *args, **kwargs)

    torch.nn.Module.__init__ = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.nn.Module.__init__ = before  # type: ignore[method-assign]


@contextlib.contextmanager
def plain_kernels() -> Iterator[None]:
    """Attention as matrix products, no fused fast path: every step of it is an operation that can be compared."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH):
        yield
