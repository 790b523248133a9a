"""Fields that do not fit together are found; those that do are left alone."""

import copy

import pytest

from reproof.document import Plan
from reproof.plan.consistency import findings, mlp_parameters

WHY = {"inferred": "ours"}


@pytest.fixture
def check(plan_data):
    def run(changes, claims=None):
        data = copy.deepcopy(plan_data)
        toy = data["experiments"]["toy"]
        for path, value in changes.items():
            *steps, last = path.split(".")
            here = toy
            for step in steps:
                here = here.setdefault(step, {})
            here[last] = {"value": value, **WHY}
        data["claims"][0] |= claims or {}
        return [finding.what for finding in findings(Plan.model_validate(data)) if finding.level == "error"]

    return run


def test_a_plan_that_fits_together_has_no_finding(check):
    assert check({}) == []


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"model.d_model": 512, "model.num_heads": 8}, True),
        ({"model.d_model": 512, "model.num_heads": 7}, False),
        ({"model.num_channels": 128, "model.channel_mult": [1, 2], "model.num_head_channels": 64}, True),
        ({"model.num_channels": 128, "model.channel_mult": [1, 2], "model.num_head_channels": 96}, False),
        ({"model.num_channels": 32, "model.num_head_channels": -1, "model.num_heads": 1}, True),
        ({"model.num_channels": 64, "model.norm_groups": 32}, True),
        ({"model.num_channels": 48, "model.norm_groups": 32}, False),
        ({"data.shape": [1, 28, 28], "model.channel_mult": [1, 2, 2]}, True),
        ({"data.shape": [1, 28, 28], "model.channel_mult": [1, 2, 2, 2]}, False),
        ({"phases.fit.weight_decay": 1.0}, True),
        ({"phases.fit.weight_decay": 1.1}, False),
        ({"phases.fit.betas": [0.9, 0.999]}, True),
        ({"phases.fit.betas": [0.9, 1.0]}, False),
        ({"model.dropout": 0.0}, True),
        ({"model.dropout": 1.0}, False),
        ({"phases.fit.ema_decay": 0.9999}, True),
        ({"phases.fit.ema_decay": 1.0}, False),
        ({"phases.fit.warmup_steps": 200}, True),
        ({"phases.fit.warmup_steps": 201}, False),
    ],
)
def test_the_first_that_fits_and_the_first_that_does_not(check, changes, good):
    assert (check(changes) == []) is good


@pytest.mark.parametrize(("epochs", "good"), [(2, True), (1.9, False), (2.2, False)])
def test_steps_times_batch_is_epochs_times_data(check, epochs, good):
    # 200 steps of 16 samples are two passes over 1,600
    said = check({"data.train_size": 1600, "phases.fit.settings.epochs": epochs})
    assert (said == []) is good


def test_a_parameter_count_is_compared_with_the_architecture(check):
    # 2 + 1 time input -> 256 -> 256 -> 256 -> 2: 1024 + 65792 + 65792 + 514
    assert mlp_parameters([3, 256, 256, 256, 2]) == 133_122
    net = {"model.kind": "mlp", "model.hidden_layers": 3, "model.hidden_units": 256, "data.shape": [2]}
    del_hidden = {"model.hidden": 256}
    assert check({**net, **del_hidden, "model.parameters": 133_000}) == []
    assert "gives 133,122" in check({**net, **del_hidden, "model.parameters": 150_000})[0]


def test_a_transformers_count_follows_its_closed_form(check):
    # 6 layers of 12 x 512^2, and 37,000 words x 512
    net = {"model.kind": "transformer", "model.d_model": 512, "model.layers": 6, "model.vocab_size": 37_000}
    assert check({**net, "model.parameters": 37_800_000}) == []
    assert "gives 37,818,368" in check({**net, "model.parameters": 65_000_000})[0]


def test_a_claim_must_not_call_a_worse_value_better(check):
    assert check({}, claims={"metric": "fid", "direction": "lower"}) == []
    assert check({}, claims={"metric": "fid", "direction": "higher"}) == [
        "higher is said to be better; of fid lower is"
    ]


def test_what_a_group_says_is_said_once(plan_data):
    toy = plan_data["experiments"]["toy"]
    wrong = {"d_model": {"value": 512, **WHY}, "num_heads": {"value": 7, **WHY}}
    plan_data["groups"] = {"both": {"model": wrong, "phases": toy.pop("phases"), "evaluation": toy.pop("evaluation")}}
    toy["group"] = "both"
    plan_data["experiments"]["other"] = copy.deepcopy(toy)
    assert len([f for f in findings(Plan.model_validate(plan_data)) if f.level == "error"]) == 1
