"""Memory of evaluation and of what is kept between steps: distances, neighbours, FID, MMD, replay buffers.

Counted in numbers of the given width. Distances between sets of N and M points in D dimensions follow torch.cdist with
p = 2 above 25 points, which is a matrix product of padded copies (aten/src/ATen/native/Distance.cpp, _euclidean_dist).
"""

from __future__ import annotations

from math import prod
from typing import Literal

from pydantic import Field, model_validator

from reproof.records import Answer, How, Record
from reproof.units import Count, show_bytes
from reproof.vram.models import Part
from reproof.vram.sizes import Numbers

Metric = Literal["pairwise", "nearest", "mmd", "fid", "replay"]
FEATURES = 2048
INCEPTION_PARAMS = 21_785_568
"""Of torchvision's Inception v3 without its auxiliary head and without the last layer, which FID leaves out."""
INCEPTION_WIDEST = (32 + 64 + 64) * 147 * 147
"""Its widest layer, elements per image: input, convolution and norm, 32 and 64 channels of 147 x 147.

Traced with torchvision 0.29 on a T4, batch 50: 795.8 MiB, at that norm; this counts 794.3 MiB.
"""
INCEPTION_INPUT = 3 * 299 * 299
INDEX = 8
"""Bytes of an index that argmin returns."""


class MetricRequest(Record):
    """One field is one flag of `vram.py metric`."""

    kind: Metric = Field(description="pairwise, nearest, mmd, fid or replay", json_schema_extra={"positional": True})
    n: Count = Field(gt=0, le=10**10, description="points, images or transitions")
    m: Count | None = Field(None, gt=0, le=10**10, description="points of the second set (default: n)")
    shape: Numbers = Field(description="of one point, image or observation, like 784 or 3x32x32")
    chunk: Count | None = Field(None, gt=0, le=10**10, description="points of the first set at once (default: all)")
    batch: Count = Field(50, gt=0, le=10**6, description="fid: images per forward pass")
    action: int = Field(1, ge=0, le=10**6, description="replay: numbers of an action")
    float_bits: Literal["8", "16", "32", "64"] = Field("32", description="bits of one number; images are often 8")

    @model_validator(mode="after")
    def _fits_together(self) -> MetricRequest:
        if self.chunk is not None and self.kind in ("fid", "replay"):
            raise ValueError(f"{self.kind} has no chunks; --batch is the size of a forward pass of fid")
        return self


class MetricAnswer(Answer):
    """`vram.py metric`."""

    how: How = "computed"
    device_bytes: int = Field(description="on the GPU at the peak, or were it kept there")
    host_bytes: int = Field(description="in host memory")
    disk_bytes: int = Field(description="if it is kept on disk")
    parts: list[Part]
    notes: list[str]


def _part(name: str, size: int, source: str) -> Part:
    return Part(name=name, bytes=size, how="computed", source=source)


def distances(n: int, m: int, d: int, width: int, chunk: int | None = None) -> list[Part]:
    """torch.cdist of two sets, in chunks of the first.

    >>> sum(part.bytes for part in distances(1000, 1000, 2, width=4))  # 4 MB of distances, two points and two copies
    4048000
    """
    rows = min(n, chunk or n)
    return [
        _part("both sets", (n + m) * d * width, "(N + M) x D numbers"),
        _part("padded copies and norms", (rows + m) * (d + 2) * width, "(chunk + M) x (D + 2) numbers"),
        _part("distances", rows * m * width, "chunk x M numbers; clamp and root are in place"),
    ]


def _nearest(n: int, m: int, d: int, width: int, chunk: int | None) -> list[Part]:
    found = distances(n, m, d, width, chunk)
    return [*found, _part("nearest distances and indices", n * (width + INDEX), "N numbers, N int64")]


