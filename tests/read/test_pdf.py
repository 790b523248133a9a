"""Superscripts from their height, columns, running heads, footnotes, tables: on pages whose geometry is known."""

import importlib.util

import pytest

from reproof.text.load import load
from reproof.text.quotes import find, text_from

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pypdfium2") is None, reason="PDFs need pypdfium2 (pip install pypdfium2)"
)
BODY = 10


def line(x, y, text, size=BODY, font="R"):
    return (x, y, size, font, text)


def test_a_raised_exponent_is_an_exponent(make_pdf):
    pieces = [
        line(72, 700, "We use a learning rate of 5 \xd7 10"),
        line(214.5, 704, "-4", 7),
        line(223, 700, "and go on."),
    ]
    located = load(make_pdf([pieces]))
    assert "5 × 10^{-4} and go on." in located.text
    text = text_from(located)
    assert find("learning rate of 5e-4 and go on", text).found
    assert not find("learning rate of 5 × 10-4 and go on", text).found
    assert not find("learning rate of 5 × 104 and go on", text).found
    assert not find("learning rate of 5 × 10^4 and go on", text).found


def test_a_lowered_index_is_none(make_pdf):
    pieces = [line(72, 700, "with beta"), line(114, 698, "1", 7), line(119, 700, "= 0.9 and batch size 256")]
    located = load(make_pdf([pieces]))
    assert "beta_{1}" in located.text
    assert find("with beta_1 = 0.9 and batch size 256", text_from(located)).found


def test_running_heads_and_page_numbers_leave_sentences_whole(make_pdf):
    pages = []
    for number in range(1, 5):
        pages.append([
            line(72, 760, "A Paper About Things"), line(72, 700, f"Page {'abcd'[number - 1]} begins and the sentence"),
            line(72, 688, "continues to the end of the page and"), line(300, 30, str(number)),
        ])  # fmt: skip
    located = load(make_pdf(pages))
    assert "A Paper About Things" not in located.text
    assert find("to the end of the page and Page b begins and the sentence", text_from(located)).found
    assert located.page(located.text.index("Page c")) == 3


def test_two_columns_are_read_one_after_the_other(make_pdf):
    left = [line(72, 700 - 12 * i, f"left line {word} of the first column") for i, word in enumerate(("one", "two"))]
    right = [line(320, 700 - 12 * i, f"right line {word} of the second") for i, word in enumerate(("one", "two"))]
    text = load(make_pdf([left + right])).text
    assert text.index("left line two") < text.index("right line one")


def test_a_footnote_waits_and_its_mark_may_be_left_out(make_pdf):
    pages = [
        [line(72, 700, "We train for 100 epochs"), line(181.2, 704, "1", 7), line(188, 700, "and the"),
         line(72, 90, "1", 6), line(76, 87, "On one graphics card.", 8)],
        [line(72, 700, "sentence ends on the next page.")],
    ]  # fmt: skip
    located = load(make_pdf(pages))
    text = text_from(located)
    assert find("train for 100 epochs and the sentence ends on the next page", text).found
    assert [located.text[n.start : n.end].strip() for n in located.nodes if n.kind == "footnote"] == [
        "On one graphics card."
    ]


def test_a_table_becomes_cells_and_its_row_can_be_quoted(make_pdf):
    rows = [("Method", "FID", "NFE"), ("Ours", "3.8", "60"), ("FM", "3.4", "100")]
    pieces = [line(72, 712, "Some text stands before it."), line(72, 680, "Table 2: Results on MNIST.")]
    for index, row in enumerate(rows):
        for column, word in enumerate(row):
            bold = "B" if word == "3.8" else "R"
            pieces.append(line(72 + 80 * column, 660 - 12 * index, word, BODY, bold))
    pieces.append(line(72, 600, "And some text stands behind it."))
    located = load(make_pdf([pieces]))
    table = located.tables[0]
    assert (table.name, table.caption, table.header_rows) == ("Table 2", "Results on MNIST.", 1)
    best = next(c for c in table.cells if c.text == "3.8")
    assert (best.header, best.row_header, best.value, best.bold) == (["FID"], "Ours", 3.8, True)
    assert find("before it. And some text stands behind it", text_from(located)).found


def test_bold_numbered_lines_are_sections(make_pdf):
    pieces = [line(72, 720, "1 Introduction", 12, "B"), line(72, 700, "Words of the introduction stand here.")]
    pieces += [line(72, 660, "2 Method", 12, "B"), line(72, 640, "Words of the method stand here, with more.")]
    located = load(make_pdf([pieces]))
    assert [n.name for n in located.nodes if n.level] == ["Section 1 Introduction", "Section 2 Method"]
    assert text_from(located).section(located.text.index("method stand")) == "2 Method"


def test_a_word_broken_at_the_line_end_is_one_word_for_a_quote(make_pdf):
    pieces = [line(72, 700, "we regu-"), line(72, 688, "larise the network with dropout")]
    assert find("we regularise the network with dropout", text_from(load(make_pdf([pieces])))).found
