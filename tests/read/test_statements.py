"""What no word of the lexicon announces is still listed, as a sentence; what states nothing stays out."""

import json

import pytest

from reproof.text.candidates import all_tiers, candidates
from reproof.text.grammar import choices
from reproof.text.located import Located, Node, Table
from reproof.text.markdown import read_markdown
from reproof.text.settings_tables import head_rows, is_settings, may_be_settings
from reproof.text.statements import Spans, stem


def remainder(text, heading="## 3 Experimental details"):
    found = all_tiers(read_markdown(f"# T\n\n{heading}\n\n{text}\n"))
    shown = {c.span for c in found.announced}
    return [s.text for s in found.remainder if s.span not in shown]


def parts(text, heading="## 3 Experimental details"):
    return [s.text for s in all_tiers(read_markdown(f"# T\n\n{heading}\n\n{text}\n")).remainder]


def raws(text, heading="## 3 Experimental details"):
    return [c.raw for c in candidates(read_markdown(f"# T\n\n{heading}\n\n{text}\n"))]


@pytest.mark.parametrize(
    "text",
    [
        "The wobbles are tightened by hand.",
        "Quarks of the second kind are thrown away.",
        "They share bases, operators and refresh positions.",
        "Raters see both clips side by side.",
        "We train various models at different sample sizes.",  # all its words are those of any paper
    ],
)
def test_a_sentence_of_unknown_words_is_listed_whole(text):
    assert candidates(read_markdown(f"# T\n\n## 3 Experimental details\n\n{text}\n")) == []
    assert remainder(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Our wobbles outperform theirs on quarks.",
        "Our wobbles outperform theirs; the quarks stay.",
        "We observe that quarks wobble.",
        "Further details are given in the appendix.",
        "Because the wobbles tighten.",
        "However, so it is.",
    ],
)
def test_results_reasons_and_pointers_state_nothing(text):
    assert remainder(text) == []


@pytest.mark.parametrize(
    "heading",
    ["## 1 Introduction", "## 2 Related work", "## 6 Conclusion", "## 2 Preliminaries", "## B Theory of quarks"],
)
def test_parts_of_a_paper_that_decide_nothing_are_left_out(heading):
    assert remainder("The wobbles are tightened by hand.", heading) == []


def test_outside_the_set_up_only_what_was_done_counts():
    assert remainder("The wobbles tighten quarks.", "## 4 Quarks") == []
    assert remainder("We tighten the wobbles.", "## 4 Quarks") == ["We tighten the wobbles."]
    assert remainder("The wobbles tighten quarks.", "## 5 Results") == []
    assert remainder("The wobbles are tightened.", "## 5 Results") == ["The wobbles are tightened."]
    assert remainder("The wobbles tighten quarks.", "## 5 Experimental results") == []
    assert remainder("Suppose we tighten the wobbles of a lemma.", "## 4 Quarks") == []


def test_a_part_of_a_section_about_the_set_up_belongs_to_it_by_number_or_level():
    text = "The wobbles tighten quarks."
    assert remainder(text, "## 3 Experiments\n\nWell.\n\n### 3.1 Quarks") == [text]
    assert remainder(text, "## 3 Experiments\n\nWell.\n\n## 3.1 Quarks") == [text]
    assert remainder(text, "## 3 Experiments\n\nWell.\n\n## 4 Quarks") == []
    assert remainder(text, "## B.4 Quarks") == [text]


def test_headings_whose_levels_are_lost_are_ordered_by_their_numbers():
    text = "5 Experiments\nWell.\n5.1 Quarks\nThe wobbles tighten quarks.\n"
    at = text.index("5.1")
    nodes = [Node(kind="section", title="5 Experiments", level=1, start=0, end=at),
             Node(kind="section", title="5.1 Quarks", level=1, start=at, end=len(text))]  # fmt: skip
    assert [s.text for s in all_tiers(Located(kind="pdf", text=text, nodes=nodes)).remainder] == [
        "The wobbles tighten quarks."
    ]


