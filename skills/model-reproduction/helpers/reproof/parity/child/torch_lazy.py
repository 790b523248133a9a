"""Weights that are not there until an operation reads them: a model of any size is built, run and differentiated.

A `Lazy` tensor has shape, strides and type. Views of it are lazy; any other operation gets the values, drawn into one piece
of memory that the next large weight overwrites. Autograd saves the lazy tensor, so the backward pass draws them anew.
"""  # noqa: E501

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_map

from .contract import BadContract
from .grids import Grid, below, beside, matrix_shape, seen_through
from .sampling import inside
from .torch_mode import VIEWS, Look, storage

LARGE = 1_000_000  # elements from which a weight lies in the shared memory
SHAPE_ONLY = {"zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros", "new_ones",
              "new_empty", "new_full", "new_empty_strided", "randint_like"}  # fmt: skip
JOINS = {"cat", "stack"}
ELEMENTWISE = {"normal_", "uniform_", "zero_", "fill_", "mul_", "add_", "sub_", "div_", "clamp_", "clamp_min_",
               "clamp_max_", "erfinv_", "exponential_", "log_normal_", "cauchy_", "bernoulli_", "abs_", "neg_", "exp_",
               "log_", "sqrt_", "pow_", "tanh_", "round_"}  # fmt: skip
SAME_VALUES = {"_to_copy", "clone", "contiguous", "lift_fresh", "lift_fresh_copy"}


class Memory:
    """Values of the weights that are being read: small ones on their own, large ones all in the same place."""

    def __init__(self) -> None:
        self.values: Any = None  # streaming.Reference or Carried, while the model runs
        self.place: torch.Tensor | None = None
        self.inside: int | None = None
        self.count = 0  # lazy tensors made since the build began
        self.sampling: dict[int, np.ndarray[Any, Any]] | None = None  # which places of which of them are initialised

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
        self.order = -1
        self.places: np.ndarray[Any, Any] = np.zeros(0, np.int64)
        self.sample: torch.Tensor | None = None
        self.lost = ""  # the operation of the initialisation that a sample cannot follow

    def starts_as(self, values: torch.Tensor) -> None:
        """Remember the wanted places of the values that a weight has when it is made."""
        self.order, memory = self.memory.count, self.memory
        memory.count += 1
        if memory.sampling is not None:
            self.places = memory.sampling.get(self.order, np.zeros(0, np.int64))
            self.sample = values.detach().reshape(-1)[torch.from_numpy(self.places)].to(self.dtype)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape)) if self.shape else 1

    def data_ptr(self) -> int:
        """A number that no other weight and no memory has."""
        return -1 - id(self)

    def tensor(self, shared: bool) -> torch.Tensor:
        """The values, flat."""
        return self.memory.tensor(self, shared)


class Joined(Base):
    """Weights that are copied one behind the other along `axis` of a matrix: memory that is there while it is read.

    Element (i, j, ...) has the sum of `numbers` along the axes as its number; that is -1 in a part of zeros.
    """

    def __init__(self, parts: list[Any], axis: int, numbers: list[Any], shape: tuple[int, ...]) -> None:
        one = next(each for each in parts if isinstance(each, Lazy)).base
        super().__init__(shape, one.dtype, one.given, one.memory)
        self.parts, self.axis, self.numbers = parts, axis, numbers

    def tensor(self, shared: bool) -> torch.Tensor:  # noqa: ARG002  (every part has its own place)
        """The parts' values; their memory is gone when the operation that reads it is done."""
        whole = torch.empty(matrix_shape(self.shape), dtype=self.dtype)
        start = 0
        for part in self.parts:
            values = part.values(shared=False) if isinstance(part, Lazy) else part
            values = values.reshape(matrix_shape(tuple(part.shape)))
            whole.narrow(self.axis, start, values.shape[self.axis]).copy_(values)
            start += values.shape[self.axis]
        return whole.reshape(-1)


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
        whole = self.base.tensor(shared)
        return whole.as_strided(self.form.shape, self.form.stride(), self.form.storage_offset())

    def numbers(self) -> Any:
        """Element numbers: an array for a vector, a Grid for anything else."""
        shape, first = tuple(int(n) for n in self.form.shape), self.base.first + int(self.form.storage_offset())
        axes = [np.arange(n, dtype=np.int64) * int(step) for n, step in zip(shape, self.form.stride(), strict=True)]
        plain = first + summed(axes).reshape(shape) if sum(n > 1 for n in shape) <= 1 else None
        found = Grid(first + axes[0], summed(axes[1:]), shape) if plain is None else plain
        return seen_through(self.base.numbers, found) if isinstance(self.base, Joined) else found

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
            return _copied(name, kwargs, lazies[0])
        if name in VIEWS and len(lazies) == 1:
            found = _viewed(func, args, kwargs, lazies[0])
            if found is not None:
                return found
        if memory.values is None:
            return _while_built(func, name, args, kwargs)
        joined = _joined(name, func, args, kwargs) if name in JOINS else None
        if joined is not None:
            return joined
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


def _copied(name: str, kwargs: Any, lazy: Lazy) -> Lazy:
    """The same values; where a copy lies in another order, like a transposed weight made contiguous, in that order."""
    if (
        lazy.base.memory.values is None and name == "clone"
    ):  # a layer copied while the model is built: weights of its own
        return _cloned(lazy)
    contiguous = name == "contiguous" or kwargs.get("memory_format") is torch.contiguous_format
    if not contiguous or lazy.form.is_contiguous():
        return Lazy(lazy.base, lazy.form)
    if isinstance(lazy.base, Joined):
        numbers = lazy.numbers()
        axes = [numbers.rows, numbers.cols] if isinstance(numbers, Grid) else [numbers.reshape(-1)]
    else:
        steps = zip(lazy.form.shape, lazy.form.stride(), strict=True)
        axes = [np.arange(int(n), dtype=np.int64) * int(step) for n, step in steps]
        axes[0] = axes[0] + lazy.base.first + int(lazy.form.storage_offset())
    form = torch.empty(lazy.form.shape, dtype=lazy.base.dtype, device="meta")
    return Lazy(Joined([lazy], 0, axes, tuple(lazy.form.shape)), form)


