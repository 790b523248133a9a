"""Fetching from a server that answers as arXiv does: by redirect, with sources, PDFs and pages under any type."""

import gzip
import http.server
import io
import json
import tarfile
import threading

import pytest

from reproof.errors import MissingError, PackError
from reproof.read import fetch
from reproof.read.fetch import _address, fetched

TEX = rb"""\documentclass{article}\begin{document}\section{Training}
We train with a learning rate of $10^{-4}$ for 200 epochs.\end{document}"""
PAGE = b"<html><body><h1>A Paper</h1><h2>1 Training</h2><p>We train for 200 epochs.</p></body></html>"


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("main.tex")
        info.size = len(TEX)
        tar.addfile(info, io.BytesIO(TEX))
    return out.getvalue()


SERVED = {
    # path: (type, bytes)
    "/e-print/source": ("application/x-eprint-tar", archive()),
    "/e-print/short": ("application/x-eprint", gzip.compress(TEX)),
    "/pdf/one": ("application/octet-stream", b"%PDF-1.4\n" + b"x" * 50),
    "/html/one": ("text/html; charset=utf-8", PAGE),
    "/big": ("application/pdf", b"%PDF-1.4" + b"x" * 5000),
    "/cut": ("application/pdf", b"%PDF-1.4" + b"x" * 500),
}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/old/source":
            return self._moved("/e-print/source")
        if self.path == "/loop":
            return self._moved("/loop")
        if self.path == "/to-file":
            return self._moved("file:///etc/hostname")
        if self.path not in SERVED:
            return self.send_error(404)
        kind, data = SERVED[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) + 100 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(data)

    def _moved(self, where):
        self.send_response(301)
        self.send_header("Location", where)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("/e-print/source", ".tar.gz"), ("/e-print/short", ".tar.gz"), ("/pdf/one", ".pdf"), ("/html/one", ".html"),
     ("/old/source", ".tar.gz")],
)  # fmt: skip
def test_the_suffix_is_what_the_bytes_are(server, tmp_path, path, suffix):
    found = fetched(server + path, tmp_path / "new")
    assert found.name.endswith(suffix)
    assert found.read_bytes() == SERVED[path.replace("/old", "/e-print")][1]
    assert [p.name for p in found.parent.iterdir()] == [found.name]


@pytest.mark.parametrize("path", ["/e-print/source", "/e-print/short", "/html/one", "/old/source"])
def test_what_was_fetched_is_read(helper, server, tmp_path, path):
    result = helper("read", "candidates", server + path, "--fetch", "--into", tmp_path, "--json")
    assert result.returncode == 0, result.stderr
    assert 200 in [candidate["value"] for candidate in json.loads(result.stdout)["candidates"]]


def test_a_file_that_is_there_is_kept(server, tmp_path):
    found = fetched(server + "/html/one", tmp_path)
    found.write_text("mine", "utf-8")
    assert fetched(server + "/html/one", tmp_path) == found
    assert found.read_text("utf-8") == "mine"


@pytest.mark.parametrize("path", ["/missing", "/loop", "/to-file", "/cut"])
def test_what_does_not_arrive_whole_is_not_kept(server, tmp_path, path):
    with pytest.raises(MissingError) as caught:
        fetched(server + path, tmp_path)
    assert caught.value.slug == "not-fetched"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("limit", "good"), [(5008, True), (5007, False)])
def test_more_than_the_limit_is_not_downloaded(server, tmp_path, monkeypatch, limit, good):
    monkeypatch.setattr(fetch, "MAX_BYTES", limit)
    if good:
        assert fetched(server + "/big", tmp_path).stat().st_size == 5008
        return
    with pytest.raises(PackError) as caught:
        fetched(server + "/big", tmp_path)
    assert caught.value.slug == "paper-too-large"
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_never_ends_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_S", -1.0)
    with pytest.raises(MissingError):
        fetched(server + "/big", tmp_path)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("2401.14069", "https://arxiv.org/e-print/2401.14069"),
        ("arXiv:2401.14069v2", "https://arxiv.org/e-print/2401.14069v2"),
        ("https:/arxiv.org/abs/2401.14069", "https://arxiv.org/e-print/2401.14069"),
        ("https://arxiv.org/pdf/2401.14069", "https://arxiv.org/pdf/2401.14069"),
        ("math.OC/0601001", "https://arxiv.org/e-print/math.OC/0601001"),
    ],
)
def test_the_source_is_asked_for_where_there_is_one(name, address):
    assert _address(name)[0] == address
