"""Papers of six more fields: almost nothing that a reproduction needs is overlooked, nothing altered is accepted."""

import importlib.util
import json
import random
import re
import sys
from pathlib import Path

import pytest

from reproof.text.candidates import candidates
from reproof.text.load import load
from reproof.text.quotes import find, text_from
from reproof.text.sentences import sentences

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PAPERS = BENCHMARKS / "reading_papers"
KEYS = json.loads((PAPERS / "keys.json").read_text("utf-8"))
LISTED = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def alterations():
    spec = importlib.util.spec_from_file_location("alterations", BENCHMARKS / "alterations.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["alterations"] = module
    spec.loader.exec_module(module)
    return module


def states(candidate, wanted):
    """Whether a candidate is the value of the key: as a number, a percentage, in a list, or as words."""
    raw = candidate.raw
    if isinstance(wanted, str):
        bare = [re.sub(r"[\s{}\[\]()]", "", text).lower().replace("×", "x") for text in (wanted, raw)]
        return bare[0] in bare[1]
    if raw[:1] in "([{":
        return wanted in [float(part) for part in LISTED.findall(raw)]
    if raw.endswith("%"):
        return abs(float(raw.rstrip("% ")) / 100 - wanted) < 1e-12
    return candidate.value == wanted


@pytest.mark.parametrize("name", sorted(KEYS))
def test_almost_every_value_of_the_key_is_a_candidate(name):
    located = load(PAPERS / name)
    text = re.sub(r"\s", " ", located.text)
    found = candidates(located)
    missed = []
    for item in KEYS[name]:
        near = [match.start() for match in re.finditer(re.escape(item["near"]), text)]
        assert near, f"the key of {name} names words that are not there: {item['near']}"
        close = [c for c in found if any(abs(c.start - at) < 250 for at in near)]
        missed += [(item["item"], wanted) for wanted in item["values"] if not any(states(c, wanted) for c in close)]
    assert missed == []


@pytest.mark.parametrize("name", sorted(KEYS))
def test_most_candidates_of_rank_a_are_on_the_key(name):
    located = load(PAPERS / name)
    wanted = [value for item in KEYS[name] for value in item["values"]]
    rank_a = [c for c in candidates(located) if c.rank == "A"]
    assert sum(any(states(c, value) for value in wanted) for c in rank_a) >= 0.75 * len(rank_a)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_no_altered_sentence_is_accepted(name):
    located = load(PAPERS / name)
    text = text_from(located)
    rng = random.Random(7)
    there = re.sub(r"[\s-]", "", located.text.lower())
    tried = 0
    for start, end in sentences(located.text):
        quote = " ".join(located.text[start:end].split())
        if len(quote) < 40:
            continue
        assert find(quote, text).found, quote
        for kind, wrong in alterations().altered(quote, rng):
            if re.sub(r"[\s-]", "", wrong.lower()) not in there or kind in ("sign", "exponent sign", "caret sign"):
                tried += 1
                assert not find(wrong, text).found, (kind, wrong)
    assert tried > 100


@pytest.mark.parametrize(
    ("sentence", "field", "value"),
    [
        ("P_mean is -1.2 there.", "symbol", -1.2),
        ("We train for 2000 steps.", "steps", 2000.0),
        ("Training used 2048 A100 GPUs.", "hardware", 2048.0),
        ("It has 1.4T tokens.", "sequence_length", 1.4e12),
        ("Agents run for 3 million environment steps.", "environment", 3e6),
        ("The head is a 2-layer MLP.", "layers", 2.0),
        ("We use a split of 80/10/10.", "split", "80/10/10"),
        ("Learning rates are in {1e-5, 2e-5}.", "learning_rate", "{1e-5, 2e-5}"),
    ],
)
def test_numbers_as_papers_write_them(tmp_path, sentence, field, value):
    path = tmp_path / "one.txt"
    path.write_text(f"1 Training\n\n{sentence}\n", "utf-8")
    assert (field, value) in [(c.field, c.value) for c in candidates(load(path))]


@pytest.mark.parametrize("sentence", ["In 2019 this was noted.", "Smith (2020) trains.", "since 2015 people train it"])
def test_a_year_is_no_setting(tmp_path, sentence):
    path = tmp_path / "one.txt"
    path.write_text(f"1 Training\n\n{sentence}\n", "utf-8")
    assert not [c for c in candidates(load(path)) if isinstance(c.value, float)]


def test_a_row_of_a_settings_table_counts_whatever_it_is_called(tmp_path):
    path = tmp_path / "table.md"
    path.write_text(
        "# P\n\nTable 1: Hyperparameters.\n\n| Setting | Value |\n|---|---|\n"
        "| Learning rate | 0.1 |\n| Batch size | 32 |\n| Dropout | 0.2 |\n| Wobble | 7 |\n",
        "utf-8",
    )
    assert ("Wobble", 7.0) in [(c.term, c.value) for c in candidates(load(path))]
