"""Networks walked layer by layer: parameters, what autograd saves, and what is alive while a layer runs backward.

Everything is counted in elements per sample; the batch and the bytes come in `step.py`. A tensor that two operations
save is counted once, where it is made last, because both hold the same storage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from reproof.errors import PackError
from reproof.vram.sizes import SAVES_OUTPUT, CnnSizes, MlpSizes


@dataclass(frozen=True)
class Again:
    """What a checkpointed block saves when it runs a second time: elements per sample, and bytes of masks."""

    matmul: int
    other: int
    cast: int
    masks: int
    single: int
    up: int


@dataclass(frozen=True)
class Layer:
    """One part of the forward pass. Counts are elements per sample, except `params`."""

    name: str
    params: int = 0
    matmul: int = 0
    """Saved inputs of matrix products and convolutions: 16-bit under autocast."""
    other: int = 0
    """Saved inputs and outputs of norms, activation functions, softmax and losses: fp32 under autocast."""
    working: int = 0
    """Gradients in flight while this layer runs backward; also its live tensors in a forward pass without grad."""
    skip: int = 0
    """Above 0: the output also goes to a later layer (U-Net skip). Below 0: skips of that size are consumed here."""
    convolution: int = 0
    """Input plus output of the largest convolution, for the workspace bound."""
    masks: int = 0
    """Bytes per sample that dropout and the like save, one for each element."""
    cast: int = 0
    """fp32 tensors that also feed a matrix product: autocast saves a 16-bit copy of them as well."""
    up: int = 0
    """16-bit tensors of which autocast also saves an fp32 copy: log-probabilities, for the loss."""
    single: int = 0
    """Elements that are fp32 whatever the precision: copies that a norm or a loss makes for itself."""
    half: bool = False
    """Under autocast everything here stays 16-bit, gradients in flight too: convolutions, batch norm, ReLU, linear."""
    flops: int = 0
    """Of the matrix products and convolutions in a forward pass, per sample: two for a multiplication with a sum."""
    scores: int = 0
    """Of these, in attention's products of queries, keys and values; a fused kernel does half of them once more."""
    ops: int = 2
    """Kernels that a forward pass of this layer starts."""
    enters: int = 0
    """Input of a block; above 0 the block can be checkpointed, and then keeps only this."""
    starts: int = 0
    """Gradients in flight when a checkpointed block's backward begins and all that it saved again is still there."""
    enters_half: bool = False
    """Under autocast that input is 16-bit: batch norm and ReLU keep the format, layer norm and additions do not."""
    again: Again | None = None
    """Under checkpointing: what the block saves while it runs again in backward."""


@dataclass(frozen=True)
class Net:
    """A network as a sequence of layers."""

    family: str
    layers: tuple[Layer, ...]
    inputs: int
    """Elements per sample that the training loop holds and no layer saves: inputs before they are joined."""
    named: int = 0
    """The same for what a matrix product made, 16-bit under autocast: logits that still have their name."""

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(layer.params for layer in self.layers)

    @property
    def saved(self) -> int:
        """Elements per sample that autograd holds at the end of the forward pass."""
        return sum(layer.matmul + layer.other + layer.single for layer in self.layers)

    @property
    def flops(self) -> int:
        """Of the products in a forward pass, per sample."""
        return sum(layer.flops for layer in self.layers)

    @property
    def convolution(self) -> int:
        """Input plus output of the largest convolution, per sample."""
        return max(layer.convolution for layer in self.layers)


def checkpointed(net: Net) -> Net:
    """The network with every block run again in backward: blocks keep their input only.

    Raises:
        PackError: no part of it is a block.
    """
    if not any(layer.enters for layer in net.layers):
        raise PackError(
            "no-blocks",
            f"--checkpointing with {net.family}",
            why="it is counted block by block, and this family has none",
            fix="transformer, vit, resnet and unet have blocks; trace your own step for others",
        )
    layers = (_checkpointed(layer) if layer.enters else layer for layer in net.layers)
    return replace(net, layers=tuple(layers))


