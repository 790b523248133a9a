# ruff: noqa: ARG001, D101, D102, D103, RUF100
"""The reference side: a small causal transformer in Flax linen, with heads as axes of its projections."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

framework = "jax"
VOCAB, LENGTH, WIDTH, HEADS = 31, 12, 16, 2


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        size = WIDTH // HEADS
        y = nn.LayerNorm(epsilon=1e-6, name="norm_a")(x)
        q, k, v = (nn.DenseGeneral((HEADS, size), name=name)(y) for name in ("q", "k", "v"))
        scores = jnp.einsum("bthd,bshd->bhts", q, k) / np.sqrt(size)
        mask = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
        weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)
        y = jnp.einsum("bhts,bshd->bthd", weights, v)
        x = x + nn.DenseGeneral(WIDTH, axis=(-2, -1), name="out")(y)
        y = nn.Dense(4 * WIDTH, name="up")(nn.LayerNorm(epsilon=1e-6, name="norm_b")(x))
        return x + nn.Dense(WIDTH, name="down")(nn.gelu(y))


class Model(nn.Module):
    @nn.compact
    def __call__(self, ids):
        positions = self.param("positions", nn.initializers.normal(0.02), (LENGTH, WIDTH))
        x = nn.Embed(VOCAB, WIDTH, name="tokens")(ids) + positions[: ids.shape[1]]
        for number in range(2):
            x = Block(name=f"block{number}")(x)
        return nn.Dense(VOCAB, use_bias=False, name="head")(nn.LayerNorm(epsilon=1e-6, name="norm")(x))


def build():
    return Model()


def inputs(case):
    return {"ids": np.random.randint(0, VOCAB, (2, 9))}


def batch(seed):
    return {"ids": np.random.randint(0, VOCAB, (2, 12))}


def loss(model, batch):
    scores = jax.nn.log_softmax(model(batch["ids"])[:, :-1])
    return -jnp.take_along_axis(scores, batch["ids"][:, 1:, None], axis=-1).mean()
