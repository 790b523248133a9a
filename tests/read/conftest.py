"""A PDF written by hand, so that every position and size in it is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PIECE = tuple[float, float, float, str, str]  # x, y, size, font (R or B), text


def pdf_of(pages: list[list[PIECE]]) -> bytes:
    """A PDF whose pages (612 x 792) show these pieces of text, in this order."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{5 + 2 * index} 0 R" for index in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    for name in ("Helvetica", "Helvetica-Bold"):
        objects.append(f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode())
    for index, page in enumerate(pages):
        shown = "".join(
            f"BT /{'F2' if font == 'B' else 'F1'} {size} Tf {x} {y} Td ({text}) Tj ET\n"
            for x, y, size, font, text in page
        ).encode("cp1252")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {6 + 2 * index} 0 R "
            "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


@pytest.fixture
def make_pdf(tmp_path: Path) -> Callable[[list[list[PIECE]]], Path]:
    def make(pages: list[list[PIECE]]) -> Path:
        path = tmp_path / "made.pdf"
        path.write_bytes(pdf_of(pages))
        return path

    return make


@pytest.fixture
def pdf_bytes() -> Callable[[list[list[PIECE]]], bytes]:
    return pdf_of
