"""How two results are related, what is written between two versions, and what to write instead."""

import re

import numpy as np
import pytest

from reproof.probe.adapters import BY_CODE, BY_TRAP, adapter
from reproof.probe.child import changes, explain
from reproof.probe.codes import CODES
from reproof.probe.models import Finding
from reproof.probe.spec import Call
from reproof.probe.traps import GENERIC, TRAPS
from reproof.probe.verdicts import finding

THEIRS = np.array([[1.0, 2.0, 4.0], [3.0, 5.0, 8.0]])
SIZES = {"N": 10}


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (THEIRS / 2, "it is half of theirs"),
        (-THEIRS, "it has the other sign"),
        (THEIRS**2, "it is their square"),
        (np.sqrt(THEIRS), "it is their square root"),
        (10 * THEIRS, "N = 10 times"),
        (THEIRS * 10 / 9, "unbiased against biased"),
        (THEIRS[:, ::-1], "axis 1 is reversed"),
        (np.roll(THEIRS, 1, 1), "axis 1 is moved by one"),
        (THEIRS.T, "it is the transpose"),
        (THEIRS * 1.0002, ""),  # just past what counts as the same, with no factor that explains it
    ],
)
def test_a_simple_relation_is_named(ours, said):
    found = explain.related(ours, THEIRS, SIZES)
    assert said in found
    assert bool(said) == bool(found)


def test_exchanged_axes_are_named():
    images = np.arange(2 * 4 * 4 * 3, dtype=float).reshape(2, 4, 4, 3)
    assert explain.related(images.swapaxes(1, 2), images, {}) == "axes 1 and 2 are exchanged"


def test_what_is_not_finite_is_not_explained():
    assert explain.related(THEIRS * np.nan, THEIRS, SIZES) == ""


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("1.10.2rc1", (1, 10, 2)), ("2.13.0+cpu", (2, 13, 0)), ("1.2", (1, 2, 0)), ("3", (3, 0, 0))],
)
def test_a_version_is_its_numbers(version, numbers):
    assert changes.numbers(version) == numbers


def test_directives_between_two_versions_are_told(monkeypatch):
    text = "A thing.\n\n.. versionadded:: 1.0\n\n.. versionchanged:: 1.2\n   The default is now\n   two.\n\nMore."

    def thing():
        return None

    thing.__doc__ = text
    monkeypatch.setattr(changes.look, "resolve", lambda _: thing)
    assert changes.between("x.thing", "no-such-distribution", ["1.0", "1.2"]) == [
        "versionchanged 1.2: The default is now two."
    ]
    assert changes.between("x.thing", "no-such-distribution", ["1.2", "1.3"]) == []


def a_call(**more):
    inputs = {"x": {"shape": [8, 1, 4, 4]}, "t": {"shape": [8]}}
    return Call.model_validate({"id": "a", "target": "lib.f", "inputs": inputs, "experiments": ["toy"], **more})


def a_finding(code, fix="", trap=""):
    return Finding(code=code, severity="fail", what="", fix=fix, trap=trap)


def test_every_trap_has_an_adapter_and_every_kind_a_code():
    assert {trap.slug for trap in TRAPS} <= set(BY_TRAP)
    assert set(GENERIC) <= set(CODES)


@pytest.mark.parametrize("slug", BY_TRAP)
def test_every_adapter_is_code(slug):
    text = adapter(a_call(), a_finding("call_error", trap=slug))
    compile(text.replace("...,", "0,"), slug, "exec")
    assert not re.search(r"\{(call|x|given|flat|floats)\}", text)


@pytest.mark.parametrize("code", BY_CODE)
def test_every_adapter_of_a_kind_is_code(code):
    text = adapter(a_call(), a_finding(code))
    compile(text, code, "exec")
    assert code in CODES
    assert "{" not in text


def test_coinciding_sizes_and_coupled_samples_are_two_causes():
    """A batch that meets the channels fails at another size, with words about sizes; an order that matters does not."""
    fails = "a batch of 3 works and one of 6 does not: RuntimeError: "
    found = [finding("fails_at_other_batch", fails + said, "lib.f").trap for said in ("sizes must match", "view of 8")]
    assert found == ["extract-channel-broadcast", "one-batch-only"]
    assert finding("batch_mixing", "the batch in another order gives other numbers", "lib.f").trap == "samples-coupled"


def test_flattened_images_take_their_shape_again():
    text = adapter(a_call(args=["x"]), a_finding("call_error", "works with x.flatten(1)"))
    assert "lib.f(x.flatten(1))" in text
    assert "output.reshape(shape)" in text


def test_only_the_input_that_is_wrong_is_adapted():
    text = adapter(a_call(), a_finding("call_error", "works with t.long(); integer timesteps"))
    assert text == "output = lib.f(x, t.long())"


def test_a_setting_is_put_where_it_belongs():
    found = a_finding("wrong_axis", "batch_first=True")
    assert "lib.f(width=2, batch_first=True)(x, t)" in adapter(a_call(init={"width": 2}), found)
    assert "lib.f(x, t, batch_first=True)" in adapter(a_call(), found)
