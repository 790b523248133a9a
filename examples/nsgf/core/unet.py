"""The UNet of Dhariwal and Nichol (arXiv:2105.05233), with the choices of the code that the paper cites.

Written from the description in their appendix and the structure of github.com/openai/guided-diffusion (MIT), which
github.com/atong01/conditional-flow-matching (MIT) wraps; argument names are the wrapper's. Left out, as the wrapper
does by default: classes, scale-shift norm, residual up- and downsampling.

Shapes: B batch, C channels, H and W image, E embedding, T = H * W tokens.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNet(nn.Module):
    """Velocity of an image at a time: net(x, t), x (B, C, H, W), t (B,) in [0, 1]."""

    def __init__(self, dim: tuple[int, int, int], num_channels: int, num_res_blocks: int, channel_mult: tuple[int, ...],
                 num_heads: int = 1, num_head_channels: int = -1, attention_resolutions: int = 16,
                 dropout: float = 0.0) -> None:  # fmt: skip
        """num_head_channels = -1: num_heads heads everywhere; otherwise as many heads as fit, num_heads unused.

        A level has attention if it is downsampled by image_size // attention_resolutions. For 32x32 and 16 that is the
        16x16 level. For MNIST 28 // 16 = 1: attention at the full 28x28, not at 14x14.
        """
        super().__init__()
        if dim[1] % 2 ** (len(channel_mult) - 1) or num_channels % 32:
            raise ValueError(f"{dim[1]}x{dim[2]} images with {num_channels} channels: the size must halve "
                             f"{len(channel_mult) - 1} times, and GroupNorm has 32 groups")  # fmt: skip
        self.num_channels, embedding = num_channels, 4 * num_channels
        attention_at = dim[1] // attention_resolutions
        self.time_embed = nn.Sequential(nn.Linear(num_channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

        def block(before: int, after: int, downsampled: int, *more: nn.Module) -> Layers:
            attention = [Attention(after, num_heads, num_head_channels)] if downsampled == attention_at else []
            return Layers(ResBlock(before, after, embedding, dropout), *attention, *more)

        width, downsampled, last = num_channels * channel_mult[0], 1, len(channel_mult) - 1
        self.down = nn.ModuleList([Layers(nn.Conv2d(dim[0], width, 3, padding=1))])
        skips = [width]  # the width of every output of `down`; each goes to one block of `up`
        for level, mult in enumerate(channel_mult):
            for _ in range(num_res_blocks):
                self.down.append(block(width, num_channels * mult, downsampled))
                width = num_channels * mult
                skips.append(width)
            if level < last:
                self.down.append(Layers(nn.Conv2d(width, width, 3, stride=2, padding=1)))
                skips.append(width)
                downsampled *= 2

        self.middle = Layers(ResBlock(width, width, embedding, dropout), Attention(width, num_heads, num_head_channels),
                             ResBlock(width, width, embedding, dropout))  # fmt: skip

        self.up = nn.ModuleList()
        for level, mult in reversed(list(enumerate(channel_mult))):
            for i in range(num_res_blocks + 1):
                wide = num_channels * mult
                more = [Upsample(wide)] if level > 0 and i == num_res_blocks else []
                self.up.append(block(width + skips.pop(), wide, downsampled, *more))
                width = wide
            downsampled //= 2
        self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), zeroed(nn.Conv2d(width, dim[0], 3, padding=1)))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C, H, W)."""
        embedding, skips = self.time_embed(time_features(t, self.num_channels)), []
        for layers in self.down:
            x = layers(x, embedding)
            skips.append(x)
        x = self.middle(x, embedding)
        for layers in self.up:
            x = layers(torch.cat([x, skips.pop()], dim=1), embedding)
        return self.out(x)


def time_features(t: Tensor, width: int, max_period: float = 10_000.0) -> Tensor:
    """Cosines and sines of t (B,) -> (B, width), without scaling t to 0...1000 first, as in the cited code."""
    rates = torch.exp(torch.arange(width // 2, device=t.device) * (-math.log(max_period) / (width // 2)))
    angles = t[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer starts as the zero function, so every residual block starts as its shortcut."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Layers(nn.Sequential):
    """A sequence in which the residual blocks also get the time embedding."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:  # type: ignore[override]
        """(B, C, H, W), (B, E) -> (B, C', H', W')."""
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


class ResBlock(nn.Module):
    """Two convolutions, the time embedding added between them, and a shortcut."""

    def __init__(self, before: int, after: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(32, before), nn.SiLU(), nn.Conv2d(before, after, 3, padding=1))
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(embedding, after))
        self.second = nn.Sequential(nn.GroupNorm(32, after), nn.SiLU(), nn.Dropout(dropout),
                                    zeroed(nn.Conv2d(after, after, 3, padding=1)))  # fmt: skip
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(B, C, H, W), (B, E) -> (B, C', H, W)."""
        h = self.first(x) + self.time(embedding)[:, :, None, None]
        return self.shortcut(x) + self.second(h)


class Attention(nn.Module):
    """Self-attention over the T pixels, residual."""

    def __init__(self, channels: int, num_heads: int, num_head_channels: int) -> None:
        super().__init__()
        self.heads = num_heads if num_head_channels == -1 else channels // num_head_channels
        assert channels % self.heads == 0, f"{channels} channels do not divide into {self.heads} heads"
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.project = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        flat_BCT = x.flatten(2)
        qkv = self.qkv(self.norm(flat_BCT)).unflatten(1, (self.heads, 3, -1))  # heads first, then q, k, v
        # contiguous: with a strided last axis the fused kernels refuse, and T x T scores would be stored
        q_BhTc, k_BhTc, v_BhTc = qkv.transpose(3, 4).contiguous().unbind(2)
        mixed_BhTc = F.scaled_dot_product_attention(q_BhTc, k_BhTc, v_BhTc)
        return (flat_BCT + self.project(mixed_BhTc.transpose(2, 3).flatten(1, 2))).view_as(x)


class Upsample(nn.Module):
    """Twice the size by repetition, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
