"""However a sentence states a setting it is found, and what nothing announces is listed apart, not lost."""

import json

import pytest

from reproof.text.candidates import both_tiers
from reproof.text.markdown import read_markdown
from reproof.text.scan import FOLD, Marks, folded
from reproof.text.settings_tables import is_settings


def tiers(text, heading="## 1 Experiments"):
    one, two = both_tiers(read_markdown(f"# T\n\n{heading}\n\n{text}\n"))
    return [c.raw for c in one], [c.raw for c in two]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a batch size of64 is used", ["64"]),
        ("we cap the maximum refinement depth at D = 1 For the rest it decays", ["1"]),
        ("clients run SGD for E = 1 local epoch with care", ["1"]),
        ("it was swapped for group normalisation (2 groups) there", ["2"]),
        ("safety stops trigger above 15 N in the lab", ["15"]),
        ("we look at growing horizons (1-15 timesteps) later", ["1", "15"]),
        ("3 dense layers (256–128–1), ELU", ["3", "256", "128", "1"]),
        ("- **Conv layer 2**: 64 filters, 4 × 4 kernel, stride 2, ReLU", ["2", "64", "4 × 4", "2"]),
        ("a pattern [2, 2, 1] in the layers", ["[2, 2, 1]"]),
        ("it is drawn from [3, 7] again", ["[3, 7]"]),
        ("the rate is reduced in half after a while", ["half"]),
        ("linear decay to a tenth of that", ["a tenth"]),
        ("the machine contains two NVIDIA cards", ["two"]),
        ("added at the fifth layer only", ["fifth"]),
        ("activations scaled to [-π, π] by then", ["[-π, π]"]),
        ("weight decay 0.1 on matrices and zero on vectors", ["0.1", "zero"]),
        ("resolutions with m _{ m i n } = - 1 , m _{ m a x } = 9 , R _{ m i n } = 1 hold", ["1", "9", "1"]),
        ("bits per value sent upstream is eight, downstream thirty-two.", ["eight", "thirty-two"]),
        ("a Gaussian of standard deviation √2/d everywhere", ["2"]),
        ("years between 1979 and 2015 are used for training", ["1979", "2015"]),
        ("the test period spans 1990-2019 here", ["1990", "2019"]),
        ("64 filters, 4 × 4 kernel, stride 2, ReLU", ["64", "4 × 4", "2"]),
        ("heads in four stages with [3, 6, 12, 24] heads", ["four", "[3, 6, 12, 24]"]),
        ("channel multipliers [1, 2, 4] of 64", ["[1, 2, 4]", "64"]),
    ],
)
def test_a_number_is_found_however_it_is_stated(text, values):
    found = [raw for raw in tiers(text)[0] if any(c.isdigit() for c in raw) or raw in values]
    assert found == values


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the time embedding is sinusoidal, as usual", "is sinusoidal"),
        ("we use gradient-checkpointing and more", "gradient-checkpointing"),
        ("ZeRO-2 is used without CPU offloading there", "without CPU offloading"),
        ("the model with the lowest validation loss is selected", "lowest validation loss"),
        ("adapters are applied to the query, key, value, and output projections", "output projections"),
        ("we fine-tune all its parameters", "all its parameters"),
        ("stage three unfreezes the encoder", "unfreezes"),
        ("sampled uniformly from there", "sampled uniformly"),
        ("clients are drawn without replacement", "without replacement"),
        ("trained on CPU with care", "CPU"),
        ("it is trained on HM3D and more", "HM3D"),
        ("features come from a frozen ViperX-300 arm", "ViperX-300"),
        ("two panoramic datasets, HM3D [19] and Replica [20], are used", "Replica"),
        ("we evaluate link prediction using Quark as said", "Quark"),
        ("mean aggregation is used", "mean aggregation"),
        ("an N3 penalty is added", "N3 penalty"),
    ],
)
def test_a_named_choice_is_found(text, word):
    assert any(word in raw for raw in tiers(text)[0])


@pytest.mark.parametrize("text", ["This is important.", "That is crucial, we think.", "without losing precision"])
def test_a_judgement_is_no_choice(text):
    assert tiers(text) == ([], [])


@pytest.mark.parametrize("text", ["we use it [13] and go on", "Transformers [5, 9, 40, 20] do this", "see that [7-9]."])
def test_a_numeric_citation_is_in_neither_tier(text):
    assert not [raw for tier in tiers(text) for raw in tier if any(c.isdigit() for c in raw)]


