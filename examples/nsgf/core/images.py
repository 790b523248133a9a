"""MNIST, CIFAR-10 and scikit-learn's digits as (train, test), each (N, C, H, W) of whole numbers.

Nothing is downloaded. Files are read as published, with checksums and sizes checked. CIFAR-10 is the binary version:
the usual "python version" is pickles, and reading a pickle runs whatever code is in it.
"""

import gzip
import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..engine.errors import MISSING, ProjectError


@dataclass(frozen=True)
class Published:
    """A file as its publisher offers it."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Mnist:
    """The two files of images, in the format of yann.lecun.com/exdb/mnist; labels are not used."""

    train: Published = Published("https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
                                 "f68b3c2dcbeaaa9fbdd348bbdeb94873")  # fmt: skip
    test: Published = Published("https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
                                "9fb629c4189551a2d022fa330f9573f3")  # fmt: skip
    n_train: int = 60_000
    n_test: int = 10_000

    def load(self, root: Path) -> tuple[Tensor, Tensor]:
        """60,000 and 10,000 images of (1, 28, 28), 0..255."""
        return read_idx(found(root, self.train), self.n_train), read_idx(found(root, self.test), self.n_test)


@dataclass(frozen=True)
class Cifar10:
    """The archive of the binary version: five training batches and a test batch, a label byte before each image."""

    archive: Published = Published("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                                   "c32a1d4ab5d03f1284b67883e8d87530")  # fmt: skip
    per_batch: int = 10_000

    def load(self, root: Path) -> tuple[Tensor, Tensor]:
        """50,000 and 10,000 images of (3, 32, 32), 0..255."""
        path = found(root, self.archive)
        with tarfile.open(path) as archive:  # members are read, never unpacked to disk
            train = [self.batch(archive, f"data_batch_{k}.bin", path) for k in range(1, 6)]
            return torch.cat(train), self.batch(archive, "test_batch.bin", path)

    def batch(self, archive: tarfile.TarFile, name: str, path: Path) -> Tensor:
        """One member: rows of 1 + 3 * 32 * 32 bytes; channels first, then rows."""
        member = archive.extractfile(f"cifar-10-batches-bin/{name}")
        raw = np.frombuffer(member.read() if member else b"", dtype=np.uint8)
        expect(raw.size, self.per_batch * 3073, f"{path}, {name}")
        return torch.from_numpy(raw.reshape(-1, 3073)[:, 1:].copy()).view(-1, 3, 32, 32)


def read_idx(path: Path, count: int) -> Tensor:
    """An idx3-ubyte file: magic number 2051, count, rows, columns (4 bytes each, big-endian), then the pixels."""
    with gzip.open(path) as file:
        magic, images, rows, columns = np.frombuffer(file.read(16), dtype=">i4").tolist()
        raw = np.frombuffer(file.read(), dtype=np.uint8)
    expect(magic, 2051, f"{path}, magic number")
    expect(images, count, f"{path}, images in the header")
    expect(raw.size, images * rows * columns, f"{path}, pixels")
    return torch.from_numpy(raw.copy()).view(images, 1, rows, columns)


def load_digits(_root: Path) -> tuple[Tensor, Tensor]:
    """1,797 real digits of (1, 8, 8), 0..16, from scikit-learn itself: 997 to train, 800 held out.

    A fixed random split (the file is ordered by writer): held-out digits are by writers that the training set knows.
    """
    from sklearn.datasets import load_digits as load  # here, because only this experiment needs scikit-learn

    pixels = torch.from_numpy(load().images.astype(np.uint8)).unsqueeze(1)
    expect(len(pixels), 1797, "scikit-learn's digits, images")
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    return pixels[order[:-800]], pixels[order[-800:]]


def stand_in(shape: tuple[int, ...], levels: int) -> tuple[Tensor, Tensor]:
    """64 and 64 images of noise, always the same: to run the code where the data is not."""
    noise = torch.randint(levels + 1, (128, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return noise[:64], noise[64:]


def found(root: Path, file: Published) -> Path:
    """Where the file lies, after its checksum."""
    path = root / file.name
    if not path.is_file():
        raise ProjectError("no-data", f"{path} is not there", "the data set is read from files under data.root",
                           f"mkdir -p {root} && curl -L -o {path} {file.url}", MISSING)  # fmt: skip
    with path.open("rb") as opened:
        md5 = hashlib.md5(usedforsecurity=False)
        for chunk in iter(lambda: opened.read(1 << 20), b""):
            md5.update(chunk)
    if md5.hexdigest() != file.md5:
        raise ProjectError("wrong-data", f"{path} has md5 {md5.hexdigest()}", f"the published file has {file.md5}",
                           f"delete it and get {file.url} again")  # fmt: skip
    return path


def expect(got: int, wanted: int, what: str) -> None:
    """Refuse a file that is not what its format promises."""
    if got != wanted:
        raise ProjectError("wrong-data", f"{what}: {got}, expected {wanted}", "the file is not the published one",
                           "get it again, or correct the loader if the data set has changed")  # fmt: skip


LOADERS = {"mnist": (Mnist().load, 255), "cifar10": (Cifar10().load, 255), "digits": (load_digits, 16)}
