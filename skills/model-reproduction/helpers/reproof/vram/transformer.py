"""Transformers walked block by block: GPT-2-like, LLaMA-like (gated, grouped keys), and vision transformers.

The terms of a block are those of Korthikanti et al., arXiv:2205.05198, section 4.1, for the operators of PyTorch:
T tokens, D width, F width of the feed-forward, H heads, K width of keys and values.
"""

from __future__ import annotations

from reproof.vram.nets import Layer, Net, conv_flops, linear
from reproof.vram.sizes import Attention, TransformerSizes, VitSizes


def transformer(sizes: TransformerSizes) -> Net:
    """A decoder with learned positions, pre-norm blocks, a tied output unless said otherwise, and cross-entropy.

    `matmul` attention stores the T x T probabilities; `fused` (flash or memory-efficient) stores none.

    >>> gpt2 = TransformerSizes(vocab=50257, layers=12, width=768, num_heads=12, seq=1024)
    >>> transformer(gpt2).params
    124439808
    >>> llama = TransformerSizes(vocab=32000, layers=32, width=4096, num_heads=32, seq=512, gated=True, untied=True,
    ...     feed_forward=11008)
    >>> transformer(llama).params
    6738415616
    """
    d, t = sizes.width, sizes.seq
    places = 0 if sizes.gated else t * d  # gated models rotate queries and keys instead
    embedding = Layer(
        "embeddings",
        sizes.vocab * d + places,
        other=2 * t,
        working=2 * t * d,
        masks=t * d if sizes.dropout else 0,
        ops=3,
    )
    block = _gated(sizes) if sizes.gated else _block(t, d, sizes.feed_forward or 4 * d, sizes.num_heads,
                                                     sizes.attention, dropout=sizes.dropout > 0)  # fmt: skip
    logits = t * sizes.vocab
    # cross-entropy saves log-probabilities; backward holds their gradient while it makes the one of the logits
    head = Layer(
        "norm, logits and loss",
        (d if sizes.gated else 2 * d) + (sizes.vocab * d if sizes.untied else 0),
        # under autocast the log-probabilities are 16-bit, and the loss makes itself an fp32 copy
        matmul=t * d + logits,
        up=logits,
        single=t * d if sizes.gated else 0,
        other=t * d,
        working=2 * logits,
        half=True,
        flops=2 * d * logits,
        ops=8 if sizes.gated else 4,
    )
    # the logits themselves are not saved, but training loops still name them while backward runs; ids are int64
    return Net("transformer", (embedding, *[block] * sizes.layers, head), inputs=4 * t, named=logits)


def _block(t: int, d: int, f: int, heads: int, attention: Attention, *, dropout: bool) -> Layer:
    """Layer norms, q k v, attention, projection, GELU feed-forward; all with biases."""
    stored = attention != "fused"
    scores = heads * t * t if stored else 0
    return Layer(
        "block",
        params=linear(d, 3 * d) + linear(d, d) + linear(d, f) + linear(f, d) + 4 * d,
        # norm output, q k v, attention output, norm output, GELU's input and output; with dropout the dropped scores
        matmul=t * (d + 3 * d + d + d + 2 * f) + (scores if dropout else 0),
        # two norm inputs, probabilities or the log-sum-exp of each row
        other=2 * t * d + (scores or heads * t),
        cast=0 if dropout else scores,
        masks=(2 * t * d + scores) if dropout else 0,
        working=max(9 * t * d, t * f + 2 * scores),
        flops=2 * t * (4 * d * d + 2 * d * f) + 4 * t * t * d,
        scores=0 if stored else 4 * t * t * d,
        ops=18 if stored else 12,
        enters=t * d,
        starts=t * d + t * f,
    )


def _gated(sizes: TransformerSizes) -> Layer:
    """RMS norms in plain operators, rotated queries and keys, grouped keys and values, SwiGLU; no biases."""
    d, t, f = sizes.width, sizes.seq, sizes.feed_forward or 4 * sizes.width
    k = d // sizes.num_heads * (sizes.kv_heads or sizes.num_heads)
    stored = sizes.attention != "fused"
    scores = sizes.num_heads * t * t if stored else 0
    return Layer(
        "block",
        params=2 * d * d + 2 * d * k + 3 * d * f + 2 * d,
        # norm outputs, rotated q and k, v, attention output; gate, its SiLU, up, and their product
        matmul=t * (2 * d + d + 2 * k + d + 4 * f),
        # each RMS norm keeps its input, in fp32, and the normalised input
        single=2 * t * d,
        other=2 * t * d + (scores or sizes.num_heads * t),
        cast=scores,
        working=max(6 * t * d, 3 * t * f, t * f + 2 * scores),
        flops=2 * t * (2 * d * d + 2 * d * k + 3 * d * f) + 4 * t * t * d,
        scores=0 if stored else 4 * t * t * d,
        ops=40,
        enters=t * d,
        starts=t * d + 2 * t * f,
    )


def vit(sizes: VitSizes) -> Net:
    """A vision transformer with a class token: patches by a convolution, GPT-2's blocks, a linear head.

    Dosovitskiy et al., arXiv:2010.11929.

    >>> vit(VitSizes(image_size=224, patch=16, layers=12, width=768, num_heads=12, outputs=1000)).params
    86567656
    """
    d, patches = sizes.width, (sizes.image_size // sizes.patch) ** 2
    t, pixels = patches + 1, sizes.in_channels * sizes.image_size**2
    embedding = Layer(
        "patches",
        sizes.in_channels * sizes.patch**2 * d + d + d + t * d,
        matmul=pixels,
        working=2 * t * d,
        convolution=pixels + patches * d,
        flops=conv_flops(sizes.in_channels, patches * d, sizes.patch),
        ops=4,
        masks=t * d if sizes.dropout else 0,
    )
    block = _block(t, d, 4 * d, sizes.num_heads, sizes.attention, dropout=sizes.dropout > 0)
    head = Layer(
        "norm, head and loss",
        2 * d + linear(d, sizes.outputs),
        matmul=t * d,
        other=t * d + 2 * sizes.outputs,
        working=2 * t * d,
        flops=2 * d * sizes.outputs,
        ops=5,
    )
    return Net("vit", (embedding, *[block] * sizes.layers, head), inputs=pixels)
