"""ResNets (He et al., arXiv:1512.03385) as torchvision builds them, walked block by block. C channels, S side."""

from __future__ import annotations

from dataclasses import dataclass

from reproof.vram.nets import Layer, Net, conv_flops, linear
from reproof.vram.sizes import ResnetSizes

STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
WIDE = 4
"""A bottleneck's output is so many times as wide as its middle."""


@dataclass
class _Path:
    """Convolutions with batch norm in a row, and what they save."""

    channels: int
    side: int
    params: int = 0
    saved: int = 0
    largest: int = 0
    flops: int = 0
    ops: int = 0

    def add(self, channels: int, kernel: int, stride: int = 1, *, relu: bool = True) -> None:
        """A convolution without bias saves its input, which the ReLU before keeps anyway; the norm saves its own."""
        self.params += self.channels * channels * kernel**2 + 2 * channels
        before, inner = self.channels * self.side**2, self.channels
        self.channels, self.side = channels, -(-self.side // stride)
        made = self.channels * self.side**2
        # the norm's input, and the output that ReLU overwrites in place and the next convolution saves
        self.saved += made + (made if relu else 0)
        self.largest = max(self.largest, before + made)
        self.flops += conv_flops(inner, made, kernel)
        self.ops += 3 if relu else 2


def resnet(sizes: ResnetSizes) -> Net:
    """Stem, four stages of residual blocks, average pooling and one linear layer; cross-entropy.

    >>> resnet(ResnetSizes(depth=50, image_size=224, outputs=1000)).params
    25557032
    >>> resnet(ResnetSizes(depth=18, image_size=224, outputs=1000)).params
    11689512
    """
    stem = _Path(sizes.in_channels, sizes.image_size)
    pixels = sizes.in_channels * sizes.image_size**2
    stem.add(sizes.width, 7, 2)
    area = sizes.width * stem.side**2
    side = -(-stem.side // 2)
    # max pooling saves where each maximum was: int64, four 16-bit or two 32-bit numbers
    layers = [
        Layer(
            "stem",
            stem.params,
            matmul=pixels + stem.saved + sizes.width * side**2,
            masks=8 * sizes.width * side**2,
            working=2 * area,
            half=True,
            convolution=stem.largest,
            flops=stem.flops,
            ops=stem.ops + 1,
        )
    ]
    width, wide = sizes.width, WIDE if sizes.depth >= 50 else 1
    for stage, blocks in enumerate(STAGES[sizes.depth]):
        middle = sizes.width * 2**stage
        for index in range(blocks):
            stride = 2 if stage and not index else 1
            layers.append(_block(f"stage {stage}.{index}", width, middle, middle * wide, side, stride, sizes.depth))
            width, side = middle * wide, -(-side // stride)
    head = Layer("pooling, head and loss", linear(width, sizes.outputs), matmul=width, other=2 * sizes.outputs,
                 working=width * side**2, flops=2 * width * sizes.outputs, ops=4)  # fmt: skip
    return Net("resnet", (*layers, head), inputs=pixels)


def _block(name: str, c_in: int, middle: int, c_out: int, side: int, stride: int, depth: int) -> Layer:
    path = _Path(c_in, side)
    if depth >= 50:
        path.add(middle, 1)
        path.add(middle, 3, stride)
        path.add(c_out, 1, relu=False)
    else:
        path.add(middle, 3, stride)
        path.add(c_out, 3, relu=False)
    params, saved, flops, ops = path.params, path.saved, path.flops, path.ops
    if stride != 1 or c_in != c_out:
        short = _Path(c_in, side)
        short.add(c_out, 1, stride, relu=False)
        params, saved = params + short.params, saved + short.saved
        flops, ops = flops + short.flops, ops + short.ops
    made = c_out * path.side**2
    entering = c_in * side**2
    return Layer(
        name,
        params,
        matmul=saved + made,  # and the ReLU after the sum
        working=max(2 * made + entering, 3 * made),
        convolution=path.largest,
        flops=flops,
        ops=ops + 2,
        enters=entering,
        starts=2 * made,
        enters_half=True,
        half=True,
    )
