# ruff: noqa: ARG001, D101, D102, D103, RUF100
"""The reference side: timm's VisionTransformer, small."""

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer


def build():
    return VisionTransformer(img_size=16, patch_size=4, embed_dim=32, depth=2, num_heads=4, num_classes=10)


def inputs(case):
    return {"x": torch.randn(2, 3, 16, 16)}


def batch(seed):
    return {"x": torch.randn(2, 3, 16, 16), "y": torch.randint(0, 10, (2,))}


def loss(model, batch):
    return F.cross_entropy(model(batch["x"]), batch["y"])
