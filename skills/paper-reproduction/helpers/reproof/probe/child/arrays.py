"""Inputs drawn from their specifications, and outputs turned into numpy arrays that can be compared."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .look import resolve

np: Any = importlib.import_module("numpy")

SMALL = ("bfloat16",)  # numpy has no such type; torch casts it


def torch() -> Any:
    """The torch module, or None where the environment has none."""
    if "torch" not in sys.modules and importlib.util.find_spec("torch") is None:
        return None
    return importlib.import_module("torch")


def draw(spec: dict[str, Any], shape: list[int], seed: int) -> Any:
    """Numbers of one input as a float64 array, the same for the same seed."""
    random = np.random.RandomState(seed)
    low, high, dist = spec["low"], spec["high"], spec["dist"]
    if dist == "uniform":
        numbers = random.uniform(low, high, shape)
    elif dist == "integers":
        numbers = random.randint(int(low), max(int(high), int(low) + 1), shape).astype(float)
    elif dist in ("zeros", "ones"):
        numbers = np.full(shape, float(dist == "ones"))
    elif dist == "weights":
        numbers = random.uniform(0.5, 1.5, shape)
        numbers = numbers / numbers.sum(axis=-1, keepdims=True)
    elif dist == "equal_weights":
        numbers = np.full(shape, 1.0 / shape[-1])
    elif dist == "valid":
        ends = shape[-1] - np.arange(int(np.prod(shape[:-1]))) % max(shape[-1] // 2, 1)
        ends[0] -= 1  # at least one sequence is padded
        numbers = (np.arange(shape[-1]) < ends[:, None]).reshape(shape).astype(float)
    elif dist == "grid":
        rise = np.linspace(low, high, shape[0]).reshape([-1] + [1] * (len(shape) - 1))
        numbers = np.broadcast_to(rise, shape).copy()
    else:
        numbers = random.standard_normal(shape)
    return numbers * spec["scale"] + spec["shift"]


def as_input(numbers: Any, spec: dict[str, Any], dtype: str | None = None) -> Any:
    """Numbers as the tensor or array that the call gets; `dtype` replaces a floating one."""
    wanted = dtype if dtype and "float" in spec["dtype"] else spec["dtype"]
    pytorch = torch()
    if spec["kind"] == "numpy" or pytorch is None:
        return np.asarray(numbers).astype(wanted)
    tensor = pytorch.as_tensor(np.asarray(numbers)).to(getattr(pytorch, wanted), copy=True)
    return tensor.requires_grad_() if spec["requires_grad"] else tensor


def drawn(spec: dict[str, Any], shape: list[int] | None, seed: int) -> Any:
    """Numbers of an input that has a shape or values."""
    if spec["values"] is not None:
        return np.asarray(spec["values"], dtype=float if "float" in spec["dtype"] else None)
    assert shape is not None, "an input that is drawn has a shape"
    return draw(spec, shape, seed)


def named(spec: dict[str, Any]) -> Any:
    """The object that an input names."""
    return resolve(spec["object"])


def is_tensor(item: Any) -> bool:
    """Whether `item` is a torch tensor."""
    pytorch = sys.modules.get("torch")
    return pytorch is not None and isinstance(item, pytorch.Tensor)


def leaves(output: Any, depth: int = 6) -> list[Any]:
    """Tensors, arrays and numbers inside an output, in order."""
    if is_tensor(output) or isinstance(output, (np.ndarray, np.generic)):
        return [output]
    if isinstance(output, (int, float, complex)) and not isinstance(output, bool):
        return [np.asarray(output)]
    if depth == 0:
        return []
    if isinstance(output, dict):
        return [leaf for value in output.values() for leaf in leaves(value, depth - 1)]
    if isinstance(output, (tuple, list)):
        return [leaf for value in output for leaf in leaves(value, depth - 1)]
    sample = getattr(output, "sample", None)  # result objects of diffusers that are no dict
    return [sample] if is_tensor(sample) else []


def numeric(leaf: Any) -> Any:
    """A leaf as a numpy array in a type numpy knows, cut off from the graph."""
    if not is_tensor(leaf):
        return np.asarray(leaf)
    leaf = leaf.detach().cpu()
    if leaf.is_sparse or leaf.layout is not torch().strided:
        leaf = leaf.to_dense()
    if str(leaf.dtype).rpartition(".")[2] in SMALL:
        leaf = leaf.float()
    return leaf.resolve_conj().resolve_neg().numpy().copy()


def arrays(output: Any) -> list[Any]:
    """An output as numpy arrays."""
    return [numeric(leaf) for leaf in leaves(output)]


def dtype_of(leaf: Any) -> str:
    """float32, int64, ...: the same word for torch and numpy."""
    return str(leaf.dtype).rpartition(".")[2]


def distance(ours: list[Any], theirs: list[Any]) -> float:
    """Largest difference between two outputs, relative to the larger magnitude; infinity when the shapes differ."""
    if [a.shape for a in ours] != [b.shape for b in theirs]:
        return float("inf")
    worst = 0.0
    for a, b in zip(ours, theirs):  # noqa: B905 - the lengths were just compared; strict= is newer than 3.8
        worst = max(worst, relative(a, b))
    return worst


def relative(a: Any, b: Any) -> float:
    """Largest difference of two arrays of one shape over their largest magnitude; equal NaN and Inf agree."""
    if a.size == 0 or a.dtype.kind in "OUS":
        return 0.0
    a, b = a.astype(complex), b.astype(complex)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    with np.errstate(all="ignore"):
        gap = float(np.abs(a - b)[~same].max())
        size = float(max(np.abs(x[np.isfinite(x)]).max(initial=0.0) for x in (a, b)))
    return gap / size if np.isfinite(gap) and size else float("inf")
