"""Orders in which the columns of one projection may lie: blocks, per head, rotary halves or pairs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from .nodes import Array

ROPE: dict[str, Callable[[int], Array]] = {
    "halves to pairs": lambda n: np.stack([np.arange(n // 2), np.arange(n // 2) + n // 2], 1).reshape(-1),
    "pairs to halves": lambda n: np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)]),
    "halves swapped": lambda n: np.concatenate([np.arange(n // 2, n), np.arange(n // 2)]),
    "pairs swapped": lambda n: np.arange(n).reshape(-1, 2)[:, ::-1].reshape(-1),
    "pairs to halves, swapped": lambda n: np.concatenate([np.arange(1, n, 2), np.arange(0, n, 2)]),
    "halves to pairs, swapped": lambda n: np.stack([np.arange(n // 2) + n // 2, np.arange(n // 2)], 1).reshape(-1),
}


def _per_head(block: Array, head: int, kind: str) -> Array:
    return block.reshape(-1, head)[:, ROPE[kind](head)].reshape(-1)


def _splits(width: int, left: list[int], right: list[int]) -> list[tuple[int, ...]]:
    found = [tuple(each) for each in (left, right) if len(each) > 1 and sum(each) == width]
    found += [(width // k,) * k for k in (3, 2) if width % k == 0]
    return list(dict.fromkeys([*found, (width,)]))


def layouts(width: int, left: list[int], right: list[int], heads: list[int]) -> Iterator[tuple[str, Array]]:
    """(what, index), simplest first: column k of the port is column index[k] of the reference.

    Args:
        width: columns of the projection.
        left: widths of the parts it is made of in the reference.
        right: the same in the port.
        heads: widths per head seen in either run.

    >>> next(layouts(4, [4], [2, 2], []))[0]
    'blocks (2, 2) in order (1, 0)'
    """
    sizes = [each for each in dict.fromkeys(heads) if each > 1 and each % 2 == 0 and width % each == 0]
    found: list[tuple[int, str, Array]] = []
    for split in _splits(width, left, right):
        starts = np.cumsum([0, *split])
        orders = itertools.permutations(range(len(split))) if len(split) <= 3 else [tuple(range(len(split)))]
        for number, order in enumerate(orders):
            blocks = [np.arange(starts[k], starts[k + 1]) for k in order]
            cost = number > 0
            found.append((1 + cost, f"blocks {split} in order {order}", np.concatenate(blocks)))
            if len(split) > 1 and len(set(split)) == 1:
                index = np.stack(blocks, 1).reshape(-1)
                found += [(4 + cost, f"interleaved, blocks {split} in order {order}", index),
                          (4 + cost, f"gathered, blocks {split} in order {order}", np.argsort(index))]  # fmt: skip
            for head in sizes:
                found += [(rank + cost, f"{what}, blocks {split} in order {order}", index)
                          for rank, what, index in _headwise(blocks, split, head)]  # fmt: skip
    seen = {tuple(range(width))}
    for _, what, index in sorted(found, key=lambda each: each[0]):
        key = tuple(index.tolist())
        if key not in seen:
            seen.add(key)
            yield what, index


def _headwise(blocks: list[Array], split: tuple[int, ...], head: int) -> Iterator[tuple[int, str, Array]]:
    if len(split) in (2, 3) and len(set(split)) == 1 and split[0] % head == 0:
        count = split[0] // head
        yield 2, f"interleaved per head of {head}", np.stack([b.reshape(count, head) for b in blocks], 1).reshape(-1)
        joined = np.concatenate(blocks).reshape(count, len(split), head)
        yield 2, f"gathered from heads of {head}", joined.transpose(1, 0, 2).reshape(-1)
    if any(part % head for part in split):
        return
    subsets = [tuple(range(len(split)))] + ([(0, 1)] if len(split) == 3 else [])
    for kind, subset in itertools.product(ROPE, subsets):
        parts = [_per_head(b, head, kind) if k in subset else b for k, b in enumerate(blocks)]
        yield 3, f"rotary {kind}, heads of {head}, parts {subset}", np.concatenate(parts)


def channel_order(x: Array, y: Array, joined: list[int] | None, tolerance: float) -> Array | None:
    """Index such that channel k of `y` is channel index[k] of `x` (both [batch, channel, ...]), or None."""
    if x.shape != y.shape or x.ndim < 2:
        return None
    channels = x.shape[1]
    flat_x = np.moveaxis(x, 1, 0).reshape(channels, -1)
    flat_y = np.moveaxis(y, 1, 0).reshape(channels, -1)
    probe = np.random.Generator(np.random.Philox(key=[3, 3])).standard_normal(flat_x.shape[1])
    a, b = flat_x @ probe, flat_y @ probe
    order_a, order_b = np.argsort(a), np.argsort(b)
    scale = np.abs(a).max() + 1e-300
    if np.abs(a[order_a] - b[order_b]).max() / scale > tolerance:
        return None
    cuts = [int(each) for each in np.cumsum(joined)[:-1]] if joined else []
    for cut in dict.fromkeys([*cuts, *range(1, channels)]):  # two blocks swapped first: dead channels look all the same
        index = np.concatenate([np.arange(cut, channels), np.arange(cut)])
        if np.abs(a[index] - b).max() / scale <= tolerance:
            return index
    index = np.empty(channels, dtype=np.int64)
    index[order_b] = order_a
    return index if np.abs(flat_x[index] - flat_y).max() / (np.abs(flat_x).max() + 1e-300) <= tolerance else None
