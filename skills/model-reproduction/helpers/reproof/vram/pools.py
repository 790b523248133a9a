"""A trajectory pool: what is stored per trajectory, and how much that is in host memory and on disk."""

from __future__ import annotations

from math import prod

from reproof.vram.models import Layout, PoolSize

FLOAT = 4


def layouts(steps: int) -> dict[str, int]:
    """Tensors per trajectory in the ways a pool of T flow steps can be stored.

    NSGF's algorithm 1 stores every pair (X_t, v_t) of `for t = 0, 1, ... T`, which read literally are T + 1 pairs.

    >>> layouts(5)
    {'5 pairs (X_t, v_t)': 10, '6 states and 5 velocities': 11, '6 pairs (X_t, v_t)': 12}
    """
    return {
        f"{steps} pairs (X_t, v_t)": 2 * steps,
        f"{steps + 1} states and {steps} velocities": 2 * steps + 1,
        f"{steps + 1} pairs (X_t, v_t)": 2 * (steps + 1),
    }


def pool_size(
    batches: int,
    batch_size: int,
    steps: int,
    shape: list[int],
    scalars: int = 1,
    stated: int | None = None,
    stated_source: str = "",
) -> PoolSize:
    """Bytes of a float32 pool that stores `steps` pairs (X_t, v_t) and `scalars` numbers, like t, with each.

    On disk it is the same: floats do not compress, and a file's header is kilobytes.

    >>> pool_size(2500, 128, 5, [3, 32, 32], scalars=0).host_bytes  # 2500*128*5 rows of 2*3072*4 bytes
    39321600000
    """
    trajectories = batches * batch_size
    sample = prod(shape) * FLOAT
    row = 2 * sample + scalars * FLOAT
    size = trajectories * steps * row
    found = []
    for name, tensors in layouts(steps).items():
        there = trajectories * tensors * sample
        found.append(
            Layout(name=name, tensors=tensors, bytes=there, of_stated=round(there / stated, 3) if stated else None)
        )
    return PoolSize(
        rows=trajectories * steps,
        row_bytes=row,
        host_bytes=size,
        disk_bytes=size,
        stated_bytes=stated,
        stated_source=stated_source,
        layouts=found,
    )
