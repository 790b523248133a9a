"""The verdict rule on each of its thresholds and just past it. Expected numbers are worked out in the comments."""

import random

import pytest

from reproof.compare.printed import Printed, printed
from reproof.compare.rules import (
    Sample,
    confidence,
    decide,
    half_width,
    overtaken,
    rule_of_thumb,
    sample_of,
    tolerance,
)

ONE = printed("1.00", "lower")  # half a unit is 0.005


def five(mean: float, d: float = 0.0) -> Sample:
    """Five seeds mean + d * (-2, -1, 0, 1, 2): their standard deviation is d * sqrt(10 / 4)."""
    return sample_of([mean + d * k for k in (-2, -1, 0, 1, 2)])


def verdict(mean: float, d: float = 0.0, paper: Printed = ONE, **more) -> str:
    return decide(paper, five(mean, d), **more).verdict


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        (1.0, "MATCH"),
        (1.02, "MATCH"),
        (1.0201, "CLOSE"),
        (0.98, "MATCH"),
        (0.9799, "CLOSE"),
        (1.05, "CLOSE"),
        (1.0501, "DEVIATES"),
        (1.20, "DEVIATES"),
        (1.2001, "FAIL"),
    ],
)
def test_without_scatter_the_limits_are_2_and_5_and_20_percent(mean, expected):
    assert verdict(mean) == expected


def test_the_limits_hold_for_a_metric_where_higher_is_better():
    higher = printed("1.00", "higher")
    assert verdict(0.9499, paper=higher) == "DEVIATES"
    assert verdict(0.80, paper=higher) == "DEVIATES"
    assert verdict(0.7999, paper=higher) == "FAIL"


def test_half_a_printed_unit_is_always_within_the_tolerance():
    coarse = printed("0.1", "lower")  # anything from 0.05 to 0.15 prints as 0.1, 50 % off
    assert verdict(0.15, paper=coarse) == "MATCH"
    assert verdict(0.1501, paper=coarse) == "FAIL"


def test_scatter_widens_the_tolerance_to_the_prediction_interval():
    # s = 0.01 * 1.581139 = 0.01581139; t(0.975, 4) = 2.776445; 2.776445 * 0.01581139 * sqrt(1/5 + 1) = 0.048090
    assert half_width(ONE, five(1.0, 0.01), 0.975) == pytest.approx(0.048090, abs=1e-6)
    assert verdict(1.0480, 0.01) == "MATCH"
    assert verdict(1.0482, 0.01) == "CLOSE"


def test_the_prediction_interval_widens_it_to_8_percent_at_most():
    # d = 0.02: prediction 0.096179, one-sided bound 2.131847 * 0.03162278 * 1.0954451 = 0.073850
    assert verdict(1.08, 0.02) == "MATCH"
    assert verdict(1.0801, 0.02) == "DEVIATES"


def test_a_gap_that_seeds_alone_may_do_asks_for_seeds_and_says_how_many():
    # d = 0.025: s = 0.03952847, bound 0.092312. With 6 seeds 2.015048 * s * sqrt(7/6) = 0.086035 still covers a gap of
    # 0.085, with 7 seeds 1.943180 * s * sqrt(8/7) = 0.082115 does not: two more
    found = decide(ONE, five(1.085, 0.025))
    assert (found.verdict, found.more_seeds) == ("INCONCLUSIVE", 2)
    assert verdict(1.0923, 0.025) == "INCONCLUSIVE"
    assert verdict(1.0924, 0.025) == "DEVIATES"


def test_agreement_is_not_believed_while_seeds_scatter_by_more_than_20_percent():
    # prediction = d * 1.581139 * 2.776445 * 1.0954451 = d * 4.808958: 0.199572 at d = 0.0415, 0.200534 at d = 0.0417
    assert verdict(1.0, 0.0415) == "MATCH"
    found = decide(ONE, five(1.0, 0.0417))
    # with 6 seeds: 2.570582 * 0.06593349 * sqrt(7/6) = 0.183067 <= 0.2
    assert (found.verdict, found.more_seeds) == ("INCONCLUSIVE", 1)


def test_when_the_papers_own_run_is_the_uncertain_one_no_number_of_seeds_is_promised():
    found = decide(ONE, five(1.0, 0.1))  # with endless seeds 1.96 * 0.158 = 0.31 remains
    assert (found.verdict, found.more_seeds) == ("INCONCLUSIVE", None)
    assert "no number of further seeds" in found.reason


