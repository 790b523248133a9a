"""Lines of a PDF page, and which of them are running heads, footnotes, captions and rows of tables."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from reproof.text.cells import Raw

BAND = 0.085  # of the page's height: where running heads and page numbers stand
STAMP = re.compile(r"^arXiv:\d{4}\.\d{4,5}(v\d+)?\s")
PAGE_NUMBER = re.compile(r"^[-–—\s]*(?:page\s+)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s+of\s+\d+)?[-–—\s]*$", re.IGNORECASE)
NOTE = re.compile(r"^\^\{([\d*†‡§]{1,3})\}")
NUMERIC = re.compile(r"^[-−–+±(]*[\d.,]+[%kKMB)]*$|^[-–—/×✓✗]$|^±$")
FORMULA = re.compile(r"[=∑∏∫∥∇≤≥∈→√∂≈∝⟨⟩∼]")
OPERATORS = set("log exp min max inf sup arg argmin argmax lim det softmax tanh sin cos where and for subject".split())
SMALL = 0.93
SCANNED_CHARS = 100
SCRIPT_SIZE, SCRIPT_CHARS = 0.88, 8


@dataclass(frozen=True)
class Line:
    """One printed line."""

    text: str
    left: float
    right: float
    y: float
    size: float
    bold: bool
    cells: tuple[tuple[int, float, bool, float], ...] = ()
    """Where cells begin behind the first: offset in the text, left, bold, and where the cell before ends."""

    def raw_cells(self) -> list[Raw]:
        """Its parts where wide gaps divide it."""
        return [Raw(text, bold) for text, _, _, bold in self.pieces()]

    def pieces(self) -> list[tuple[str, float, float, bool]]:
        """(text, left, right, bold) of the parts that wide gaps divide it into."""
        begins = [(0, self.left, self.bold), *(cell[:3] for cell in self.cells)]
        ends = [*((cell[0], cell[3]) for cell in self.cells), (len(self.text), self.right)]
        return [(self.text[at:end].strip(), left, right, bold)
                for (at, left, bold), (end, right) in zip(begins, ends, strict=True)]  # fmt: skip


@dataclass
class Page:
    """One page."""

    number: int
    width: float
    height: float
    lines: list[Line]
    pictures: int
    broken: str = ""
    hidden: bool = False
    """Its text is invisible: an OCR's, under a picture of the page."""
    by_shape: int = 0
    """Characters that no font names, told from their shape."""
    unsaid: int = 0
    """Characters that nothing tells."""

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture with hardly any text, a stamp at most."""
        return bool(self.pictures) and sum(len(line.text) for line in self.lines) < SCANNED_CHARS


def body_size(pages: list[Page]) -> float:
    """The size that most of the text is set in."""
    counts: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            counts[round(line.size * 2) / 2] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 10.0


def joined(lines: list[Line]) -> list[Line]:
    """Lines that a formula broke apart, put together again: same baseline, next to each other."""
    out: list[Line] = []
    for line in lines:
        before = out[-1] if out else None
        gap = line.left - before.right if before else 0.0
        mark = _script(before, line, gap) if before else ""
        if before and mark:
            out[-1] = replace(before, text=f"{before.text}{mark}{{{line.text}}}", right=line.right)
            continue
        if before and abs(line.y - before.y) < 0.25 * before.size and -0.5 * before.size < gap < 6 * before.size:
            blank = " " if gap > 0.12 * before.size and not line.text.startswith((".", ",")) else ""
            shift = len(before.text) + len(blank)
            more = ((shift, line.left, line.bold, before.right),) if gap > before.size else ()
            cells = (*before.cells, *more, *((at + shift, x, b, end) for at, x, b, end in line.cells))
            size = before.size if len(before.text) >= len(line.text) else line.size
            out[-1] = replace(before, text=before.text + blank + line.text, right=line.right, cells=cells, size=size)
        else:
            out.append(line)
    return out


def _script(before: Line, line: Line, gap: float) -> str:
    """'^' or '_' where a line is only a script of the line before it that was read apart, else ''."""
    small = line.size < SCRIPT_SIZE * before.size and len(line.text) <= SCRIPT_CHARS and not line.cells
    if not small or not -0.3 * before.size < gap < 0.4 * before.size or " " in line.text:
        return ""
    rise = (line.y - before.y) / before.size
    return "^" if 0.18 < rise < 0.8 else "_" if -0.6 < rise < -0.06 else ""


def without_running_heads(pages: list[Page]) -> None:
    """Take out page numbers, stamps and lines that stand at the edge of many pages."""
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({_shape(line) for line in page.lines if _at_edge(line, page)})
    often = max(2, round(0.25 * len(pages)))
    for page in pages:
        lowest = min((line.y for line in page.lines), default=0.0)
        page.lines = [
            line
            for line in page.lines
            if not _is_running(line, page, seen, often) and not (line.y == lowest and PAGE_NUMBER.match(line.text))
        ]


def _is_running(line: Line, page: Page, seen: Counter[str], often: int) -> bool:
    if STAMP.match(line.text):
        return True
    at_edge = _at_edge(line, page)
    return at_edge and (bool(PAGE_NUMBER.match(line.text)) or (len(line.text) > 3 and seen[_shape(line)] >= often))


def _at_edge(line: Line, page: Page) -> bool:
    return line.y > (1 - BAND) * page.height or line.y < 1.7 * BAND * page.height


def _shape(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text) if len(line.text) < 160 else line.text


def is_note(line: Line, page: Page, body: float) -> bool:
    """Whether a footnote begins here: small, low on the page, with its mark."""
    return line.size < SMALL * body and line.y < 0.6 * page.height and bool(NOTE.match(line.text))


def margins(page: Page) -> set[int]:
    """Where the lines of running text begin: the lefts that are common on the page."""
    counts = Counter(round(line.left) for line in page.lines if len(line.text) > 20)
    often = {left for left, count in counts.items() if count >= max(3, 0.08 * len(page.lines))}
    return {left + by for left in often for by in (-1, 0, 1)}


def is_formula(line: Line, page_margins: set[int]) -> bool:
    """Whether the line looks like a display equation: set in, symbols, and no words."""
    words = [word for word in re.findall(r"[A-Za-z]{3,}", line.text) if word.lower() not in OPERATORS]
    return bool(FORMULA.search(line.text)) and len(words) < 2 and round(line.left) not in page_margins \
        and len(line.text) < 160 and line.text.count("|") < 6  # fmt: skip


def is_row(line: Line, body: float) -> bool:
    """Whether the line looks like a row of a table: wide gaps, or mostly numbers."""
    words = line.text.split()
    numbers = sum(bool(NUMERIC.match(word)) for word in words)
    if len(line.cells) >= 1 and (len(line.text) < 160 or numbers >= 2):
        return True
    return len(words) >= 2 and numbers >= 2 and numbers * 2 >= len(words) and line.size <= 1.05 * body
