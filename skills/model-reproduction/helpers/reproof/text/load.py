"""Any paper file to located text: which format it is, how large it may be, and what to say when it cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

from reproof.errors import PackError
from reproof.paths import read_text
from reproof.text import archives
from reproof.text.builder import TooMuchText
from reproof.text.located import Located

MAX_TEXT_BYTES, MAX_FILE_BYTES = 64 * 2**20, 256 * 2**20
FORMATS = "PDF, LaTeX (.tex, a folder, .tar.gz), HTML, Markdown, plain text, s2orc JSON"
SUFFIXES = {
    ".pdf": "pdf", ".tex": "latex", ".ltx": "latex", ".gz": "archive", ".tgz": "archive", ".tar": "archive",
    ".zip": "archive", ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown",
    ".txt": "text", ".text": "text", ".json": "s2orc",
}  # fmt: skip


def load(path: Path) -> Located:
    """The paper at `path`, whatever its format.

    Raises:
        PackError: it is not there, too large, damaged, encrypted, or of a format that is not read.
        MissingError: a PDF, and pypdfium2 is not installed.
    """
    kind = kind_of(path)
    try:
        located = _read(path, kind)
    except TooMuchText as error:
        raise archives.too_large(str(path), "its text grows without end") from error
    except RecursionError as error:
        raise PackError(
            "paper-format", f"{path}: nested too deeply", why="no paper nests like this",
            fix="pass the paper in another format",
        ) from error  # fmt: skip
    if not any(character.isalnum() for character in located.text):
        raise PackError(
            "paper-without-text", f"{path}: no text in it",
            why="a quote can only be looked up in text; a scanned page is a picture",
            fix="pass the LaTeX source or the HTML version, or run OCR on it and check the numbers by hand",
        )  # fmt: skip
    return located


def kind_of(path: Path) -> str:
    """The format, by the first bytes where they decide it, else by the suffix.

    Raises:
        PackError: there is nothing, it is too large, or its format is not known.
    """
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise PackError(
            "no-such-paper", f"there is no paper at {str(path)!r}",
            why="quotes are looked up in its text",
            fix="check the path; an arXiv id or URL is only fetched with --fetch",
        )  # fmt: skip
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
    kind = _sniffed(head) or SUFFIXES.get(path.suffix.lower(), "")
    limit = MAX_FILE_BYTES if kind in ("pdf", "archive") else MAX_TEXT_BYTES
    if size > limit:
        raise archives.too_large(f"{str(path)!r} has {size} bytes", f"{limit} are accepted for this format")
    if not kind:
        raise PackError(
            "paper-format", f"{str(path)!r}: {path.suffix or 'no suffix'} is not read",
            why="quotes are looked up in located text; a wrong extraction would reject true quotes",
            fix=f"pass one of {FORMATS}",
        )  # fmt: skip
    return kind


def _sniffed(head: bytes) -> str:
    if b"%PDF-" in head:
        return "pdf"
    if head[:2] == b"\x1f\x8b" or head[:4] == b"PK\x03\x04" or head[257:262] == b"ustar":
        return "archive"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    return "html" if start.startswith((b"<!doctype html", b"<html")) else ""


def _read(path: Path, kind: str) -> Located:
    if kind == "pdf":
        from reproof.text.pdf import read_pdf

        return read_pdf(path)
    if kind in ("folder", "archive", "latex"):
        from reproof.text.latex import read_latex

        return read_latex(_sources(path, kind))
    source, lost = _decoded(path)
    if kind == "html":
        from reproof.text.webpage import read_html

        located = read_html(source)
    elif kind == "s2orc":
        from reproof.text.s2orc import read_s2orc

        located = read_s2orc(source, str(path))
    else:
        from reproof.text.markdown import read_markdown

        located = read_markdown(source, "markdown" if kind == "markdown" else "text")
    return located.model_copy(update={"lost": [*lost, *located.lost]})


def _sources(path: Path, kind: str) -> archives.Sources:
    if kind == "folder":
        return archives.from_folder(path)
    if kind == "archive":
        return archives.from_archive(path)
    from reproof.text.latex_source import from_file

    return from_file(path)


def _decoded(path: Path) -> tuple[str, list[str]]:
    """The file's text; an encoding other than UTF-8 is taken from its byte-order mark or its own declaration."""
    data = path.read_bytes()
    declared = re.search(rb"""charset=["']?([A-Za-z0-9_-]{2,20})""", data[:2048])
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "",
                     declared[1].decode("ascii") if declared else ""):  # fmt: skip
        if encoding:
            try:
                text = data.decode(encoding)
                return text, [] if encoding == "utf-8-sig" else [f"read as {encoding}"]
            except (UnicodeError, LookupError):
                continue
    return read_text(path, "paper"), []  # says at which byte it is not UTF-8
