"""Networks walked layer by layer: parameters, what autograd saves, and what is alive while a layer runs backward.

Everything is counted in elements per sample; the batch and the bytes come in `step.py`. A tensor that two operations
save is counted once, where it is made last, because both hold the same storage.
"""

from __future__ import annotations

from dataclasses import dataclass

from reproof.vram.sizes import SAVES_OUTPUT, CnnSizes, MlpSizes, TransformerSizes


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


@dataclass(frozen=True)
class Net:
    """A network as a sequence of layers."""

    family: str
    layers: tuple[Layer, ...]
    inputs: int
    """Elements per sample that the training loop holds and no layer saves: inputs before they are joined, logits."""

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return sum(layer.params for layer in self.layers)

    @property
    def saved(self) -> int:
        """Elements per sample that autograd holds at the end of the forward pass."""
        return sum(layer.matmul + layer.other for layer in self.layers)

    @property
    def convolution(self) -> int:
        """Input plus output of the largest convolution, per sample."""
        return max(layer.convolution for layer in self.layers)


def linear(width_in: int, width_out: int) -> int:
    """Parameters of nn.Linear with a bias."""
    return width_in * width_out + width_out


def conv(channels_in: int, channels_out: int, kernel: int = 3) -> int:
    """Parameters of a 2D convolution with a bias.

    >>> conv(3, 128)
    3584
    """
    return channels_in * channels_out * kernel * kernel + channels_out


def mse(name: str, outputs: int) -> Layer:
    """Mean squared error: saves prediction and target; its backward makes one gradient of the prediction."""
    return Layer(name, other=2 * outputs, working=outputs)


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
            Layer(f"linear {i}", linear(width, sizes.hidden), matmul=width, working=width + sizes.hidden),
            Layer(f"activation {i}", other=kept, working=2 * sizes.hidden),
        ]
        width = sizes.hidden
    last = Layer("output layer", linear(width, sizes.dim), matmul=width, working=width + sizes.dim)
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
                matmul=width * side * side,
                other=made,
                working=2 * made,
                convolution=(width + out) * side * side,
            )
        )
        side, width = side // 2, out
    flat = width * side * side
    outputs = sizes.outputs
    head = Layer("linear and sigmoid", linear(flat, outputs), matmul=flat, other=outputs, working=flat + outputs)
    return Net("cnn", (*layers, head, mse("loss", outputs)), inputs=0)


def transformer(sizes: TransformerSizes) -> Net:
    """A GPT-2-like decoder: learned positions, pre-norm blocks with a 4x MLP, tied output, cross-entropy, no dropout.

    `matmul` attention stores the T x T probabilities; `fused` (flash or memory-efficient) stores none.
    Source of the per-block terms: Korthikanti et al., arXiv:2205.05198, section 4.1, without the dropout masks.

    >>> gpt2 = TransformerSizes(vocab=50257, layers=12, width=768, num_heads=12, seq=1024)
    >>> transformer(gpt2).params
    124439808
    """
    d, t = sizes.width, sizes.seq
    embedding = Layer("embeddings", sizes.vocab * d + t * d, other=2 * t, working=2 * t * d)
    scores = sizes.num_heads * t * t if sizes.attention == "matmul" else sizes.num_heads * t
    block = Layer(
        "block",
        params=linear(d, 3 * d) + linear(d, d) + linear(d, 4 * d) + linear(4 * d, d) + 4 * d,
        # norm output, q k v, attention output, norm output, gelu output
        matmul=t * (d + 3 * d + d + d + 4 * d),
        # two norm inputs, gelu input, probabilities or the log-sum-exp of each row
        other=t * (2 * d + 4 * d) + scores,
        working=max(9 * t * d, t * 4 * d + 2 * (scores if sizes.attention == "matmul" else 0)),
    )
    blocks = [block] * sizes.layers
    logits = t * sizes.vocab
    # cross-entropy saves log-probabilities; backward holds their gradient while it makes the one of the logits
    head = Layer("norm, logits and loss", 2 * d, matmul=t * d, other=t * d + logits, working=2 * logits)
    # the logits themselves are not saved, but training loops still name them while backward runs
    return Net("transformer", (embedding, *blocks, head), inputs=4 * t + logits)  # ids are int64: two floats wide