def test_a_printed_spread_replaces_ours():
    exact = printed("1.00", "lower", spread="0.00")
    # only ours remains: 2.776445 * 0.01581139 / sqrt(5) = 0.019632
    assert half_width(exact, five(1.0, 0.01), 0.975) == pytest.approx(0.019632, abs=1e-6)
    of_four = printed("1.00", "lower", spread="± 0.02 (4 runs)")
    # sqrt(0.01581139**2 / 5 + 0.02**2 / 4) = sqrt(0.00005 + 0.0001) = 0.01224745
    assert half_width(of_four, five(1.0, 0.01), 0.975) == pytest.approx(2.776445 * 0.01224745, abs=1e-6)


def test_below_three_seeds_nothing_is_decided():
    for values, more in (([1.0], 2), ([1.0, 1.0], 1)):
        found = decide(ONE, sample_of(values))
        assert (found.verdict, found.more_seeds) == ("INCONCLUSIVE", more)
    assert decide(ONE, sample_of([1.0, 1.0, 1.0])).verdict == "MATCH"


def test_better_is_said_only_with_a_leakage_check():
    assert verdict(0.94) == "INCONCLUSIVE"
    assert verdict(0.94, leakage_checked=True) == "BETTER"
    assert verdict(0.95, leakage_checked=True) == "CLOSE"
    assert verdict(0.5, leakage_checked=True) == "BETTER"
    doubts = ["another protocol" in decide(ONE, five(mean, 0.0), leakage_checked=True).reason for mean in (0.8, 0.79)]
    assert doubts == [False, True], "20 % off is on the threshold"


def test_better_within_the_scatter_of_seeds_is_not_better():
    assert verdict(0.915, 0.025, leakage_checked=True) == "INCONCLUSIVE"


def test_a_reversed_order_of_methods_fails_a_claim_that_would_only_deviate():
    assert verdict(1.15) == "DEVIATES"
    assert verdict(1.15, rivals={"other": 1.10}) == "FAIL"
    assert verdict(1.15, rivals={"other": 1.20}) == "DEVIATES"
    assert verdict(1.04, rivals={"other": 1.03}) == "CLOSE"


def test_near_ties_and_rivals_inside_our_interval_change_no_order():
    assert overtaken(ONE, five(1.15), 0.02, {"tie": 1.02}) == []
    assert overtaken(ONE, five(1.15), 0.02, {"apart": 1.0201}) == ["apart"]
    # the mean's interval: 2.776445 * 0.01581139 / sqrt(5) = 0.019632 each side of 1.15
    assert overtaken(ONE, five(1.15, 0.01), 0.02, {"inside": 1.1304}) == []
    assert overtaken(ONE, five(1.15, 0.01), 0.02, {"outside": 1.1303}) == ["outside"]
    assert overtaken(ONE, five(0.85), 0.02, {"below": 0.90}) == ["below"]


def test_confidence_interval_by_hand():
    assert confidence(five(1.15, 0.01)) == pytest.approx((1.130368, 1.169632), abs=1e-6)
    assert confidence(sample_of([1.0])) is None


def test_zero_in_the_paper_is_measured_in_printed_units():
    zero = printed("0.00", "lower")
    assert tolerance(zero, prediction=0.0) == 0.005
    assert verdict(0.005, paper=zero) == "MATCH"
    assert verdict(0.0051, paper=zero) == "FAIL"


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (0.0199, "good"),
        (0.02, "in between"),
        (-0.05, "in between"),
        (0.0501, "a bug somewhere"),
        (-0.0501, "a bug somewhere"),
    ],
)
def test_the_rule_of_thumb(gap, said):
    assert rule_of_thumb(ONE, gap) == said


@pytest.mark.parametrize("cv", [0.005, 0.01, 0.02, 0.03])
def test_the_targets_hold_in_simulation(cv):
    generator, draws = random.Random(1), 1500

    def share(gap: float, word: str) -> float:
        hits = 0
        for _ in range(draws):
            paper = printed(f"{generator.gauss(1, cv):.4f}", "lower")
            ours = sample_of([(1 + gap) * generator.gauss(1, cv) for _ in range(5)])
            hits += decide(paper, ours).verdict == word
        return hits / draws

    assert share(0.0, "MATCH") >= 0.92
    assert share(0.0, "FAIL") < 0.01
    assert share(0.20, "MATCH") <= 0.02
    assert share(0.30, "FAIL") >= 0.93
