"""The distributions of an experiment: a source, a training distribution and a held-out one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from . import images
from .toy import TOYS, check


@dataclass(frozen=True)
class Toy:
    """Distributions that can be sampled for ever: training and test draws come from the same function."""

    source: Callable[[int], Tensor]
    target: Callable[..., Tensor]
    device: torch.device
    shape: tuple[int, ...] = (2,)

    def draw_source(self, n: int) -> Tensor:
        """(n, 2)."""
        return self.source(n).to(self.device)

    def draw_train(self, n: int) -> Tensor:
        """(n, 2)."""
        return self.target(n).to(self.device)

    def draw_truth(self, n: int, variant: str) -> Tensor:
        """(n, 2)."""
        return self.target(n, variant).to(self.device)


@dataclass(frozen=True)
class Images:
    """A data set with a held-out part, kept as whole numbers 0..levels and given out as floats in [-1, 1]."""

    train: Tensor  # (N, C, H, W) uint8, on the device
    test: Tensor
    levels: int
    flip: bool = False  # mirror half of the training draws

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(self.train.shape[1:])

    def draw_source(self, n: int) -> Tensor:
        """Standard normal, (n, C, H, W)."""
        return torch.randn(n, *self.shape).to(self.train.device)

    def draw_train(self, n: int) -> Tensor:
        """With replacement, (n, C, H, W)."""
        drawn = self.scaled(self.train, torch.randint(len(self.train), (n,)))
        if not self.flip:
            return drawn
        mirrored = (torch.rand(n) < 0.5).to(drawn.device)
        return torch.where(mirrored[:, None, None, None], drawn.flip(3), drawn)

    def draw_truth(self, n: int, variant: str) -> Tensor:
        """Without replacement from the held-out part, (n, C, H, W)."""
        check(variant, "iid")
        if n > len(self.test):
            raise ValueError(f"{n} held-out images wanted, there are {len(self.test)}")
        return self.scaled(self.test, torch.randperm(len(self.test))[:n])

    def scaled(self, stored: Tensor, index: Tensor) -> Tensor:
        """Whole numbers to [-1, 1]."""
        return stored[index.to(stored.device)].float() * (2 / self.levels) - 1


def load_data(cfg, device: torch.device) -> Toy | Images:
    """The data of `cfg.data`; with `stand_in: true` small made-up images of the right shape."""
    data = cfg.data
    if data.name in TOYS:
        if data.source not in TOYS:
            raise ValueError(f"data.source = {data.source!r} is not one of {', '.join(TOYS)}")
        return Toy(TOYS[data.source], TOYS[data.name], device)
    if data.name not in images.LOADERS:
        raise ValueError(f"data.name = {data.name!r} is not one of {', '.join([*TOYS, *images.LOADERS])}")
    if data.source != "gaussian":
        raise ValueError(f"data.source = {data.source!r}: images start from a gaussian")
    load, levels = images.LOADERS[data.name]
    train, test = images.stand_in(data.shape, levels) if data.get("stand_in") else load(Path(data.get("root", "data")))
    if train.shape[1:] != tuple(data.shape):
        raise ValueError(f"data.shape = {tuple(data.shape)}, but {data.name} has {tuple(train.shape[1:])}")
    return Images(train.to(device), test.to(device), levels, data.get("horizontal_flip", False))


def draw_truth_pair(run, n: int, m: int, variant: str = "iid") -> tuple[Tensor, Tensor]:
    """Two independent draws of the target, for the metric's floor; of held-out images, two that share none."""
    if isinstance(run.data, Images):
        both = run.data.draw_truth(n + m, variant)
        return both[:n], both[n:]
    return draw_truth(run, n, variant), draw_truth(run, m, variant)


def draw_truth(run, n: int, variant: str = "iid") -> Tensor:
    """Draws of the target (n, *shape): of the distribution itself, or of a data set's held-out part."""
    return run.data.draw_truth(n, variant)
