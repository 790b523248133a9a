"""Verdicts on their thresholds, the largest batch, and the split that keeps the samples."""

import pytest

from reproof.vram.fit import Split, fit, grade, largest, split
from reproof.vram.gpus import find

CARD = find("1GB")  # 10**9 bytes


@pytest.mark.parametrize(
    ("needed", "verdict"),
    [(920_000_000, "fits"), (920_000_001, "tight"), (1_000_000_000, "tight"), (1_000_000_001, "no")],
)
def test_the_verdict_turns_exactly_at_its_thresholds(needed, verdict):
    assert grade(needed, 10**9) == verdict
    assert fit(CARD, lambda *_: needed, batch=4).verdict == verdict


@pytest.mark.parametrize("answer", [0, 1, 2, 3, 7, 8, 9, 1000, 2**24])
def test_the_largest_is_found_wherever_it_is(answer):
    assert largest(lambda size: size <= answer) == answer


def test_a_batch_that_fits_is_not_cut():
    found = fit(CARD, lambda micro, _: micro * 10**6, batch=128, steps=1000)
    assert (found.verdict, found.micro_batch, found.accumulate, found.steps) == ("fits", 128, 1, 1000)
    assert found.largest_micro_batch == 920


def test_cutting_makes_room_for_gradients_that_persist():
    # whole: 10 MB per sample; when it accumulates, 300 MB of gradients stay
    found = fit(CARD, lambda micro, accumulates: micro * 10**7 + 300 * 10**6 * accumulates, batch=96, steps=1000)
    assert found.verdict == "tight"  # 960 MB of 1000
    assert found.largest_micro_batch == 62  # (920 - 300) / 10
    assert (found.micro_batch, found.accumulate, found.steps) == (48, 2, 1000)


@pytest.mark.parametrize("batch", [1, 2, 96, 127, 128, 1000])
@pytest.mark.parametrize("most", [1, 3, 50, 127, 5000])
def test_the_split_fits_and_sees_as_many_samples(batch, most):
    cut = split(batch, most, steps=10_000)
    assert cut.micro_batch <= most
    seen, wanted = cut.micro_batch * cut.accumulate * cut.steps, batch * 10_000
    assert wanted <= seen < wanted + cut.micro_batch * cut.accumulate


def test_a_divisor_is_preferred_so_that_only_speed_changes():
    assert split(128, 100, 500).micro_batch == 64
    assert split(128, 100, 500).steps == 500


def test_nothing_fits_is_said_as_nothing():
    found = fit(CARD, lambda *_: 10**10, batch=128, steps=1000)
    assert found.verdict == "no"
    assert found.largest_micro_batch is None
    assert found.micro_batch is None


def test_a_plan_that_already_accumulates_is_judged_by_its_micro_batch():
    found = fit(CARD, lambda micro, accumulates: micro * 10**7 + accumulates, batch=128, steps=10, planned=2)
    assert found.needed_bytes == 64 * 10**7 + 1
    assert (found.micro_batch, found.accumulate) == (64, 2)


def test_the_largest_micro_batch_of_a_plan_that_accumulates_leaves_room_for_the_gradients():
    found = fit(CARD, lambda micro, accumulates: micro * 10**7 + 300 * 10**6 * accumulates, batch=64, planned=2)
    assert (found.verdict, found.largest_micro_batch) == ("fits", 62)  # (920 - 300) / 10, not 92


def test_the_largest_never_exceeds_what_was_asked_for():
    assert largest(lambda _: True, most=37) == 37
    assert largest(lambda size: size <= 37, most=37) == 37


def test_a_divisor_of_half_of_the_largest_is_still_taken():
    assert split(10, most=4, steps=100) == Split(micro_batch=2, accumulate=5, steps=100)


def test_a_plan_that_accumulates_keeps_its_micro_batch_where_more_would_fit():
    found = fit(CARD, lambda micro, _: micro * 10**5, batch=128, steps=10, planned=2)
    assert (found.largest_micro_batch, found.micro_batch, found.accumulate) == (9200, 64, 2)


def test_an_uneven_batch_is_judged_by_its_larger_micro_batch():
    assert fit(CARD, lambda micro, _: micro, batch=5, planned=2).needed_bytes == 3


def test_a_batch_that_may_not_be_split_is_never_judged_as_one_that_accumulates():
    found = fit(CARD, lambda n, accumulates: n * 10**7 + 300 * 10**6 * accumulates, batch=200, splits=False)
    assert (found.verdict, found.largest_micro_batch, found.micro_batch) == ("no", 92, None)


def test_the_answer_says_of_which_card_and_how_full():
    found = fit(CARD, lambda *_: 250_000_000, batch=4, notes=["a note"])
    assert (found.gpu, found.usable_bytes, found.used_frac, found.notes) == (CARD.name, 10**9, 0.25, ["a note"])


def test_micro_batches_are_even_where_no_divisor_is_near():
    assert split(127, most=50, steps=1000) == Split(micro_batch=43, accumulate=3, steps=985)  # 127,000 / 129
