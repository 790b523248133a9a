"""Pages of lines to located text: floats and footnotes out of the way, so that a sentence stays whole across pages."""

from __future__ import annotations

import re
from collections.abc import Callable

from reproof.text.builder import Builder
from reproof.text.headings import Heading, Numbering, caption, heading
from reproof.text.located import Equation, Located
from reproof.text.pdf_lines import (
    NOTE,
    SMALL,
    Line,
    Page,
    body_size,
    is_formula,
    is_note,
    is_row,
    joined,
    margins,
    without_running_heads,
)
from reproof.text.pdf_tables import grid_of
from reproof.text.symbols import raised

NUMBER_AT_END = re.compile(r"\((\d{1,3})\)$")
ENTRY = re.compile(r"^\[(\d{1,3})\]\s")
CITED = re.compile(r"\[\d{1,3}(?:\s*[,–-]\s*\d{1,3})*\]")
RAISED = re.compile(r"\^\{([\d*†‡§, ]{1,8})\}")
PROSE = re.compile(r"[a-z]{4,} [a-z]{3,}")
NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s")
TITLE_SIZE = 1.05  # of the body's size
FAR = 12  # sizes: a caption stands no further from its table
FOLLOWS = 1.9  # lines further apart than this, in sizes, are not of one caption


def layout(pages: list[Page], outline: list[tuple[str, int, int]], title: str = "") -> Located:
    """The document that these pages print."""
    return _Layout(pages, outline, title).made()


