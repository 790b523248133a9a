"""What the plan says becomes the config; text of the plan never becomes more than a scalar or a comment."""

import re
import runpy

import pytest
import yaml

from reproof.document import Phase, Plan
from reproof.scaffold.configs import comment, config_text, defaults_of, line, scalar
from reproof.scaffold.project import PIPELINE
from reproof.scaffold.smallest import smoke_files


def config(data, name="toy"):
    return yaml.safe_load(config_text(Plan.model_validate(data), name))


def test_every_value_of_the_plan_arrives_with_its_type(plan_data):
    fit = config(plan_data)["phases"]["fit"]
    assert fit["lr"] == 1e-4
    assert isinstance(fit["lr"], float)
    assert (fit["steps"], fit["batch_size"], fit["betas"], fit["weight_decay"]) == (200, 16, [0.9, 0.999], 0.0)


def test_each_value_has_its_source_as_a_comment(plan_data):
    text = config_text(Plan.model_validate(plan_data), "toy")
    assert '    steps: 200  # 3: "We train the network for 200 steps' in text
    assert "  hidden: [8, 8]  # [INFERRED] not stated" in text


def test_what_the_plan_leaves_out_gets_a_neutral_value_and_is_reported(plan_data):
    text = config_text(Plan.model_validate(plan_data), "toy")
    assert "grad_clip: null  # not in the plan: neutral default" in text
    left_out = {default.path for default in defaults_of(Plan.model_validate(plan_data), "toy")}
    names = ("accumulate", "schedule", "warmup_steps", "grad_clip", "ema_decay")
    assert left_out == {f"phases.fit.{name}" for name in names}


def test_text_of_the_plan_cannot_break_out_of_its_line(plan_data):
    evil = "x\nphases: {}\n# {{ 7 * 7 }} \"'\x00\x1b[31m"
    toy = plan_data["experiments"]["toy"]
    toy["data"]["name"] = {"value": evil, "inferred": evil}
    toy["summary"] = evil
    toy["phases"]["fit"]["loss"] = evil
    loaded = config(plan_data)
    assert loaded["data"]["name"] == evil
    assert list(loaded["phases"]) == ["fit"]
    assert "\x1b" not in config_text(Plan.model_validate(plan_data), "toy").replace('"\\e[31m"', "")


def test_numbers_that_yaml_would_read_as_text_stay_numbers():
    for value in (1e-5, 1e-4, 1e22, 3.0, 0.1):
        assert yaml.safe_load(line(0, "lr", value)) == {"lr": value}


def test_words_that_yaml_would_read_as_something_else_stay_words():
    for value in ("no", "null", "1e-3", "2026-01-01", "- a", "a: b", "#x", ""):
        assert yaml.safe_load(f"x: {scalar(value)}") == {"x": value}


def test_a_comment_is_one_line_of_bounded_length():
    assert "\n" not in comment("a\r\nb\u2028c")
    assert len(comment("x" * 100)) == 100
    assert len(comment("x" * 101)) == 100


def test_readings_are_complete_and_as_stated_comes_first(plan_data):
    readings = [{"name": "squared", "means": "the squared distance", "squared": True}]
    plan_data["experiments"]["toy"]["evaluation"]["readings"] = readings
    assert config(plan_data)["evaluation"]["readings"] == [{"name": "as_stated"}, {"name": "squared", "squared": True}]


def test_the_plan_knows_the_optimizers_of_the_engine():
    engine = runpy.run_path(str(PIPELINE / "src/project/engine/extra/optimizers.py"))
    said = re.findall(r"'(\w+)'", str(Phase.model_fields["optimizer"].annotation))
    assert said == list(engine["OPTIMIZERS"])


def of_law(plan_data, law, model):
    toy = plan_data["experiments"]["toy"]
    toy["model"] = {key: {"value": value, "inferred": "for this test"} for key, value in model.items()}
    toy["phases"]["fit"]["law"] = law
    return Plan.model_validate(plan_data)


UNET = {"num_channels": 128, "num_res_blocks": 2, "num_head_channels": 64, "channel_mult": [1, 2], "dropout": 0.1}


@pytest.mark.parametrize(
    ("law", "model", "small"),
    [
        ("unet", UNET, {"model.num_channels": 32, "model.num_res_blocks": 1, "model.num_head_channels": 32}),
        ("unet", UNET | {"num_head_channels": -1}, {"model.num_channels": 32, "model.num_res_blocks": 1}),
        ("unet", UNET | {"num_head_channels": 48}, {}),  # no longer a divisor of the width
        ("unet", UNET | {"num_channels": 100}, {}),
        ("cnn", {"predictor_channels": [16, 64]}, {"model.predictor_channels": [16, 32]}),
        ("mlp", {"hidden_units": 256}, {}),
        ("mlp", {"hidden_units": 257}, {"model.hidden_units": 256}),
        ("transformer", {"layers": 12, "width": 768}, {"model.layers": 2}),
        (None, UNET, {}),  # the meaning of the names is not known
    ],
)
def test_networks_of_a_known_kind_are_smaller_in_smoke_runs(plan_data, law, model, small):
    files = smoke_files(of_law(plan_data, law, model))
    assert {path: yaml.safe_load(text) for path, text in files.items()} == (
        {"configs/smoke/toy.yaml": small} if small else {}
    )
