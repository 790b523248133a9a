"""S2ORC-style JSON (s2orc-doc2json and datasets made with it) to located text."""

from __future__ import annotations

import json
import re
from typing import Any

from reproof.errors import PackError
from reproof.text.builder import Builder
from reproof.text.headings import caption
from reproof.text.located import Located, NodeKind
from reproof.text.markdown import html_grid
from reproof.text.symbols import spelled

EQUATION = re.compile(r"\bEQUATION\b")


def read_s2orc(source: str, name: str) -> Located:
    """The paper in `source`.

    Raises:
        PackError: it is not JSON, or not of this form.
    """
    try:
        data = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise _not_s2orc(name, f"not JSON: {error}") from error
    parse = data.get("pdf_parse") or data.get("latex_parse") or data if isinstance(data, dict) else None
    body = parse.get("body_text") if isinstance(parse, dict) else None
    if not isinstance(data, dict) or not isinstance(parse, dict) or not isinstance(body, list):
        raise _not_s2orc(name, "no body_text in it")
    out = Builder("s2orc")
    out.title = str(data.get("title") or "")
    if out.title:
        out.line(out.title)
    _abstract(out, data, parse)
    _paragraphs(out, body, appendix=False)
    back = parse.get("back_matter")
    _paragraphs(out, back if isinstance(back, list) else [], appendix=True)
    out.close()
    entries = parse.get("ref_entries")
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        if isinstance(entry, dict):
            _float(out, str(key), entry)
    return out.done()


def _not_s2orc(name: str, what: str) -> PackError:
    return PackError(
        "paper-format", f"{name}: {what}",
        why="of JSON only the s2orc form is read: title, abstract, body_text, ref_entries",
        fix="pass the paper as PDF, LaTeX, HTML, Markdown or text",
    )  # fmt: skip


def _abstract(out: Builder, data: dict[str, Any], parse: dict[str, Any]) -> None:
    abstract = parse.get("abstract") or data.get("abstract")
    parts = [abstract] if isinstance(abstract, str) else [str(p.get("text", "")) for p in abstract or [] if
                                                          isinstance(p, dict)]  # fmt: skip
    if any(parts):
        out.section("Abstract", 1)
        for part in parts:
            out.line(spelled(part))


def _paragraphs(out: Builder, paragraphs: list[Any], *, appendix: bool) -> None:
    current: tuple[str, str] | None = None
    out.in_appendix = out.in_appendix or appendix
    for paragraph in paragraphs:
        if not isinstance(paragraph, dict):
            continue
        title, number = str(paragraph.get("section") or ""), str(paragraph.get("sec_num") or "").rstrip(".")
        if (number, title) != current and (title or number):
            kind: NodeKind | None = "appendix" if number[:1].isalpha() else None
            out.section(title, number.count(".") + 1, number=number, kind=kind)
            current = (number, title)
        _paragraph(out, paragraph)


def _paragraph(out: Builder, paragraph: dict[str, Any]) -> None:
    text = str(paragraph.get("text") or "")
    spans = [s for s in paragraph.get("cite_spans") or [] if isinstance(s, dict)]
    at = 0
    for span in sorted(spans, key=lambda s: int(s.get("start", 0))):
        start, end = int(span.get("start", 0)), int(span.get("end", 0))
        if at <= start < end <= len(text):
            out.add(spelled(text[at:start]))
            out.aside(spelled(text[start:end]))
            at = end
    out.add(spelled(text[at:]))
    out.add("\n")
    lost = len(EQUATION.findall(text))
    if lost:
        out.lose("display equations lost by the extraction", lost)


def _float(out: Builder, key: str, entry: dict[str, Any]) -> None:
    start = out.length
    text = spelled(str(entry.get("text") or ""))
    known = caption(text)
    kinds: dict[str, NodeKind] = {"T": "table", "F": "figure"}
    kind = known[0] if known else kinds.get(key[:1], "figure")
    number = known[1] if known else str(entry.get("fig_num") or entry.get("num") or "")
    title = known[2] if known else text
    out.line(text)
    markup = str(entry.get("html") or entry.get("content") or "")
    if "<td" in markup:
        out.table(html_grid(markup), number=number, caption=title, start=start)
    out.node(kind, start, number=number, title=title[:300])
