"""Printed numbers, names of metrics, quantiles, floors: the arithmetic below the rule."""

import math

import pytest

from reproof.compare.causes import hints
from reproof.compare.floors import attainable, beyond, floor_of, quantile, reached
from reproof.compare.metrics import convert, metric_of
from reproof.compare.printed import printed
from reproof.compare.student import t_cdf, t_quantile


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [("0.285", 0.285, 0.0005), ("0.280", 0.28, 0.0005), ("63.4", 63.4, 0.05), ("12", 12, 0.5), ("1e2", 100, 50),
     ("-3.10", -3.1, 0.005), ("2.5e-4", 2.5e-4, 5e-6)],
)  # fmt: skip
def test_printed_digits_say_how_much_is_hidden(text, value, half):
    found = printed(text, "lower")
    assert (found.value, found.half_unit) == (pytest.approx(value), pytest.approx(half))


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "1e-400"])
def test_what_is_not_a_finite_number_is_no_claim(text):
    assert printed(text, "lower") is None


@pytest.mark.parametrize(
    ("text", "sd", "runs"),
    [("", None, 1), ("0.06", 0.06, 1), ("± .5e-1 ", 0.5e-1, 1), ("0.06 over 5 seeds", 0.06, 5), ("n=3, 0.1", 0.1, 3)],
)
def test_spreads(text, sd, runs):
    found = printed("1.0", "lower", text)
    assert (found.sd, found.runs) == (sd, runs)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 30, 100, 9_999])
@pytest.mark.parametrize("p", [0.9, 0.95, 0.975, 0.995])
def test_quantiles_of_t_are_those_of_scipy(p, df):
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9)


def test_quantiles_of_t_from_the_printed_table():
    # any printed t table, two-sided 5 %: 12.706, 4.303, 2.776, 2.045 for 1, 2, 4, 29 degrees of freedom
    assert [round(t_quantile(0.975, df), 3) for df in (1, 2, 4, 29)] == [12.706, 4.303, 2.776, 2.045]
    assert t_cdf(0.0, 7) == 0.5


def test_units_and_powers_are_the_last_words_of_a_name():
    squared, percent = metric_of("w2_squared"), metric_of("accuracy", unit="percent")
    assert convert(0.25, squared, metric_of("w2")) == 0.5
    assert convert(0.5, metric_of("w2"), squared) == 0.25
    assert convert(91.5, percent, metric_of("accuracy_frac")) == pytest.approx(0.915)
    assert convert(0.915, metric_of("accuracy_fraction"), percent) == pytest.approx(91.5)


def test_nothing_is_guessed_from_the_size_of_a_number():
    assert convert(0.915, metric_of("accuracy"), metric_of("accuracy_percent")) == 0.915


def test_what_cannot_be_converted_is_not():
    assert convert(-1.0, metric_of("w2_squared"), metric_of("w2")) is None
    assert convert(1.0, metric_of("fid"), metric_of("w2")) is None
    assert convert(1.0, metric_of("time", unit="ms"), metric_of("time", unit="s")) is None
    assert math.isnan(convert(math.nan, metric_of("w2_squared"), metric_of("w2")))


def test_quantiles_are_those_of_numpy():
    numpy = pytest.importorskip("numpy")
    values = [0.62, 0.58, 0.71, 0.66, 0.49, 0.6, 0.55]
    for p in (0.0, 0.05, 0.31, 0.5, 0.95, 1.0):
        assert quantile(values, p) == pytest.approx(numpy.quantile(values, p))


LADDER = [0.60 + 0.01 * i for i in range(20)]


def test_the_floor_of_a_ladder_by_hand():
    floor = floor_of(LADDER)
    # mean of 0.60 ... 0.79 is 0.695; sd = 0.01 * sqrt((20**2 - 1) / 12 * 20 / 19) = 0.0591608; q at place 0.05 * 19
    assert (floor.n, floor.mean, floor.sd) == (20, pytest.approx(0.695), pytest.approx(0.0591608, abs=1e-7))
    assert (floor.q05, floor.q95) == (pytest.approx(0.6095), pytest.approx(0.7805))


def test_a_number_is_unattainable_when_even_its_rounding_lies_below_the_quantile():
    floor = floor_of(LADDER)  # 0.6095
    assert attainable(printed("0.6091", "lower"), floor) is False  # up to 0.60915
    assert attainable(printed("0.609", "lower"), floor) is True  # up to 0.6095: on the threshold
    assert attainable(printed("0.608", "lower"), floor) is False  # up to 0.6085


def test_where_higher_is_better_the_ceiling_decides():
    floor = floor_of(LADDER)  # 95 % quantile 0.7805
    assert attainable(printed("0.781", "higher"), floor) is True  # down to 0.7805
    assert attainable(printed("0.782", "higher"), floor) is False
    assert beyond(printed("0.7", "higher"), floor, 0.79)
    assert not beyond(printed("0.7", "higher"), floor, 0.78)


def test_a_mean_of_five_is_held_against_means_of_five_draws():
    floor = floor_of(LADDER)  # mean 0.695, 5 % quantile 0.6095: 0.695 - 0.0855 / sqrt(5) = 0.65676
    assert beyond(printed("0.9", "lower"), floor, 0.6567, 5) and not beyond(printed("0.9", "lower"), floor, 0.6568, 5)
    assert beyond(printed("0.9", "lower"), floor, 0.6094, 1) and not beyond(printed("0.9", "lower"), floor, 0.6096, 1)


def test_too_few_draws_decide_nothing():
    low = printed("0.1", "lower")
    assert attainable(low, floor_of([0.6] * 18)) is None
    assert attainable(low, floor_of([0.6] * 19)) is False


def test_draws_that_reach_the_paper_are_counted_with_its_rounding():
    assert reached(printed("0.62", "lower"), LADDER) == 3  # 0.60 0.61 0.62; 0.63 is above 0.625
    assert reached(printed("0.62", "higher"), LADDER) == 18  # from 0.615 on


def test_a_square_and_a_percentage_are_hinted_at():
    assert any("ours squared" in hint for hint in hints(printed("0.25", "lower"), 0.5))
    assert any("square root" in hint for hint in hints(printed("0.5", "lower"), 0.25))
    assert any("100 times" in hint for hint in hints(printed("91.5", "higher"), 0.915))
    assert hints(printed("0.25", "lower"), 0.9) == []
