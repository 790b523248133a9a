"""A GPU's constants, measured: context, cuBLAS workspaces, cuDNN workspaces of convolutions, speed. For `calibrate`."""

# mypy: allow-untyped-calls

from __future__ import annotations

import gc
import statistics
import time
from typing import Any

import torch
from torch.nn import functional as F

MIB = 2**20
CONVOLUTIONS = (
    (64, 3, 64, 224, 7, 2), (64, 64, 64, 56, 3, 1), (64, 64, 256, 56, 1, 1), (64, 256, 256, 14, 3, 1),
    (64, 512, 512, 7, 3, 1), (64, 128, 128, 32, 3, 1), (16, 256, 256, 64, 3, 1), (64, 512, 2048, 7, 1, 1),
)  # fmt: skip
"""Batch, channels in and out, side, kernel, stride: layers of ResNet-50 and of U-Nets."""
TIMES = 10


def constants(gauge: Any) -> dict[str, Any]:
    """All constants; the `gauge` looked at the device before this process had a context."""
    blas = _blas()
    _load_kernels()
    torch.cuda.synchronize()
    free, total = torch.cuda.mem_get_info()
    reserved = torch.cuda.memory_reserved()
    taken, how = gauge.taken(reserved)
    return {
        "total_bytes": total,
        "context_bytes": max(0, (total - free if taken is None else taken) - reserved),
        "context_how": how,
        "blas_bytes": blas,
        "convolutions": _convolutions(),
        "matmul_flop_per_s": {name: _matmul(dtype) for name, dtype in _formats().items()},
        "copy_bytes_per_s": _copy(),
    }


def _formats() -> dict[str, torch.dtype]:
    half = torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16
    return {"float32": torch.float32, "half": half}


def _blas() -> list[int]:
    """What stays allocated when the tensors are gone: after a first product, and further after a first backward."""
    start = torch.cuda.memory_allocated()
    with torch.no_grad():
        x = torch.randn(256, 256, device="cuda")
        x = x @ x
    del x
    gc.collect()
    forward = torch.cuda.memory_allocated() - start
    y = torch.randn(256, 256, device="cuda", requires_grad=True)
    (y @ y).sum().backward()
    del y
    gc.collect()
    return [max(0, forward), max(0, torch.cuda.memory_allocated() - start - forward)]


def _block(tensor: Any) -> int:
    return int(-(-tensor.numel() * tensor.element_size() // 512) * 512)


def _load_kernels() -> None:
    """Kernels are loaded when they first run; their code lies in the context."""
    x = torch.randn(8, 32, 32, 32, device="cuda", requires_grad=True)
    w = torch.randn(32, 32, 3, 3, device="cuda", requires_grad=True)
    y = F.group_norm(F.silu(F.conv2d(x, w, padding=1)), 8)
    y = F.batch_norm(y, None, None, training=True).flatten(2).transpose(1, 2)
    q = y.reshape(8, 1024, 4, 8).transpose(1, 2)
    y = F.layer_norm(F.scaled_dot_product_attention(q, q, q).flatten(1), (4 * 1024 * 8,))
    loss = F.cross_entropy(y, torch.zeros(8, dtype=torch.long, device="cuda")) + torch.cdist(y, y).sum()
    loss.backward()
    torch.optim.AdamW([x, w]).step()
    x.detach().sort(-1)
    del x, w, y, q, loss
    gc.collect()
    torch.cuda.empty_cache()


def _convolutions() -> list[dict[str, Any]]:
    """Workspace over the bytes of input, output and weight together: median and largest, by format and layout."""
    rules = []
    for name, dtype in _formats().items():
        for layout in (torch.contiguous_format, torch.channels_last):
            found: dict[str, list[float]] = {"forward": [], "backward": []}
            for case in CONVOLUTIONS:
                try:
                    forward, backward = _convolution(dtype, layout, *case)
                except RuntimeError:  # no room, or cuDNN has no algorithm for it here
                    torch.cuda.empty_cache()
                    continue
                found["forward"].append(forward)
                found["backward"].append(backward)
            rules += [
                {
                    "dtype": name,
                    "layout": "channels_last" if layout is torch.channels_last else "contiguous",
                    "direction": direction,
                    "median_frac": round(statistics.median(fracs), 4),
                    "largest_frac": round(max(fracs), 4),
                    "cases": len(fracs),
                }
                for direction, fracs in found.items()
                if fracs
            ]
    return rules


def _convolution(
    dtype: torch.dtype, layout: Any, batch: int, c_in: int, c_out: int, side: int, kernel: int, stride: int
) -> tuple[float, float]:
    def drawn(*shape: int) -> Any:
        return torch.randn(*shape, device="cuda", dtype=dtype).to(memory_format=layout).requires_grad_()

    x, w = drawn(batch, c_in, side, side), drawn(c_out, c_in, kernel, kernel)
    workspaces = [0, 0]
    for _ in range(2):  # the second time everything is chosen and cached
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        out = F.conv2d(x, w, stride=stride, padding=kernel // 2)
        workspaces[0] = torch.cuda.max_memory_allocated() - before - _block(out)
        gradient = torch.ones_like(out)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        grads = torch.autograd.grad(out, (x, w), gradient)
        workspaces[1] = torch.cuda.max_memory_allocated() - before - sum(map(_block, grads))
        whole = sum(map(_block, (x, w, out)))
        del out, gradient, grads
    return max(0, workspaces[0]) / whole, max(0, workspaces[1]) / whole


def _timed(call: Any) -> float:
    """Seconds of one call, the best of a few."""
    best = float("inf")
    for _ in range(TIMES):
        torch.cuda.synchronize()
        started = time.perf_counter()
        call()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def _matmul(dtype: torch.dtype, side: int = 4096) -> float:
    a = torch.randn(side, side, device="cuda", dtype=dtype)
    return 2 * side**3 / _timed(lambda: a @ a)


def _copy(size: int = 256 * MIB) -> float:
    a = torch.empty(size, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    return 2 * size / _timed(lambda: b.copy_(a))
