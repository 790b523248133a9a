"""From records to verdicts, on a small project."""

import pytest

FLOOR = [0.60 + 0.01 * i for i in range(20)]  # what project.floor() writes
GOOD = (1.00, 1.01, 0.99, 1.005, 0.995)


def test_five_good_seeds_match(project):
    project.results(*GOOD)
    claim = project.judged()
    assert claim.verdict == "MATCH"
    assert (claim.ours.n, claim.ours.seeds) == (5, [0, 1, 2, 3, 4])
    assert claim.ours.mean == pytest.approx(1.0)
    assert claim.rule_of_thumb == "good"
    assert [used.run_id for used in claim.records] == [f"toy-seed{k}" for k in range(5)]
    assert len({used.file_sha256 for used in claim.records}) == 1


def test_no_records_are_not_run(project):
    answer = project.compare()
    assert answer.claims[0].verdict == "NOT_RUN"
    assert not answer.ok
    assert answer.headline == "1 claim: 1 NOT_RUN; none reproduced"


def test_a_plan_without_claims_is_no_success(project):
    project.plan["claims"] = []
    answer = project.compare()
    assert not answer.ok
    assert answer.headline == "the plan has no claims: nothing to compare"


def test_below_the_floor_a_claim_is_unattainable_whatever_we_got(project):
    project.claim["printed"] = "0.285"
    project.floor()
    assert project.judged().verdict == "UNATTAINABLE"  # not run
    project.results(0.285, 0.286, 0.284, 0.285, 0.285)
    claim = project.judged()
    assert claim.verdict == "UNATTAINABLE"  # ours equal to the paper changes nothing
    assert (claim.floor.n, claim.floor.reached) == (20, 0)
    assert "0 of 20 draws reach the paper's 0.285" in claim.reason


def test_a_floor_that_the_paper_is_above_lets_the_rule_judge(project):
    project.results(*GOOD)
    project.floor()
    claim = project.judged()
    assert claim.verdict == "MATCH"
    assert claim.floor.q05 == pytest.approx(0.6095)


@pytest.mark.parametrize(
    "change", [{"n_test": 63}, {"n_generated": 4096}, {"n_test": ...}, {"core_hash": ...}, {"reading": "squared"}]
)
def test_a_floor_of_another_protocol_is_refused(project, change):
    project.claim["printed"] = "0.285"
    project.floor(**change)
    assert project.judged().verdict == "NOT_RUN"


def test_a_floor_of_another_core_than_the_runs_is_refused(project):
    project.claim["printed"] = "0.285"
    project.results(0.285, 0.285, 0.285, 0.285, 0.285)
    project.floor(core_hash="other")
    claim = project.judged()
    assert (claim.verdict, claim.floor) == ("MATCH", None)
    assert any("another core" in note for note in claim.notes)


def test_the_same_floor_written_twice_counts_once_and_two_floors_are_pooled(project):
    project.floor()
    project.floor()
    assert project.judged().floor.n == 20
    project.floor([value + 0.001 for value in FLOOR])
    assert project.judged().floor.n == 40


def test_too_few_floor_draws_are_shown_and_not_used(project):
    project.claim["printed"] = "0.285"
    project.floor(FLOOR[:18])
    claim = project.judged()
    assert (claim.verdict, claim.floor.n) == ("NOT_RUN", 18)


def test_other_readings_are_shown_for_an_unattainable_claim_and_never_become_its_verdict(project):
    project.claim["printed"] = "0.285"
    project.reading("as_stated")
    project.reading("squared", squared=True)
    project.reading("generated_4096", n_generated=4096)
    project.reading("never_run")
    project.results(0.62, 0.63, 0.61, 0.62, 0.62)
    project.floor()
    project.results(0.285, 0.286, 0.284, 0.285, 0.285, reading="squared")
    project.floor([value / 2.5 for value in FLOOR], reading="squared")
    project.floor(reading="generated_4096", n_generated=4096)
    claim = project.judged()
    found = {reading.name: (reading.attainable, reading.would_be) for reading in claim.readings}
    assert claim.verdict == "UNATTAINABLE"
    assert found == {
        "squared": (True, "MATCH"),
        "generated_4096": (False, "UNATTAINABLE"),
        "never_run": (None, "NOT_RUN"),
    }


def test_readings_are_not_offered_for_a_claim_that_can_be_reached(project):
    project.reading("squared", squared=True)
    project.results(*GOOD)
    project.results(*GOOD, reading="squared")
    assert project.judged().readings == []


def test_results_under_another_reading_or_condition_are_not_results_of_the_claim(project):
    project.results(*GOOD, reading="squared")
    project.results(*GOOD, condition={"sampling_steps": 100})
    assert project.judged().verdict == "NOT_RUN"


def test_a_condition_of_ten_is_ten_however_it_is_written(project):
    project.results(*GOOD, condition={"sampling_steps": 10.0})
    assert project.judged().verdict == "MATCH"


def test_a_claim_that_says_less_than_the_records_is_matched_when_only_one_condition_fits(project):
    project.claim["condition"] = {}
    project.results(*GOOD)
    assert project.judged().verdict == "MATCH"
    project.results(*GOOD, condition={"sampling_steps": 100})
    assert project.judged().verdict == "INCONCLUSIVE"


