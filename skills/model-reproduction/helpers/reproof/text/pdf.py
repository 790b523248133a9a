"""PDF to located text: a child process reads the characters, `pdf_layout` puts them in order."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reproof.errors import MissingError, PackError
from reproof.text import pdf_child
from reproof.text.located import Located
from reproof.text.pdf_layout import layout
from reproof.text.pdf_lines import Line, Page

LIMIT_S = 120.0
NO_TITLE = re.compile(
    r"(?i)\W*(?:anonymous|untitled|microsoft word\b.*|.*\.(?:docx?|tex|dvi|pdf|indd))?\W*$"
)  # programs' own
OTHERWISE = "pass the LaTeX source or the HTML version"


def read_pdf(path: Path) -> Located:
    """The paper at `path`.

    Raises:
        PackError: cut off, damaged, encrypted, or it takes more time or memory than any paper does.
        MissingError: pypdfium2 is not installed.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2048))
        tail = file.read()
    if b"%%EOF" not in tail and b"startxref" not in tail:
        raise _refused("paper-format", f"{path} is cut off: a PDF ends with %%EOF, this one does not",
                       "pages could be missing unnoticed", "download it again")  # fmt: skip
    records = list(_child(path))
    head, pages = records[0], records[1:]
    if len(pages) != head["pages"]:
        raise _refused("paper-format", f"{path}: only {len(pages)} of {head['pages']} pages could be read",
                       "a part of the paper would be missing unnoticed", OTHERWISE)  # fmt: skip
    made = [_page(record) for record in pages]
    if made and all(page.is_picture for page in made):
        raise _refused("paper-without-text", f"{path}: {len(made)} pages, each a picture with hardly any text",
                       "it was scanned; a quote can only be looked up in text",
                       f"{OTHERWISE}, or run OCR on it and check the numbers by hand")  # fmt: skip
    return layout(
        made,
        [(str(t), int(p), int(n)) for t, p, n in head["outline"]],
        "" if NO_TITLE.match(head.get("title", "")) else head["title"],
    )


def _page(record: dict[str, Any]) -> Page:
    lines = [
        Line(text, left, right, y, size, bool(bold), tuple((at, x, bool(b), end) for at, x, b, end in cells))
        for text, left, right, y, size, bold, cells in record["lines"]
    ]
    return Page(
        record["page"], record["width"], record["height"], lines, record["pictures"], record.get("broken", ""),
        record.get("hidden", False), record.get("by_shape", 0), record.get("unsaid", 0),
    )  # fmt: skip


def _child(path: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, str(Path(pdf_child.__file__).resolve()), str(path.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _refused("paper-too-large", f"{path}: not read within {LIMIT_S:.0f} s", "no paper takes that long",
                       OTHERWISE) from error  # fmt: skip
    records = [json.loads(line) for line in done.stdout.splitlines() if line.endswith(b"}")]
    if not records:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise _refused("paper-format", f"{path}: the PDF reader stopped: {last[0]}", "the file breaks it",
                       OTHERWISE)  # fmt: skip
    if "error" in records[0]:
        raise _explained(path, records[0])
    return iter(records)


def _refused(slug: str, what: str, why: str, fix: str) -> PackError:
    return PackError(slug, what, why=why, fix=fix)


def _explained(path: Path, record: dict[str, Any]) -> PackError:
    kind = record["error"]
    if kind == "not-installed":
        return MissingError(
            "not-installed", f"no module 'pypdfium2' in {sys.executable}", why="PDFs are read with it",
            fix=f"{sys.executable} -m pip install pypdfium2, or pass the LaTeX source or the HTML version",
        )  # fmt: skip
    if kind == "password":
        return _refused("paper-encrypted", f"{path} is encrypted and asks for a password", "its text cannot be read",
                        "save it without a password, or pass the LaTeX source or the HTML version")  # fmt: skip
    if kind == "too-many-pages":
        return _refused("paper-too-large", f"{path} has {record['says']} pages", "no paper has that many",
                        "pass the paper only")  # fmt: skip
    return _refused(
        "paper-format", f"{path}: {record.get('says', 'broken')}", "the file is damaged", "download it again"
    )
