# ruff: noqa: ARG001, D101, D102, D103, RUF100
"""A vision transformer from scratch, as a port of timm's: patches by unfolding, attention by torch's module.

The contract of the port. examples/ports/vit_reference.py is the other side.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, image=16, patch=4, width=32, depth=2, heads=4, classes=10):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, width)
        self.cls = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty((image // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.normal_(self.cls, std=1e-6)
        # timm 1.0 leaves the patch embedding as torch makes it
        for block in self.blocks:
            layers = (
                block.attention.in_proj_weight,
                block.attention.out_proj.weight,
                block.mlp[0].weight,
                block.mlp[2].weight,
            )
            for weight in layers:
                nn.init.trunc_normal_(weight, std=0.02)
            for bias in (
                block.attention.in_proj_bias,
                block.attention.out_proj.bias,
                block.mlp[0].bias,
                block.mlp[2].bias,
            ):
                nn.init.zeros_(bias)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels_BCHW):
        x = self.embed(F.unfold(pixels_BCHW, self.patch, stride=self.patch).transpose(1, 2))
        x = torch.cat([self.cls.expand(len(x), 1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def build():
    return ViT()


def loss(model, batch):
    return F.cross_entropy(model(batch["x"]), batch["y"])
