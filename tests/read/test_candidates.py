"""Nothing that is stated is overlooked, and what only looks like a setting stays out."""

import json
from pathlib import Path

import pytest

from reproof.text.candidates import candidates
from reproof.text.claims import claims
from reproof.text.load import load
from reproof.text.markdown import read_markdown

PAPERS = Path(__file__).resolve().parent / "papers"
KEYS = json.loads((PAPERS / "keys.json").read_text(encoding="utf-8"))
SHARED = PAPERS.parents[2].parent / "shared" / "papers" / "nsgf.md"


def found(text):
    return {(c.field, c.value) for c in candidates(read_markdown("# T\n\n## 1 Experiments\n\n" + text + "\n"))}


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("We train with batch size 256.", "batch_size", 256.0),
        ("a learning rate of 5 × 10^{-4} is used", "learning_rate", 5e-4),
        ("a learning rate of 5e−4 is used", "learning_rate", 5e-4),
        ("Dropout is 0.1 everywhere", "dropout", 0.1),
        ("with no weight decay", "weight_decay", "no weight decay"),
        ("weight decay 0.01 and more", "weight_decay", 0.01),
        ("channel multipliers [1, 2, 2]", "multiplier", "[1, 2, 2]"),
        ("four convolutional layers", "kernel", "four"),
        ("trained for 300K iterations", "steps", 300_000.0),
        ("gradients are clipped to norm 1", "grad_clip", 1.0),
        ("β_{1} = 0.9 in all runs", "betas", 0.9),
        ("on 8 NVIDIA A100 GPUs", "hardware", 8.0),
        ("averaged over 5 random seeds", "seeds", 5.0),
        ("scaling = 0.80, 0.85 or 0.95 depends on the learning rate", "sinkhorn", 0.95),
        ("batch size 256 and 10/100 steps", "steps", 10.0),
        ("images of 64×64 pixels.", "image_size", "64×64"),
        ("GELU activations", "activation", "GELU"),
    ],
)
def test_a_stated_setting_is_a_candidate_of_its_kind(text, field, value):
    assert (field, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The learning rate is shown in Table 3.",
        "We follow the training of Smith et al. in 2019.",
        "training on CIFAR-10 works",
        "The optimizer is described in Section 4.",
    ],
)
def test_a_number_that_only_names_something_is_none(text):
    assert not any(isinstance(value, float) for _, value in found(text))


def test_reference_lists_and_headings_are_left_out():
    located = load(PAPERS / "diffusion.html")
    assert not any(c.value == 777 for c in candidates(located))
    assert not any(c.raw.startswith("2.1") for c in candidates(located))


def test_a_candidate_says_where_it_stands_and_what_of():
    located = read_markdown("# T\n\n## 2 Setup\n\nWords. For MNIST, the predictor has batch size 128.\n")
    (candidate,) = [c for c in candidates(located) if c.field == "batch_size"]
    assert located.text[candidate.start : candidate.end] == "128"
    assert candidate.where == "Section 2 Setup"
    assert (candidate.experiment, candidate.phase) == ("MNIST", "predictor")
    assert candidate.sentence == "For MNIST, the predictor has batch size 128."


def recall(located, key):
    """(items of the key found, items)."""
    there = candidates(located)
    hits = total = 0
    flat = located.text.replace("\n", " ")
    for item in key:
        at = flat.index(item["near"])
        for value in item["values"]:
            total += 1
            shown = ",".join(map(str, value)) if isinstance(value, list) else value
            hits += any(
                abs(c.start - at) < 400
                and (c.value == value or (isinstance(shown, str) and shown.lower() in c.raw.replace(", ", ",").lower()))
                for c in there
            )
    return hits, total


@pytest.mark.parametrize("name", ["translation.tex", "diffusion.html"])
def test_every_item_of_the_answer_key_is_found(name):
    hits, total = recall(load(PAPERS / name), KEYS[name])
    assert hits == total


@pytest.mark.skipif(not SHARED.is_file(), reason="the NSGF text is not part of the repository")
def test_every_stated_value_of_nsgf_is_found():
    text = SHARED.read_text(encoding="utf-8").split("# Full text (s2orc)", 1)[1]
    hits, total = recall(read_markdown(text), KEYS["nsgf.md"])
    assert (hits, total) == (62, 62)


def test_every_number_of_a_results_table_is_a_claim():
    made = claims(load(PAPERS / "translation.tex"))
    assert len(made) == 9  # three rows of three numbers; the table of settings has none
    big = next(c for c in made if c.id == "table1/ours_big/bleu/en_de")
    assert (big.method, big.metric, big.direction, big.dataset) == ("Ours (big)", "bleu", "higher", "EN-DE")
    assert (big.printed, big.spread, big.bold, big.ours) == ("28.4", "0.2", True, True)
    assert big.where == "Table 1"


def test_heads_that_an_extraction_ran_together_are_taken_apart():
    located = read_markdown(
        '<table><tr><td>Method</td><td colspan="4">W2 (10 steps) moons rings moons rings W2 (100 steps)</td></tr>'
        "<tr><td>Ours</td><td>1.5</td><td>2.5</td><td>3.5</td><td>4.5</td></tr></table>"
    )
    assert [(c.dataset, c.condition, c.printed) for c in claims(located)] == [
        ("moons", {"steps": 10.0}, "1.5"),
        ("rings", {"steps": 10.0}, "2.5"),
        ("moons", {"steps": 100.0}, "3.5"),
        ("rings", {"steps": 100.0}, "4.5"),
    ]
    assert {(c.metric, c.direction) for c in claims(located)} == {("w2", "lower")}


def test_an_arrow_says_which_way_is_better_and_silence_is_not_guessed():
    located = read_markdown("| M | Speed ↑ | Flavour |\n|---|---|---|\n| Ours | 3 | 4 |\n")
    assert [c.direction for c in claims(located)] == ["higher", None]


@pytest.mark.parametrize(
    ("by", "groups"),
    [("section", ["Section 1 Data", "Section 2 Training"]), ("experiment", ["MNIST", "CIFAR-10", ""]),
     ("phase", ["", "pre-training"])],
)  # fmt: skip
def test_candidates_are_grouped_in_the_order_of_the_paper(helper, tmp_path, by, groups):
    path = tmp_path / "p.md"
    path.write_text(
        "# P\n\n## 1 Data\n\nMNIST has 60,000 training images. CIFAR-10 has 50,000 training images.\n\n"
        "## 2 Training\n\n"
        "We use a batch size of 32 in pre-training.\n", "utf-8",
    )  # fmt: skip
    result = helper("read", "candidates", path, "--by", by)
    assert [line[3:].rpartition(" (")[0] for line in result.stdout.splitlines() if line.startswith("## ")] == [
        group or f"(no {by} is named)" for group in groups
    ]
