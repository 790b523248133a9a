"""Recorded tensors: what a model computes without recording it is told apart from what differs."""

import numpy as np
import pytest

from reproof.parity.child.recorders import Recorder, compare


def folder(path, **tensors):
    recorder = Recorder(str(path))
    for name, value in tensors.items():
        recorder.add(name, value)
    recorder.close()
    return str(path)


RNG = np.random.default_rng(0)
A, B, C, D = (RNG.standard_normal((2, 3)) for _ in range(4))


def told(tmp_path, theirs, ours):
    job = {"reference": folder(tmp_path / "a", **theirs), "port": folder(tmp_path / "b", **ours), "tolerance": 1e-5}
    return compare(job)


def test_what_the_port_does_not_record_is_said_where_what_comes_after_agrees(tmp_path):
    found = told(tmp_path, {"conv": A, "relu": B, "head": C}, {"c": A, "out": C})
    assert [(each["name"], each["same"]) for each in found["rows"]] == [("conv", True), ("head", True)]
    assert "no counterpart was recorded for relu" in found["weaker"][-1]


@pytest.mark.parametrize(
    "ours",
    [{"c": A, "r": D, "out": C}, {"c": A, "out": D}, {"c": A}],
    ids=["a tensor of that size is not explained", "the last differs", "the last is missing"],
)
def test_what_differs_is_never_taken_for_not_recorded(tmp_path, ours):
    found = told(tmp_path, {"conv": A, "relu": B, "head": C}, ours)
    assert not all(each["same"] for each in found["rows"])


class Layer:
    """A layer as Keras has it: `call` does the work."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def call(self, x):
        return x + self.value


class Model:
    """Layers called by its own code, without a graph of them."""

    weights = ()

    def __init__(self):
        self.layers = [Layer("one", A), Layer("two", B)]

    def _flatten_layers(self, include_self):  # noqa: ARG002
        return self.layers

    def __call__(self, x, training):
        assert not training
        for each in self.layers:
            x = each.call(x)
        return x


def test_a_model_without_a_graph_is_recorded_layer_by_layer_and_left_as_it_was(tmp_path):
    model, recorder = Model(), Recorder(str(tmp_path))
    recorder.watch_keras(model, C)
    assert [row["name"] for row in recorder.rows] == ["one", "two", "model"]
    assert np.array_equal(np.load(tmp_path / "00000.npy"), C + A)
    assert "call" not in vars(model.layers[0])
