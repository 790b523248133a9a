import pytest
import yaml

from reproof.document import Plan, load_plan, sourced
from reproof.errors import PackError


def wrong(write_plan, data):
    with pytest.raises(PackError) as caught:
        load_plan(write_plan(data))
    assert caught.value.slug == "bad-plan"
    return caught.value.what


def fit(data):
    return data["experiments"]["toy"]["phases"]["fit"]


def test_the_small_plan_is_valid(write_plan, plan_data):
    plan = load_plan(write_plan(plan_data))
    assert plan.settings_of("toy").phases["fit"].lr.value == 1e-4


def test_all_wrong_fields_are_said_at_once_with_near_misses(write_plan, plan_data):
    fit(plan_data)["batchsize"] = fit(plan_data).pop("batch_size")
    fit(plan_data)["lr"]["value"] = -1
    plan_data["nmae"] = "x"
    said = wrong(write_plan, plan_data)
    assert "unknown key 'batchsize' (did you mean batch_size?)" in said
    assert "must be greater than 0, got -1.0" in said
    assert "unknown key 'nmae' (did you mean name?)" in said


@pytest.mark.parametrize(("size", "fits"), [(1, True), (0, False), (-1, False)])
def test_a_batch_size_begins_at_one(write_plan, plan_data, size, fits):
    fit(plan_data)["batch_size"]["value"] = size
    if fits:
        assert load_plan(write_plan(plan_data))
    else:
        assert f"must be greater than 0, got {size}" in wrong(write_plan, plan_data)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"value": 1}, "exactly one of quote, source or inferred; found none"),
        ({"value": 1, "quote": "a", "where": "3", "inferred": "b"}, "found quote and inferred"),
        ({"value": 1, "quote": "a"}, "a quote needs `where`"),
        ({"value": 1, "quote": "a", "where": "3", "signed": {"by": "me", "on": "2026-01-01"}}, "only an inferred"),
    ],
)
def test_a_value_has_exactly_one_origin(write_plan, plan_data, item, says):
    fit(plan_data)["steps"] = item
    assert says in wrong(write_plan, plan_data)


def test_what_a_phase_needs_is_named(write_plan, plan_data):
    del fit(plan_data)["lr"], fit(plan_data)["steps"]
    assert "a train phase needs steps, lr" in wrong(write_plan, plan_data)


def test_names_that_point_at_nothing_are_found(write_plan, plan_data):
    plan_data["claims"][0]["experiment"] = "tyo"
    plan_data["experiments"]["toy"]["group"] = "2d"
    said = wrong(write_plan, plan_data)
    assert "no experiment 'tyo' (did you mean toy?)" in said
    assert "no group '2d'" in said


def test_an_experiment_takes_from_its_group_what_it_does_not_say(write_plan, plan_data):
    toy = plan_data["experiments"]["toy"]
    plan_data["groups"] = {"g": {"phases": toy.pop("phases"), "evaluation": toy.pop("evaluation")}}
    steps = {"value": 7, "inferred": "shorter here"}
    toy |= {"group": "g", "phases": {"fit": {"kind": "train", "steps": steps}}}
    full = Plan.model_validate(plan_data).settings_of("toy")
    assert full.phases["fit"].steps.value == 7
    assert full.phases["fit"].batch_size.value == 16
    assert full.evaluation.n_test.value == 64
    assert load_plan(write_plan(plan_data)).groups["g"].phases["fit"].steps.value == 200


def test_a_name_that_could_leave_its_folder_is_refused(write_plan, plan_data):
    plan_data["name"] = "../x"
    assert "lower-case Python identifier" in wrong(write_plan, plan_data)


def test_every_sourced_value_is_walked_once(plan_data):
    paths = [path for path, _ in sourced(Plan.model_validate(plan_data))]
    assert len(paths) == len(set(paths)) == 12
    assert "experiments.toy.phases.fit.lr" in paths


def test_a_plan_that_is_a_list_is_refused(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump([1]))
    with pytest.raises(PackError, match="holds list, not a mapping"):
        load_plan(path)


def test_an_experiment_adds_to_the_splits_of_its_group(plan_data):
    toy = plan_data["experiments"]["toy"]
    said = {"value": 8, "inferred": "not stated"}
    plan_data["groups"] = {"shared": {"protocol": {"splits": {"train": said}, "shapes": {"x": {**said, "value": [2]}}}}}
    toy |= {"group": "shared", "protocol": {"splits": {"test": said}}}
    protocol = Plan.model_validate(plan_data).settings_of("toy").protocol
    assert sorted(protocol.splits) == ["test", "train"]
    assert list(protocol.shapes) == ["x"]