def _mmd(n: int, m: int, d: int, width: int, chunk: int | None) -> list[Part]:
    """Three kernel matrices one after the other; each is the exponential of a distance matrix beside it."""
    larger = max(n, m)
    found = distances(n, m, d, width, chunk)[:2]
    rows = min(larger, chunk or larger)
    return [*found, _part("a distance and a kernel matrix", 2 * rows * larger * width, "2 x chunk x max(N, M) numbers")]


def _fid(request: MetricRequest) -> MetricAnswer:
    """Inception in fp32 without gradients on the GPU; features and their covariances in float64 on the host."""
    parts = [
        _part("Inception v3, weights", INCEPTION_PARAMS * 4, "parameters x 4 bytes"),
        _part("images, as given and at 299 x 299", request.batch * (prod(request.shape) + INCEPTION_INPUT) * 4,
              "batch x pixels x 4 bytes"),
        _part("widest layer, input, output and its norm", request.batch * INCEPTION_WIDEST * 4,
              "batch x (32 + 64 + 64) x 147 x 147 x 4 bytes, no gradient"),
    ]  # fmt: skip
    features = request.n * FEATURES * 8
    host = features + 6 * FEATURES**2 * 8  # two covariances, their product, its root and the root's own copies
    return MetricAnswer(
        ok=True,
        headline=f"{show_bytes(sum(part.bytes for part in parts))} on the GPU, {show_bytes(host)} on the host",
        device_bytes=sum(part.bytes for part in parts),
        host_bytes=host,
        disk_bytes=request.n * FEATURES * 4,
        parts=parts,
        notes=[
            f"features of {request.n} images in float64: {show_bytes(features)} on the host; kept as float32 on disk",
            "the statistics of the true set can be computed once and kept: 2048 means and 2048 x 2048 covariances",
            "cuDNN's workspace is not in it",
        ],
    )


def _replay(request: MetricRequest) -> MetricAnswer:
    """Observation, next observation, action, reward and end of every transition."""
    width = int(request.float_bits) // 8
    row = 2 * prod(request.shape) * width + request.action * 4 + 4 + 1
    size = request.n * row
    parts = [
        _part("observations", request.n * prod(request.shape) * width, "transitions x numbers"),
        _part("next observations", request.n * prod(request.shape) * width, "transitions x numbers"),
        _part("actions, rewards, ends", request.n * (request.action * 4 + 5), "float32 each, one byte for the end"),
    ]
    half = request.n * (row - prod(request.shape) * width)
    return MetricAnswer(
        ok=True,
        headline=f"{size / 1e9:.2f} GB ({show_bytes(size)}) wherever it is kept",
        device_bytes=size,
        host_bytes=size,
        disk_bytes=size,
        parts=parts,
        notes=[f"with next observations taken from the following row: {show_bytes(half)}"],
    )


def metric(request: MetricRequest) -> MetricAnswer:
    """What one evaluation, or one buffer, takes."""
    if request.kind == "fid":
        return _fid(request)
    if request.kind == "replay":
        return _replay(request)
    width, d = int(request.float_bits) // 8, prod(request.shape)
    n, m = request.n, request.m or request.n
    count = {"pairwise": distances, "nearest": _nearest, "mmd": _mmd}[request.kind]
    parts = count(n, m, d, width, request.chunk)
    size = sum(part.bytes for part in parts)
    half = sum(part.bytes for part in count(n, m, d, width, max(1, min(n, request.chunk or n) // 2)))
    return MetricAnswer(
        ok=True,
        headline=f"{show_bytes(size)} allocated at the peak",
        device_bytes=size,
        host_bytes=0,
        disk_bytes=0,
        parts=parts,
        notes=[
            f"half the chunk: {show_bytes(half)}; the value is the same",
            "a broadcast (x[:, None] - y[None]) holds N x M x D instead: "
            + show_bytes(min(n, request.chunk or n) * m * d * width),
            "the backward of cdist with p other than 2 holds N x M x D as well",
        ],
    )
