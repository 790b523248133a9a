"""The sizes of each architecture family, checked: what does not build is refused with all reasons at once."""

from __future__ import annotations

import re
from math import prod
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from reproof.records import Record

Family = Literal["mlp", "unet", "cnn", "transformer", "vit", "resnet"]
Activation = Literal["relu", "tanh", "sigmoid", "silu", "selu", "elu", "gelu"]
SAVES_OUTPUT = {"relu", "tanh", "sigmoid"}
Attention = Literal["matmul", "math", "fused"]

# Above these a number is a slip of the keyboard, not a training run.
HUGE = 10**9
WIDE = 10**6


def _words(text: str) -> list[str]:
    return re.split(r"\s*[x,]\s*|\s+", text.strip())


def _numbers(value: object) -> object:
    """Whole numbers however they were typed: 3x32x32, "3,32,32", ["3", "32", "32"], [3, 32, 32]."""
    if isinstance(value, str):
        return _words(value)
    if isinstance(value, list):
        return [word for item in value for word in (_words(item) if isinstance(item, str) else [item])]
    return [value] if isinstance(value, int) else value


def _above_zero(values: list[int]) -> list[int]:
    if not values or any(value <= 0 for value in values):
        raise ValueError(f"every number must be greater than 0, got {values}")
    if prod(values) > HUGE:
        raise ValueError(f"the product {prod(values)} is above {HUGE}")
    return values


Numbers = Annotated[list[int], BeforeValidator(_numbers), AfterValidator(_above_zero)]
Positive = Annotated[int, Field(gt=0, le=WIDE)]


class MlpSizes(Record):
    """A multilayer perceptron."""

    dim: Positive
    hidden: Positive
    layers: int = Field(gt=0, le=1000)
    time_channels: int = Field(1, ge=0, le=WIDE)
    activation: Activation = "silu"


class UnetSizes(Record):
    """The Dhariwal-Nichol U-Net, by the names its code uses."""

    image_size: int = Field(gt=0, le=4096)
    in_channels: Positive
    num_channels: Positive
    num_res_blocks: int = Field(gt=0, le=100)
    channel_mult: Numbers
    num_heads: int = Field(1, gt=0, le=1024)
    num_head_channels: int = Field(-1, ge=-1, le=WIDE)
    attention_resolutions: Numbers
    out_channels: int = Field(0, ge=0, le=WIDE, description="0: as many as in_channels")
    attention: Attention = "matmul"

    @model_validator(mode="after")
    def _builds(self) -> UnetSizes:
        wrong = []
        factor = 2 ** (len(self.channel_mult) - 1)
        if self.image_size % factor:
            levels = len(self.channel_mult)
            wrong.append(f"image_size {self.image_size} must divide by {factor}: channel_mult has {levels} levels")
        widths = sorted({self.num_channels * mult for mult in self.channel_mult})
        if any(width % 32 for width in widths):
            wrong.append(f"num_channels {self.num_channels}: the group norm wants widths {widths} to divide by 32")
        if self.num_head_channels > 0 and any(width % self.num_head_channels for width in self._attending()):
            wrong.append(f"num_head_channels {self.num_head_channels} must divide {sorted(self._attending())}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @property
    def attention_factors(self) -> set[int]:
        """Downsampling factors at which attention runs, as guided-diffusion's create_model derives them."""
        return {self.image_size // resolution for resolution in self.attention_resolutions}

    def heads(self, channels: int) -> int:
        """Attention heads of a block with `channels`; head channels win over heads."""
        return channels // self.num_head_channels if self.num_head_channels > 0 else self.num_heads

    def _attending(self) -> set[int]:
        widths = [self.num_channels * mult for mult in self.channel_mult]
        return {widths[-1]} | {width for i, width in enumerate(widths) if 2**i in self.attention_factors}


class CnnSizes(Record):
    """Convolutions with pooling and one linear layer: the NSGF phase predictor."""

    image_size: int = Field(gt=0, le=4096)
    in_channels: Positive
    predictor_channels: Numbers
    outputs: Positive = 1

    @model_validator(mode="after")
    def _something_left(self) -> CnnSizes:
        if self.image_size >> len(self.predictor_channels) == 0:
            halvings = len(self.predictor_channels)
            raise ValueError(f"image_size {self.image_size} pools to nothing after {halvings} halvings")
        return self


class TransformerSizes(Record):
    """A GPT-2-like decoder; `gated` makes it LLaMA-like."""

    vocab: Positive
    layers: int = Field(gt=0, le=1000)
    width: Positive
    num_heads: int = Field(gt=0, le=1024)
    seq: int = Field(gt=0, le=10**7)
    attention: Attention = "fused"
    dropout: float = Field(0.0, ge=0, lt=1)
    feed_forward: int = Field(0, ge=0, le=WIDE, description="0: four times the width")
    gated: bool = False
    kv_heads: int = Field(0, ge=0, le=1024, description="0: as many as heads")
    untied: bool = False

    @model_validator(mode="after")
    def _heads_divide(self) -> TransformerSizes:
        wrong = []
        if self.width % self.num_heads:
            wrong.append(f"num_heads {self.num_heads} must divide width {self.width}")
        if self.kv_heads and self.num_heads % self.kv_heads:
            wrong.append(f"kv_heads {self.kv_heads} must divide num_heads {self.num_heads}")
        if self.kv_heads and not self.gated:
            wrong.append("kv_heads belong to a gated model; leave them out, or set gated")
        if self.gated and self.dropout:
            wrong.append("dropout is counted for models that are not gated only; trace your own step")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class VitSizes(Record):
    """A vision transformer."""

    image_size: int = Field(gt=0, le=4096)
    in_channels: Positive = 3
    patch: int = Field(gt=0, le=1024)
    layers: int = Field(gt=0, le=1000)
    width: Positive
    num_heads: int = Field(gt=0, le=1024)
    outputs: Positive = 1000
    attention: Attention = "fused"
    dropout: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _builds(self) -> VitSizes:
        wrong = []
        if self.image_size % self.patch:
            wrong.append(f"patch {self.patch} must divide image_size {self.image_size}")
        if self.width % self.num_heads:
            wrong.append(f"num_heads {self.num_heads} must divide width {self.width}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


class ResnetSizes(Record):
    """A ResNet as torchvision builds it."""

    depth: Literal[18, 34, 50, 101, 152]
    image_size: int = Field(gt=0, le=4096)
    in_channels: Positive = 3
    width: Positive = 64
    outputs: Positive = 1000

    @model_validator(mode="after")
    def _something_left(self) -> ResnetSizes:
        if self.image_size < 32:
            raise ValueError(f"image_size {self.image_size}: a ResNet halves it five times, so 32 is the least")
        return self


SIZES: dict[Family, type[Record]] = {
    "mlp": MlpSizes,
    "unet": UnetSizes,
    "cnn": CnnSizes,
    "transformer": TransformerSizes,
    "vit": VitSizes,
    "resnet": ResnetSizes,
}