@pytest.mark.parametrize(
    ("text", "values"),
    [("since 2015 people train it", []), ("interest grew from 2012 to 2019", []), ("in 2019 data was rare", [])],
)
def test_a_year_without_a_range_of_data_is_no_setting(text, values):
    assert [raw for raw in tiers(text)[0] if raw[:1].isdigit()] == values


def test_what_nothing_announces_is_listed_apart():
    one, two = tiers("Group 7; that was all. The layers follow Grillparzer closely.")
    assert (one, two) == ([], ["7", "Grillparzer"])


@pytest.mark.parametrize("heading", ["## 1 Introduction", "## 2 Related Work", "## 3 Conclusion"])
def test_no_second_tier_where_no_set_up_is_described(heading):
    assert tiers("Group 7; that was all. The layers follow Grillparzer closely.", heading)[1] == []


def test_scripts_that_an_ocr_spaced_out_make_no_formula():
    text = "we train this model with a batch size of 64 in every run and m _{ m i n } = 3 , m _{ m a x } = 9"
    one, _ = both_tiers(read_markdown(f"# T\n\n## 1 Experiments\n\n{text}\n"))
    assert [c.rank for c in one if c.raw == "64"] == ["A"]


@pytest.mark.parametrize(
    ("text", "heading"),
    [("Some layers follow Grillparzer now.", "## 3 Gradient flows"), ("It rained on Grillparzer here.", "## 3 Data")],
)
def test_names_come_from_the_set_up_and_from_sentences_with_words_of_the_field(text, heading):
    assert tiers(text, heading)[1] == []


@pytest.mark.parametrize(
    "text",
    [
        "Such layers exist (Grillparzer, Stifter and others, 2019).",
        "More layers in RGB then.",
        "- **LMU**: layers",
    ],
)
def test_citations_common_abbreviations_and_heads_of_lists_are_no_names(text):
    assert tiers(text)[1] == []


def test_a_name_is_listed_once_and_people_are_none():
    text = (
        "Some layers follow Grillparzer now. The layers of Fan et al. and Gao (2019).\n\n## 2 Details\n\n"
        "More layers follow Grillparzer."
    )
    assert tiers(text)[1] == ["Grillparzer"]


@pytest.mark.parametrize(
    ("table", "is_one"),
    [
        ("| Component | Configuration |\n|---|---|\n| Input | 32 |\n| Wobble | 3 -> 32 |\n", True),
        ("| Statistic | Value |\n|---|---|\n| Wobble | 99,500 |\n| Wabble | 70% |\n", True),
        ("| Quality | Value |\n|---|---|\n| Accuracy | 93.1 |\n| FID | 4.1 |\n", False),
        ("| Quality | Value |\n|---|---|\n| Accuracy | 93.1 |\n| Wobble | 4 |\n", False),  # just at the threshold
        ("| Method | Value |\n|---|---|\n| Quark | 93.1 |\n| Boson | 4 |\n", False),
        ("| Statistic | Value | Theirs |\n|---|---|---|\n| Wobble | 1 | 9 |\n| Wabble | 2 | 7 |\n", False),
    ],
)
def test_a_list_of_names_and_values_is_one_of_settings(table, is_one):
    assert is_settings(read_markdown(table).tables[0]) is is_one


def test_the_command_counts_the_second_tier_and_lists_it_on_request(helper, tmp_path):
    path = tmp_path / "p.md"
    path.write_text(
        "# P\n\n## 1 Set-up\n\nWe train 4 layers. Group 7; that was all. The layers follow Quark.\n", "utf-8"
    )
    shown = json.loads(helper("read", "candidates", path, "--json").stdout)
    assert "; 2 numbers and names that nothing announces; " in shown["headline"]
    assert shown["others"] == {"Section 1 Set-up": ["…Group 7; that was all.…", "Quark"]}
    assert "7" not in [c["raw"] for c in shown["candidates"]]
    listed = json.loads(helper("read", "candidates", path, "--json", "--rank", "C").stdout)
    assert ([c["raw"] for c in listed["candidates"]], listed["others"]) == (["7", "Quark"], {})


def test_a_phrase_never_crosses_the_end_of_a_sentence():
    text = "we use sum pooling here"
    marks = Marks(text, [(0, len(text))]).sorted()
    assert [text[a:b] for a, b, _ in marks.phrases.within(0, len(text))] == ["sum pooling"]
    assert marks.phrases.within(0, text.index("pooling")) == []


def test_folding_moves_no_offset_and_touches_no_escape():
    assert len("İ Wİ 5".translate(FOLD)) == len("İ Wİ 5")
    assert folded(r"(?i:\bBPE\b|\SX)").pattern == r"(?:\bbpe\b|\Sx)"
