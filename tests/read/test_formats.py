"""The same facts come out of LaTeX, HTML, Markdown, text and JSON, each with its place."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from reproof.text.latex import printed_math
from reproof.text.load import load
from reproof.text.markdown import read_markdown
from reproof.text.quotes import find, text_from

PAPERS = Path(__file__).resolve().parent / "papers"


@pytest.fixture(scope="module")
def tex():
    return load(PAPERS / "translation.tex")


@pytest.fixture(scope="module")
def web():
    return load(PAPERS / "diffusion.html")


def names(located, *kinds):
    return [node.name for node in located.nodes if node.kind in kinds]


def cell(located, row, column, table=0):
    return next(c for c in located.tables[table].cells if (c.row, c.column) == (row, column))


def test_latex_sections_are_numbered_as_printed_and_say_where_they_stand(tex):
    assert names(tex, "section", "appendix") == [
        "Abstract", "Section 1 Introduction", "Section 2 Model", "Section 3 Training", "Section 3.1 Data",
        "Section 3.2 Optimizer and schedule", "Section 3.3 Hardware", "Regularization.", "Section 4 Results",
        "Appendix A Further settings",
    ]  # fmt: skip
    assert next(n.source for n in tex.nodes if n.number == "3.2") == "translation.tex:26"


def test_latex_macros_exponents_and_references_are_printed(tex):
    assert "rises linearly\nover 4,000 warm-up steps to 7× 10^{-4} and then" in tex.text
    assert "in Section 2 and its training in Section 3" in tex.text
    assert "in Eq. (1)" in tex.text
    assert "d_{model}=512" in tex.text


def test_what_latex_does_not_print_is_not_read(tex):
    assert "9999" not in tex.text
    assert "newcommand" not in tex.text


def test_a_missing_input_is_said_with_its_line(tex):
    assert tex.lost == ["\\input{missing-part} is missing (translation.tex:66): its text is not read"]


def test_latex_cells_have_heads_values_spread_and_bold(tex):
    best = cell(tex, 4, 1)
    assert best.header == ["BLEU ↑", "EN-DE"]
    assert best.row_header == "Ours (big)"
    assert (best.value, best.spread, best.bold) == (28.4, "0.2", True)
    assert not cell(tex, 3, 1).bold
    assert tex.tables[0].name == "Table 1"
    assert tex.text[best.start : best.end] == "28.4 ± 0.2"


def test_a_footnote_leaves_its_sentence_whole(tex):
    text = text_from(tex)
    assert find("GELU activations and pre-layer normalization.", text).found
    assert find("pre-layer normalization¹. L = −∑", text).found
    assert [tex.text[n.start : n.end].strip() for n in tex.nodes if n.kind == "footnote"] == [
        "With learned gain and bias."
    ]


def test_an_equation_keeps_its_source_and_number(tex):
    assert tex.equations[0].number == "1"
    assert "\\lVert\\theta\\rVert^2" in tex.equations[0].tex
    assert "θ" in tex.text[tex.equations[0].start : tex.equations[0].end]


@pytest.mark.parametrize(
    ("formula", "printed"),
    [
        (r"\frac{1}{2}", "1/2"),
        (r"10^{-4}", "10^{-4}"),
        (r"10^-4", "10^{-}4"),  # as TeX prints it
        (r"\mathrm{GB}", "GB"),
        (r"x\leq 5", "x≤ 5"),
        (r"0.5\,\%", "0.5 %"),
    ],
)
def test_formulas_are_spelled_in_plain_characters(formula, printed):
    assert printed_math(formula) == printed


def test_html_keeps_formulas_from_their_tex_and_raised_digits(web):
    assert "from β_{1}=10^{-4} to β_{T}=0.02" in web.text
    assert "learning rate of 2×10^{−4}" in web.text
    assert web.equations[0].number == "1"


def test_html_menus_styles_and_scripts_are_not_read(web):
    assert "12345" not in web.text
    assert "3e-1" not in web.text
    assert "color:red" not in web.text


def test_html_sections_tables_and_footnotes_are_found(web):
    assert names(web, "section", "appendix") == [
        "Abstract", "Section 1 Method", "Section 2 Experiments", "Section 2.1 Setup", "Appendix A Ablations",
    ]  # fmt: skip
    assert names(web, "footnote") == ["Footnote 1"]
    ours = cell(web, 2, 1)
    assert (ours.header, ours.value, ours.bold) == (["FID ↓"], 2.97, True)
    assert cell(web, 1, 2).spread == "0.11"


@pytest.mark.parametrize(
    ("quote", "good"),
    [
        ("to β_T = 0.02. We train with the simple loss of Ho et al.", True),
        ("to β_T = 0.02 [7]. We train with the simple loss of Ho et al.", True),
        ("to β_T = 0.02 [8]. We train with the simple loss of Ho et al.", False),
        ("with the simple loss¹ of Ho et al.", True),
        ("with the simple loss² of Ho et al.", False),
    ],
)
def test_a_citation_may_be_left_out_but_not_changed(web, quote, good):
    assert find(quote, text_from(web)).found is good


@pytest.mark.parametrize("quote", ["Sequence models (Someone, 2017) are useful", "Sequence models [4] are useful"])
def test_a_latex_citation_may_be_quoted_as_it_was_printed(tex, quote):
    assert find(quote, text_from(tex)).found


def test_markdown_tables_of_both_kinds_become_cells():
    located = read_markdown(
        "# T\n\n## 1 A\n\nTable 1: Results\n\n| Method | FID ↓ |\n|---|---|\n| **Ours** | **3.8** |\n\n"
        "<table><tr><td>a</td><td>b</td></tr><tr><td>x</td><td>-1.5 %</td></tr></table>\n"
    )
    first, second = located.tables
    assert [(c.text, c.value, c.bold) for c in first.cells][-1] == ("3.8", 3.8, True)
    assert first.number == "1"
    assert [(c.value, c.unit) for c in second.cells][-1] == (-1.5, "%")


def test_plain_text_headings_need_numbers_in_order():
    located = read_markdown(
        "1 Introduction\n\nText.\n\n2 Method\n\nWe use\n4 Layers of it\n\n7 Wrong Number\n\nA B C\n", "text"
    )
    assert names(located, "section") == ["Section 1 Introduction", "Section 2 Method"]


def test_s2orc_json_has_sections_citations_and_tables(tmp_path):
    data = {
        "title": "A Paper", "abstract": "We do.",
        "pdf_parse": {
            "body_text": [{"section": "Training", "sec_num": "3", "text": "We use Adam [1] with rate 0.1. EQUATION",
                           "cite_spans": [{"start": 12, "end": 15}]}],
            "ref_entries": {"TABREF0": {"text": "Table 1: Results", "html": "<table><tr><td>m</td><td>FID</td></tr>"
                                        "<tr><td>Ours</td><td>3.8</td></tr></table>"}},
        },
    }  # fmt: skip
    path = tmp_path / "paper.json"
    path.write_text(json.dumps(data))
    located = load(path)
    assert "Section 3 Training" in names(located, "section")
    assert find("We use Adam with rate 0.1", text_from(located)).found
    assert located.tables[0].name == "Table 1"
    assert located.lost == ["1 display equations lost by the extraction"]


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


MAIN = "\\documentclass{article}\\begin{document}\\section{One}\nFirst. \\input{parts/two}\n\\end{document}"


def test_an_arxiv_archive_is_read_with_its_inputs_and_without_touching_the_disk(tmp_path):
    path = tmp_path / "paper.tar.gz"
    path.write_bytes(archive({"main.tex": MAIN, "parts/two.tex": "The second part is here.", "../evil.tex": "out"}))
    located = load(path)
    assert "First. The second part is here." in located.text
    assert located.lost == ["archive member '../evil.tex' points outside the archive and was ignored"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["paper.tar.gz"]


def test_a_single_gzipped_file_is_read_too(tmp_path):
    path = tmp_path / "paper.gz"
    path.write_bytes(gzip.compress(MAIN.replace("\\input{parts/two}", "Alone.").encode()))
    assert "First. Alone." in load(path).text


def test_a_folder_is_read_from_its_main_file(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.tex").write_text(MAIN)
    (tmp_path / "parts" / "two.tex").write_text("The second part. \\input{../../outside}")
    located = load(tmp_path)
    assert "The second part." in located.text
    assert "../../outside} is missing" in located.lost[0]
