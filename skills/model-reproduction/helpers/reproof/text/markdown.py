"""Markdown and plain text to located text; also Markdown written by extraction tools."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from reproof.text.builder import Builder
from reproof.text.cells import Grid, Raw, spread
from reproof.text.headings import Numbering, caption, heading
from reproof.text.located import Kind, Located, NodeKind
from reproof.text.symbols import closed_up, spelled

HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
EXTRACTED = re.compile(r"^(FIGREF|TABREF)\d+\b")
TABLE = re.compile(r"<table\b.*?</table\s*>|<table\b[^>]*/>", re.DOTALL | re.IGNORECASE)
RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
LINK = re.compile(r"(!?)\[([^\[\]\n]{0,300})\]\((?:[^()\s]|\([^()\s]*\)){0,600}(?:\s+\"[^\"\n]{0,200}\")?\)")
FOOTNOTE = re.compile(r"^\[\^(\w{1,20})\]:\s*")
FOOTNOTE_MARK = re.compile(r"\[\^\w{1,20}\]")
FORMULA = re.compile(r"(?<![\\$])\$(?!\s*\d+[^$\\^_{}=]*\s\$)([^$\n]{1,2000}?)(?<!\\)\$(?!\d)")
"""`$...$`, and not two prices in one line."""
GAPS = re.compile(r"\t+| {2,}")


def read_markdown(source: str, kind: Kind = "markdown") -> Located:
    """`source` as located text."""
    return _Reader(source, kind).read()


class _Reader:
    def __init__(self, source: str, kind: Kind) -> None:
        self.lines = self._blocks(source.replace("\r\n", "\n").replace("\r", "\n"))
        self.out = Builder(kind)
        self.numbering = Numbering()
        self.marked = kind == "markdown"
        self.at = 0

    @staticmethod
    def _blocks(source: str) -> list[str]:
        """Lines, with each HTML table and each display equation as one."""
        source = TABLE.sub(lambda table: "\n" + table[0].replace("\n", " ") + "\n", source)
        source = re.sub(
            r"\$\$(.{1,4000}?)\$\$", lambda m: "\n$$" + m[1].replace("\n", " ") + "$$\n", source, flags=re.S
        )
        return source.split("\n")

    def read(self) -> Located:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if not self._block(line):
                self._prose(line)
                self.out.add("\n")
        return self.out.done()

    def _block(self, line: str) -> bool:
        """Whether `line` begins a block, which is then written."""
        mark = HEADING.match(line) if self.marked else None
        if mark:
            return self._heading(len(mark[1]), spelled(mark[2]))
        if line.lstrip().lower().startswith("<table"):
            self.out.table(html_grid(line))
            return True
        if self.marked and "|" in line and self.at < len(self.lines) and RULE.match(self.lines[self.at]):
            self._pipe_table(line, "", "")
            return True
        if line.startswith("$$") and line.rstrip().endswith("$$") and len(line) > 4:
            tag = re.search(r"\\tag\{([^{}]{1,12})\}", line)
            tex = closed_up(line.strip("$ "))
            self.out.equation(printed(tex), number=tag[1] if tag else "", tex=tex)
            return True
        note = FOOTNOTE.match(line)
        if note:
            start, _ = self.out.line(spelled(line[note.end() :]))
            self.out.node("footnote", start, number=note[1])
            return True
        if line.strip() == "EQUATION":
            self.out.lose("display equations lost by the extraction")
        return self._caption(line) or (not self.marked and self._plain_heading(line))

    def _heading(self, level: int, text: str) -> bool:
        extracted = EXTRACTED.match(text)
        if extracted:
            self._float(extracted[1])
            return True
        if level == 1 and not self.out.title and not re.match(r"\d", text):
            self.out.title = text
            self.out.line(text)
            return True
        found = heading(text, self.numbering, level=level)
        assert found, "a marked heading is a heading"
        inner = re.search(rf"\s({re.escape(found.number)}\.1)\s+(\S.*)$", found.title) if found.number else None
        depth = found.number.count(".") + 1 if found.number else max(1, min(level, 2) - 1)
        title = found.title[: inner.start()] if inner else found.title
        self.out.section(title, depth, number=found.number, kind=self._kind(found.kind))
        if inner:
            self.numbering.follows(inner[1])
            self.out.section(inner[2], depth + 1, number=inner[1], kind=self._kind(found.kind))
        return True

    @staticmethod
    def _kind(kind: NodeKind) -> NodeKind | None:
        """The builder decides between section and appendix."""
        return None if kind == "section" else kind

    def _plain_heading(self, line: str) -> bool:
        before = self.lines[self.at - 2] if self.at > 1 else ""
        found = heading(line, self.numbering) if not before.strip() or re.match(r"\d", line) else None
        if found:
            self.out.section(found.title, found.level, number=found.number, kind=self._kind(found.kind))
        return found is not None

    def _float(self, word: str) -> None:
        """A figure or table that an extraction tool put at the end: its caption, and its table."""
        self.out.close(1)
        start = self.out.length
        number, title = "", ""
        while self.at < len(self.lines) and not HEADING.match(self.lines[self.at]):
            line = self.lines[self.at]
            self.at += 1
            if line.strip() and not title:
                known = caption(line)
                number, title = (known[1], known[2]) if known else ("", " ".join(line.split()))
            if line.lower().startswith("<table"):
                self.out.table(html_grid(line), number=number, caption=title, start=start)
            else:
                self._prose(line)
                self.out.add("\n")
        kind: NodeKind = "table" if word == "TABREF" else "figure"
        known = caption(title)
        self.out.node(known[0] if known else kind, start, number=known[1] if known else number, title=title[:300])

    def _caption(self, line: str) -> bool:
        known = caption(line)
        if not known or len(line) > 2000:
            return False
        kind, number, title = known
        start = self.out.length
        self._prose(line)
        self.out.add("\n")
        while self.at < len(self.lines) and not self.lines[self.at].strip() and self.at < len(self.lines) - 1:
            following = self.lines[self.at + 1]
            if not (following.lower().startswith("<table") or "|" in following or GAPS.search(following.strip())):
                break
            self.at += 1
        if kind == "table":
            before = len(self.out.tables)
            if self.at < len(self.lines):
                self._table_below(number, title, start)
            if before == len(self.out.tables):
                start = self._table_above(number, title, start)
        self.out.node(kind, start, number=number, title=title[:300])
        return True

    def _table_above(self, number: str, title: str, start: int) -> int:
        """A caption below its table, with nothing but blanks between them; returns where both begin."""
        last = self.out.tables[-1] if self.out.tables else None
        if last and not last.caption and not "".join(self.out.parts)[last.end : start].strip():
            self.out.tables[-1] = last.model_copy(update={"number": number, "caption": title})
            return last.start
        return start

    def _table_below(self, number: str, title: str, start: int) -> None:
        line = self.lines[self.at]
        if line.lower().startswith("<table"):
            self.at += 1
            self.out.table(html_grid(line), number=number, caption=title, start=start)
        elif "|" in line:
            self.at += 1
            self._pipe_table(line, number, title, start)
        elif not self.marked and GAPS.search(line.strip()):
            rows = []
            while self.at < len(self.lines) and GAPS.search(self.lines[self.at].strip()):
                rows.append([Raw(spelled(cell)) for cell in GAPS.split(self.lines[self.at].strip())])
                self.at += 1
            self.out.table(rows, number=number, caption=title, start=start)

    def _pipe_table(self, first: str, number: str, title: str, start: int | None = None) -> None:
        rows: Grid = [_pipes(first, header=True)]
        while self.at < len(self.lines) and "|" in self.lines[self.at]:
            if not RULE.match(self.lines[self.at]):
                rows.append(_pipes(self.lines[self.at], header=None))
            self.at += 1
        self.out.table(rows, number=number, caption=title, start=start)

    def _prose(self, line: str) -> None:
        line = LINK.sub(lambda link: "" if link[1] else link[2], line) if self.marked else line
        at = 0
        for mark in FOOTNOTE_MARK.finditer(line):
            self.out.add(self._words(line[at : mark.start()]))
            self.out.aside(mark[0])
            at = mark.end()
        self.out.add(self._words(line[at:]))

    def _words(self, text: str) -> str:
        """Prose with its formulas as they print; a formula that cannot be read stays as it is written."""
        if not self.marked or "$" not in text:
            return spelled(text)
        parts = FORMULA.split(text)
        return "".join(printed(part) if at % 2 else spelled(part) for at, part in enumerate(parts))


def printed(tex: str) -> str:
    """What a formula prints; extraction tools write `1 0 ^ { - 4 }` for 10^{-4}."""
    from reproof.text.latex import printed_math

    return printed_math(closed_up(tex))


def _pipes(line: str, *, header: bool | None) -> list[Raw]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return [Raw(_plain(c).replace("**", "").strip(), bold="**" in c or "\\textbf" in c, header=header) for c in cells]


class _TableParser(HTMLParser):
    """Rows and cells of one HTML table, as text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: Grid = []
        self.words: list[str] | None = None
        self.bold = False
        self.span, self.down, self.header = 1, 1, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._end()
            self.span, self.down = (span_of(dict(attrs).get(key)) for key in ("colspan", "rowspan"))
            self.words, self.bold, self.header = [], False, tag == "th"
        elif tag in ("b", "strong") and self.words is not None:
            self.bold = True
        elif tag == "sup" and self.words is not None:
            self.words.append("^{")
        elif tag == "br" and self.words is not None:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "sup" and self.words is not None:
            self.words.append("}")
        if tag in ("td", "th", "tr", "table"):
            self._end()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self.words is not None:
            self.words.append(data)

    def _end(self) -> None:
        if self.words is not None:
            if not self.rows:
                self.rows.append([])
            text = " ".join("".join(self.words).split())
            self.rows[-1].append(Raw(_plain(text), self.bold, self.span, True if self.header else None, self.down))
            self.words = None


def _plain(cell: str) -> str:
    parts = FORMULA.split(cell)
    return "".join(printed(part) if at % 2 else spelled(part) for at, part in enumerate(parts))


def span_of(attribute: str | None) -> int:
    """A colspan or rowspan, within reason.

    >>> span_of("3"), span_of(None), span_of("9999999"), span_of("0")
    (3, 1, 1, 1)
    """
    good = attribute and attribute.isdigit() and len(attribute) < 4
    return max(1, min(int(attribute or 1), 200)) if good else 1


def html_grid(source: str) -> Grid:
    """The cells of an HTML table; merged cells keep their span."""
    parser = _TableParser()
    parser.feed(source)
    parser.close()
    return spread([row for row in parser.rows if row], covered=False)