def _checkpointed(layer: Layer) -> Layer:
    again = Again(layer.matmul, layer.other, layer.cast, layer.masks, layer.single, layer.up)
    bare = replace(layer, matmul=0, other=0, masks=0, cast=0, single=0, up=0, again=again)
    return replace(bare, matmul=layer.enters) if layer.enters_half else replace(bare, other=layer.enters)


def linear(width_in: int, width_out: int) -> int:
    """Parameters of nn.Linear with a bias."""
    return width_in * width_out + width_out


def conv(channels_in: int, channels_out: int, kernel: int = 3) -> int:
    """Parameters of a 2D convolution with a bias.

    >>> conv(3, 128)
    3584
    """
    return channels_in * channels_out * kernel * kernel + channels_out


def conv_flops(channels_in: int, made: int, kernel: int = 3) -> int:
    """FLOPs of a 2D convolution that makes `made` numbers.

    >>> conv_flops(3, 128 * 32 * 32)
    7077888
    """
    return 2 * kernel * kernel * channels_in * made


def mse(name: str, outputs: int) -> Layer:
    """Mean squared error, in fp32: saves prediction and target; its backward makes one gradient of the prediction."""
    return Layer(name, single=2 * outputs, working=outputs)


def mlp(sizes: MlpSizes) -> Net:
    """Linear layers with an activation between them; the time enters as further inputs of the first.

    >>> mlp(MlpSizes(dim=2, hidden=256, layers=3)).params  # 3*256+256 + 2*(256*256+256) + 256*2+2
    133122
    """
    # relu and tanh save their output, which the next linear layer saves anyway; silu and selu also save their input
    kept = 0 if sizes.activation in SAVES_OUTPUT else sizes.hidden
    width, layers = sizes.dim + sizes.time_channels, []
    for i in range(1, sizes.layers + 1):
        layers += [
            Layer(
                f"linear {i}",
                linear(width, sizes.hidden),
                matmul=width,
                working=width + sizes.hidden,
                half=True,
                flops=2 * width * sizes.hidden,
                ops=1,
            ),
            Layer(f"activation {i}", matmul=kept, working=2 * sizes.hidden, half=True, ops=1),
        ]
        width = sizes.hidden
    last = Layer("output layer", linear(width, sizes.dim), matmul=width, working=width + sizes.dim, half=True,
                 flops=2 * width * sizes.dim, ops=1)  # fmt: skip
    return Net("mlp", (*layers, last, mse("loss", sizes.dim)), inputs=sizes.dim + sizes.time_channels)


def cnn(sizes: CnnSizes) -> Net:
    """3x3 convolutions with ReLU and 2x2 average pooling each, then one linear layer and a sigmoid.

    NSGF's phase-transition predictor, arXiv:2401.14069, appendix E.2.

    >>> cnn(CnnSizes(image_size=28, in_channels=1, predictor_channels=[32, 64, 128, 256])).params
    388097
    """
    layers, side, width = [], sizes.image_size, sizes.in_channels
    for i, out in enumerate(sizes.predictor_channels):
        # relu's output is saved once, by relu and by the pooling; the pooled map is the next layer's saved input
        made = out * side * side
        layers.append(
            Layer(
                f"convolution {i + 1}",
                conv(width, out),
                matmul=width * side * side + made,
                working=2 * made,
                half=True,
                convolution=(width + out) * side * side,
                flops=conv_flops(width, made),
                ops=3,
            )
        )
        side, width = side // 2, out
    flat = width * side * side
    outputs = sizes.outputs
    head = Layer("linear and sigmoid", linear(flat, outputs), matmul=flat, other=outputs, working=flat + outputs,
                 flops=2 * flat * outputs)  # fmt: skip
    return Net("cnn", (*layers, head, mse("loss", outputs)), inputs=0)