class _Layout:
    def __init__(self, pages: list[Page], outline: list[tuple[str, int, int]], title: str) -> None:
        self.out = Builder("pdf")
        self.out.title = title
        self.pages = pages
        self.body = body_size(pages)
        without_running_heads(pages)
        for page in pages:
            page.lines = joined(page.lines)
        self.outline = {(_key(text), page): (text, level) for text, page, level in outline}
        self.numbering = Numbering()
        self.later: list[Callable[[], None]] = []
        self.references = self._entries()
        self.by_font = any(self._heading(line, Numbering()) for page in pages for line in page.lines)
        self.last_y = 0.0
        self.last_start = 0
        self.formula_end = -1  # where the lines of the last display equation end
        self.margins: set[int] = set()

    def made(self) -> Located:
        for page in self.pages:
            self._page(page)
        self.flush()
        self._scanned()
        if self.out.equations:
            self.out.lose("display equations are only there as loose symbols: a PDF has no formulas",
                          len(self.out.equations))  # fmt: skip
        found = self.out.done()
        return found.model_copy(update={"title": found.title or self._title()})

    def _title(self) -> str:
        lines = [line for line in self.pages[0].lines if line.y > 0.5 * self.pages[0].height] if self.pages else []
        lines = [line for line in lines if line.size > TITLE_SIZE * self.body and not NUMBERED.match(line.text)]
        largest = max((line.size for line in lines), default=0.0)
        return " ".join(line.text for line in lines if line.size > 0.97 * largest)[:300]

    def _entries(self) -> int:
        """The largest number of a numbered reference list, 0 when there is none."""
        numbers = [int(m[1]) for page in self.pages for line in page.lines if (m := ENTRY.match(line.text))]
        return max(numbers) if len(numbers) > 4 and 1 in numbers else 0

    def _scanned(self) -> None:
        for page in self.pages:
            if page.broken:
                self.out.lose(f"page {page.number} could not be read: {page.broken}", 0)
            elif page.is_picture:
                self.out.lose(f"page {page.number} looks scanned: a picture with hardly any text", 0)
        hidden = [str(page.number) for page in self.pages if page.hidden and page.pictures]
        if hidden:
            self.out.lose(f"pages whose text is hidden under a picture ({', '.join(hidden)}): an OCR wrote it, so "
                          "digits, signs and exponents may be wrong", 0)  # fmt: skip
        by_shape, unsaid = (sum(getattr(page, name) for page in self.pages) for name in ("by_shape", "unsaid"))
        if by_shape:
            self.out.lose(f"names of {by_shape} characters: the fonts have none (bitmaps), so signs, points and Greek "
                          "letters were told from their shape", 0)  # fmt: skip
        if unsaid:
            self.out.lose("characters that the fonts do not name are shown as \ufffd", unsaid)

    def flush(self) -> None:
        """Write the floats and footnotes that wait for the end of the section."""
        waiting, self.later = self.later, []
        for write in waiting:
            write()

    def _page(self, page: Page) -> None:
        self.out.page(page.number)
        self.margins = margins(page)
        marks = {m[1] for line in page.lines if is_note(line, page, self.body) and (m := NOTE.match(line.text))}
        above, taken = self._rows_above(page)
        at, self.last_y = 0, page.height
        while at < len(page.lines):
            line = page.lines[at]
            if at in taken:
                at += 1
            elif is_note(line, page, self.body):
                at = self._note(page, at)
            elif caption(line.text):
                at = self._float(page, at, above.get(at))
            else:
                self._line(page, at, marks)
                at += 1

    def _line(self, page: Page, at: int, marks: set[str]) -> None:
        line = page.lines[at]
        made = self._outlined(line, page) or (self._heading(line, self.numbering) if not self.outline else None)
        if made:
            self.flush()
            self.out.page(page.number)
            kind = made.kind if made.kind != "section" else None
            self.out.section(made.title, made.level, number=made.number, kind=kind)
            return
        if 0 < self.last_y - line.y and self.last_y - line.y > FOLLOWS * line.size:
            self.out.add("\n")
        self.last_y = line.y
        start = self.out.length
        self._marked(line.text, marks)
        self.out.add("\n")
        self._equation(line, start)
        self.last_start = start

    def _equation(self, line: Line, start: int) -> None:
        """Lines of one display equation follow each other; its number, if any, ends one of them."""
        number = NUMBER_AT_END.search(line.text)
        numbered = number and (line.cells or len(line.text) < 6) and not PROSE.search(line.text)
        begun = self.formula_end == start and bool(self.out.equations)
        if not numbered and not is_formula(line, self.margins) and not (begun and len(line.text) < 8):
            return
        last = self.out.equations[-1] if begun else None
        if last and (not numbered or not last.number):
            shown = number[1] if numbered and number else last.number
            self.out.equations[-1] = last.model_copy(update={"end": self.out.length - 1, "number": shown})
        else:
            begin = self.last_start if numbered and len(line.text) < 6 else start
            shown = number[1] if numbered and number else ""
            self.out.equations.append(Equation(number=shown, start=begin, end=self.out.length - 1))
        self.formula_end = self.out.length

    def _marked(self, text: str, marks: set[str]) -> None:
        """Write a line, with citations and footnote marks as asides."""
        text = raised(text)
        spans = []
        for match in CITED.finditer(text) if self.references else ():
            numbers = [int(n) for n in re.findall(r"\d+", match[0])]
            if numbers == sorted(set(numbers)) and numbers[-1] <= self.references and numbers[0] > 0 and \
                    re.search(r"[A-Za-z\d.,;)\]”\"][ ]?$", text[: match.start()]):  # fmt: skip
                spans.append(match.span())
        for match in RAISED.finditer(text):
            before = text[max(0, match.start() - 1) : match.start()]
            if {m.strip() for m in match[1].split(",")} <= marks and (before.isalpha() or before in '.,;:)"”'):
                spans.append(match.span())
        at = 0
        for start, end in sorted(spans):
            self.out.add(text[at:start])
            self.out.aside(text[start:end])
            at = end
        self.out.add(text[at:])

    def _outlined(self, line: Line, page: Page) -> Heading | None:
        if not self.outline:
            return None
        key = _key(line.text)
        for candidate in (key, _key(re.sub(r"^(?:Appendix\s+)?[\dA-Z][\d.]*[.:]?\s+", "", line.text))):
            found = self.outline.get((candidate, page.number))
            if found and len(candidate) > 2 and (line.bold or line.size > 0.97 * self.body):
                del self.outline[(candidate, page.number)]
                made = heading(line.text, self.numbering, level=found[1])
                if made:
                    depth = made.number.count(".") + 1 if made.number else found[1]
                    return Heading(made.number, made.title, depth, made.kind)
        return None

    def _heading(self, line: Line, numbering: Numbering) -> Heading | None:
        if not (line.bold or line.size > 1.08 * self.body) or line.size < SMALL * self.body:
            return None
        if len(line.text) > 120 or caption(line.text):
            return None
        return heading(line.text, numbering)

    def _note(self, page: Page, at: int) -> int:
        first = page.lines[at]
        lines = [first]
        at += 1
        while at < len(page.lines) and page.lines[at].size < SMALL * self.body and not is_note(
                page.lines[at], page, self.body) and _near(lines[-1], page.lines[at]):  # fmt: skip
            lines.append(page.lines[at])
            at += 1
        mark = NOTE.match(first.text)

        def write() -> None:
            self.out.page(page.number)
            start = self.out.length
            for line in lines:
                self.out.line(raised(line.text[mark.end() :] if line is first and mark else line.text))
            self.out.node("footnote", start, number=mark[1] if mark else "")

        self.later.append(write)
        return at

    def _float(self, page: Page, at: int, above: list[Line] | None = None) -> int:
        lines = [page.lines[at]]
        at += 1
        while at < len(page.lines) and _near(lines[-1], page.lines[at]) and not is_row(page.lines[at], self.body) \
                and abs(page.lines[at].size - lines[0].size) < 0.6 and not caption(page.lines[at].text):  # fmt: skip
            lines.append(page.lines[at])
            at += 1
        known = caption(" ".join(line.text for line in lines))
        assert known, "a float begins with a caption"
        kind, number, title = known
        rows: list[Line] = above or []
        if kind == "table" and not rows:
            while at < len(page.lines) and self._continues(rows, page.lines[at]):
                rows.append(page.lines[at])
                at += 1

        def write() -> None:
            self.out.page(page.number)
            start = self.out.length
            for line in lines:
                self.out.line(raised(line.text))
            if rows:
                self.out.table(grid_of(rows), number=number, caption=title, start=start)
            self.out.node(kind, start, number=number, title=title[:300])

        self.later.append(write)
        return at

    def _continues(self, rows: list[Line], line: Line) -> bool:
        if caption(line.text) or line.size > 1.2 * self.body or (line.size > 1.08 * self.body and not line.cells
                and self._heading(line, Numbering())):  # fmt: skip
            return False
        if rows and not -3.5 * line.size < rows[-1].y - line.y < 3.5 * line.size:
            return False
        return is_row(line, self.body) or (bool(rows) and len(line.text) < 30 and line.text[:1].isupper())

    def _rows_above(self, page: Page) -> tuple[dict[int, list[Line]], set[int]]:
        """Rows that stand above their caption, by the caption's index, and the indexes to leave out of the text."""
        above: dict[int, list[Line]] = {}
        taken: set[int] = set()
        bare: list[int] = []
        for at, line in enumerate(page.lines):
            known = caption(line.text)
            if not known or known[0] != "table":
                continue
            after = at + 1
            while after < len(page.lines) and _near(page.lines[after - 1], page.lines[after]) and not is_row(
                    page.lines[after], self.body):  # fmt: skip
                after += 1
            follows = after < len(page.lines) and is_row(page.lines[after], self.body)
            if follows and 0 < line.y - page.lines[after].y < FAR * line.size:
                continue
            first = at
            while first > 0 and first - 1 not in taken and self._continues_up(page.lines, first, at):
                first -= 1
            while first < at and not is_row(page.lines[first], self.body):
                first += 1
            if first == at:
                bare.append(at)
                continue
            above[at] = page.lines[first:at]
            taken |= set(range(first, at))
        for at in bare:
            apart = self._drawn_apart(page.lines, at, taken)
            if apart:
                above[at] = page.lines[apart.start : apart.stop]
                taken |= set(apart)
        return above, taken

    def _drawn_apart(self, lines: list[Line], at: int, taken: set[int]) -> range | None:
        """Rows next to a caption on the page that were drawn before or after other text, as plotting tools do."""
        blocks: list[range] = []
        for index, line in enumerate(lines):
            if index in taken or not is_row(line, self.body) or caption(line.text):
                continue
            follows = blocks and blocks[-1].stop == index and _near_rows(lines[index - 1], line)
            if follows:
                blocks[-1] = range(blocks[-1].start, index + 1)
            else:
                blocks.append(range(index, index + 1))
        found = [
            (gap, block)
            for block in blocks
            if len(block) > 1
            and (gap := _gap(lines[at], lines[block.start], lines[block.stop - 1])) < FAR * lines[at].size
            and not _between(lines, at, block)
        ]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def _continues_up(self, lines: list[Line], first: int, at: int) -> bool:
        line = lines[first - 1]
        near = -3.5 * line.size < line.y - lines[first].y < 3.5 * line.size
        short = first < at and len(line.text) < 30 and line.text[:1].isupper()
        return near and not caption(line.text) and (is_row(line, self.body) or short)