def test_better_needs_a_leakage_check_of_the_same_core(project):
    project.results(0.8, 0.81, 0.79, 0.8, 0.8)
    assert project.judged().verdict == "INCONCLUSIVE"
    project.leakage_check(core_hash="other")
    project.leakage_check(passed=False)
    project.leakage_check(experiment="elsewhere")
    assert project.judged().verdict == "INCONCLUSIVE"
    project.leakage_check()
    answer = project.compare()
    assert (answer.claims[0].verdict, answer.ok) == ("BETTER", True)
    assert answer.reproduced == 0 and "1 BETTER; none reproduced" in answer.headline, "another number than the paper's"
    assert answer.tables[0].standing == "none reproduced"


def test_better_than_the_truth_itself_is_not_better(project):
    project.results(0.55, 0.56, 0.54, 0.55, 0.55)
    project.leakage_check()
    project.floor()
    claim = project.judged()
    assert claim.verdict == "INCONCLUSIVE"
    assert "but draws of the truth do not get there" in claim.reason


def test_a_mean_of_five_better_than_means_of_five_draws_of_the_truth_is_not_better(project):
    project.results(0.65, 0.66, 0.64, 0.65, 0.65)  # single draws get there, means of five do not
    project.leakage_check()
    project.floor()
    assert project.judged().verdict == "INCONCLUSIVE"


def test_squared_records_are_rooted_for_a_claim_that_is_not_squared(project):
    project.results(*(value**2 for value in GOOD), metric="w2_squared")
    project.floor([value**2 for value in FLOOR], metric="w2_squared")
    claim = project.judged()
    assert (claim.verdict, claim.floor.q05) == ("MATCH", pytest.approx(0.6095))


def test_percent_is_converted_where_both_say_their_unit(project):
    project.claim.update({"metric": "accuracy_percent", "printed": "91.5", "direction": "higher"})
    project.results(0.915, 0.9149, 0.9151, 0.9152, 0.9148, metric="accuracy", unit="frac")
    claim = project.judged()
    assert (claim.verdict, round(claim.ours.mean, 6)) == ("MATCH", 91.5)


def test_mixed_units_are_refused_where_the_claim_names_none(project):
    project.claim.update({"metric": "accuracy", "printed": "0.915", "direction": "higher"})
    for seed in range(5):
        project.result(0.915 if seed else 91.5, seed, metric="accuracy", unit="frac" if seed else "percent")
    claim = project.judged()
    assert claim.verdict == "INCONCLUSIVE"
    assert "frac and percent" in claim.reason
    project.claim["metric"] = "accuracy_frac"
    assert project.judged().verdict == "MATCH"


@pytest.mark.parametrize(("n_test", "n_generated"), [(8, 8), (64, 8), (8, 64)])
def test_results_at_other_sample_sizes_do_not_count(project, n_test, n_generated):
    project.results(*GOOD, n_test=n_test, n_generated=n_generated)
    claim = project.judged()
    assert claim.verdict == "NOT_RUN"
    assert f"{n_test}/{n_generated}" in claim.reason
    assert "64/64" in claim.reason


def test_other_methods_in_the_same_cell_do_not_take_our_numbers(project):
    rival = dict(project.claim, id="table1/toy/rival", method="Rival", printed="2.00")
    project.plan["claims"].append(rival)
    project.results(*GOOD)
    assert [claim.verdict for claim in project.compare().claims] == ["INCONCLUSIVE", "INCONCLUSIVE"]
    project.plan["claims"][0]["method"] = "Small"  # the plan is called small
    assert [claim.verdict for claim in project.compare().claims] == ["MATCH", "NOT_RUN"]
    project.results(2.0, 2.01, 1.99, 2.0, 2.0, method="Rival", run_id="rival")
    assert project.compare().claims[0].verdict == "MATCH"


def test_a_rival_in_the_paper_that_we_fall_behind_makes_it_a_failure(project):
    project.claim["method"] = "Small"
    project.results(1.15, 1.151, 1.149, 1.15, 1.15)
    assert project.judged().verdict == "DEVIATES"
    project.plan["claims"].append(dict(project.claim, id="table1/toy/rival", method="Rival", printed="1.10"))
    assert project.compare().claims[0].verdict == "FAIL"


def test_a_claim_that_is_no_number_does_not_stop_the_others(project):
    project.plan["claims"].append(dict(project.claim, id="table1/toy/nan", printed="nan", table="Table 2"))
    project.results(*GOOD)
    answer = project.compare()
    assert [claim.verdict for claim in answer.claims] == ["MATCH", "INCONCLUSIVE"]
    assert answer.headline == "2 claims: 1 MATCH, 1 INCONCLUSIVE; 1 of 2 reproduced"
    assert [(table.table, table.reproduced) for table in answer.tables] == [("Table 1", 1), ("Table 2", 0)]


def test_unknown_metrics_and_experiments_are_said(project):
    project.results(*GOOD)
    project.result(1.0, 0, metric="w3")
    project.result(1.0, 0, experiment="toys")
    answer = project.compare()
    assert answer.ok
    assert any("metric 'w3'" in note and "w2" in note for note in answer.notes)
    assert any("experiment 'toys'" in note and "did you mean toy?" in note for note in answer.notes)


def test_where_to_look_starts_with_the_cheapest_and_is_left_out_when_all_is_well(project):
    project.results(1.5, 1.51, 1.49, 1.5, 1.5)
    assert project.compare().look_at[0].look_at == "evaluation split and sample counts"
    project.lines.clear()
    project.results(*GOOD)
    assert project.compare().look_at == []