def _cloned(lazy: Lazy) -> Lazy:
    """A weight that begins as a copy of another."""
    old = lazy.base
    base = Base(tuple(lazy.form.shape), old.dtype, old.given, old.memory)
    base.order, old.memory.count = old.memory.count, old.memory.count + 1
    if old.memory.sampling is not None:
        base.places = old.memory.sampling.get(base.order, np.zeros(0, np.int64))
        same = old.sample is not None and np.array_equal(base.places, old.places)
        base.sample = old.sample.clone() if same and old.sample is not None else torch.zeros(base.places.size)
        base.lost = old.lost if same else "a copy"
    return Lazy(base, torch.empty(lazy.form.shape, dtype=old.dtype, device="meta"))


def _joined(name: str, func: Any, args: Any, kwargs: Any) -> Lazy | None:
    """Weights joined while the model runs, like query, key and value made one projection: lazy, its elements known."""
    parts = list(args[0])
    real = [each for each in parts if not isinstance(each, Lazy)]
    dim = int(args[1] if len(args) > 1 else kwargs.get("dim", 0))
    axes = parts[0].dim() + (name == "stack")
    dim = dim + axes if dim < 0 else dim
    if any(each.dim() > 1 or bool(each.any()) for each in real) or {each.dim() for each in parts} != {parts[0].dim()}:
        return None  # with anything but zeros, it is no weight
    numbers = [each.numbers() if isinstance(each, Lazy) else np.full(tuple(each.shape), -1) for each in parts]
    axis = 0 if dim == 0 else 1
    forms = [each.form if isinstance(each, Lazy) else torch.empty_like(each, device="meta") for each in parts]
    try:
        joined = (below(numbers) if axis == 0 else beside(numbers)) if dim < 2 else None
    except ValueError:  # they lie in no order that rows and columns describe
        joined = None
    if joined is None:
        return None
    form = torch.empty(func(forms, *args[1:], **kwargs).shape, dtype=forms[0].dtype, device="meta")
    return Lazy(Joined(parts, axis, [joined.rows, joined.cols], _shape_of(axis, forms)), form)


def _shape_of(axis: int, forms: list[torch.Tensor]) -> tuple[int, ...]:
    """The matrix that the parts make."""
    sizes = [matrix_shape(tuple(each.shape)) for each in forms]
    total = sum(each[axis] for each in sizes)
    return (total, sizes[0][1]) if axis == 0 else (sizes[0][0], total)


def _initialised(func: Any, name: str, args: Any, kwargs: Any) -> None:
    """Do to the sample what is done to the weight: the elements of what is listed are independent of each other."""
    base, form = args[0].base, args[0].form
    if name == "copy_" and isinstance(args[1], Lazy) and _same_view(args[0], args[1]):
        return  # `weight[:2] *= 3` ends with that
    given = [each for each in tree_flatten((args[1:], kwargs))[0] if isinstance(each, torch.Tensor)]
    whole = name == "copy_" and form.numel() == base.size and form.is_contiguous() and not isinstance(given[0], Lazy)
    if whole and base.sample is not None:
        base.sample = given[0].expand(form.shape).reshape(-1)[torch.from_numpy(base.places)].to(base.dtype)
    elif name in ELEMENTWISE and not any(each.dim() for each in given):
        on_sample(args[0], lambda part: func(part, *args[1:], **kwargs))
    else:
        base.lost = base.lost or name


def _same_view(a: Lazy, b: Lazy) -> bool:
    same = a.form.stride() == b.form.stride() and a.form.storage_offset() == b.form.storage_offset()
    return a.base is b.base and a.form.shape == b.form.shape and same


def on_sample(lazy: Lazy, do: Callable[[torch.Tensor], Any]) -> None:
    """Change those elements of the sample that lie in a view of their weight."""
    base, form = lazy.base, lazy.form
    if base.sample is None or not base.places.size:
        return
    mask = torch.from_numpy(inside(base.places, form.shape, form.stride(), int(form.storage_offset())))
    part = base.sample[mask]
    do(part)
    base.sample[mask] = part


def _while_built(func: Any, name: str, args: Any, kwargs: Any) -> Any:
    """Writes are left out, shapes are answered, values are refused."""
    if func._schema.is_mutable and isinstance(args[0], Lazy):
        _initialised(func, name, args, kwargs)
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
    base = Base(tuple(tensor.shape), kind, tensor.dtype, memory)
    base.starts_as(tensor)
    return Lazy(base, form)


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
        """Numbers of a lazy tensor; anything else is no weight, nor what is too large to be numbered one by one."""
        if not isinstance(tensor, Lazy) or not tensor.numel():
            return None
        try:
            found = tensor.numbers()
        except ValueError:
            return None
        return found if isinstance(found, Grid) or bool((found >= 0).any()) else None

    def _followed(self, base: str, func: Any, args: Any, kwargs: Any, reads: Any, outs: Any, ids: Any) -> bool:  # noqa: ARG002
        """Views of lazy tensors, and what joins them, are lazy and know their numbers."""
        return bool(outs) and all(isinstance(each, Lazy) for each in outs)


def as_matrix(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """A gradient as [first axis, all other axes], without a copy where its strides allow."""
    found: np.ndarray[Any, Any] = tensor.detach().reshape(matrix_shape(tuple(tensor.shape))).numpy()
    return found
