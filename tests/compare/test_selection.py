"""Which records are judged: complete runs, of one state of the code, each seed once."""

import json
import math

import pytest

GOOD = (1.00, 1.01, 0.99, 1.005, 0.995)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"steps_done": {"fit": 200}}, "MATCH"),
        ({"steps_done": {"fit": 199}}, "SHORTENED"),
        ({"steps_done": {}}, "SHORTENED"),
        ({"steps_done": ...}, "SHORTENED"),
        ({"steps_done": {"fit": 5}, "steps_planned": {"fit": 5}}, "SHORTENED"),  # the plan says 200
        ({"steps_done": {"fit": 200}, "steps_planned": {"fit": 400}}, "SHORTENED"),
        ({"steps_planned": {"fit": 200, "refine": 3}}, "SHORTENED"),
    ],
)
def test_a_phase_with_fewer_steps_than_the_plan_or_the_record_says_is_shortened(project, change, verdict):
    project.results(*GOOD, **change)
    assert project.judged().verdict == verdict


def test_shortened_runs_do_not_spoil_complete_ones(project):
    project.results(*GOOD)
    project.result(7.0, 0, steps_done={"fit": 5}, config_hash="short", created="2026-01-01T00:00:00+00:00")
    claim = project.judged()
    assert (claim.verdict, claim.ours.n) == ("MATCH", 5)
    assert any("1 record of shortened runs" in note for note in claim.notes)


@pytest.mark.parametrize("change", [{"kind": "typed"}, {"run_id": ...}, {"config_hash": ...}])
def test_numbers_typed_by_hand_are_shown_and_never_judged(project, change):
    project.results(*GOOD, **change)
    claim = project.judged()
    assert (claim.verdict, claim.ours) == ("INCONCLUSIVE", None)
    assert claim.typed == list(GOOD)
    assert "typed by hand" in claim.reason


def test_a_typed_number_beside_runs_changes_nothing(project):
    project.results(1.1, 1.1001, 1.1002, 1.1003, 1.1004)
    before = project.judged()
    project.result(1.0, 9, kind="typed")
    after = project.judged()
    assert (after.verdict, after.ours, after.typed) == (before.verdict, before.ours, [1.0])


def test_results_of_an_older_core_are_left_out(project):
    project.results(*GOOD, core_hash="old", created="2024-01-01T00:00:00+00:00")
    project.results(1.5, 1.51, 1.49, 1.5, 1.5, core_hash="new", created="2025-06-01T00:00:00+00:00")
    claim = project.judged()
    assert (claim.verdict, claim.ours.n, round(claim.ours.mean, 6)) == ("FAIL", 5, 1.5)
    assert any("only core_hash new" in note for note in claim.notes)


def test_the_latest_is_the_latest_by_time_and_not_by_place(project):
    project.results(1.5, 1.51, 1.49, 1.5, 1.5, config_hash="new", created="2025-06-01T00:00:00+00:00")
    project.results(*GOOD, config_hash="old", created="2024-01-01T00:00:00+00:00")
    assert project.judged().verdict == "FAIL"


def test_a_config_hash_that_holds_the_seed_is_named_as_such(project):
    for seed, value in enumerate(GOOD):
        project.result(value, seed, config_hash=f"c{seed}")
    claim = project.judged()
    assert claim.verdict == "INCONCLUSIVE"
    assert any("leaves the seed out" in note for note in claim.notes)


def test_a_seed_evaluated_twice_is_one_seed_and_counts_by_its_mean(project):
    project.results(1.0, 1.0, 1.0)
    project.result(1.3, 0)
    claim = project.judged()
    assert claim.ours.n == 3
    assert claim.ours.mean == pytest.approx((1.15 + 1 + 1) / 3)


@pytest.mark.parametrize("change", [{"checkpoints": {"fit": "same"}}, {"run_id": "same"}, {"checkpoints": ...}])
def test_five_copies_of_one_seed_are_one_seed(project, change):
    project.results(1.001, 1.001, 1.001, 1.001, 1.001, **change)
    claim = project.judged()
    assert (claim.verdict, claim.ours.n) == ("INCONCLUSIVE", 1)
    assert any("count once" in note for note in claim.notes)


def test_equal_values_of_different_weights_are_different_seeds(project):
    project.results(1.001, 1.001, 1.001, 1.001, 1.001)
    assert project.judged().ours.n == 5


def test_equal_accuracies_without_weights_on_record_are_different_seeds(project):
    project.results(0.75, 0.75, 0.75, checkpoints=...)  # 48 of 64 test samples
    assert project.judged().ours.n == 3


def test_records_without_a_seed_are_left_out(project):
    project.results(*GOOD)
    project.result(5.0, None)
    claim = project.judged()
    assert (claim.verdict, claim.ours.n) == ("MATCH", 5)
    assert any("without a seed" in note for note in claim.notes)


def test_planned_seeds_that_are_missing_hold_a_match_back(project):
    project.results(*GOOD[:3])
    claim = project.judged()
    assert (claim.verdict, claim.more_seeds) == ("INCONCLUSIVE", 2)
    assert "seed 3, 4" in claim.reason
    project.experiment["seeds"] = [0, 1, 2]
    assert project.judged().verdict == "MATCH"


def test_missing_seeds_do_not_soften_a_failure(project):
    project.results(1.5, 1.51, 1.49)
    assert project.judged().verdict == "FAIL"


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "0.3", True, [1.0], pytest.param(10**400, id="huge")])
def test_a_seed_without_a_finite_number_is_not_left_out_silently(project, value):
    project.results(*GOOD[:4], value)
    answer = project.compare()
    (claim,) = answer.claims
    assert claim.verdict == "INCONCLUSIVE"
    assert "no finite number from seed 4" in claim.reason
    assert claim.ours.n == 4
    assert answer.files[0].problem_count == 1
    json.loads(answer.model_dump_json(), parse_constant=pytest.fail)  # no NaN reaches the evidence


def test_evaluations_that_are_infinite_both_ways_do_not_cancel(project):
    project.results(*GOOD)
    project.result(math.inf, 0)
    project.result(-math.inf, 0)
    assert project.judged().verdict == "INCONCLUSIVE"
