"""What a step computes and moves: FLOPs by torch's own formulas, and bytes read and written, per operator."""

# mypy: allow-untyped-calls

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry

from .shadows import tensors

COUPLING = {
    "aten::native_batch_norm": "batch norm", "aten::cudnn_batch_norm": "batch norm",
    "aten::_native_batch_norm_legit": "batch norm", "aten::_batch_norm_with_update": "batch norm",
    "aten::_cdist_forward": "distances between samples", "aten::_euclidean_dist": "distances between samples",
}  # fmt: skip
"""Operators by which samples of one batch see each other."""
HALF = (torch.float16, torch.bfloat16)
STILL = {
    "aten::_unsafe_view", "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty",
    "aten::new_empty_strided", "aten::resize_", "aten::set_", "aten::record_stream",
}  # fmt: skip
"""Operators that start no kernel on a GPU, although their schema does not say that they are views."""
ASKS = ("prim::", "profiler::")


def _asks(func: Any) -> bool:
    """Whether an operator answers with no tensor and changes none."""
    returns = func._schema.returns
    return bool(returns) and not func._schema.is_mutable and not any("Tensor" in str(r.type) for r in returns)


def _flops(func: Any, args: Any, kwargs: Any, out: Any) -> int:
    """FLOPs of one operator, by torch's formulas but for one.

    In torch's, up to 2.13 at least, the gradient of a convolution's weight forgets that the channels are in groups: of
    a depthwise convolution it counts as many times too much as there are channels.
    """
    if func is torch.ops.aten.convolution_backward.default:
        gradient, x, weight = args[:3]
        places, wanted = x if args[7] else gradient, args[10][:2]  # transposed: a product for each place that goes in
        return int(sum(wanted) * 2 * places.shape[0] * math.prod(places.shape[2:]) * weight.numel())
    formula = flop_registry.get(func._overloadpacket)
    return int(formula(*args, **kwargs, out_val=out)) if formula is not None else 0


def tf32(convolution: bool) -> bool:
    """Whether fp32 products run in TF32, where the card has it; the old switch raises once the new one was set."""
    backends = torch.backends
    try:
        return bool((backends.cudnn if convolution else backends.cuda.matmul).allow_tf32)
    except RuntimeError:  # torch 2.9 and newer
        new: Any = backends.cudnn.conv if convolution else backends.cuda.matmul  # type: ignore[attr-defined]
        return bool(new.fp32_precision == "tf32")


class Work:
    """Counts of (number format, FLOPs, bytes) over the operators of one step."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, int, int]] = Counter()
        self._view: dict[Any, bool] = {}
        self._written: dict[Any, list[int]] = {}

    def add(self, func: Any, args: Any, kwargs: Any, out: Any, device: str = "cuda") -> None:
        """Count one operator on the GPU; views move nothing."""
        if func not in self._view:
            returns, name = func._schema.returns, func._schema.name
            views = any(r.alias_info is not None and not r.alias_info.is_write for r in returns)
            # a question about a tensor (prim::device, aten::size) moves nothing either
            # foreach operators change lists of tensors and return nothing: what they write shows in no result
            written = [
                i for i, each in enumerate(func._schema.arguments) if each.alias_info and each.alias_info.is_write
            ]
            self._written[func] = [] if returns else written
            self._view[func] = views or name in STILL or name.startswith(ASKS) or _asks(func)
        if self._view[func]:
            return
        first, moved = None, 0
        changed = [args[i] for i in self._written[func] if i < len(args)]
        for each in tensors((args, list(kwargs.values()), out, changed)):
            if each.device.type == device:
                first = first if first is not None else each
                moved += each.numel() * each.element_size()
        if first is None:
            return
        flops = _flops(func, args, kwargs, out)
        self._seen[self._format(first, flops, func), flops, moved] += 1

    @staticmethod
    def _format(tensor: Any, flops: int, func: Any) -> str:
        if tensor.dtype in HALF:
            return "half"
        if tensor.dtype == torch.float32 and flops:
            return "tf32" if tf32("conv" in func._schema.name) else "fp32"
        return "fp64" if tensor.dtype == torch.float64 else "fp32"

    def note(self, form: str, flops: int, moved: int) -> None:
        """Count work that no operator shows, like that of an RNN's kernel."""
        self._seen[form, flops, moved] += 1

    def rows(self) -> list[list[Any]]:
        """Format, FLOPs and bytes of one operator, and how often it ran."""
        return [[form, flops, moved, count] for (form, flops, moved), count in self._seen.items()]
