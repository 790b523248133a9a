"""Many ways to alter a quote, and none is accepted; many ways to spell it, and all are."""

import random

import pytest

from reproof.text.keys import key_of
from reproof.text.markdown import read_markdown
from reproof.text.quotes import find, text_from

TEXT = text_from(
    read_markdown(
        "## 1 Set-up\n\nThe optimizer is Adam [Kingma and Ba, 2015] with a rate of 3 × 10^{-4} for MNIST. It needs "
        "less than 20GB of storage and 1.5 hours, and x - 5 is larger than y ≥ 2. We don't use dropout in the encoder. "
        "The range is [-1, 1], n^{2} pairs, 2^{10} codes, 0.80 of them, and 5 MB each. Networks (Liu, 2022) are large."
    )
)


@pytest.mark.parametrize(
    "quote",
    [
        "The optimizer is Adam with a rate of 3e-4 for MNIST",
        "The optimizer is Adam [Kingma and Ba, 2015] with a rate of 3·10⁻⁴",
        "Adam [Kingma and Ba, 2015] with a",
        "Ba, 2015] with a rate of 3 \\times 10^{-4}",
        "less than 20 GB of storage and 1.5 hours",
        "GB of storage and 1.5 hours",
        "and x − 5 is larger than y \\geq 2",
        "The range is [−1, 1], n² pairs, 2¹⁰ codes",
        "and 5 MB each. Networks are large",
    ],
)
def test_spellings_of_the_same_words_are_accepted(quote):
    match = find(quote, TEXT)
    assert match.found, match.reason


@pytest.mark.parametrize(
    "quote",
    [
        "The optimizer is Adam [Kingma and Ba, 2014] with a rate",
        "Adam with a rate of 3 × 10^{-5} for MNIST",
        "Adam with a rate of 3 × 10^{4} for MNIST",
        "Adam with a rate of 10^{-4} for MNIST",
        "0^{-4} for MNIST. It needs less than",
        "less than 20 MB of storage and 1.5 hours",
        "It needs less than 20",
        "and x + 5 is larger than y ≥ 2",
        "and x 5 is larger than y ≥ 2",
        "is larger than y > 2. We don't use",
        "2. We don't use dropout in the encoder",
        "use dropout in the encoder. The range",
        "The range is [1, 1], n² pairs",
        "1, 1], n² pairs, 2¹⁰ codes",
        "n³ pairs, 2¹⁰ codes, 0.80 of them",
        "n2 pairs, 2¹⁰ codes, 0.80 of them",
        "n² pairs, 2 10 codes, 0.80 of them",
        "n² pairs, 210 codes, 0.80 of them",
        "2¹⁰ codes, 0.8 of them, and 5 MB each",
        "0.80 of them, and 5 Mb each",
        "Networks (Liu, 2023) are large.",
    ],
)
def test_alterations_are_refused(quote):
    assert not find(quote, TEXT).found


def test_no_random_change_of_one_character_is_accepted():
    sentence = "It needs less than 20GB of storage and 1.5 hours, and x - 5 is larger than y ≥ 2"
    rng = random.Random(0)
    assert find(sentence, TEXT).found
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tried = 0
    for _ in range(600):
        at = rng.randrange(len(sentence))
        if not sentence[at].isalnum():
            continue
        new = rng.choice([c for c in letters if c != sentence[at].lower()])
        altered = sentence[:at] + new + sentence[at + 1 :]
        tried += 1
        assert not find(altered, TEXT).found, altered
    assert tried > 400


def test_a_quote_of_three_characters_is_no_evidence():
    assert "too short" in find("1.5", TEXT).reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("20,000", "20000"),
        ("1e-4", "10^{-4}"),
        ("10K", "10,000"),
        ("5 %", "5%"),
        ("0.9–0.99", "0.9-0.99"),
        ("2×2", "2x2"),
    ],
)
def test_spellings_of_the_same_number_have_the_same_key(one, other):
    assert key_of(one).text == key_of(other).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.8", "0.80"),
        ("B.1", "B.10"),
        ("7", "07"),
        ("10^5", "105"),
        ("x^2", "x2"),
        ("5 MB", "5 Mb"),
        ("5", "5%"),
        ("∞", "0"),
    ],
)
def test_other_numbers_have_other_keys(one, other):
    assert key_of(one).text != key_of(other).text
