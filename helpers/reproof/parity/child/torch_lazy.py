"""Weights that are not there until an operation reads them: a model of any size is built, run and differentiated.

A `Lazy` tensor has shape, strides and type. Views of it are lazy; any other operation gets the values, drawn into one piece
of memory that the next large weight overwrites. Autograd saves the lazy tensor, so the backward pass draws them anew.
"""  # noqa: E501

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_map

from .contract import BadContract
from .grids import Grid, matrix_shape
from .torch_mode import VIEWS, Look, storage

LARGE = 1_000_000  # elements from which a weight lies in the shared memory
SHAPE_ONLY = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros", "new_ones",
              "new_empty", "new_full", "new_empty_strided", "randint_like"}  # fmt: skip
SAME_VALUES = {"_to_copy", "clone", "contiguous", "lift_fresh", "lift_fresh_copy"}


class Memory:
    """Values of the weights that are being read: small ones on their own, large ones all in the same place."""

    def __init__(self) -> None:
        self.values: Any = None  # streaming.Reference or Carried, while the model runs
        self.place: torch.Tensor | None = None
        self.inside: int | None = None

    def set(self, values: Any) -> None:
        """Read from `values` from now on; None gives the memory back."""
        self.values, self.inside = values, None
        if values is None:
            self.place = None

    def tensor(self, base: Base, shared: bool) -> torch.Tensor:
        """The values of a whole weight."""
        if self.values is None:
            raise BadContract("needs-weights", "build() computes with its weights; their values are drawn later")
        size = int(np.prod(base.shape)) if base.shape else 1
        if size < LARGE or not shared:
            found = torch.empty(size, dtype=base.dtype)
            self.values.fill(base.number, found.numpy())
            return found
        if self.place is None or self.place.numel() < size or self.place.dtype != base.dtype:
            self.place = None
            self.place, self.inside = torch.empty(size, dtype=base.dtype), None
        if self.inside != base.number:
            self.inside = None
            self.values.fill(base.number, self.place[:size].numpy())
            self.inside = base.number
        return self.place[:size]


class Base:
    """A weight, of which there may be many views. `number` is its place among the model's weights, `first` its first element's."""  # noqa: E501

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype, given: torch.dtype, memory: Memory) -> None:
        self.shape, self.dtype, self.given, self.memory = shape, dtype, given, memory
        self.number, self.first = -1, 0

    def data_ptr(self) -> int:
        """A number that no other weight and no memory has."""
        return -1 - id(self)


class Lazy(torch.Tensor):
    """A view of a weight without values. `form` is the same view of an empty tensor on the meta device."""

    base: Base
    form: torch.Tensor

    @staticmethod
    def __new__(cls, base: Base, form: torch.Tensor) -> Lazy:
        """A tensor that claims to lie on the CPU."""
        found: Lazy = torch.Tensor._make_wrapper_subclass(
            cls,
            form.shape,
            strides=form.stride(),
            storage_offset=form.storage_offset(),
            dtype=base.dtype,
            device=torch.device("cpu"),
        )
        found.base, found.form = base, form
        return found

    def untyped_storage(self) -> Any:
        """Something whose `data_ptr` tells weights apart: there is no memory."""
        return self.base

    def values(self, shared: bool = True) -> torch.Tensor:
        """A real tensor of the same strides; valid until the next large weight is read."""
        whole = self.base.memory.tensor(self.base, shared)
        return whole.as_strided(self.form.shape, self.form.stride(), self.form.storage_offset())

    def numbers(self) -> Any:
        """Element numbers: an array for a vector, a Grid for anything else."""
        shape, first = tuple(int(n) for n in self.form.shape), self.base.first + int(self.form.storage_offset())
        axes = [np.arange(n, dtype=np.int64) * int(step) for n, step in zip(shape, self.form.stride(), strict=True)]
        if sum(n > 1 for n in shape) <= 1:
            return first + summed(axes).reshape(shape)
        return Grid(first + axes[0], summed(axes[1:]), shape)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Lazy({tuple(self.form.shape)})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        """A view stays lazy; a write while the model is built is left out; any other operation gets values."""
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        lazies = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Lazy)]
        memory = lazies[0].base.memory
        if name in SAME_VALUES and len(lazies) == 1:
            return Lazy(lazies[0].base, lazies[0].form)
        if name in VIEWS and len(lazies) == 1:
            found = _viewed(func, args, kwargs, lazies[0])
            if found is not None:
                return found
        if memory.values is None:
            return _while_built(func, name, args, kwargs)
        return _read(func, args, kwargs, memory)