def test_before_the_first_heading_only_what_was_done_counts():
    located = read_markdown("The wobbles tighten quarks. We tighten bosons.\n\n## 3 Experiments\n\nWell.\n")
    assert [s.text for s in all_tiers(located).remainder] == ["We tighten bosons."]
    located = read_markdown("The wobbles tighten quarks.\n")
    assert [s.text for s in all_tiers(located).remainder] == ["The wobbles tighten quarks."]


def test_the_words_of_its_heading_are_nothing_new():
    assert remainder("Here the wobbles follow.", "## 3 Details of wobbles") == []
    assert remainder("Here the wobbles follow.", "## 3 Details of quarks") == ["Here the wobbles follow."]


def test_an_argument_of_dull_words_is_not_listed_for_what_it_does():
    assert remainder("We train models, suggesting that it is so.") == []
    assert remainder("We train models.") == ["We train models."]


def test_a_sentence_beside_a_candidate_gives_only_what_no_candidate_covers():
    text = "We train only the wobbly blocks of the net with AdamW, jointly with the quarks."
    assert "AdamW" in raws(text)
    assert remainder(text) == []
    assert any("jointly with the quarks" in part for part in parts(text))
    assert not any(part.endswith("AdamW") for part in parts(text))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("The batch size is 8, and every quark stays here.", "every quark stays here"),
        ("With 3 layers, the wobbles are synchronized.", "the wobbles are synchronized"),
        ("The depth is 4 with one quark per-block.", "with one quark per-block"),
    ],
)
def test_what_restricts_or_denies_is_a_part_although_its_sentence_has_a_candidate(text, part):
    assert part in parts(text)


def test_words_that_announce_a_candidate_state_nothing_by_themselves():
    assert parts("The learning rate is 0.1 with a batch size of 8.") == []


def test_what_a_section_said_before_is_not_listed_again():
    once = remainder("Quarks are tightened. Quarks are tightened.")
    assert once == ["Quarks are tightened."]
    twice = remainder("Quarks are tightened.\n\n## 4 Evaluation details\n\nQuarks are tightened.")
    assert len(twice) == 2


def test_a_word_that_restricts_makes_dull_words_a_statement():
    assert parts("The batch size is 8 for all models.") == ["for all models"]
    assert parts("The batch size is 8 for some models.") == []


def test_parts_that_stand_far_apart_are_two_and_near_ones_are_one():
    assert parts("Wobbly quarks rest with 3 layers, 4 heads, 5 blocks and 6 filters, while bosons stay.") == [
        "Wobbly quarks rest",
        "while bosons stay",
    ]
    assert parts("Wobbly quarks rest with 3 layers, while bosons stay.") == [
        "Wobbly quarks rest with 3 layers, while bosons stay"
    ]


def test_a_part_of_a_word_is_given_with_the_rest_of_its_clause():
    assert parts("The batch size is 8 and each of the layers is.") == ["each of the layers is"]


def test_a_word_that_is_listed_is_no_statement_again():
    assert parts("We train with AdamW.") == []


def test_a_lone_letter_states_nothing():
    assert remainder("It is so for x there.") == []


def test_what_a_sentence_with_a_candidate_says_again_is_its_own():
    assert parts("Quarks are bosonic. With 3 layers, quarks are bosonic.") == [
        "Quarks are bosonic",
        "quarks are bosonic",
    ]


def test_a_restriction_that_is_a_candidate_is_no_part_as_well():
    assert "only the wobbly blocks" in raws("We train only the wobbly blocks of it with 3 layers.")
    assert parts("We train only the wobbly blocks of it with 3 layers.") == []


def test_theory_with_a_number_states_nothing_outside_the_set_up():
    assert parts("Given a wobbly quark the learning rate is 0.1.", "## 4 Quarks") == []
    assert parts("For one wobbly quark the learning rate is 0.1.", "## 4 Quarks") == [
        "For one wobbly quark the learning rate"
    ]


def test_a_heading_within_a_paragraph_is_no_statement():
    assert remainder("**Wobbly heads.** It is so with them.") == []


