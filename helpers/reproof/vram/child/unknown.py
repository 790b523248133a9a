"""Operators whose result depends on values: the true answer where the value is known, else a stated assumption."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .ledger import site
from .truths import Condition, Noted, as_a_rule, asked_at, in_torch


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
        return _hinted(tracer, tensor, hint)
    if tensor.dtype == torch.bool:
        return _condition(tracer, tracer.truths.get(tensor))
    count = tracer.truths.get(tensor)
    if count is not None:
        tracer.assume("a count of a mask: all elements are selected, an upper bound")
        return float(count.truth) if tensor.dtype.is_floating_point else count.truth
    if tensor.dtype.is_floating_point:
        tracer.assume("item() of an unknown value is taken as 1")
        return 1.0
    tracer.assume("item() of an unknown whole number is taken as 1, which a length would make a lower bound")
    return 1


def _condition(tracer: Any, noted: Noted | None) -> bool:
    """What decides on the line that asks, see `truths`."""
    place, answer = site(), noted is not None and bool(noted.truth)
    sure = noted is not None and noted.sure
    inside = in_torch()
    asked = None if sure else asked_at(inside or place)
    if sure:
        tracer.passes[place] = 0  # a loop that this ends may be entered again
    if inside and (asked is None or asked.bound or asked.passes):  # its loops redo what a mask shows: left at once
        answer = asked.wanted if asked is not None and asked.passes and noted else answer
        asked = None
    if asked is None or (asked.bound and noted is not None):
        answer = answer or as_a_rule(inside or place)
        tracer.assume(f"a condition on values is taken as {answer}")
        return answer
    if not asked.passes:
        why = "what it leads to may need memory" if asked.bound else "the program goes on"
        tracer.assume(f"a condition on values is taken as {asked.wanted}: {why}")
        return asked.wanted
    tracer.assume(f"a loop whose end depends on values makes {asked.passes} passes, if nothing else ends it")
    return _pass(tracer, place, asked, asked.passes)


def _pass(tracer: Any, place: str, asked: Condition, passes: int) -> bool:
    """The answer that lets a loop make so many passes, each time that it is entered."""
    tracer.passes[place] += 1
    leaves = tracer.passes[place] % max(passes + asked.before, 1) == 0
    return asked.wanted if leaves else not asked.wanted


def _hinted(tracer: Any, tensor: Any, hint: Any) -> Any:
    """The user's word: a value, a condition, or the number of passes of a loop."""
    if tensor.dtype != torch.bool:
        return hint
    place = site()
    asked = asked_at(place)
    if asked is not None and asked.passes and not isinstance(hint, bool):
        return _pass(tracer, place, asked, int(hint))
    return bool(hint)


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
    even = tracer.shadows.filled.even(mask)
    if even is not None:  # the experts of a router share the tokens: together they get each of them
        tracer.assume(f"{what}: of all elements that were set a part has its share, spread evenly")
        return int(even)
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
    tracer.shadows.poison(args[0])
    if func._schema.name.endswith("_"):
        return args[0]
    out = torch.empty_like(args[0])
    tracer.see(out, "aten::index_put")
    return out


def _unique(tracer: Any, func: Any, args: Any, kwargs: Any) -> Any:
    """Values, inverse and counts of unique() and its relatives; what was not asked for is empty, as on a GPU."""
    names = [each.name for each in func._schema.arguments]
    given = {**dict(zip(names, args)), **kwargs}  # noqa: B905 - Python 3.8 has no strict=; the rest have defaults
    tensor, axis = args[0], given.get("dim")
    known = known_value(tracer, tensor)
    values: tuple[Any, ...] = ()
    if known is not None:
        with torch._C._DisableTorchDispatch():
            values = func(known, *args[1:], **kwargs)
    most = tensor.numel() if axis is None else tensor.shape[axis]
    count = _most_unique(tracer, most) if known is None else values[0].shape[axis or 0]
    shape = [count] if axis is None else [*tensor.shape[: axis % tensor.dim()], count, *tensor.shape[axis:][1:]]
    inverse = (tensor.shape if axis is None else [most]) if given.get("return_inverse") else [0]
    counts = [count] if given.get("return_counts") else [0]
    out = (tensor.new_empty(shape), *(tensor.new_empty(each, dtype=torch.int64) for each in (inverse, counts)))
    for each in out:
        tracer.see(each, func._schema.name)
    for each, value in zip(out, values):  # noqa: B905 - Python 3.8 has no strict=
        if value.shape == each.shape:
            tracer.shadows.learn(each, value, tracer.shadows.drawn(tensor))
    return out


def _most_unique(tracer: Any, most: int) -> int:
    """How many differ at most."""
    hint = tracer.hint()
    if hint is not None:
        return min(int(hint), most)
    tracer.assume("unique: all elements differ, an upper bound")
    return most


def _nms(tracer: Any, func: Any, args: Any, _kwargs: Any) -> Any:
    """Boxes that stay: all of them at most. Beside them, as in torchvision's nms_kernel.cu: a bit for each pair."""
    boxes, scores = args[:2]
    count, name = int(boxes.shape[0]), func._schema.name
    held = [scores.numel() * (scores.element_size() + 8), boxes.numel() * boxes.element_size()]  # both sorted
    held += [count * -(-count // 64) * 8, count * 8]
    keys = [tracer.scratch(size, name, "") for size in held]
    hint = tracer.hint()
    if hint is None:
        tracer.assume("nms: all boxes stay, an upper bound")
    out = boxes.new_empty(count if hint is None else min(int(hint), count), dtype=torch.int64)
    tracer.see(out, name)
    for key in keys:
        tracer.ledger.free(key)
    return out


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


def _equal(tracer: Any, func: Any, args: Any, kwargs: Any) -> bool:
    first, second = (tracer.shadows.value(each) for each in args[:2])
    if first is None or second is None:
        return _condition(tracer, Noted(True, False))
    with torch._C._DisableTorchDispatch():
        return bool(func(first, second, *args[2:], **kwargs))


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
    "aten::_unique": _unique,
    "aten::_unique2": _unique,
    "aten::unique_consecutive": _unique,
    "aten::unique_dim": _unique,
    "torchvision::nms": _nms,
    "aten::bincount": _bincount,
    "aten::equal": _equal,
    "aten::allclose": _equal,
    "aten::_pin_memory": _same,
    "aten::pin_memory": _same,
    "aten::is_pinned": _no,
    "aten::record_stream": _nothing,
}
