"""Getting a paper from arXiv or a URL; only when the user says so."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from reproof.errors import MissingError, PackError

ARXIV = re.compile(r"^(?:arxiv:)?(?P<id>\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?)$", re.IGNORECASE)
URL = re.compile(r"^https?:/{1,2}\S+$")  # a Path joins the slashes of https://
TIMEOUT_S, MAX_BYTES = 60.0, 128 * 2**20
SUFFIXES = {"application/pdf": ".pdf", "text/html": ".html", "application/json": ".json", "text/plain": ".txt"}


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
    request = urllib.request.Request(address, headers={"User-Agent": "reproof (reads one paper on request)"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            kind = reply.headers.get_content_type()
            data = reply.read(MAX_BYTES + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise MissingError(
            "not-fetched", f"{address}: {getattr(error, 'reason', error)}",
            why="there is no network here, or the server does not have it",
            fix="get the paper elsewhere and pass the file: LaTeX source, HTML or PDF",
        ) from error  # fmt: skip
    if len(data) > MAX_BYTES:
        raise PackError("paper-too-large", f"{address} has more than {MAX_BYTES} bytes", why="no paper is that large",
                        fix="pass the paper's own address")  # fmt: skip
    suffix = SUFFIXES.get(kind, ".tar.gz" if data[:2] == b"\x1f\x8b" else ".bin")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}{suffix}"
    path.write_bytes(data)
    return path


def _address(name: str) -> tuple[str, str]:
    """(URL, file stem). The LaTeX source is asked for: exact exponents survive there."""
    arxiv = ARXIV.match(name)
    if arxiv:
        return f"https://arxiv.org/e-print/{arxiv['id']}", "arxiv-" + arxiv["id"].replace("/", "_")
    address = re.sub(r"^(https?):/{1,2}", r"\1://", name)
    page = urllib.parse.urlsplit(address)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{page.netloc}{page.path}").strip("._")[:100]
    return address, stem or "paper"
