"""The five two-dimensional sets of table 1, as the code that the paper cites makes them, with torch's generator.

Appendix E.1 follows github.com/atong01/conditional-flow-matching (TorchCFM); section 5.1 says "adapted from
[Grathwohl et al., 2018]" (FFJORD). Where TorchCFM defines a set, it is TorchCFM's; scales differ between the two.
"""

import math

import torch
from torch import Tensor


def gaussian(n: int, _variant: str = "iid") -> Tensor:
    """The standard normal source."""
    return torch.randn(n, 2)


def eight_gaussians(n: int, variant: str = "iid") -> Tensor:
    """TorchCFM, torchcfm/utils.py, sample_8gaussians: scale 5, covariance sqrt(0.1) I.

    Its argument `var=0.1` is not the variance: the covariance matrix is sqrt(var) I, so a mode's standard deviation is
    0.1 ** 0.25 = 0.56, not 0.32.
    """
    diagonal = 1 / math.sqrt(2)
    centers = torch.tensor([(1, 0), (-1, 0), (0, 1), (0, -1), (diagonal, diagonal), (diagonal, -diagonal),
                            (-diagonal, diagonal), (-diagonal, -diagonal)])  # fmt: skip
    return 5 * centers[modes(n, 8, variant)] + 0.1**0.25 * torch.randn(n, 2)


def moons(n: int, variant: str = "iid") -> Tensor:
    """TorchCFM, torchcfm/utils.py, sample_moons: 3 x - 1 of torchdyn's generate_moons(n, noise=0.2).

    torchdyn's noise is uniform on [0, 0.2), and the same number is added to both coordinates. Its angles are a grid
    and the moons have n // 2 and n - n // 2 points, so the cited draw ("iid", and "stratified") is more even than
    independent points are. A sampler's points are independent: "independent" draws moon and angle for each.
    The points are shuffled here; there the outer moon comes first.
    """
    check(variant, "iid", "stratified", "independent")
    if variant == "independent":
        angles, on_outer = math.pi * torch.rand(n), torch.rand(n) < 0.5
        outer, inner = angles[on_outer], angles[~on_outer]
    else:
        outer, inner = torch.linspace(0, math.pi, n // 2), torch.linspace(0, math.pi, n - n // 2)
    x = torch.cat([outer.cos(), 1 - inner.cos()])
    y = torch.cat([outer.sin(), 1 - inner.sin() - 0.5])
    points = torch.stack([x, y], dim=1) + 0.2 * torch.rand(n, 1)
    return (3 * points - 1)[torch.randperm(n)]


def s_curve(n: int, variant: str = "iid") -> Tensor:
    """TorchCFM, runner's SKLearnDataModule "scurve": 1.5 times columns 0 and 2 of make_s_curve(noise=0.05)."""
    check(variant, "iid")
    t = 3 * math.pi * (torch.rand(n) - 0.5)
    points = torch.stack([t.sin(), t.sign() * (t.cos() - 1)], dim=1)
    return 1.5 * (points + 0.05 * torch.randn(n, 2))


def checkerboard(n: int, variant: str = "iid") -> Tensor:
    """The usual "checkerboard" of FFJORD's toy data: eight squares of side 2 in [-4, 4]^2. TorchCFM has it times 7.5.

    The column is floor(x); a column's two squares start at y = -2 and 0 (even columns) or one side higher (odd).
    """
    square = modes(n, 8, variant)
    column, row = square % 4 - 2, square // 4
    x = column + torch.rand(n)
    y = torch.rand(n) - 2 * row + column % 2
    return 2 * torch.stack([x, y], dim=1)


def modes(n: int, count: int, variant: str) -> Tensor:
    """The mode of each point: drawn independently, or (stratified) equally often, in random order."""
    check(variant, "iid", "stratified")
    return torch.randint(count, (n,)) if variant == "iid" else (torch.arange(n) % count)[torch.randperm(n)]


def check(variant: str, *known: str) -> None:
    """Refuse a way of drawing that a distribution does not have."""
    if variant not in known:
        raise ValueError(f"no variant {variant!r} of this distribution: it has {', '.join(known)}")


TOYS = {"gaussian": gaussian, "8gaussians": eight_gaussians, "moons": moons, "scurve": s_curve,
        "checkerboard": checkerboard}  # fmt: skip