def summed(axes: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """One number from every axis, added, in row-major order.

    >>> summed([np.array([0, 10]), np.array([0, 1, 2])]).tolist()
    [0, 1, 2, 10, 11, 12]
    """
    found = np.zeros(1, np.int64)
    for each in axes:
        found = (found[:, None] + each[None, :]).reshape(-1)
    return found


def _viewed(func: Any, args: Any, kwargs: Any, lazy: Lazy) -> Any:
    """The same view of the empty form, where it needs no copy."""

    def form(each: Any) -> Any:
        return each.form if isinstance(each, Lazy) else each

    out = func(*tree_map(form, args), **tree_map(form, kwargs))
    same = lazy.form.untyped_storage()._cdata  # the identity of memory that has no address
    if any(each.untyped_storage()._cdata != same for each in tree_flatten(out)[0] if isinstance(each, torch.Tensor)):
        return None
    return tree_map(lambda each: Lazy(lazy.base, each) if isinstance(each, torch.Tensor) else each, out)


def _while_built(func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Writes are left out, shapes are answered, values are refused."""
    if func._schema.is_mutable and isinstance(args[0], Lazy):
        return args[0]
    if name in SHAPE_ONLY:
        like = tree_map(
            lambda each: torch.zeros((), dtype=each.dtype).expand(each.shape) if isinstance(each, Lazy) else each, args
        )
        return func(*like, **kwargs)
    raise BadContract("needs-weights", f"build() computes with its weights ({name}); their values are drawn later")


def _read(func: Any, args: Any, kwargs: Any, memory: Memory) -> Any:
    taken = [False]

    def real(each: Any) -> Any:
        if not isinstance(each, Lazy):
            return each
        large = int(np.prod(each.base.shape)) >= LARGE
        found = each.values(shared=not taken[0])
        taken[0] = taken[0] or large
        return found

    out = func(*tree_map(real, args), **tree_map(real, kwargs))
    place = None if memory.place is None else storage(memory.place)

    def own(each: Any) -> Any:  # what shares the memory that the next weight overwrites is copied
        return each.clone() if isinstance(each, torch.Tensor) and storage(each) == place else each

    return tree_map(own, out) if place is not None else out


@contextlib.contextmanager
def empty_weights(memory: Memory, dtype: torch.dtype | None) -> Iterator[None]:
    """Parameters that modules register become lazy at once, floats in `dtype`; buffers stay real."""
    before = torch.nn.Module.register_parameter
    known: dict[int, tuple[Any, Any]] = {}

    def register(self: Any, name: str, param: Any) -> None:
        before(self, name, param)
        if param is None or isinstance(param, Lazy):
            return
        held = known.get(id(param))
        if held is None or held[0]() is not param:
            known[id(param)] = held = (weakref.ref(param), lazy_parameter(param, memory, dtype))
        self._parameters[name] = held[1]

    torch.nn.Module.register_parameter = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.nn.Module.register_parameter = before  # type: ignore[method-assign]


def lazy(tensor: torch.Tensor, memory: Memory, dtype: torch.dtype | None) -> Lazy:
    """A lazy tensor in place of a real one."""
    kind = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    form = torch.empty(tensor.shape, dtype=kind, device="meta")
    return Lazy(Base(tuple(tensor.shape), kind, tensor.dtype, memory), form)


def lazy_parameter(tensor: torch.Tensor, memory: Memory, dtype: torch.dtype | None) -> Any:
    """A lazy parameter in place of a real one."""
    return torch.nn.Parameter(lazy(tensor.detach(), memory, dtype), requires_grad=tensor.requires_grad)


class LazyLook(Look):
    """Look that knows lazy weights by their numbers."""

    def _name(self, tensor: torch.Tensor, ids: Any) -> None:
        assert isinstance(tensor, Lazy), "all weights of a streamed model are lazy"
        self.ids[storage(tensor)] = ids

    def _first(self, tensor: torch.Tensor, first: int) -> Any:
        if isinstance(tensor, Lazy):
            tensor.base.first = first
        return torch.zeros(0)

    def elements(self, tensor: torch.Tensor) -> Any:
        """Numbers of a lazy tensor; anything else is no weight."""
        return tensor.numbers() if isinstance(tensor, Lazy) and tensor.numel() else None

    def _follow(self, func: Any, args: Any, kwargs: Any, outs: list[torch.Tensor]) -> None:
        """Views of a lazy tensor are lazy and know their numbers."""


def as_matrix(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """A gradient as [first axis, all other axes], without a copy where its strides allow."""
    found: np.ndarray[Any, Any] = tensor.detach().reshape(matrix_shape(tuple(tensor.shape))).numpy()
    return found
