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
        ("We train for 400,000 steps with 5,000 steps of linear warm-up.", "warmup", 5000.0),
        ("We train for 400,000 steps with 5,000 steps of linear warm-up.", "steps", 400_000.0),
        ("A linear warm-up over 2,000 steps precedes the decay.", "warmup", 2000.0),
        ("We warm up for 10 epochs and train for 90 epochs.", "warmup", 10.0),
        ("We warm up for 10 epochs and train for 90 epochs.", "epochs", 90.0),
        ("GELU activations", "activation", "GELU"),
        ("a batch size of four.", "batch_size", "four"),
        ("batches of sixty-four images", "batch_size", "sixty-four"),
        ("lr .01 for all", "learning_rate", 0.01),
        ("LR 5e-7, no more", "learning_rate", 5e-7),
        ("weights 1/2 and 1/4.", "loss_weight", "1/4"),
        ("updated every second epoch", "steps", "second"),
        ("the loss is added from step 20,000 on", "steps", 20_000.0),
        ("seeds: 2020, 2021", "seeds", 2021.0),
        ("an update ratio 1) follows", "search", 1.0),
        ("weights are drawn from N(0, 0.02^{2}).", "loss_weight", "(0, 0.02^{2})"),
        ("(β1, β2) = (0.9, 0.95)", "betas", "(0.9, 0.95)"),
        ("Binding energies average Rosetta runs (v2021.16).", "seeds", 2021.16),
        ("top-9 anchors", "number", 9.0),
        ("the readout is sum pooling", "pooling", "sum pooling"),
        ("trained with AMSGrad.", "optimizer", "AMSGrad"),
        ("we use scaffold splitting", "split", "scaffold splitting"),
        ("biases are set to zero", "initialisation", "set to zero"),
        ("embeddings are untied", "state", "embeddings are untied"),
        ("we built this on top of jraph and Haiku", "library", "jraph"),
        ("- Weight tying: no", "setting", "no"),
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


@pytest.mark.parametrize("text", ["which holds for λ = 0 only", "then f(x = 1) + 2 is zero mean", "the zero mean case"])
def test_a_condition_or_a_formula_sets_nothing(text):
    assert not {value for _, value in found(text)} & {0.0, 1.0, 2.0, "zero"}


def test_a_phrase_never_hides_the_number_in_it():
    assert ("samples", 50_000.0) in found("FID is computed on 50,000 samples against the training set")


def test_a_table_of_groups_names_symbols_and_values_lists_settings():
    table = (
        "| Group | Name | Symbol | Value |\n|---|---|---|---|\n"
        "| Grid | Layers | L | 16 |\n| | Batch size | B | 4096 |\n"
    )
    assert found(table) >= {("batch_size", 4096.0)}
    assert 16.0 in {value for _, value in found(table)}


def test_words_in_a_table_of_settings_are_not_taken_for_a_second_row_of_heads():
    table = "| Setting | Value |\n|---|---|\n| Optimiser | AdamW |\n| Batch size | 32 |\n"
    assert found(table) >= {("optimizer", "AdamW"), ("batch_size", 32.0)}


def test_a_table_of_results_is_not_one_of_settings():
    table = (
        "| Method | FID | IS | Params |\n|---|---|---|---|\n| Ours | 3.5 | 9.1 | 20 |\n| Theirs | 4.5 | 8.1 | 21 |\n"
    )
    assert not {value for _, value in found(table)} & {3.5, 9.1, 20.0}


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
