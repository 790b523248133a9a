"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100, from files as published: checksums and sizes are verified.

`images, labels = load("cifar10", Path("data"), "train")`: uint8 (n, channels, height, width) and int64 (n,).
Nothing is downloaded unless `fetch=True`. CIFAR is the binary version: the usual "python version" is pickles, and
reading a pickle runs whatever code is in it. `stand_in` gives small made-up images of the right shape.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import MISSING, ProjectError, near

IDX = {"train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
       "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")}  # fmt: skip
MNIST_URL, FASHION_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"  # fmt: skip  # noqa: E501
CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
SETS: dict[str, dict[str, Any]] = {
    "mnist": {"shape": (1, 28, 28), "classes": 10, "sizes": {"train": 60_000, "test": 10_000}, "url": MNIST_URL,
              "md5": {"train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                      "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
                      "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
                      "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c"}},
    "fashion_mnist": {"shape": (1, 28, 28), "classes": 10, "sizes": {"train": 60_000, "test": 10_000},
                      "url": FASHION_URL,
                      "md5": {"train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                              "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
                              "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
                              "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310"}},
    "cifar10": {"shape": (3, 32, 32), "classes": 10, "sizes": {"train": 50_000, "test": 10_000}, "url": CIFAR_URL,
                "md5": {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}, "label_bytes": 1,
                "members": {"train": [f"cifar-10-batches-bin/data_batch_{k}.bin" for k in range(1, 6)],
                            "test": ["cifar-10-batches-bin/test_batch.bin"]}},
    "cifar100": {"shape": (3, 32, 32), "classes": 100, "sizes": {"train": 50_000, "test": 10_000}, "url": CIFAR_URL,
                 "md5": {"cifar-100-binary.tar.gz": "03b5dce01913d631647c71ecec9e9cb8"}, "label_bytes": 2,
                 "members": {"train": ["cifar-100-binary/train.bin"], "test": ["cifar-100-binary/test.bin"]}},
}  # fmt: skip


def load(
    name: str, root: Path, split: str = "train", fetch: bool = False, expected: int | None = None
) -> tuple[Tensor, Tensor]:
    """Images and labels of a split; `expected` is its size in the plan.

    Raises:
        ProjectError: no such set or split, a file is missing or not the published one, or the size is another.
    """
    about = set_of(name)
    if split not in about["sizes"]:
        raise ProjectError(
            "no-data", f"{name} has no split {split!r}", f"it has {', '.join(about['sizes'])}", "one of these"
        )
    if "members" in about:
        path, rows = found(about, next(iter(about["md5"])), root, fetch), []
        with tarfile.open(path) as archive:  # members are read, never unpacked to disk
            for member in about["members"][split]:
                file = archive.extractfile(member)
                rows.append(np.frombuffer(file.read() if file else b"", dtype=np.uint8))
        width = about["label_bytes"] + math.prod(about["shape"])
        flat = np.concatenate(rows)
        same(flat.size, width * about["sizes"][split], f"{path}, bytes of {split}")
        table = torch.from_numpy(flat.reshape(-1, width).copy())
        images, labels = (
            table[:, about["label_bytes"] :],
            table[:, about["label_bytes"] - 1],
        )  # CIFAR-100: fine, not coarse
    else:
        images, labels = (read_idx(found(about, file, root, fetch)) for file in IDX[split])
    images = images.reshape(-1, *about["shape"])
    same(len(images), about["sizes"][split], f"{name}, images of {split}")
    same(len(labels), len(images), f"{name}, labels of {split}")
    if expected is not None:
        same(len(images), expected, f"{name}, images of {split} against the plan")
    return images.contiguous(), labels.long()


def stand_in(name: str, split: str = "train", n: int = 64) -> tuple[Tensor, Tensor]:
    """Made-up images of the right shape, always the same: each class is a pattern of its own, plus noise."""
    about = set_of(name)
    generator = torch.Generator().manual_seed(0)
    patterns = torch.rand(about["classes"], *about["shape"], generator=generator)
    generator.manual_seed(1 + list(about["sizes"]).index(split))
    labels = torch.randint(about["classes"], (n,), generator=generator)
    noise = torch.rand(n, *about["shape"], generator=generator)
    return ((0.7 * patterns[labels] + 0.3 * noise) * 255).to(torch.uint8), labels


def set_of(name: str) -> dict[str, Any]:
    """What is known of a set."""
    if name not in SETS:
        raise ProjectError(
            "no-data", f"no data set {name!r}{near(name, SETS)}", f"there are {', '.join(SETS)}", "one of these"
        )
    return SETS[name]


def read_idx(path: Path) -> Tensor:
    """An idx file: two zero bytes, type 8 (bytes), number of axes, their lengths (4 bytes each, big-endian), data."""
    with gzip.open(path) as file:
        raw = file.read()
    axes = raw[3]
    same(raw[2], 8, f"{path}, type of numbers")
    shape = np.frombuffer(raw[4 : 4 + 4 * axes], dtype=">i4").tolist()
    same(len(raw) - 4 - 4 * axes, math.prod(shape), f"{path}, bytes of data")
    return torch.from_numpy(np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape).copy())


def found(about: dict[str, Any], file: str, root: Path, fetch: bool) -> Path:
    """Where a file lies, after its checksum."""
    path, url = root / file, about["url"] + file
    if not path.is_file() and fetch:
        root.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve(url, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    if not path.is_file():
        raise ProjectError("no-data", f"{path} is not there", "data sets are read from local files",
                           f"mkdir -p {root} && curl -L -o {path} {url}", MISSING)  # fmt: skip
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if md5 != about["md5"][file]:
        why = f"the published file has {about['md5'][file]}"
        raise ProjectError("wrong-data", f"{path} has md5 {md5}", why, f"delete it and get {url} again", MISSING)
    return path


def same(got: int, wanted: int, what: str) -> None:
    """Refuse what is not as published or planned."""
    if got != wanted:
        why = "the file is not the published one, or the plan speaks of another split"
        raise ProjectError("wrong-data", f"{what}: {got}, expected {wanted}", why, "get it again, or correct the plan")
