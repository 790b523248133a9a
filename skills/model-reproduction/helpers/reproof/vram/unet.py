"""The U-Net of Dhariwal and Nichol (arXiv:2105.05233), walked layer by layer as its code builds it.

Follows guided-diffusion's `UNetModel` without class conditioning, scale-shift norm or residual up- and downsampling:
attention runs where the downsampling factor is image_size // resolution, which for 28-pixel images and resolution 16
means at *full* size, 784 tokens. Shapes: C channels, S side of a square image, T = S*S tokens.
"""

from __future__ import annotations

from reproof.vram.nets import Layer, Net, conv, conv_flops, linear, mse
from reproof.vram.sizes import Attention, UnetSizes


def norm(channels: int) -> int:
    """Parameters of a group norm."""
    return 2 * channels


def res_block(name: str, c_in: int, c_out: int, side: int, time: int, skip: int = 0) -> Layer:
    """Norm, SiLU, 3x3 convolution, time shift, the same again, and a 1x1 shortcut where the widths differ."""
    area = side * side
    shortcut = conv(c_in, c_out, kernel=1) if c_in != c_out else 0
    return Layer(
        name,
        params=norm(c_in) + conv(c_in, c_out) + linear(time, c_out) + norm(c_out) + conv(c_out, c_out) + shortcut,
        # each 3x3 convolution saves its input; the time layer saves SiLU(embedding)
        matmul=area * (c_in + c_out) + time,
        # each norm and each SiLU saves its input; the shortcut shares the first norm's
        other=area * 2 * (c_in + c_out),
        working=area * (c_out + 2 * max(c_in, c_out)),
        skip=skip,
        convolution=area * (c_in + c_out),
        flops=conv_flops(c_in + c_out, area * c_out)
        + (conv_flops(c_in, area * c_out, kernel=1) if shortcut else 0)
        + 2 * time * c_out,
        ops=12,
        enters=area * c_in,
    )


# Score matrices in flight during backward. matmul: two einsums as in the original code; softmax's backward wants its
# gradient contiguous and copies it. math: what scaled_dot_product_attention falls back to when the last axis of q, k, v
# is not contiguous, or no fused kernel takes them. fused: a flash or memory-efficient kernel, which stores none.
SCORES_IN_FLIGHT: dict[Attention, int] = {"matmul": 3, "math": 2, "fused": 0}


def attention_block(name: str, channels: int, heads: int, side: int, kind: Attention, skip: int = 0) -> Layer:
    """Norm, q k v, attention over all T pixels, output projection. Scores are heads * T * T numbers."""
    tokens = side * side
    map_, scores = channels * tokens, heads * tokens * tokens
    return Layer(
        name,
        params=norm(channels) + linear(channels, 3 * channels) + linear(channels, channels),
        # norm output, q k v, projection input; then the scaled copies of q and k, or the kernel's own output
        matmul=(1 + 3 + 1 + (1 if kind == "fused" else 2)) * map_,
        other=map_ + (heads * tokens if kind == "fused" else scores),
        working=max(4 * map_, 2 * map_ + SCORES_IN_FLIGHT[kind] * scores),
        skip=skip,
        cast=scores if kind != "fused" else 0,
        # q k v and the projection: 4 C x C products of every token; scores and their sum: two of T x T x C
        flops=8 * channels * map_ + 4 * tokens * map_,
        scores=4 * tokens * map_ if kind == "fused" else 0,
        ops=12,
        enters=map_,
    )


def unet(sizes: UnetSizes) -> Net:
    """The network for square images, with the mean squared error as its loss.

    >>> cifar = UnetSizes(image_size=32, in_channels=3, num_channels=128, num_res_blocks=2, channel_mult=[1, 2, 2, 2],
    ...     num_heads=4, num_head_channels=64, attention_resolutions=[16])
    >>> unet(cifar).params
    35746307
    """
    base, time, side = sizes.num_channels, 4 * sizes.num_channels, sizes.image_size
    width = sizes.channel_mult[0] * base
    pixels = side * side
    layers = [
        Layer(
            "time embedding",
            linear(base, time) + linear(time, time),
            matmul=base + time,
            other=2 * time,
            flops=2 * (base * time + time * time),
            ops=8,
        ),
        Layer(
            "input convolution",
            conv(sizes.in_channels, width),
            matmul=sizes.in_channels * pixels,
            working=width * pixels,
            skip=width * pixels,
            convolution=(sizes.in_channels + width) * pixels,
            flops=conv_flops(sizes.in_channels, width * pixels),
        ),
    ]
    skips = [width]  # channels of every output that the way up will concatenate
    shrink, last = 1, len(sizes.channel_mult) - 1
    for level, mult in enumerate(sizes.channel_mult):
        for i in range(sizes.num_res_blocks):
            attends = shrink in sizes.attention_factors
            out = mult * base
            made = out * side * side
            layers.append(res_block(f"down {level}.{i}", width, out, side, time, skip=0 if attends else made))
            width = out
            if attends:
                layers.append(_attend(sizes, f"down {level}.{i} attention", width, side, skip=made))
            skips.append(width)
        if level != last:
            layers.append(_downsample(f"down {level} to half size", width, side))
            skips.append(width)
            shrink, side = 2 * shrink, side // 2
    layers += [
        res_block("middle 0", width, width, side, time),
        _attend(sizes, "middle attention", width, side),
        res_block("middle 1", width, width, side, time),
    ]
    for level, mult in reversed(list(enumerate(sizes.channel_mult))):
        for i in range(sizes.num_res_blocks + 1):
            joined = skips.pop()
            area = side * side
            layers.append(res_block(f"up {level}.{i}", width + joined, mult * base, side, time, skip=-joined * area))
            width = mult * base
            if shrink in sizes.attention_factors:
                layers.append(_attend(sizes, f"up {level}.{i} attention", width, side))
        if level:
            shrink, side = shrink // 2, side * 2
            layers.append(_upsample(f"up {level} to double size", width, side))
    assert not skips, "every skip connection is consumed once"
    outputs = sizes.out_channels or sizes.in_channels
    layers.append(_output(width, outputs, side))
    layers.append(mse("loss", outputs * pixels))
    return Net("unet", tuple(layers), inputs=1)


def _attend(sizes: UnetSizes, name: str, channels: int, side: int, skip: int = 0) -> Layer:
    return attention_block(name, channels, sizes.heads(channels), side, sizes.attention, skip)


def _downsample(name: str, channels: int, side: int) -> Layer:
    area, half = side * side, (side // 2) ** 2
    return Layer(
        name,
        conv(channels, channels),
        matmul=channels * area,
        working=channels * (area + half),
        skip=channels * half,
        convolution=channels * (area + half),
        flops=conv_flops(channels, channels * half),
    )


def _upsample(name: str, channels: int, side: int) -> Layer:
    """Nearest-neighbour to `side`, then a convolution, which saves the enlarged map."""
    area = side * side
    return Layer(
        name,
        conv(channels, channels),
        matmul=channels * area,
        working=2 * channels * area,
        convolution=2 * channels * area,
        flops=conv_flops(channels, channels * area),
    )


def _output(channels: int, outputs: int, side: int) -> Layer:
    area = side * side
    return Layer(
        "output norm and convolution",
        norm(channels) + conv(channels, outputs),
        matmul=channels * area,
        other=2 * channels * area,
        working=area * (2 * channels + outputs),
        convolution=area * (channels + outputs),
        flops=conv_flops(channels, outputs * area),
        ops=4,
    )
