"""PDFs whose fonts name no characters, and pages that are pictures: nothing is dropped or guessed in silence."""

import importlib.util

import pytest

from reproof.errors import PackError
from reproof.text.load import load
from reproof.text.pdf import NO_TITLE
from reproof.text.pdf_lines import Line, joined

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pypdfium2") is None, reason="PDFs need pypdfium2 (pip install pypdfium2)"
)
# code in the bitmap font: (left, bottom, right, top) in tenths of the size, as Computer Modern has them
SHAPES = {
    "minus": (0, (0.6, 2.3, 6.7, 2.8)),
    "cross": (2, (1.0, 0.1, 5.9, 4.9)),
    "beta": (12, (0.3, -1.9, 5.5, 7.0)),
    "fi": (12, (0.3, 0.0, 5.9, 7.1)),
    "point": (58, (0.8, 0.0, 1.9, 1.1)),
    "colon": (58, (0.8, 0.0, 1.9, 4.3)),
    "comma": (59, (0.8, -1.9, 1.9, 1.1)),
    "tower": (0, (0.8, 0.0, 1.9, 7.1)),
    "block": (0, (0.6, 2.3, 6.7, 6.0)),
    "speck": (0, (0.8, 2.0, 1.9, 3.1)),
    "circle": (13, (0.5, -2.1, 9.5, 6.9)),
}
IMAGE = (
    b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\n"
    b"stream\n\x80\nendstream"
)


def pdf(path, contents, shape=None):
    """A PDF of these content streams: F1 is Helvetica, F3 a bitmap font with one character, I a picture."""
    code, box = SHAPES[shape or "minus"]
    left, bottom, right, top = box
    glyph = f"{right + 0.5:g} 0 {left} {bottom} {right} {top} d1 {left} {bottom} {right - left:g} {top - bottom:g} re f"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>"
        % (b" ".join(b"%d 0 R" % (7 + 2 * at) for at in range(len(contents))), len(contents)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 -3 10 10] /FontMatrix [0.1 0 0 0.1 0 0] "
        f"/CharProcs << /g 5 0 R >> /Encoding << /Type /Encoding /Differences [{code} /g] >> "
        f"/FirstChar {code} /LastChar {code} /Widths [{right + 0.5:g}] /Resources << >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(glyph), glyph.encode()),
        IMAGE,
    ]
    for at, content in enumerate(contents):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << "
            b"/Font << /F1 3 0 R /F3 4 0 R >> /XObject << /I 6 0 R >> >> >>" % (8 + 2 * at)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content.encode()))
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    path.write_bytes(out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end)
    return path


def words(x, y, text, size=10, mode=0):
    return f"BT {mode} Tr /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n"


def glyph(x, y, shape, size=10):
    return f"BT 0 Tr /F3 {size} Tf {x} {y} Td <{SHAPES[shape][0]:02x}> Tj ET\n"


PICTURE = "q 612 0 0 792 0 0 cm /I Do Q\n"


def read(tmp_path, content, shape=None):
    return load(pdf(tmp_path / "a.pdf", [content], shape))


@pytest.mark.parametrize(
    ("shape", "shown"),
    [("minus", "a−b"), ("cross", "a×b"), ("beta", "aβb"), ("fi", "afib"), ("point", "a.b"), ("colon", "a:b"),
     ("comma", "a,b"), ("tower", "a\ufffdb"), ("block", "a\ufffdb"), ("speck", "a\ufffdb"), ("circle", "a\ufffdb")],
)  # fmt: skip
def test_a_character_without_a_name_is_told_from_its_shape_or_shown_as_unknown(tmp_path, shape, shown):
    wide = SHAPES[shape][1][2] + 0.5
    located = read(tmp_path, words(72, 700, "a") + glyph(77.6, 700, shape) + words(77.6 + wide, 700, "b"), shape)
    assert located.text.strip() == shown
    assert any("fonts" in lost for lost in located.lost)
    assert any("\ufffd" in lost for lost in located.lost) == ("\ufffd" in shown)


def test_the_sign_of_an_exponent_survives_a_bitmap_font(tmp_path):
    content = words(72, 700, "rate 10") + glyph(103.5, 704, "minus", 7) + words(108.7, 704, "4", 7)
    assert "10^{−4}" in read(tmp_path, content, "minus").text


def test_a_font_that_names_its_characters_loses_nothing(tmp_path):
    located = read(tmp_path, words(72, 700, "ratio 1:2; done."))
    assert (located.text.strip(), located.lost) == ("ratio 1:2; done.", [])


def test_text_of_an_ocr_under_a_picture_is_read_and_named(tmp_path):
    text = (
        "We train with Adam and a learning rate of 0.1 for ninety epochs on eight cards with batch size 64 each time."
    )
    hidden = PICTURE + words(20, 500, text, mode=3)
    shown = PICTURE + words(20, 500, text)
    located = load(pdf(tmp_path / "a.pdf", [shown, hidden]))
    assert "learning rate of 0.1" in located.text
    assert located.lost == [
        "pages whose text is hidden under a picture (2): an OCR wrote it, so digits, signs and exponents may be wrong"
    ]


@pytest.mark.parametrize(("stamp", "is_text"), [("x" * 99, False), ("x" * 100, True)])
def test_pages_that_are_pictures_with_a_stamp_are_refused(tmp_path, stamp, is_text):
    path = pdf(tmp_path / "a.pdf", [PICTURE + words(20, 400, stamp, 5)])
    if is_text:
        assert stamp in load(path).text
        return
    with pytest.raises(PackError) as caught:
        load(path)
    assert caught.value.slug == "paper-without-text"
    assert "1 pages, each a picture" in caught.value.what


def test_one_scanned_page_among_others_is_named(tmp_path):
    path = pdf(tmp_path / "a.pdf", [words(72, 700, "We train for 5 epochs."), PICTURE])
    assert load(path).lost == ["page 2 looks scanned: a picture with hardly any text"]


@pytest.mark.parametrize(("lower", "texts"), [(5.9, ["all b_{1}"]), (6.1, ["all b", "1"])])
def test_a_subscript_that_was_read_apart_joins_its_letter(lower, texts):
    lines = [Line("all b", 78, 332.4, 633.9, 10, False), Line("1", 332.8, 335.6, 633.9 - lower, 8, False)]
    assert [line.text for line in joined(lines)] == texts


def test_headings_are_no_title(tmp_path):
    body = "".join(words(72, 700 - 12 * at, "This line of running text begins at the margin.") for at in range(6))
    located = read(tmp_path, words(72, 740, "1 Introduction", 14) + body)
    assert located.title == ""
    assert read(tmp_path, words(72, 760, "A Paper", 17) + words(72, 740, "1 Set-up", 12) + body).title == "A Paper"


@pytest.mark.parametrize(
    ("title", "is_none"),
    [("(anonymous)", True), ("untitled", True), ("Microsoft Word - draft.docx", True), ("main.tex", True), ("", True),
     ("Untitled Worlds", False), ("Flow Matching", False)],
)  # fmt: skip
def test_what_a_program_writes_is_no_title(title, is_none):
    assert bool(NO_TITLE.match(title)) is is_none