def _near_rows(line: Line, other: Line) -> bool:
    return abs(line.y - other.y) < 3.5 * line.size


def _gap(line: Line, first: Line, last: Line) -> float:
    """How far a caption stands above or below the rows between `first` and `last`; endless where it stands aside."""
    top, bottom = max(first.y, last.y), min(first.y, last.y)
    aside = min(first.left, last.left) > line.right or max(first.right, last.right) < line.left
    return float("inf") if aside or bottom <= line.y <= top else max(bottom - line.y, line.y - top)


def _between(lines: list[Line], at: int, block: range) -> bool:
    """Whether other text stands between a caption and rows, in their columns."""
    rows = lines[block.start : block.stop]
    top, bottom = max(row.y for row in rows), min(row.y for row in rows)
    low, high = (top, lines[at].y) if lines[at].y > top else (lines[at].y, bottom)
    left, right = min(row.left for row in rows), max(row.right for row in rows)
    follows = (
        {at + 1} if at + 1 < len(lines) and _near(lines[at], lines[at + 1]) else set()
    )  # the caption's second line
    return any(
        low < line.y < high and line.left < right and line.right > left
        for index, line in enumerate(lines)
        if index not in follows and index != at
    )


def _near(above: Line, below: Line) -> bool:
    return -0.5 * above.size < above.y - below.y < FOLLOWS * max(above.size, below.size)


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
