"""Operators whose result depends on values: the true answer where the value is known, else a stated assumption."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

ANSWERS = {
    "aten::all": True, "aten::all.dim": True, "aten::any": False, "aten::any.dim": False, "aten::isnan": False,
    "aten::isinf": False, "aten::equal": True, "aten::_is_all_true": True,
    "aten::_is_any_true": False,
}  # fmt: skip
"""What is answered for unknown values: a healthy run, nothing is NaN and every check passes; isfinite is in `world`."""


def truths() -> Any:
    """Boolean tensors and the answer of the operator that made them."""
    return WeakTensorKeyDictionary()


def known_value(tracer: Any, tensor: Any) -> Any:
    """The value that decides, or None; one drawn at random gives way to the user's hint, and is stated once."""
    known = tracer.shadows.value(tensor)
    if known is None or not tracer.shadows.drawn(tensor):
        return known
    if tracer.hint() is not None:
        return None
    state_draw(tracer)
    return known


def state_draw(tracer: Any) -> None:
    """Say that one draw was taken for all; backward meets again what the forward drew."""
    if not tracer.in_backward():
        tracer.assume("a value drawn at random decides: one draw is taken, another may need more memory")


def _item(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    tensor = args[0]
    known = known_value(tracer, tensor)
    if known is not None:
        with torch._C._DisableTorchDispatch():
            return known.item()
    hint = tracer.hint()
    if hint is not None:
        return bool(hint) if tensor.dtype == torch.bool else hint
    if tensor.dtype == torch.bool:
        answer = bool(tracer.truths.get(tensor, False))
        tracer.assume(f"a condition on values is taken as {answer}")
        return answer
    tracer.assume("item() of an unknown value is taken as 1")
    return 1.0 if tensor.dtype.is_floating_point else 1


def _count(tracer: Any, mask: Any, what: str) -> int:
    hint = tracer.hinted.get(mask)  # backward meets the mask of the forward again, on another line
    known = known_value(tracer, mask) if hint is None else None
    if known is not None:
        with torch._C._DisableTorchDispatch():
            return int(known.count_nonzero())
    if hint is None:
        hint = tracer.hint()
    if hint is not None:
        tracer.hinted[mask] = hint
        return min(int(hint), int(mask.numel()))
    bound = tracer.shadows.filled.bound(mask)
    if bound is not None:
        tracer.assume(f"{what}: all elements that were ever set are selected, an upper bound")
        return int(bound)
    tracer.assume(f"{what}: all elements are selected, an upper bound")
    return int(mask.numel())


def _nonzero(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    tensor = args[0]
    rows = _count(tracer, tensor, "nonzero")
    strides = (1, max(1, rows))  # the CUDA kernel fills column by column
    out = torch.empty_strided((rows, tensor.dim()), strides, dtype=torch.int64, device=tensor.device)
    tracer.see(out, "aten::nonzero")
    known = tracer.shadows.value(tensor)
    if known is not None:
        with torch._C._DisableTorchDispatch():
            places = known.nonzero()
        if len(places) == rows:  # else a hint told another number
            tracer.shadows.learn(out, places, tracer.shadows.drawn(tensor))
    return out


def _masked_select(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    tensor, mask = args[:2]
    total = torch.broadcast_shapes(tensor.shape, mask.shape).numel()
    out = tensor.new_empty(_count(tracer, mask, "masked_select") * (total // max(mask.numel(), 1)))
    tracer.see(out, "aten::masked_select")
    return out


def _is_mask(index: Any) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


def _index(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
    if not any(_is_mask(index) for index in args[1]):
        return NotImplemented
    indices: Any = []
    for index in args[1]:
        if _is_mask(index):
            rows = _nonzero(tracer, None, (index,), {})
            indices += [rows.select(1, column) for column in range(index.dim())]
        else:
            indices.append(index)
    with tracer:
        return func(args[0], indices, *args[2:], **kwargs)


def _index_put(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    if not any(_is_mask(index) for index in args[1]):
        return NotImplemented
    if args[2].numel() > 1:  # one value for all goes through masked_fill and needs nothing
        for index in args[1]:
            if index is not None:
                selected = _count(tracer, index, "index_put")
                tracer.ledger.free(tracer.scratch(selected * index.dim() * 8 * 4, "aten::index_put"))
    tracer.shadows.poison(args)
    if func._schema.name.endswith("_"):
        return args[0]
    out = torch.empty_like(args[0])
    tracer.see(out, "aten::index_put")
    return out


def _unique(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
    tensor = args[0]
    known = known_value(tracer, tensor)
    values: tuple[Any, ...] = ()
    if known is None:
        count = _most_unique(tracer, tensor)
    else:
        with torch._C._DisableTorchDispatch():
            values = func(known, *args[1:], **kwargs)
        count = len(values[0])
    out = (
        torch.empty(count, dtype=tensor.dtype, device=tensor.device),
        torch.empty(tensor.shape, dtype=torch.int64, device=tensor.device),
        torch.empty(count, dtype=torch.int64, device=tensor.device),
    )
    for each in out:
        tracer.see(each, "aten::_unique2")
    for each, value in zip(out, values):  # noqa: B905 - Python 3.8 has no strict=
        if value.shape == each.shape:  # what was not asked for is empty
            tracer.shadows.learn(each, value, tracer.shadows.drawn(tensor))
    return out


def _most_unique(tracer: Any, tensor: Any) -> int:
    """How many differ at most."""
    hint = tracer.hint()
    if hint is not None:
        return min(int(hint), int(tensor.numel()))
    tracer.assume("unique: all elements differ, an upper bound")
    return int(tensor.numel())


def _bincount(tracer: Any, _func: Any, args: Any, kwargs: Any) -> Any:
    weights = args[1] if len(args) > 1 else kwargs.get("weights")
    bins = args[2] if len(args) > 2 else kwargs.get("minlength", 0)
    known = known_value(tracer, args[0])
    hint = tracer.hint() if known is None else None
    if known is not None:
        with torch._C._DisableTorchDispatch():
            bins = max(bins, int(known.max()) + 1 if known.numel() else 0)
    elif hint is not None:
        bins = max(bins, int(hint))
    elif bins:
        tracer.assume(f"bincount: no value reaches minlength={bins}")
    else:
        raise NotImplementedError(
            "bincount() of unknown values without minlength: the largest value decides the size; minlength= or a hint, "
            "the number of bins, tells it"
        )
    dtype = torch.int64 if weights is None else torch.float64 if weights.dtype != torch.float32 else weights.dtype
    out = torch.empty(bins, dtype=dtype, device=args[0].device)
    tracer.see(out, "aten::bincount")
    return out


def _equal(tracer: Any, _func: Any, args: Any, _kwargs: Any) -> bool:
    first, second = (tracer.shadows.value(each) for each in args[:2])
    if first is None or second is None:
        tracer.assume("equal() of unknown values is taken as True")
        return True
    with torch._C._DisableTorchDispatch():
        return bool(first.equal(second))


def _same(_tracer: Any, _func: Any, args: Any, _kwargs: Any) -> Any:
    return args[0]


def _nothing(_tracer: Any, _func: Any, _args: Any, _kwargs: Any) -> None:
    return None


def _no(_tracer: Any, _func: Any, _args: Any, _kwargs: Any) -> bool:
    return False


HANDLERS: dict[str, Callable[..., Any]] = {
    "aten::_local_scalar_dense": _item,
    "aten::nonzero": _nonzero,
    "aten::masked_select": _masked_select,
    "aten::index.Tensor": _index,
    "aten::index_put": _index_put,
    "aten::index_put_": _index_put,
    "aten::_unsafe_index_put": _index_put,
    "aten::_unique2": _unique,
    "aten::bincount": _bincount,
    "aten::equal": _equal,
    "aten::_pin_memory": _same,
    "aten::pin_memory": _same,
    "aten::is_pinned": _no,
    "aten::record_stream": _nothing,
}
