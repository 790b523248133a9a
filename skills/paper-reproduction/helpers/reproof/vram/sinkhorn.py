"""The memory law of geomloss 0.3.1, `SamplesLoss("sinkhorn", backend="tensorized")`, for clouds x (N, D) and y (M, D).

There is no N*M*D term: for p = 1 and 2 the distances come from a matrix product, so that compute grows with N*M*D but
memory with N*M plus a few copies of the clouds. All counts are numbers, not bytes; a number has `float_bits`.

Found by reading geomloss/_legacy/sinkhorn_samples.py and sinkhorn_divergence.py, and measured as the peak of the CPU
allocator with torch 2.13.0 (`benchmarks/vram_closed_form.py` repeats it). On a GPU the same operators allocate the same
tensors; the matrix product's own workspace comes on top.

nm, nn, mm: entries of the cost matrices C_xy (and C_yx), C_xx and C_yy; nn and mm only with debias.
"""

from __future__ import annotations

from dataclasses import dataclass

# Vectors of length N and of length M alive at the peak: weights, their logarithms, potentials, softmin results.
VECTORS = 8


@dataclass(frozen=True)
class Clouds:
    """Two point clouds and the cost between them."""

    n: int
    m: int
    d: int
    p: int = 2
    debias: bool = True

    @property
    def matrices(self) -> tuple[int, int, int]:
        """Entries of C_xy, C_xx and C_yy; the last two are 0 without debias."""
        return self.n * self.m, self.debias * self.n**2, self.debias * self.m**2

    @property
    def io(self) -> int:
        """The points themselves, and the vectors that go with them."""
        return (self.n + self.m) * (self.d + VECTORS)


def value(c: Clouds) -> dict[str, int]:
    """Numbers alive at each moment that can be the peak, without gradients: the value, or the potentials alone."""
    nm, nn, mm = c.matrices
    costs = 2 * nm + nn + mm
    # squares of one cloud, beside the cost matrices that exist and the matrix product that waits for them
    squares = [nm + c.m * c.d, 2 * nm + c.n * c.d]
    squares += [2 * nm + nn + c.n * c.d, costs + c.m * c.d] if c.debias else []
    return {
        "softmin": c.io + costs + 2 * max(nm, nn, mm),
        "squared norms of the points": c.io + max(squares),
    }


def backward(c: Clouds) -> dict[str, int]:
    """As `value`, with the gradient with respect to x: of the value, or of the sum of the potential on x."""
    nm, nn, mm = c.matrices
    costs = 2 * nm + nn + mm
    kept = nm + nn if c.p == 1 else 0  # p = 1: the clamp before the square root keeps the squared distances
    last = max(costs + kept + 3 * nm, costs + kept + nm + 2 * nn, costs + kept + nm + nn + 2 * mm)
    saved = nm + nn + 2 * kept
    waits = (nm + (2 * nm if c.p == 1 else 0)) if c.debias else 0  # saved by x-y while x-x goes backward first
    return {
        "last softmin, with gradients": c.io + last,
        "backward of the softmin": c.io + saved + 3 * max(nm, nn),
        "gradient of the squared norms": c.io + waits + 4 * c.n * c.d,
    }


def worst(moments: dict[str, int]) -> tuple[str, int]:
    """The moment with the most numbers alive."""
    return max(moments.items(), key=lambda item: item[1])


def velocity_ways(n: int, m: int, d: int, p: int) -> dict[str, tuple[str, int]]:
    """What grad f_self - grad f_cross on x takes, for the three ways to write it: moment and numbers alive.

    NSGF, arXiv:2401.14069, theorem 1 and algorithm 1. With debias=True the first potential is f_cross - f_self, so one
    call is enough; two calls without debias hold one gradient (or one graph) while the other is computed.
    """
    cross, own = Clouds(n, m, d, p, debias=False), Clouds(n, n, d, p, debias=False)
    gradient = n * d
    y_waits = m * (d + VECTORS)  # x - x needs no y, but y is there
    moment_own, own_peak = worst(backward(own))
    moment_cross, cross_peak = worst(backward(cross))
    own_peak += y_waits - n * (d + VECTORS)
    kept = n * n * (3 if p == 1 else 1)  # the graph of the first call, until both are differentiated together
    apart = max((cross_peak + gradient, moment_cross), (own_peak, moment_own))
    joint = max((cross_peak + max(kept, gradient), moment_cross), (own_peak, moment_own))
    return {
        "one call, debias=True": worst(backward(Clouds(n, m, d, p))),
        "two calls, differentiated apart": (apart[1], apart[0]),
        "two calls, differentiated together": (joint[1], joint[0]),
    }
