"""Cells that span rows in LaTeX, HTML and Markdown, and formulas as extraction tools write them."""

import pytest

from reproof.text.candidates import candidates
from reproof.text.cells import Raw, spread
from reproof.text.claims import claims
from reproof.text.load import load
from reproof.text.quotes import find, text_from

LATEX = r"""\documentclass{article}\begin{document}\begin{table}\caption{Accuracy.}\begin{tabular}{llrr}
Family & Model & Depth & CIFAR-10 \\ \hline
\multirow{2}{*}{CNN} & ResNet & 18 & 93.1 \\
 & VGG & 16 & 92.2 \\ \hline
Other & ViT & 12 & 95.5 \\
\end{tabular}\end{table}\end{document}"""
HTML = """<html><body><table><caption>Table 1: Accuracy.</caption>
<tr><th>Family</th><th>Model</th><th>Depth</th><th>CIFAR-10</th></tr>
<tr><td rowspan="2">CNN</td><td>ResNet</td><td>18</td><td>93.1</td></tr><tr><td>VGG</td><td>16</td><td>92.2</td></tr>
<tr><td>Other</td><td>ViT</td><td>12</td><td>95.5</td></tr></table></body></html>"""
MARKDOWN = "# P\n\n" + HTML[12:-14].replace("\n", " ").replace(
    "<caption>Table 1: Accuracy.</caption>", ""
) + "\n\nTable 1: Accuracy.\n"  # fmt: skip


@pytest.mark.parametrize(("name", "source"), [("a.tex", LATEX), ("a.html", HTML), ("a.md", MARKDOWN)])
def test_a_cell_that_spans_rows_names_each_of_them(tmp_path, name, source):
    path = tmp_path / name
    path.write_text(source, "utf-8")
    found = claims(load(path))
    assert [(c.method, c.dataset, c.printed, c.condition) for c in found] == [
        ("CNN ResNet", "CIFAR-10", "93.1", {"depth": 18.0}),
        ("CNN VGG", "CIFAR-10", "92.2", {"depth": 16.0}),
        ("Other", "CIFAR-10", "95.5", {"depth": 12.0}),
    ]
    assert all(c.metric == "accuracy" and c.table == "Table 1" for c in found)


@pytest.mark.parametrize(("name", "source"), [("a.tex", LATEX), ("a.html", HTML), ("a.md", MARKDOWN)])
def test_a_spanned_row_is_quoted_as_it_is_printed(tmp_path, name, source):
    path = tmp_path / name
    path.write_text(source, "utf-8")
    located = load(path)
    assert find("VGG 16 92.2 Other ViT", text_from(located)).found
    assert all(find(c.quote, text_from(located)).found for c in claims(located))


def test_formulas_with_blanks_between_their_digits_are_numbers(tmp_path):
    path = tmp_path / "ocr.md"
    path.write_text(
        "# P\n\n## 1 Training\n\nWe use AdamW with a peak learning rate of $1 0 ^ { - 4 }$ , $\\beta _ { 1 } = 0 . 9$ "
        "and $\\beta _ { 2 } = 0 . 9 9 9$ on batches of $1 , 0 2 4$ samples.\n",
        "utf-8",
    )
    located = load(path)
    found = {c.field: c.value for c in candidates(located)}
    assert found["learning_rate"] == 1e-4 and found["batch_size"] == 1024
    assert [c.value for c in candidates(located) if c.field == "betas"] == [0.9, 0.999]
    text = text_from(located)
    for quote in (
        "a peak learning rate of $1 0 ^ { - 4 }$ , $\\beta _ { 1 } = 0 . 9$",
        "a peak learning rate of 1e-4, β1 = 0.9 and β2 = 0.999",
    ):
        assert find(quote, text).found, quote
    assert not find("a peak learning rate of 1e-3, β1 = 0.9", text).found


def test_a_row_too_short_to_be_evidence_is_quoted_with_its_neighbours(tmp_path):
    path = tmp_path / "short.md"
    path.write_text("# P\n\n|A|FID|\n|---|---|\n|Us|3.2|\n|Them|4.5|\n\nTable 3: FID on SVHN.\n", "utf-8")
    located = load(path)
    found = claims(located)
    assert [c.quote for c in found] == ["A FID Us 3.2 Them 4.5", "Us 3.2 Them 4.5"]
    assert all(find(c.quote, text_from(located)).found for c in found)
    assert {c.where for c in found} == {"Table 3"}
    start = found[0].start
    assert "Table 3" in [node.name for node in located.nodes if node.start <= start < node.end]


def test_two_prices_are_no_formula(tmp_path):
    path = tmp_path / "prices.md"
    path.write_text("# P\n\nIt costs $5 per hour for 20 hours, so $100 in all with 8 GPUs.\n", "utf-8")
    assert find("It costs $5 per hour for 20 hours, so $100 in all", text_from(load(path))).found


@pytest.mark.parametrize("covered", [False, True])
def test_a_cell_may_span_more_than_two_rows(covered):
    below = [[Raw(""), Raw(name)] if covered else [Raw(name)] for name in "bcd"]
    rows = spread([[Raw("A", down=3), Raw("a")], *below], covered=covered)
    assert [[raw.text or raw.above for raw in row][:2] for row in rows[:3]] == [["A", "a"], ["A", "b"], ["A", "c"]]
    assert rows[3][0].above == ""
