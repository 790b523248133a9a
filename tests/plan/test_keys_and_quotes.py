"""Layout may differ; a number, sign, exponent, unit, negation or word may not."""

import pytest

from reproof.plan.quotes import find, text_of, value_in
from reproof.text.keys import key_of

TEXT = text_of(
    "## 4 Set-up\n\nWe train for 20, 000 steps with a learn-\ning rate of 5 × 10^{-4} , dropout of 0.1 % and no weight "
    "decay.We follow [Tong et al., 2023] and use β 1 = 0.9 for the ﬁrst moment; x ≤ 5 holds. It is unable to diverge. "
    "A table: <tr><td>NSGF (ours)</td><td>0.285</td><td>-0.144</td></tr>"
)


@pytest.mark.parametrize(
    "quote",
    [
        "We train for 20,000 steps with a learning rate of 5e-4",
        "train for 20000 steps with a learning rate of 0.0005, dropout of 0.1%",
        "learning rate of $5 \\times 10^{-4}$",
        "learning rate of 5 × 10⁻⁴",
        "We follow and use $\\beta_1 = 0.9$ for the first moment",
        "dropout of 0.1 % and no weight decay",
        "NSGF (ours) 0.285 −0.144",
        "for the first moment; x ≤ 5 holds",
    ],
)
def test_layout_may_differ(quote):
    match = find(quote, TEXT)
    assert match.found, match.reason
    assert match.section == "4 Set-up"


@pytest.mark.parametrize(
    "quote",
    [
        "We train for 20,001 steps with a learning rate of 5e-4",
        "We train for 2,000 steps with a learning rate",
        "learning rate of 5 × 10^{4} , dropout",
        "learning rate of 5 × 10-4 , dropout",
        "with a learning rate of 10^{-4} , dropout",
        "dropout of 0.1 and no weight decay",
        "dropout of 0.1 % and weight decay",
        "dropout of 0.1 % and low weight decay",
        "NSGF (ours) 0.285 0.144",
        "NSGF (ours) 0.286 -0.144",
        "for the first moment; x ≥ 5 holds",
        "for the first moment; x < 5 holds",
    ],
)
def test_numbers_signs_units_negations_and_words_may_not(quote):
    assert not find(quote, TEXT).found


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        ("weight decay.We follow", "leaves out the word 'no'"),
        ("able to diverge. A table", "begins in the middle of a word"),
        ("It is unable to div", "ends in the middle of a word"),
        ("of 5e-4", "too short"),
    ],
)
def test_a_quote_may_not_be_cut_so_that_it_says_something_else(quote, reason):
    assert reason in find(quote, TEXT).reason


def test_a_quote_of_twelve_characters_is_long_enough_and_one_of_eleven_is_not():
    assert find("the first mo ment", TEXT).found  # 14
    assert len(key_of("set-up we tra").text) == 10
    assert "10 of 12" in find("set-up we tra", TEXT).reason
    assert "too short" not in find("set-up we train", TEXT).reason  # 12


def test_a_wrong_quote_is_told_where_it_leaves_the_paper():
    assert "20, 000 steps with a learn" in find("We train for 20,000 epochs with a learning rate", TEXT).reason


@pytest.mark.parametrize(
    ("value", "quote", "good"),
    [
        (20000, "for 20,000 steps", True),
        (20000, "for 20K steps", True),
        (1e-4, "rate of 10^{-4}", True),
        (1e-3, "rate of 10^{-4}", False),
        (1e-4, "rate of 10 -4", False),
        (0.05, "dropout of 5%", True),
        (0.05, "dropout of 5", False),
        (5, "dropout of 5%", True),
        (4, "four layers", True),
        (5, "four layers", False),
        (0.0, "no weight decay", True),
        (0.1, "no weight decay", False),
        ([1, 2, 2], "multiple = [1, 2, 2]", True),
        ([1, 2, 4], "multiple = [1, 2, 2]", False),
        ("adam", "the Adam optimizer", True),
        ("adamw", "the Adam optimizer", False),
        (None, "without clipping", True),
        (None, "with clipping", False),
        (-1, "from -1 to 1", True),
        (-1, "from 1 to 3", False),
    ],
)
def test_the_value_must_be_the_number_in_the_quote(value, quote, good):
    assert (value_in(value, quote) == "") is good


@pytest.mark.parametrize(
    ("value", "read_as", "good"),
    [
        (1e-4, {"10 -4": "10^-4"}, True),
        (1e-5, {"10 -4": "10^-5"}, False),
        (1e-4, {"10 -5": "10^-4"}, False),
        (256, {"128": "256"}, False),
    ],
)
def test_a_reading_only_restores_a_flattened_exponent(value, read_as, good):
    assert (value_in(value, "Batch size: 128 Learning rate: 10 -4 .", read_as) == "") is good


def test_a_flattened_exponent_keeps_its_mantissa():
    assert value_in(5e-4, "rate 5 10 -4 .", {"5 10 -4": "5e-4"}) == ""
    assert value_in(1e-4, "rate 5 10 -4 .", {"5 10 -4": "1e-4"}) != ""


def test_absurd_exponents_cost_nothing():
    assert key_of("10^{99999999999}").numbers == ()
    assert key_of("1e999999").numbers == ()
    assert key_of("10^400").numbers != ()
    assert key_of("10^401").numbers == ()


def test_digits_beyond_the_precision_still_count():
    assert key_of("0." + "1" * 40).text != key_of("0." + "1" * 39 + "2").text
