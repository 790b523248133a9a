"""Three small Keras models, recorded: functional, sequential and subclassed. usage: side_keras.py RECORDERS.py OUT."""

import importlib.util
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers

spec = importlib.util.spec_from_file_location("recorders", sys.argv[1])  # the one file, as a user copies it
recorders = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorders)


def functional() -> keras.Model:
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="conv")(image)
    x = layers.BatchNormalization(epsilon=1e-3, name="bn")(x)
    x = layers.Activation("relu", name="relu")(x)
    y = layers.Conv2D(8, 3, padding="same", name="second")(x)
    x = layers.Add(name="add")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.3, name="drop")(x)
    return keras.Model(image, layers.Dense(5, activation="softmax", name="head")(x))


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((7,), name="ids", dtype="int32"),
            layers.Embedding(11, 6, name="table"),
            layers.LayerNormalization(epsilon=1e-6, name="norm"),
            layers.GRU(5, name="gru"),
            layers.Dense(3, name="out"),
        ]
    )


class Subclassed(keras.Model):
    """A model whose layers are called by its own code: it has no graph of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.up = layers.Dense(16, activation="gelu", name="up")
        self.down = layers.Dense(4, name="down")

    def call(self, x: object) -> object:  # noqa: D102
        return self.down(self.up(x))


def main() -> None:
    rng = np.random.default_rng(0)
    given = {
        "functional": rng.standard_normal((2, 12, 12, 3)).astype(np.float32),
        "sequential": rng.integers(0, 11, (2, 7)),
        "subclassed": rng.standard_normal((2, 6)).astype(np.float32),
    }
    for name, make in (("functional", functional), ("sequential", sequential), ("subclassed", Subclassed)):
        keras.utils.set_random_seed(1)
        model = make()
        model(given[name])
        for weight in model.weights:  # away from ones and zeros, which hide faults
            weight.assign(np.abs(rng.standard_normal(weight.shape)) * 0.3 + 0.1 if "variance" in weight.path
                          else rng.standard_normal(weight.shape) * 0.3)  # fmt: skip
        folder = Path(sys.argv[2]) / name
        recorder = recorders.Recorder(str(folder), framework=f"keras {keras.__version__}, {keras.backend.backend()}")
        recorder.add("input", given[name], "input")
        recorder.watch_keras(model, given[name])
        recorder.close()


if __name__ == "__main__":
    main()
