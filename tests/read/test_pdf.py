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


ROWS = [("Parameter", "Small", "Large"), ("Learning rate", "0.1", "0.3"), ("Wobble", "7", "9")]
PROSE = [line(72, 740, "We train for 40 epochs on one machine."), line(72, 728, "Then we test once, on the next day.")]
CAPTION = "Table 1: Hyperparameters of both."


def drawn(y, left=120, rows=ROWS):
    """Rows as a plotting tool draws them: before the text of the page."""
    return [line(left + 90 * c, y - 12 * r, text) for r, cells in enumerate(rows) for c, text in enumerate(cells)]


def rows_of(located):
    return {table.number: {cell.text for cell in table.cells} for table in located.tables}


@pytest.mark.parametrize("caption_y", [500, 690])
def test_a_table_that_was_drawn_before_the_text_belongs_to_the_caption_beside_it(make_pdf, caption_y):
    located = load(make_pdf([[*drawn(600), *PROSE, line(72, caption_y, CAPTION)]]))
    (table,) = located.tables
    assert [cell.text for cell in table.cells if cell.row == 2] == ["Wobble", "7", "9"]
    assert located.text.index("We train for 40 epochs") < located.text.index("Wobble")


@pytest.mark.parametrize(
    ("pieces", "is_its"),
    [
        ([*drawn(600), *PROSE, line(72, 457, CAPTION)], True),  # 119 below the last row, at 576: FAR is 12 sizes
        ([*drawn(600), *PROSE, line(72, 455, CAPTION)], False),
        (
            [*drawn(600), *PROSE, line(72, 540, "Some other text stands between the two."), line(72, 500, CAPTION)],
            False,
        ),
        ([*drawn(600), *PROSE, line(450, 540, "Aside."), line(72, 500, CAPTION)], True),
        ([*drawn(600, left=330), *PROSE, line(72, 500, CAPTION)], False),  # in the other column
        ([*drawn(600, rows=ROWS[2:]), *PROSE, line(72, 500, CAPTION)], False),  # one row is no table
    ],
)
def test_a_caption_that_is_far_or_cut_off_takes_no_rows(make_pdf, pieces, is_its):
    assert any("Wobble" in cells for cells in rows_of(load(make_pdf([pieces]))).values()) is is_its


def test_each_caption_takes_the_table_that_is_nearest_and_none_twice(make_pdf):
    other = [("Parameter", "Small", "Large"), ("Depth", "3", "4"), ("Wabble", "5", "6")]
    two = [*drawn(600), *drawn(400, rows=other), *PROSE, line(72, 500, CAPTION), line(72, 300, "Table 2: The others.")]
    found = rows_of(load(make_pdf([two])))
    assert ("Wobble" in found["1"], "Wabble" in found["2"]) == (True, True)
    one = [*drawn(600), *PROSE, line(72, 690, CAPTION), line(72, 500, "Table 2: The others.")]
    assert sum("Wobble" in cells for cells in rows_of(load(make_pdf([one]))).values()) == 1


def test_bold_numbered_lines_are_sections(make_pdf):
    pieces = [line(72, 720, "1 Introduction", 12, "B"), line(72, 700, "Words of the introduction stand here.")]
    pieces += [line(72, 660, "2 Method", 12, "B"), line(72, 640, "Words of the method stand here, with more.")]
    located = load(make_pdf([pieces]))
    assert [n.name for n in located.nodes if n.level] == ["Section 1 Introduction", "Section 2 Method"]
    assert text_from(located).section(located.text.index("method stand")) == "2 Method"


def test_a_word_broken_at_the_line_end_is_one_word_for_a_quote(make_pdf):
    pieces = [line(72, 700, "we regu-"), line(72, 688, "larise the network with dropout")]
    assert find("we regularise the network with dropout", text_from(load(make_pdf([pieces])))).found


def spanning_table(labels):
    """Pages with a table of two data columns; `labels` are (y, text) of the first column, rows stand 14 apart."""
    pieces = [line(72, 740, "Table 1: Accuracy on two data sets."), line(72, 720, "Family"), line(180, 720, "Model"),
              line(300, 720, "CIFAR-10"), line(400, 720, "SVHN")]  # fmt: skip
    for at, name in enumerate(["ResNet", "ResNeXt", "VGG", "ViT-B", "ViT-L"]):
        y = 700 - 14 * at
        pieces += [line(180, y, name), line(300, y, f"9{at}.1"), line(400, y, f"8{at}.2")]
    return sorted([*pieces, *(line(72, y, text) for y, text in labels)], key=lambda p: (-p[1], p[0]))


@pytest.mark.parametrize(
    ("labels", "families"),
    [
        ([(686, "CNN"), (651, "Attention")], ["CNN"] * 3 + ["Attention"] * 2),  # in the middle of three, and of two
        ([(700, "CNN"), (658, "Attention")], ["CNN"] * 3 + ["Attention"] * 2),  # at the top
        ([(693, "CNN"), (658, "Attention")], ["CNN"] * 2 + ["Attention"] * 3),  # in the middle of two, and of three
    ],
)
def test_a_cell_that_spans_rows_belongs_to_each_of_them(make_pdf, labels, families):
    located = load(make_pdf([spanning_table(labels)]))
    (table,) = located.tables
    rows = {}
    for cell in table.cells:
        if cell.value is not None:
            rows.setdefault(cell.row, (cell.row_header, []))[1].append((cell.header[-1], cell.value))
    models = ["ResNet", "ResNeXt", "VGG", "ViT-B", "ViT-L"]
    assert [name for name, _ in rows.values()] == [f"{f} {m}" for f, m in zip(families, models, strict=True)]
    assert [values for _, values in rows.values()][3] == [("CIFAR-10", 93.1), ("SVHN", 83.2)]


def test_a_cell_that_is_missing_does_not_shift_the_others(make_pdf):
    pieces = [p for p in spanning_table([(700 - 14 * i, "CNN") for i in range(5)]) if p[4] != "91.1"]
    (table,) = load(make_pdf([pieces])).tables
    cells = {(cell.row, cell.header[-1]): cell.value for cell in table.cells if cell.value is not None}
    assert (2, "CIFAR-10") not in cells and cells[2, "SVHN"] == 81.2


def test_display_equations_are_counted_as_lost_with_and_without_a_number(make_pdf):
    prose = "This line of the running text begins at the margin of the page as always."
    pieces = [line(72, 740 - 12 * i, prose) for i in range(4)]
    pieces += [line(150, 680, "L = a + b"), line(500, 680, "(1)")]
    pieces += [line(72, 660 - 12 * i, prose) for i in range(3)]
    pieces += [line(150, 610, "W = inf x"), line(150, 598, "= y + z")]
    pieces += [line(72, 570, prose), line(72, 558, "x = 3 holds.")]
    located = load(make_pdf([pieces]))
    assert [equation.number for equation in located.equations] == ["1", ""]
    assert located.lost == ["2 display equations are only there as loose symbols: a PDF has no formulas"]


def test_a_pdf_that_takes_too_long_is_given_up(make_pdf, monkeypatch):
    from reproof.errors import PackError
    from reproof.text import pdf

    path = make_pdf([[line(72, 700, "We train for 200 epochs.")]])
    monkeypatch.setattr(pdf, "LIMIT_S", 0.001)
    with pytest.raises(PackError) as caught:
        load(path)
    assert caught.value.slug == "paper-too-large"
    assert "not read within" in caught.value.what
