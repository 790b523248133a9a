"""Getting a paper from arXiv or a URL; only when the user says so."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from reproof.errors import MissingError, PackError

ARXIV = re.compile(r"^(?:arxiv:)?(?P<id>\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?)$", re.IGNORECASE)
URL = re.compile(r"^https?:/{1,2}\S+$")  # a Path joins the slashes of https://
TIMEOUT_S, TOTAL_S, MAX_BYTES, CHUNK_BYTES = 60.0, 600.0, 128 * 2**20, 2**16
SUFFIXES = {"text/html": ".html", "application/xhtml+xml": ".html", "application/json": ".json",
            "text/markdown": ".md", "text/x-tex": ".tex", "application/x-tex": ".tex"}  # fmt: skip
ABOUT = re.compile(r"^https?://(?:www\.|export\.)?arxiv\.org/(?:abs|e-print|src)/(?P<id>[^?#]+?)/?$", re.IGNORECASE)


def is_remote(name: str) -> bool:
    """Whether `name` is an arXiv id or a URL, not a file.

    >>> is_remote("2401.14069"), is_remote("paper.pdf"), is_remote("https:/arxiv.org/abs/2401.14069")
    (True, False, True)
    """
    return bool(ARXIV.match(name) or URL.match(name))


def fetched(name: str, folder: Path) -> Path:
    """The file behind an arXiv id or URL, in `folder`; one that is there already is kept as it is.

    Raises:
        MissingError: no network, or the server does not give it.
        PackError: it is larger than any paper.
    """
    address, stem = _address(name)
    there = sorted(folder.glob(f"{stem}.*")) if folder.is_dir() else []
    if there:
        return there[0]
    data, kind = _downloaded(address)
    path = folder / f"{stem}{_suffix(data, kind)}"
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return path


def _downloaded(address: str) -> tuple[bytes, str]:
    """(the bytes behind an address, their declared type); redirects are followed, within http and https."""
    request = urllib.request.Request(address, headers={"User-Agent": "reproof (reads one paper on request)"})
    until = time.monotonic() + TOTAL_S
    data = bytearray()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            kind = str(reply.headers.get_content_type())
            announced = reply.headers.get("Content-Length", "")
            while chunk := reply.read(CHUNK_BYTES):
                data += chunk
                if len(data) > MAX_BYTES:
                    raise PackError(
                        "paper-too-large", f"{address} has more than {MAX_BYTES} bytes", why="no paper is that large",
                        fix="pass the paper's own address",
                    )  # fmt: skip
                if time.monotonic() > until:
                    raise TimeoutError(f"not there after {TOTAL_S:.0f} s")
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise MissingError(
            "not-fetched", f"{address}: {getattr(error, 'reason', None) or error}",
            why="there is no network here, or the server does not have it",
            fix="get the paper elsewhere and pass the file: LaTeX source, HTML or PDF",
        ) from error  # fmt: skip
    if announced.isdigit() and int(announced) != len(data):
        raise MissingError(
            "not-fetched", f"{address}: {len(data)} of {announced} bytes arrived",
            why="half a paper would be read as a whole one", fix="try again, or pass the file",
        )  # fmt: skip
    return bytes(data), kind


def _suffix(data: bytes, kind: str) -> str:
    """What the bytes are, whatever the server calls them: arXiv serves sources and PDFs under one address."""
    if b"%PDF-" in data[:1024]:
        return ".pdf"
    if data[:2] == b"\x1f\x8b":
        return ".tar.gz"
    if data[:4] == b"PK\x03\x04":
        return ".zip"
    if data[257:262] == b"ustar":
        return ".tar"
    return SUFFIXES.get(kind, ".txt")


def _address(name: str) -> tuple[str, str]:
    """(URL, file stem). The LaTeX source is asked for: exact exponents survive there."""
    address = re.sub(r"^(https?):/{1,2}", r"\1://", name)
    about = ABOUT.match(address)  # its abstract page is not the paper
    arxiv = ARXIV.match(about["id"] if about else name)
    if arxiv:
        return f"https://arxiv.org/e-print/{arxiv['id']}", "arxiv-" + arxiv["id"].replace("/", "_")
    page = urllib.parse.urlsplit(address)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{page.netloc}{page.path}").strip("._")[:100]
    return address, stem or "paper"