def test_a_formula_is_no_statement():
    assert remainder("wobble = quark(x) ≤ boson(y) = ∑ h(z) + k(z) − q.") == []
    assert remainder("The wobble of the quark stays ≤ what the boson has.") != []


def test_two_words_are_no_sentence():
    assert remainder("Wobbles quarked.") == []
    assert remainder("Wobbles quarked bosons.") == ["Wobbles quarked bosons."]


def test_a_citation_is_no_statement():
    assert remainder("As in the work of Wobble et al. (2019), they do.") == []
    assert remainder("It is so for Wobble et al. too.") == []


def test_the_command_lists_sentences_once_and_the_remainder_by_section(helper, tmp_path):
    path = tmp_path / "p.md"
    path.write_text(
        "# P\n\n## 1 Set-up\n\nWe train 4 layers with Adam. The wobbles are tightened by hand.\n", encoding="utf-8"
    )
    shown = helper("read", "candidates", path).stdout
    assert shown.count("We train 4 layers with Adam.") == 1
    assert "″" in shown
    assert shown.endswith(
        "## Sentences that state something and were not listed (1)\n\nWhatever their words are: sentences about the "
        "set-up that hold no candidate. A choice may stand in any of them. Results, reasons and what a section\nsaid "
        "before are left out.\n\n### Section 1 Set-up\n\n- The wobbles are tightened by hand.\n"
    )
    answer = json.loads(helper("read", "candidates", path, "--json").stdout)
    assert [s["text"] for s in answer["remainder"]] == ["The wobbles are tightened by hand."]
    one = json.loads(helper("read", "candidates", path, "--json", "--field", "optimizer").stdout)
    assert (one["remainder"], one["beside"]) == ([], [])


def test_what_is_not_shown_beside_a_candidate_is_in_the_remainder(helper, tmp_path):
    path = tmp_path / "p.md"
    path.write_text("# P\n\n## 1 Set-up\n\nGroup 7, that was the wobbly one.\n", encoding="utf-8")
    first, all_ = (
        json.loads(helper("read", "candidates", path, "--json", "--rank", rank).stdout) for rank in ("A", "ABC")
    )
    assert [s["text"] for s in first["remainder"]] == ["Group 7, that was the wobbly one."]
    assert (all_["remainder"], len(all_["beside"])) == ([], 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("We use the zero-distance map in it", ["zero-distance map"]),
        ("Wobble employs an algebraically fused form.", ["algebraically fused form"]),
        ("using same image sources as before", ["same image sources"]),
        ("It is used for the wobbly thing.", []),
        ("We are used to the wobbly thing.", []),
        ("The map is used every other day.", []),
        ("The map used for wobbly things is old.", []),
        ("We use quarks.", []),  # one word: a name is a candidate by itself
        ("We use 4 wobbly quarks.", []),  # the number is
        ("The scores are never averaged, they say", ["never averaged"]),
        ("It is not known.", []),
        ("none of the wobbly parts", ["none of the wobbly parts"]),
        ("We train only the wobbly blocks of it", ["only the wobbly blocks"]),
        ("the attention-only blocks of it", []),
    ],
)
def test_grammar_marks_a_choice_whatever_it_is_called(text, said):
    assert [text[a:b] for a, b, _ in choices(text)] == said


def test_a_choice_is_a_candidate_unless_the_sentence_reports():
    assert "zero-wobble map" in raws("We use the zero-wobble map in it.")
    assert "zero-wobble map" not in raws("We observe that we use the zero-wobble map in it.")
    assert "batch size" not in raws("We use a batch size of theirs.")


def test_names_in_a_list_are_announced_as_the_first_is():
    found = candidates(read_markdown("# T\n\n## 3 Experiments\n\nWe report QUX, QUUX (Wob et al., 2019) and QUIX.\n"))
    assert [(c.raw, c.rank, c.term) for c in found if c.field == "named"] == [
        (name, "B", "report") for name in ("QUX", "QUUX", "QUIX")
    ]


