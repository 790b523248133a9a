"""A call that is described on the command line is the call that a plan would hold."""

import pytest
import yaml

from reproof.errors import PackError
from reproof.probe import byflags
from reproof.probe.command import main
from reproof.probe.models import CallRequest, LookAnswer


def known(kind="function"):
    return LookAnswer(ok=True, headline="", target="", executable="", distribution="POT", version="0.9.6", kind=kind)


def entry(target, *inputs, kind="function", **flags):
    return byflags.entry(CallRequest(target=target, input=list(inputs), **flags), known(kind))


def test_inputs_settings_and_expectations_reach_the_call():
    library = entry(
        "geomloss.SamplesLoss", "x=256x2,float64,uniform,-1..2.5,grad", "y=256x2,numpy", "w=256,integers,cuda",
        kind="class", init=["p=2", "blur=5e-1"], kwarg=["keep=true"], by_name=["w"], output=["scalar"],
        equals="ot.emd2",
    )  # fmt: skip
    (call,) = library["calls"]
    assert (library["name"], library["distribution"], library["version"]["value"]) == ("geomloss", "POT", "0.9.6")
    assert call["inputs"] == {
        "x": {"shape": [256, 2], "dtype": "float64", "dist": "uniform", "low": -1.0, "high": 2.5,
              "requires_grad": True},
        "y": {"shape": [256, 2], "kind": "numpy"},
        "w": {"shape": [256], "dist": "integers", "device": "cuda", "dtype": "int64"},
    }  # fmt: skip
    assert call["args"] == ["x", "y"] and call["init"] == {"p": 2, "blur": 0.5} and call["kwargs"] == {"keep": True}
    assert call["expect"] == {"grad": ["x"], "shapes": [[]], "equals": "ot.emd2"}
    assert yaml.safe_load(byflags.as_yaml(library))["libraries"] == [library]


def test_a_class_is_constructed_and_a_function_is_not():
    assert "init" not in entry("ot.emd2", "a=4")["calls"][0]
    assert entry("torch.nn.GELU", "x=4x2", kind="class")["calls"][0]["init"] == {}


def test_everything_that_cannot_be_read_is_named():
    with pytest.raises(PackError) as error:
        entry("ot.emd2", "a=4x", "b", "c=4,purple", "d=4,1..", init=["p"], kwarg=["k=[1"])
    assert all(word in error.value.what for word in ("'a=4x'", "'b'", "'purple'", "'1..'", "'p' is not", "'k=[1'"))


@pytest.mark.torch
def test_a_call_is_probed_and_shown_as_a_plan_holds_it(capsys):
    words = ["torch.nn.functional.mse_loss", "x=8x1,grad", "y=8"]
    assert main(["call", *words, "--output", "scalar"]) in (0, 4)
    shown = capsys.readouterr().out
    assert "broadcast" in shown, "(8, 1) against (8,) is 8 x 8 differences"
    assert "libraries:" in shown and '"target": "torch.nn.functional.mse_loss"' in shown


def test_a_name_that_is_not_there_is_said_with_the_nearest(capsys):
    assert main(["call", "json.dumpz", "x=2"]) == 2
    assert "dumps" in capsys.readouterr().err