def test_a_number_given_to_a_symbol_is_no_mathematics():
    one, two, _ = all_tiers(read_markdown("# T\n\n## 3 Set-up\n\n- K = 4096: Wobbles [8, 5, 5] (d=3).\n"))
    assert {c.raw for c in (*one, *two)} == {"4096", "[8, 5, 5]", "3"}


def test_a_share_better_than_something_is_a_result():
    assert "6%" not in raws("The evaluation is 6% below the baseline.")
    assert "6%" in raws("The evaluation uses 6% of the samples.")


def test_a_dash_before_a_count_is_no_minus():
    assert "1" in raws("Output layer - 1 neuron")


@pytest.mark.parametrize(
    ("table", "is_one"),
    [
        ("| Variant | Quark |\n|---|---|\n| A | wobbly |\n| B | stiff |\n", True),
        ("| Set | Quarks | Bosons |\n|---|---|---|\n| A | 10 | 20 |\n| B | 11 | 22 |\n", True),
        ("| Set | Quarks | Accuracy |\n|---|---|---|\n| A | 10 | 20 |\n| B | 11 | 22 |\n", False),
        ("| Set | Quarks ↑ |\n|---|---|\n| A | 10 |\n| B | 11 |\n", False),
        ("Table 1: Comparison of quarks.\n\n| Set | Quarks |\n|---|---|\n| A | 10 |\n| B | 11 |\n", False),
        ("| Set | Accuracy |\n|---|---|\n| A | wobbly |\n| B | stiff |\n", True),
    ],
)
def test_a_table_that_reports_no_metric_may_list_settings(table, is_one):
    assert may_be_settings(read_markdown(table).tables[0]) is is_one


@pytest.mark.parametrize(("numbers", "is_one"), [(3, True), (4, False)])  # of ten cells
def test_with_a_metric_in_its_head_a_table_needs_words(numbers, is_one):
    cells = ["7"] * numbers + ["wobbly"] * (10 - numbers)
    rows = "".join(f"| A | {a} | {b} |\n" for a, b in zip(cells[::2], cells[1::2], strict=True))
    table = read_markdown(f"| Set | Accuracy | Error |\n|---|---|---|\n{rows}").tables[0]
    assert may_be_settings(table) is is_one


def test_a_table_without_cells_lists_nothing():
    assert not may_be_settings(Table(start=0, end=1))


def test_every_cell_of_such_a_table_is_a_candidate_of_rank_b_but_not_in_related_work():
    table = "| Set | Quarks | Bosons |\n|---|---|---|\n| A | 10 | wobbly |\n"
    for heading, found in (("## 3 Experiments", {("10", "B"), ("wobbly", "B")}), ("## 2 Related work", set())):
        located = read_markdown(f"# T\n\n{heading}\n\n{table}")
        assert not is_settings(located.tables[0])
        assert {(c.raw, c.rank) for c in candidates(located)} == found


def test_a_table_of_words_has_one_row_of_heads():
    table = read_markdown("| Setting | Start |\n|---|---|\n| A | wobbly |\n| B | stiff |\n| C | soft |\n").tables[0]
    assert head_rows(table) == 1


def test_spans_touch_and_cover():
    spans = Spans([(2, 5), (4, 9), (20, 22)])
    assert [spans.touch(a, b) for a, b in ((0, 2), (0, 3), (8, 10), (9, 20), (21, 30))] == [
        False, True, True, False, True,
    ]  # fmt: skip
    assert Spans([(0, 10), (2, 5)]).touch(7, 9)  # the longer one, though it begins first
    assert [spans.cover(a, b) for a, b in ((4, 9), (4, 10), (20, 22), (1, 3))] == [True, False, True, False]


@pytest.mark.parametrize(
    ("word", "short"), [("Sampled", "sampl"), ("loss", "loss"), ("nodes", "nod"), ("fed", "fed"), ("wobble's", "wobbl")]
)
def test_a_stem_is_the_same_for_forms_of_a_word(word, short):
    assert stem(word) == short
